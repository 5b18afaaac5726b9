//! The settings' `[label_studio]`.

use std::path::PathBuf;

use http::Uri;

use super::Database;
use crate::catalog::{OrganizationName, WorkspaceName};
use crate::ground::secret::Secret;

/// What becomes of passwords of Label Studio's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passwords {
    Accepted,
    Refused,
}

/// What becomes of tokens of Label Studio's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// Who holds one is his account here, under the same policy.
    Accepted,
    Refused,
}

/// The route catalogues that are built in, by the version of Label Studio that each is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V1_23,
}

impl Version {
    /// Major and minor: what all of its releases begin with.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_23 => "1.23",
        }
    }
}

/// The install that stands behind the gateway.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `http(s)://host[:port]`
    pub url: Uri,
    /// A token of the install's owner, with which the gateway looks things up and invites people: a personal access token,
    /// or a legacy one.
    pub token: Secret<String>,
    /// To which it belongs: nobody of another one reaches it.
    pub organization: OrganizationName,
    /// Where projects go that are made in Label Studio.
    pub workspace: WorkspaceName,
    /// Whether its users may sign in at the gateway with the passwords that they have there.
    pub passwords: Passwords,
    /// Its `LOCAL_FILES_DOCUMENT_ROOT`: without it nobody gets a file of its disk.
    pub local_files: Option<PathBuf>,
    /// Its database, to look things up by their rows.
    pub database: Option<Database>,
    /// Whether its tokens are taken in place of the gateway's own.
    pub tokens: Tokens,
    /// Of which version it is, so that its route catalogue applies.
    pub catalogue: Version,
    /// The largest body that is taken for it, in bytes.
    pub max_body: usize,
}
