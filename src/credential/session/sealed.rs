//! What is kept of an exchange: keys, and the storages that their policy covers, sealed so that only the same session of
//! the same account opens it, for the same project and role. Nobody else's key fits, whatever row he is given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::aws::Keys;
use super::super::slot::MARGIN;
use crate::catalog::{AccountId, CredentialName, ProjectId, Storage, StorageId};
use crate::ground::clock::Timestamp;
use crate::ground::seal::{MasterKey, SealKey};
use crate::ground::secret::Secret;
use crate::identity::ProofId;

/// Whose it is and what for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) session: &'a ProofId,
    pub(super) account: AccountId,
    pub(super) project: ProjectId,
    /// The AWS role.
    pub(super) role: &'a str,
}

/// Keys of one call, and what they open.
#[derive(Debug)]
pub(super) struct KeySet {
    pub(super) credential: CredentialName,
    pub(super) keys: Keys,
    /// What AWS calls the session that they were issued for: a later assertion may name another.
    pub(super) session_name: String,
    pub(super) ends: Timestamp,
    /// With the revision that the policy was made for.
    pub(super) storages: Vec<(StorageId, u64)>,
}

impl KeySet {
    /// Whether they open the storage as it is now.
    pub(super) fn covers(&self, storage: (StorageId, u64), credential: &CredentialName) -> bool {
        self.credential == *credential && self.storages.contains(&storage)
    }

    /// The same for those of its storages that are wanted, if there are any.
    pub(super) fn only(mut self, wanted: impl Fn((StorageId, u64)) -> bool) -> Option<Self> {
        self.storages.retain(|storage| wanted(*storage));
        (!self.storages.is_empty()).then_some(self)
    }

    /// Whether a request that is signed now arrives while they are good.
    pub(super) fn serves_at(&self, now: Timestamp) -> bool {
        now < self.ends.saturating_sub(MARGIN).unwrap_or(self.ends)
    }

    pub(super) fn of(storage: &Storage) -> (StorageId, u64) {
        (storage.id, storage.revision)
    }
}

/// As it is written, with borrowed secrets: [`Secret`] cannot be serialized.
#[derive(serde::Serialize)]
struct Written<'a> {
    credential: &'a CredentialName,
    id: &'a str,
    secret: &'a str,
    token: Option<&'a str>,
    session_name: &'a str,
    ends: Timestamp,
    storages: &'a [(StorageId, u64)],
}

/// As it is read.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    credential: CredentialName,
    id: String,
    secret: String,
    token: Option<String>,
    session_name: String,
    ends: Timestamp,
    storages: Vec<(StorageId, u64)>,
}

/// Room for some sets, so that no copy of a secret is left behind by a buffer that grew.
const ROOM: usize = 16 * 1024;

/// Seals sets of keys. `None` only if they could not be written down, which no such set can cause.
pub(super) fn seal(master: &MasterKey, owner: Owner<'_>, sets: &[KeySet]) -> Option<String> {
    let written: Vec<_> = sets.iter().map(Written::of).collect();
    let mut plain = Vec::with_capacity(ROOM);
    serde_json::to_writer(&mut plain, &written).ok()?;
    let plain = Secret::new(plain);
    let sealed = key(master, owner).seal(&context(owner), plain.expose());
    Some(STANDARD.encode(sealed))
}

/// Opens what was sealed for exactly this owner. `None` for everything else.
pub(super) fn open(master: &MasterKey, owner: Owner<'_>, sealed: &str) -> Option<Vec<KeySet>> {
    let sealed = STANDARD.decode(sealed).ok()?;
    let plain = Secret::new(key(master, owner).open(&context(owner), &sealed).ok()?);
    let read: Vec<Read> = serde_json::from_slice(plain.expose()).ok()?;
    Some(read.into_iter().map(KeySet::from).collect())
}

fn key(master: &MasterKey, owner: Owner<'_>) -> SealKey {
    let account = owner.account.0.to_be_bytes();
    master.derive(&[b"session-credential", &owner.session.0, &account])
}

fn context(owner: Owner<'_>) -> Vec<u8> {
    [&owner.project.0.to_be_bytes(), owner.role.as_bytes()].concat()
}

impl<'a> Written<'a> {
    fn of(set: &'a KeySet) -> Self {
        Self {
            credential: &set.credential,
            id: set.keys.access_key_id(),
            secret: set.keys.secret_access_key().expose(),
            token: set.keys.session_token().map(|token| token.expose().as_str()),
            session_name: &set.session_name,
            ends: set.ends,
            storages: &set.storages,
        }
    }
}

impl From<Read> for KeySet {
    fn from(read: Read) -> Self {
        let Read { credential, id, secret, token, session_name, ends, storages } = read;
        let keys = Keys::new(&id, Secret::new(secret), token.map(Secret::new), Some(ends));
        Self { credential, keys, session_name, ends, storages }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> KeySet {
        KeySet {
            credential: "people".parse().unwrap(),
            keys: Keys::new(
                "ASIAEXAMPLE",
                Secret::new("canary-secret".to_owned()),
                Some(Secret::new("canary-token".to_owned())),
                None,
            ),
            session_name: "ann@example.com".to_owned(),
            ends: "2026-01-01T01:00:00Z".parse().unwrap(),
            storages: vec![(StorageId(3), 7)],
        }
    }

    #[test]
    fn only_the_same_session_person_project_and_role_open_it() {
        let master = MasterKey::new(Secret::new([7; 32]));
        let (session, other) = (ProofId([1; 32]), ProofId([2; 32]));
        let owner = Owner {
            session: &session,
            account: AccountId(5),
            project: ProjectId(9),
            role: "arn:aws:iam::123456789012:role/x",
        };
        let sealed = seal(&master, owner, &[set()]).unwrap();
        assert!(!sealed.contains("canary") && !sealed.contains("ASIA"), "{sealed}");
        let opened = open(&master, owner, &sealed).unwrap();
        let [opened] = &opened[..] else { panic!("{opened:?}") };
        assert_eq!(opened.keys.access_key_id(), "ASIAEXAMPLE");
        assert_eq!(opened.keys.secret_access_key().expose(), "canary-secret");
        assert_eq!(opened.keys.session_token().unwrap().expose(), "canary-token");
        assert_eq!(opened.keys.expires(), Some(set().ends));
        assert_eq!(opened.session_name, "ann@example.com");
        let people = "people".parse().unwrap();
        assert!(opened.covers((StorageId(3), 7), &people));
        assert!(!opened.covers((StorageId(3), 8), &people));
        assert!(!opened.covers((StorageId(3), 7), &"others".parse().unwrap()));
        for (name, stranger) in [
            ("session", Owner { session: &other, ..owner }),
            ("account", Owner { account: AccountId(6), ..owner }),
            ("project", Owner { project: ProjectId(8), ..owner }),
            ("role", Owner { role: "arn:aws:iam::123456789012:role/y", ..owner }),
        ] {
            assert!(open(&master, stranger, &sealed).is_none(), "{name}");
        }
        let another_master = MasterKey::new(Secret::new([8; 32]));
        assert!(open(&another_master, owner, &sealed).is_none());
        let (_, cut) = sealed.split_at(4);
        for bad in ["", "AAAA", "not base64", cut, &format!("AAAA{cut}")] {
            assert!(open(&master, owner, bad).is_none(), "{bad}");
        }
    }
}
