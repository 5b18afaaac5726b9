//! Stage 5: as whom we act. Static, default-chain and assumed credentials, cached by storage and never shared
//! across projects (R25); signing keys derived once a day; the AWS signature itself.

pub mod aws;
mod settings;

use std::sync::Arc;

pub use settings::{AssumeRole, Settings, Source, Variables};

use crate::policy::Grant;

/// What the grant's storage is opened with. Made by [`Minter::mint`] only.
#[derive(Debug, Clone)]
pub struct Credential(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// Our own pages need none.
    None,
    Aws(Arc<aws::Keys>),
}

/// Why there is no credential.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    #[error("storage credential {name:?}: {reason}")]
    Unavailable { name: String, reason: String },
}

/// Mints, caches and refreshes credentials.
#[derive(Debug)]
pub struct Minter {}

impl Minter {
    /// The credential for exactly this grant.
    ///
    /// # Errors
    /// [`CredentialError`] when none can be had now.
    pub async fn mint(&self, grant: &Grant) -> Result<Credential, CredentialError> {
        let _ = grant;
        todo!()
    }
}

impl Credential {
    /// The credential's public id for the audit (an access key id), never for a client.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match &self.0 {
            Kind::None => None,
            Kind::Aws(keys) => Some(keys.access_key_id()),
        }
    }

    /// The AWS keys, for a backend that signs with them.
    #[must_use]
    pub const fn aws(&self) -> Option<&Arc<aws::Keys>> {
        match &self.0 {
            Kind::None => None,
            Kind::Aws(keys) => Some(keys),
        }
    }
}
