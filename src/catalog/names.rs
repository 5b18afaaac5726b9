//! Names that people choose and that stand in URLs: 1 to 63 of `a-z 0-9 - _`, starting with a letter or digit.

use std::fmt;
use std::str::FromStr;

/// A name that breaks the rule above.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 63 of a-z, 0-9, '-' and '_', and starts with a letter or a digit")]
pub struct BadName;

macro_rules! name {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                if well_formed(text) { Ok(Self(text.into())) } else { Err(BadName) }
            }
        }

        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

name! {
    /// Names an organization; unique on the install.
    OrganizationName;
    /// Names a workspace; unique in its organization.
    WorkspaceName;
    /// Names a project; unique in its organization.
    ProjectName;
    /// Names a storage; unique in its project.
    StorageName;
    /// Names a `[credentials.NAME]` section of the settings.
    CredentialName;
}

fn well_formed(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    (1..=63).contains(&text.len())
        && text.bytes().all(allowed)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}
