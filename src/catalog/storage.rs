//! A storage: where a project's objects lie, and under which prefix. Holds names of credentials, never one.

use std::fmt;

use super::{CredentialName, Federation, ProjectId, Role, StorageId, StorageName};

/// One storage of one project.
#[derive(Debug, Clone)]
pub struct Storage {
    pub id: StorageId,
    pub project: ProjectId,
    pub name: StorageName,
    /// Changes whenever any other field does: part of every cache key that depends on them.
    pub revision: u64,
    pub place: Place,
    /// The settings' `[credentials.NAME]` that opens it.
    pub credential: CredentialName,
    /// Where people open it with credentials of their own: which of their AWS roles does.
    pub federation: Option<Federation>,
}

impl Storage {
    /// The AWS role that stands here for the role that counts ([`Role::that_counts`]), where one does.
    #[must_use]
    pub fn role_at_aws(&self, counts: Option<Role>) -> Option<&str> {
        self.federation.as_ref()?.role(counts?)
    }
}

/// The kinds of place that hold objects. A further kind is one variant here, one file in `backend/`, and the words in
/// which people write it (`command/`).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Place {
    S3(S3Place),
}

impl Place {
    /// What every key starts with.
    #[must_use]
    pub const fn prefix(&self) -> &Prefix {
        match self {
            Self::S3(place) => &place.prefix,
        }
    }

    /// The container and the prefix in it.
    #[must_use]
    pub fn folder(&self) -> String {
        match self {
            Self::S3(place) => format!("{}/{}", place.bucket, place.prefix.as_str()),
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn server(&self) -> String {
        match self {
            Self::S3(place) => {
                let amazon = || format!("Amazon, {}", place.region);
                place.endpoint.clone().unwrap_or_else(amazon)
            }
        }
    }

    /// The container, told the same way wherever it is the same one: places with different grounds share no object.
    #[must_use]
    pub(super) fn ground(&self) -> String {
        match self {
            // Amazon's buckets are unique in all regions.
            Self::S3(place) => match &place.endpoint {
                Some(endpoint) if !endpoint.ends_with(".amazonaws.com") => {
                    format!("{endpoint}/{}", place.bucket)
                }
                Some(_) | None => place.bucket.clone(),
            },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3(place) => {
                let endpoint = place.endpoint.as_deref().unwrap_or("Amazon");
                write!(f, "s3 {} at {endpoint}, {}", self.folder(), place.region)
            }
        }
    }
}

/// A bucket of S3 or of something compatible.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Place {
    pub bucket: String,
    /// Every key of the project starts with it; enforced before signing.
    #[serde(default)]
    pub prefix: Prefix,
    pub region: String,
    /// `http(s)://host[:port]`; absent for Amazon's own of the region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    #[serde(default)]
    pub addressing: Addressing,
}

/// Where the bucket's name stands: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    /// `bucket.host/key`
    #[default]
    Virtual,
    /// `host/bucket/key`
    Path,
}

/// What every key of the storage starts with.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Prefix(String);

impl From<String> for Prefix {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.0
    }
}

impl Prefix {
    /// Empty, or ends with `/` so that `scans` never covers `scans-secret`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut text = text.trim_start_matches('/').to_owned();
        if !text.is_empty() && !text.ends_with('/') {
            text.push('/');
        }
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
