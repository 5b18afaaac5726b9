//! Stage 5: as whom we act. Static, default-chain, assumed and people's own credentials, cached by storage (and by person
//! and session, where they are theirs) and never shared across projects (R25); signing keys derived once a day; the AWS
//! signature itself.

pub mod aws;
mod backoff;
mod chain;
mod crossing;
mod drawer;
mod duration;
mod error;
mod foresight;
mod iam;
mod minter;
mod person;
mod query;
mod role;
mod saml;
mod session;
mod settings;
mod shares;
mod shelf;
mod slot;
mod sources;
mod sts;
#[cfg(test)]
mod tests;
mod tools;
mod trouble;
mod wanted;

use std::sync::Arc;

use crate::ground::clock::Timestamp;
use crate::label_studio::Access;

pub use error::{CredentialError, Ended, Said, SourceError};
pub use foresight::{Foreseen, foresee};
pub use iam::NotInspected;
pub use minter::{Had, Minter, Trial};
pub use session::{ExchangeFailure, Exchanged, Presented};
pub use settings::{AssumeRole, Fault, Saml, Settings, Source, Variables};
pub use sources::Sources;
pub use sts::{Action, RefusalCode};
pub use tools::Tools;

/// What the grant's storage is opened with. Made by [`Minter::mint`] only.
#[derive(Debug, Clone)]
pub struct Credential(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// Our own pages need none.
    None,
    Aws(Arc<slot::Held>),
    /// The person's own user in Label Studio.
    LabelStudio(Arc<crossing::Crossing>),
}

impl Credential {
    /// The credential's public id for the audit (an access key id), never for a client.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.aws().map(|keys| keys.access_key_id())
    }

    /// The ARN of the AWS role that it is of, and what AWS calls this session of it: for the audit, which CloudTrail is joined
    /// with by them.
    #[must_use]
    pub fn acting(&self) -> Option<(&str, &str)> {
        match &self.0 {
            Kind::None | Kind::LabelStudio(_) => None,
            Kind::Aws(held) => held.acting.as_ref().map(|acting| (&*acting.role, &*acting.session)),
        }
    }

    /// The AWS keys, for a backend that signs with them.
    #[must_use]
    pub fn aws(&self) -> Option<&Arc<aws::Keys>> {
        match &self.0 {
            Kind::None | Kind::LabelStudio(_) => None,
            Kind::Aws(held) => Some(&held.keys),
        }
    }

    /// The access token of the person's own user in Label Studio.
    #[must_use]
    pub fn label_studio(&self) -> Option<&Arc<Access>> {
        match &self.0 {
            Kind::None | Kind::Aws(_) => None,
            Kind::LabelStudio(crossing) => Some(&crossing.access),
        }
    }

    /// Label Studio refused the person's access token: a credential with a fresh one.
    ///
    /// # Errors
    /// [`CredentialError`] when none can be had now.
    pub async fn afresh(&self) -> Result<Self, CredentialError> {
        match &self.0 {
            Kind::LabelStudio(crossing) => {
                Ok(Self(Kind::LabelStudio(Arc::new(crossing.afresh().await?))))
            }
            Kind::None | Kind::Aws(_) => Err(CredentialError::NoBridge),
        }
    }

    /// The other side refused it as expired or unknown: fresh keys are fetched, where there can be any and those refused
    /// are not fresh themselves. Other storages' grants go on with the keys that there are. What a person brought is dropped:
    /// only he can bring another.
    pub fn reject(&self, now: Timestamp) {
        if let Kind::Aws(held) = &self.0 {
            held.reject(now);
        }
    }

    /// Given keys as a credential, for other stages' tests.
    #[cfg(test)]
    pub(crate) fn of_keys(keys: aws::Keys) -> Self {
        Self(Kind::Aws(Arc::new(slot::Held::given(Arc::new(keys)))))
    }
}
