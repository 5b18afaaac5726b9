//! Values with parts of their own: certificates, the clear-text socket, the kind of a credential.

use std::path::PathBuf;

use super::document::{Node, Value};
use super::key::{Kind, Shape, Wrong};
use super::kind::{self, Choice, each, non_empty, readable, resolve, wrong};
use super::reader::{Reading, unknown};
use super::secret::private;
use crate::audit::Durability;
use crate::catalog::Several;
use crate::label_studio::{Passwords, Tokens, Version};
use crate::listener::{CertificateFiles, ClearText, ClearTextMode};
use crate::sign_in::{KeyFiles, Mode, Preset, Unsolicited};
use crate::telemetry::{Form, Level};

/// The kinds of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CredentialKind {
    Static,
    Chain,
    AssumeRole,
    Saml,
}

impl Choice for CredentialKind {
    const ALL: &'static [(&'static str, Self)] = &[
        ("static", Self::Static),
        ("chain", Self::Chain),
        ("assume-role", Self::AssumeRole),
        ("saml", Self::Saml),
    ];
}

impl Choice for Passwords {
    const ALL: &'static [(&'static str, Self)] =
        &[("accepted", Self::Accepted), ("refused", Self::Refused)];
}

impl Choice for Tokens {
    const ALL: &'static [(&'static str, Self)] =
        &[("refused", Self::Refused), ("accepted", Self::Accepted)];
}

impl Choice for Version {
    const ALL: &'static [(&'static str, Self)] = &[(Self::V1_23.as_str(), Self::V1_23)];
}

impl Choice for Durability {
    const ALL: &'static [(&'static str, Self)] =
        &[("before-bytes", Self::BeforeBytes), ("async", Self::Async)];
}

impl Choice for ClearTextMode {
    const ALL: &'static [(&'static str, Self)] =
        &[("redirect", Self::Redirect), ("serve", Self::Serve)];
}

impl Choice for Preset {
    const ALL: &'static [(&'static str, Self)] = &[
        ("simplesamlphp", Self::SimpleSamlPhp),
        ("keycloak", Self::Keycloak),
        ("okta", Self::Okta),
        ("entra-id", Self::EntraId),
        ("google-workspace", Self::GoogleWorkspace),
        ("adfs", Self::Adfs),
    ];
}

impl Choice for Mode {
    const ALL: &'static [(&'static str, Self)] =
        &[("both", Self::Both), ("sso-only", Self::SsoOnly), ("native-only", Self::NativeOnly)];
}

impl Choice for Unsolicited {
    const ALL: &'static [(&'static str, Self)] =
        &[("refused", Self::Refused), ("accepted", Self::Accepted)];
}

impl Choice for Several {
    const ALL: &'static [(&'static str, Self)] =
        &[("most-powerful", Self::MostPowerful), ("least-powerful", Self::LeastPowerful)];
}

/// A list of `{ certificate, key }`. Whether they are a pair is judged when they are loaded.
pub(super) const fn keys() -> Kind<Vec<KeyFiles>> {
    Kind {
        shape: Shape::List,
        words: || "a list of { certificate = \"PEM\", key = \"PEM\" }".to_owned(),
        read: |value, reading| each(value, reading, key),
    }
}

fn key(value: &Value, reading: &mut Reading<'_>) -> Result<KeyFiles, Wrong> {
    let [certificate, key] = fields(value, reading, ["certificate", "key"])?;
    let (Some(certificate), Some(key)) = (certificate, key) else {
        let remedy = "write { certificate = \"PEM file\", key = \"PEM file\" }";
        return Err(wrong("needs both certificate and key", remedy));
    };
    let certificate = noted(certificate, reading, readable).ok_or(Wrong::Noted);
    let key = noted(key, reading, private_file).ok_or(Wrong::Noted);
    Ok(KeyFiles { certificate: certificate?, key: key? })
}

/// A list of `{ chain, key }`. Whether they are a pair is judged when they are loaded.
pub(super) const fn certificates() -> Kind<Vec<CertificateFiles>> {
    Kind {
        shape: Shape::List,
        words: || "a list of { chain = \"PEM\", key = \"PEM\" }".to_owned(),
        read: |value, reading| each(value, reading, certificate),
    }
}

fn certificate(value: &Value, reading: &mut Reading<'_>) -> Result<CertificateFiles, Wrong> {
    let [chain, key] = fields(value, reading, ["chain", "key"])?;
    let (Some(chain), Some(key)) = (chain, key) else {
        let remedy = "write { chain = \"PEM file\", key = \"PEM file\" }";
        return Err(wrong("needs both chain and key", remedy));
    };
    let chain = noted(chain, reading, readable);
    let key = noted(key, reading, private_file);
    Ok(CertificateFiles { chain: chain.ok_or(Wrong::Noted)?, key: key.ok_or(Wrong::Noted)? })
}

fn private_file(value: &Value, reading: &mut Reading<'_>) -> Result<PathBuf, Wrong> {
    private(&resolve(value, &non_empty(value)?))?;
    readable(value, reading)
}

/// `{ address, mode }`
pub(super) const fn clear_text() -> Kind<ClearText> {
    Kind {
        shape: Shape::Table,
        words: || "{ address = \"IP:PORT\", mode = \"redirect\" }".to_owned(),
        read: |value, reading| {
            let [address, mode] = fields(value, reading, ["address", "mode"])?;
            let Some(address) = address else {
                return Err(wrong("needs an address", "write { address = \"0.0.0.0:8080\" }"));
            };
            let address = noted(address, reading, kind::address().read);
            let mode = match mode {
                Some(mode) => noted(mode, reading, kind::choice().read),
                None => Some(ClearTextMode::Redirect),
            };
            Ok(ClearText { address: address.ok_or(Wrong::Noted)?, mode: mode.ok_or(Wrong::Noted)? })
        },
    }
}

/// The parts of a small table; any other part is noted.
pub(super) fn fields<'v, const N: usize>(
    value: &'v Value,
    reading: &mut Reading<'_>,
    names: [&str; N],
) -> Result<[Option<&'v Value>; N], Wrong> {
    let Node::Table(table) = &value.node else { return Err(Wrong::Kind) };
    let mut strange = false;
    for (name, (place, other)) in table {
        if !names.contains(&name.as_str()) {
            // Nobody knows what it is, so it may be a secret.
            other.mask();
            let (what, remedy) = unknown(name, names.into_iter(), "known here");
            reading.fault(place, format!("{name} {what}"), remedy);
            strange = true;
        }
    }
    if strange {
        return Err(Wrong::Noted);
    }
    Ok(names.map(|name| table.get(name).map(|(_, value)| value)))
}

/// Reads a part, and notes what is wrong with it at its own place.
fn noted<T>(
    value: &Value,
    reading: &mut Reading<'_>,
    read: fn(&Value, &mut Reading<'_>) -> Result<T, Wrong>,
) -> Option<T> {
    let (what, remedy) = match read(value, reading) {
        Ok(value) => return Some(value),
        Err(Wrong::Noted) => return None,
        Err(Wrong::Value(what, remedy)) => (what, remedy),
        Err(Wrong::Kind) => (
            format!("is {}, which does not belong there", value.node.words()),
            "see docs/settings.md for what stands there".to_owned(),
        ),
    };
    reading.fault(&value.place, what, remedy);
    None
}

impl Choice for Level {
    const ALL: &'static [(&'static str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}

impl Choice for Form {
    const ALL: &'static [(&'static str, Self)] = &[("json", Self::Json), ("text", Self::Text)];
}
