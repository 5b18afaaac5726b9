//! The demo's folder: certificates, keys, policies and settings as an operator would have them, written anew at
//! every start; the records and the audit in it stay.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::{fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::DemoError;
use super::authority::Authority;
use crate::ground::random::Random;
use crate::policy;

/// What the settings file says of this start.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) listen: SocketAddr,
    pub(super) operations: SocketAddr,
    pub(super) bucket: SocketAddr,
    pub(super) keys: (&'a str, &'a str),
}

/// Lets everybody of the demo's organization see why he was refused: an example of a policy of one's own.
const EXPLAIN_TO_ALL: &str = "\
// The demo explains itself to everybody of the organization, not only to its administrators.
@id(\"demo-explains-to-all\")
permit (principal, action == Action::\"ExplainRequest\", resource is Organization)
when { resource == principal.organization };
";

/// A folder that only we can get at, held by one demo at a time: until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    _lock: File,
}

/// Takes the folder, and makes it when there is none. The default one lies where everybody may write, so one that is a
/// link, or that others own or can get at, is refused.
///
/// # Errors
/// [`DemoError::NotOurs`], [`DemoError::Running`], and when it cannot be written.
pub(super) fn hold(folder: &Path) -> Result<Held, DemoError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let facts = fs::symlink_metadata(folder)?;
    let refused = |what| DemoError::NotOurs { folder: folder.to_owned(), what };
    if !facts.is_dir() {
        return Err(refused("is a link"));
    }
    // What we make belongs to us: only so a program without unsafe code learns who it is.
    let probe = folder.join("probe");
    drop(fs::remove_file(&probe));
    let made = File::create_new(&probe)?.metadata()?;
    fs::remove_file(&probe)?;
    if made.uid() != facts.uid() {
        return Err(refused("belongs to somebody else"));
    }
    if facts.permissions().mode() & 0o077 != 0 {
        let empty = || Ok::<bool, io::Error>(fs::read_dir(folder)?.next().is_none());
        // Nobody has put anything into it, and nobody will.
        let closed = empty()? && {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
            empty()?
        };
        if !closed {
            return Err(refused("is not empty and can be used by others"));
        }
    }
    let lock = File::create(folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(Held { _lock: lock }),
        Err(TryLockError::WouldBlock) => Err(DemoError::Running { folder: folder.to_owned() }),
        Err(TryLockError::Error(cause)) => Err(cause.into()),
    }
}

/// Writes what lies in the folder and returns the settings file's path.
///
/// # Errors
/// When something cannot be written.
pub(super) fn write(
    folder: &Path,
    authority: &Authority,
    random: &Random,
    facts: &Facts<'_>,
) -> io::Result<PathBuf> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder.join("policies"))?;
    put(&folder.join("ca.pem"), &authority.ca)?;
    put(&folder.join("chain.pem"), &authority.chain)?;
    put(&folder.join("key.pem"), &authority.key)?;
    put(&folder.join("storage.id"), facts.keys.0)?;
    put(&folder.join("storage.secret"), facts.keys.1)?;
    if !folder.join("seal.key").exists() {
        put(&folder.join("seal.key"), &STANDARD.encode(random.bytes::<32>()))?;
    }
    put(&folder.join("policies/roles.cedar"), policy::ROLES)?;
    put(&folder.join("policies/demo.cedar"), EXPLAIN_TO_ALL)?;
    let settings = folder.join("sluicegate.toml");
    put(&settings, &text(facts))?;
    Ok(settings)
}

fn text(facts: &Facts<'_>) -> String {
    let Facts { listen, operations, bucket, .. } = facts;
    format!(
        r#"# Written by `sluicegate demo`; an example of a whole settings file.
[listen]
address = "{listen}"
hosts = ["localhost", "127.0.0.1"]
certificates = [{{ chain = "chain.pem", key = "key.pem" }}]

[operations]
address = "{operations}"

[records]
file = "records.sqlite"

[seal]
key = {{ file = "seal.key" }}

[audit]
folder = "audit"

[policy]
folder = "policies"

[outbound]
allow_private = ["{bucket}"]

[credentials.demo]
kind = "static"
access_key_id = {{ file = "storage.id" }}
secret_access_key = {{ file = "storage.secret" }}
"#
    )
}

/// Writes a file that only its owner can read, whole or not at all. What stood there before, a link too, is replaced and
/// never written to.
fn put(path: &Path, text: &str) -> io::Result<()> {
    let fresh = path.with_added_extension("new");
    drop(fs::remove_file(&fresh));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_of_others_or_in_use_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let (ours, open, link) =
            (parent.path().join("ours"), parent.path().join("open"), parent.path().join("link"));
        let held = hold(&ours).unwrap();
        assert_eq!(fs::metadata(&ours).unwrap().permissions().mode() & 0o777, 0o700);
        let second = hold(&ours).unwrap_err();
        assert!(matches!(second, DemoError::Running { .. }), "{second}");
        drop(held);
        hold(&ours).unwrap();
        symlink(&ours, &link).unwrap();
        let refused = hold(&link).unwrap_err();
        assert!(matches!(refused, DemoError::NotOurs { .. }), "{refused}");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(open.join("planted"), "").unwrap();
        let refused = hold(&open).unwrap_err();
        assert!(matches!(refused, DemoError::NotOurs { .. }), "{refused}");
        fs::remove_file(open.join("planted")).unwrap();
        hold(&open).unwrap();
        assert_eq!(fs::metadata(&open).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (file, elsewhere) = (folder.path().join("key.pem"), folder.path().join("elsewhere"));
        fs::write(&elsewhere, "precious").unwrap();
        symlink(&elsewhere, &file).unwrap();
        put(&file, "key").unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "precious");
        assert_eq!(fs::read_to_string(&file).unwrap(), "key");
        assert_eq!(fs::symlink_metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
