//! Secrets in the settings: never written there, only where they stand: `{ file = … }` or `{ env = … }`. No message
//! holds a value, and a file that others may read is refused (R30).

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroize as _;

use super::document::{Node, Value};
use super::key::{Kind, Shape, Wrong};
use super::kind::{non_empty, resolve, wrong};
use super::pieces::fields;
use super::reader::Reading;
use crate::ground::seal::MasterKey;
use crate::ground::secret::Secret;

const REMEDY: &str = "write { file = \"PATH\" } or { env = \"NAME\" }; never the secret itself";

/// A secret text, without the line end that editors put after it.
pub(super) const fn secret() -> Kind<Secret<String>> {
    Kind {
        shape: Shape::Secret,
        words: || "{ file = \"PATH\" } or { env = \"NAME\" }".to_owned(),
        read,
    }
}

/// The operator's key: 32 bytes in base64.
pub(super) const fn seal_key() -> Kind<MasterKey> {
    Kind {
        read: |value, reading| {
            let text = read(value, reading)?;
            let mut bytes = [0; 32];
            let mut decoded = STANDARD.decode(text.expose().trim()).unwrap_or_default();
            let good = decoded.len() == bytes.len();
            if good {
                bytes.copy_from_slice(&decoded);
            }
            decoded.zeroize();
            let key = MasterKey::new(Secret::new(bytes));
            bytes.zeroize();
            if good {
                Ok(key)
            } else {
                Err(wrong("is not 32 bytes in base64", "openssl rand -base64 32"))
            }
        },
        shape: Shape::Secret,
        words: secret().words,
    }
}

fn read(value: &Value, reading: &mut Reading<'_>) -> Result<Secret<String>, Wrong> {
    if !matches!(value.node, Node::Table(_)) {
        return Err(wrong("must say where the secret stands, not hold it", REMEDY));
    }
    match fields(value, reading, ["file", "env"])? {
        [Some(file), None] => from_file(&resolve(file, &non_empty(file)?), reading),
        [None, Some(name)] => from_variable(name, reading),
        [Some(_), Some(_)] => Err(wrong("names two places", "keep either file or env")),
        [None, None] => Err(wrong("names no place", REMEDY)),
    }
}

fn from_variable(value: &Value, reading: &Reading<'_>) -> Result<Secret<String>, Wrong> {
    let name = non_empty(value)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !name.bytes().all(plain) || name.starts_with(|first: char| first.is_ascii_digit()) {
        // It may be the secret itself, so it is not repeated.
        value.mask();
        return Err(wrong("env does not hold the name of a variable", REMEDY));
    }
    let text = reading.environment.get(&name).filter(|text| !text.is_empty());
    text.map(|text| Secret::new(text.to_owned())).ok_or_else(|| {
        wrong(
            format!("the environment variable {name} is not set"),
            format!("set {name} where the gateway starts"),
        )
    })
}

fn from_file(path: &Path, reading: &mut Reading<'_>) -> Result<Secret<String>, Wrong> {
    // Also when it cannot be read: a reload tries again when it can.
    reading.files.push(path.to_owned());
    private(path)?;
    let mut text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let trimmed = text.trim_end_matches(['\n', '\r']).to_owned();
    text.zeroize();
    if trimmed.is_empty() {
        return Err(wrong(format!("{} is empty", path.display()), "put the secret into it"));
    }
    Ok(Secret::new(trimmed))
}

/// Fails when anyone but the owner may touch the file.
pub(super) fn private(path: &Path) -> Result<(), Wrong> {
    let facts = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    let mode = facts.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let what = format!("{} is open to other users (mode {mode:04o})", path.display());
    Err(wrong(what, format!("chmod 600 {}", path.display())))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Wrong {
    wrong(
        format!("{} cannot be read: {error}", path.display()),
        "name a file that exists and that this user may read",
    )
}
