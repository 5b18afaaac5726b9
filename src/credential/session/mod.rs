//! Credentials that people bring: what their identity provider's assertion is exchanged for while they sign in, kept sealed
//! with the session, and opened for its requests. The assertion itself is kept nowhere.

mod exchange;
mod failure;
mod needs;
mod sealed;
mod vault;

use crate::catalog::{Asserted, ProjectName};
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;
use crate::records::SessionCredentialRow;

pub(super) use exchange::DEADLINE;
pub use failure::ExchangeFailure;
pub(super) use needs::{Need, needs};
pub(super) use vault::Vault;

/// What somebody brought from his identity provider, verified.
#[derive(Debug)]
pub struct Presented {
    /// The response in base64 as it was posted, without line breaks.
    pub response: Secret<String>,
    pub asserted: Asserted,
    pub issued: Timestamp,
    /// `SessionNotOnOrAfter`: nothing that is had for it is used after that.
    pub ends: Option<Timestamp>,
}

/// What came of one role of one project.
#[derive(Debug)]
pub struct Exchanged {
    pub project: ProjectName,
    /// The AWS role's ARN.
    pub role: String,
    /// The row to keep with the session, or why there is none.
    pub outcome: Result<SessionCredentialRow, ExchangeFailure>,
    /// With a failure: what is left of a row that was there before, to keep in its place.
    pub kept: Option<SessionCredentialRow>,
}

impl Exchanged {
    /// What the person is told, if it failed: in words that name no place, and what he can do.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let failure = self.outcome.as_ref().err()?;
        Some(failure.words(&self.project, &self.role))
    }
}
