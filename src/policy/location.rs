//! Locations: the sealed form of a raw URI as it stood in a task. They share the addresses of handles (`/-/m/…`), and
//! hold the text itself: whether a task still refers to it is asked when it is opened, not when it was sealed.

use crate::catalog::{AccountId, ProjectId};
use crate::ground::seal::SealKey;
use crate::request::SealedHandle;

use super::handle::{BLOCK, context, decode, encode};

/// A raw URI, with the project and the task that it stood in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub project: ProjectId,
    /// Label Studio's number of the task, where it was known.
    pub task: Option<u64>,
    pub text: Box<str>,
}

const LOCATION: u8 = 2;
/// Longer texts make no handle: an address must stay one that servers and browsers take.
const LONGEST: usize = 2_700;

impl Location {
    /// Seals it for the owner of `seal_key`. `None` for a text that is too long.
    #[must_use]
    pub fn seal(&self, account: AccountId, seal_key: &SealKey) -> Option<SealedHandle> {
        encode(&seal_key.seal(&context(LOCATION, account), &self.to_bytes()?))
    }

    /// Opens one. `None` for whatever this account did not seal with this very key.
    #[must_use]
    pub fn open(handle: &SealedHandle, account: AccountId, seal_key: &SealKey) -> Option<Self> {
        Self::from_bytes(&seal_key.open(&context(LOCATION, account), &decode(handle)?).ok()?)
    }

    /// Project (8 bytes), task or zero (8), length of the text (2), text, zeros.
    fn to_bytes(&self) -> Option<Vec<u8>> {
        let text = self.text.as_bytes();
        if text.len() > LONGEST {
            return None;
        }
        let mut bytes = Vec::with_capacity((18 + text.len()).next_multiple_of(BLOCK) + 16);
        bytes.extend_from_slice(&self.project.0.to_be_bytes());
        bytes.extend_from_slice(&self.task.unwrap_or_default().to_be_bytes());
        bytes.extend_from_slice(&u16::try_from(text.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(text);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        Some(bytes)
    }

    /// The inverse of [`Self::to_bytes`], and of nothing else.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (project, rest) = bytes.split_first_chunk()?;
        let (task, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let text = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
        let task = u64::from_be_bytes(*task);
        let opened = Self {
            project: ProjectId(i64::from_be_bytes(*project)),
            task: (task > 0).then_some(task),
            text: str::from_utf8(text).ok()?.into(),
        };
        (opened.to_bytes()? == bytes).then_some(opened)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::StorageId;
    use crate::ground::seal::MasterKey;
    use crate::ground::secret::Secret;
    use crate::policy::handle::Opened;
    use crate::request::ObjectKey;

    fn key_of(session: u8) -> SealKey {
        MasterKey::new(Secret::new([7; 32])).derive(&[b"handles", &[session]])
    }

    fn location(text: &str) -> Location {
        Location { project: ProjectId(3), task: Some(7), text: text.into() }
    }

    #[test]
    fn a_location_is_no_handle_of_an_object_and_the_other_way_round() {
        let sealed = location("s3://b/k").seal(AccountId(1), &key_of(1)).unwrap();
        assert_eq!(Opened::open(&sealed, AccountId(1), &key_of(1)), None);
        let object = Opened {
            project: ProjectId(3),
            storage: StorageId(7),
            key: ObjectKey::new("s3://b/k").unwrap(),
        };
        let sealed = object.seal(AccountId(1), &key_of(1)).unwrap();
        assert_eq!(Location::open(&sealed, AccountId(1), &key_of(1)), None);
    }

    #[test]
    fn a_text_that_no_address_could_carry_is_not_sealed() {
        assert!(location(&"k".repeat(2_700)).seal(AccountId(1), &key_of(1)).is_some());
        assert!(location(&"k".repeat(2_701)).seal(AccountId(1), &key_of(1)).is_none());
    }

    proptest! {
        #[test]
        fn only_its_own_session_opens_what_was_sealed(text in ".{0,200}", task: Option<u32>) {
            let location = Location {
                project: ProjectId(-4),
                task: task.map(|task| u64::from(task) + 1),
                text: text.as_str().into(),
            };
            let sealed = location.seal(AccountId(5), &key_of(1)).unwrap();
            prop_assert_eq!(&sealed, &location.seal(AccountId(5), &key_of(1)).unwrap());
            prop_assert_eq!(Location::open(&sealed, AccountId(5), &key_of(1)), Some(location));
            prop_assert_eq!(Location::open(&sealed, AccountId(5), &key_of(2)), None);
            prop_assert_eq!(Location::open(&sealed, AccountId(6), &key_of(1)), None);
        }
    }
}
