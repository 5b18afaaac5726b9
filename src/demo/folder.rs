//! The demo's folder: certificates, keys, policies and settings as an operator would have them, written anew at
//! every start; the records and the audit in it stay.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

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

/// Writes the folder and returns the settings file's path.
///
/// # Errors
/// When the folder cannot be written.
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

/// Writes a file that only its owner can read.
fn put(path: &Path, text: &str) -> io::Result<()> {
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
