//! Handles: the sealed names of one object, for one session or token. Deterministic, so that a browser's cache
//! works; padded, so that the length tells nothing of the key; opened by no other session, token or person.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::catalog::{AccountId, ProjectId, StorageId};
use crate::ground::seal::SealKey;
use crate::request::{ObjectKey, SealedHandle};

/// What a handle holds. Ids rather than names: a handle never leads to a project that took over a name.
/// Outside of this stage only the fuzzer needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub project: ProjectId,
    pub storage: StorageId,
    pub key: ObjectKey,
}

const OBJECT: u8 = 1;
/// Plaintexts are padded to a multiple of this.
pub(super) const BLOCK: usize = 64;

impl Opened {
    /// Seals it for the owner of `seal_key`. `None` only if the text outgrew a handle, which no key can do.
    #[must_use]
    pub fn seal(&self, account: AccountId, seal_key: &SealKey) -> Option<SealedHandle> {
        let sealed = seal_key.seal(&context(OBJECT, account), &self.to_bytes()?);
        encode(&sealed)
    }

    /// Opens a handle. `None` for whatever this account did not seal with this very key.
    #[must_use]
    pub fn open(handle: &SealedHandle, account: AccountId, seal_key: &SealKey) -> Option<Self> {
        Self::from_bytes(&seal_key.open(&context(OBJECT, account), &decode(handle)?).ok()?)
    }

    /// Project (8 bytes), storage (8), length of the key (2), key, zeros.
    fn to_bytes(&self) -> Option<Vec<u8>> {
        let key = self.key.as_str().as_bytes();
        let mut bytes = Vec::with_capacity((18 + key.len()).next_multiple_of(BLOCK) + 16);
        bytes.extend_from_slice(&self.project.0.to_be_bytes());
        bytes.extend_from_slice(&self.storage.0.to_be_bytes());
        bytes.extend_from_slice(&u16::try_from(key.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(key);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        Some(bytes)
    }

    /// The inverse of [`Self::to_bytes`], and of nothing else.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (project, rest) = bytes.split_first_chunk()?;
        let (storage, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let key = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
        let opened = Self {
            project: ProjectId(i64::from_be_bytes(*project)),
            storage: StorageId(i64::from_be_bytes(*storage)),
            key: ObjectKey::new(str::from_utf8(key).ok()?).ok()?,
        };
        (opened.to_bytes()? == bytes).then_some(opened)
    }
}

pub(super) fn encode(sealed: &[u8]) -> Option<SealedHandle> {
    SealedHandle::new(&URL_SAFE_NO_PAD.encode(sealed))
}

pub(super) fn decode(handle: &SealedHandle) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(handle.as_str()).ok()
}

/// What a handle is bound to: its kind and its owner.
pub(super) fn context(kind: u8, account: AccountId) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = account.0.to_be_bytes();
    [kind, a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ground::seal::MasterKey;
    use crate::ground::secret::Secret;

    fn key_of(session: u8) -> SealKey {
        MasterKey::new(Secret::new([7; 32])).derive(&[b"handles", &[session]])
    }

    fn object(key: &str) -> Opened {
        let key = ObjectKey::new(key).unwrap();
        Opened { project: ProjectId(3), storage: StorageId(-9), key }
    }

    fn any_object() -> impl Strategy<Value = Opened> {
        (any::<i64>(), any::<i64>(), "[^\0\r\n]{1,200}").prop_map(|(project, storage, key)| {
            let key = ObjectKey::new(&key).unwrap();
            Opened { project: ProjectId(project), storage: StorageId(storage), key }
        })
    }

    #[test]
    fn the_longest_key_fits() {
        let object = object(&"k".repeat(1024));
        let handle = object.seal(AccountId(1), &key_of(1)).unwrap();
        assert_eq!(Opened::open(&handle, AccountId(1), &key_of(1)), Some(object));
    }

    #[test]
    fn the_length_tells_nothing_of_short_keys() {
        let length = |key: &str| object(key).seal(AccountId(1), &key_of(1)).unwrap().as_str().len();
        assert_eq!(length("a"), length("images/2024/street-corner-0001.jpg"));
    }

    #[test]
    fn plaintext_of_another_shape_does_not_open() {
        let good = object("a/b").to_bytes().unwrap();
        let mut padding_used = good.clone();
        *padding_used.last_mut().unwrap() = 1;
        let mut longer = good.clone();
        longer.extend_from_slice(&[0; BLOCK]);
        let mut empty_key = good.clone();
        empty_key[16..].fill(0);
        for bad in [&padding_used[..], &longer, &empty_key, &good[..63], &good[..17], &[]] {
            assert_eq!(Opened::from_bytes(bad), None, "{bad:?}");
        }
        assert_eq!(Opened::from_bytes(&good), Some(object("a/b")));
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_and_is_the_same_each_time(object in any_object()) {
            let once = object.seal(AccountId(5), &key_of(1)).unwrap();
            let again = object.seal(AccountId(5), &key_of(1)).unwrap();
            prop_assert_eq!(&once, &again);
            prop_assert_eq!(Opened::open(&once, AccountId(5), &key_of(1)), Some(object));
        }

        #[test]
        fn no_other_session_and_no_other_person_opens_or_recognises_it(object in any_object()) {
            let mine = object.seal(AccountId(5), &key_of(1)).unwrap();
            let other_session = object.seal(AccountId(5), &key_of(2)).unwrap();
            let other_person = object.seal(AccountId(6), &key_of(1)).unwrap();
            prop_assert_eq!(Opened::open(&mine, AccountId(5), &key_of(2)), None);
            prop_assert_eq!(Opened::open(&mine, AccountId(6), &key_of(1)), None);
            for other in [&other_session, &other_person] {
                prop_assert!(shared_prefix(&mine, other) < 8, "{:?} {:?}", mine, other);
            }
        }

        #[test]
        fn no_flipped_bit_opens(object in any_object(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let handle = object.seal(AccountId(5), &key_of(1)).unwrap();
            let mut text = handle.as_str().as_bytes().to_vec();
            let at = at.index(text.len());
            text[at] ^= 1 << bit;
            let opened = String::from_utf8(text)
                .ok()
                .and_then(|text| SealedHandle::new(&text))
                .and_then(|changed| Opened::open(&changed, AccountId(5), &key_of(1)));
            prop_assert_eq!(opened, None);
        }

        #[test]
        fn no_made_up_text_opens(text in "[A-Za-z0-9_-]{1,400}") {
            let handle = SealedHandle::new(&text).unwrap();
            prop_assert_eq!(Opened::open(&handle, AccountId(5), &key_of(1)), None);
        }
    }

    fn shared_prefix(a: &SealedHandle, b: &SealedHandle) -> usize {
        a.as_str().bytes().zip(b.as_str().bytes()).take_while(|(a, b)| a == b).count()
    }
}
