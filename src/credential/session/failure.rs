//! Why an assertion did not open a project's storages: told to the person in words that help him, and to the operator with
//! what STS said and what to do.

use super::super::error::{Said, SourceError};
use super::super::sts::RefusalCode;
use crate::catalog::ProjectName;
use crate::ground::causes::told_without;

/// For the operator; [`ExchangeFailure::words`] are for the person.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeFailure {
    #[error(
        "the assertion does not hold the role together with the provider {provider}: have the identity provider send the pair in the attribute https://aws.amazon.com/SAML/Attributes/Role to this person"
    )]
    NotAsserted { provider: String },
    #[error(
        "the role is not in role_arns of [credentials.{credential}]: add it there, or take it out of the catalogue"
    )]
    NotListed { credential: String },
    #[error(
        "the assertion names no session that AWS would take: have the identity provider send the attribute https://aws.amazon.com/SAML/Attributes/RoleSessionName, 2 to 64 of letters, digits and _+=,.@-"
    )]
    NoSessionName,
    #[error(
        "the assertion was {seconds} s old, and STS takes none after five minutes: compare the clocks of this machine and of the identity provider"
    )]
    Stale { seconds: i64 },
    #[error("the session that the assertion allows has ended, or ends within seconds")]
    Ended,
    #[error(
        "the response has {characters} characters, and STS takes {most} at most: have the identity provider send this application fewer attributes"
    )]
    TooLarge { characters: usize, most: usize },
    #[error(
        "its turn did not come within {seconds} s, so many calls for the role there were: is STS slow, or does the person have very many projects?"
    )]
    NoTurn { seconds: u64 },
    #[error("STS gave no keys")]
    Sts(#[source] SourceError),
    #[error("this gateway keeps no sessions")]
    NothingKept,
}

impl ExchangeFailure {
    /// Whether no other try of this person's helps, until somebody changes something for him.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        match self {
            Self::NotAsserted { .. }
            | Self::NotListed { .. }
            | Self::NoSessionName
            | Self::TooLarge { .. }
            | Self::NothingKept => true,
            Self::Stale { .. } | Self::Ended | Self::NoTurn { .. } | Self::Sts(_) => false,
        }
    }

    /// For the log: without STS's own words, which can repeat what it was asked, buckets and prefixes too. Those stand in the
    /// audit's entry, where the request is that they belong to.
    pub(super) fn logged(&self) -> String {
        told_without(self, |cause| cause.is::<Said>())
    }

    /// What the person is told.
    pub(super) fn words(&self, project: &ProjectName, role: &str) -> String {
        // The path of a role is how an account is organized, which is nobody's business.
        let role = role.rsplit('/').next().unwrap_or_default();
        let administrator = "ask your administrator";
        match self {
            Self::NotAsserted { .. } => format!(
                "{project}: your identity provider does not give you the role {role}, which opens this project's files: \
                 {administrator} for it"
            ),
            Self::Stale { .. } | Self::Ended => format!(
                "{project}: your sign-in took too long for this project's files: sign in again"
            ),
            Self::NoTurn { .. } => format!(
                "{project}: this project's files cannot be opened now: sign in again in a while"
            ),
            Self::Sts(cause) if passes(cause) => format!(
                "{project}: this project's files cannot be opened now: sign in again in a while"
            ),
            Self::NotListed { .. }
            | Self::NoSessionName
            | Self::TooLarge { .. }
            | Self::Sts(_)
            | Self::NothingKept => format!(
                "{project}: your role {role}, which opens this project's files, cannot be used: {administrator}, who \
                 finds the cause in the log"
            ),
        }
    }
}

/// Whether another try can help by itself.
const fn passes(cause: &SourceError) -> bool {
    match cause {
        SourceError::Refused { code, .. } => {
            matches!(code, RefusalCode::Throttled | RefusalCode::ExpiredSource)
        }
        // Only an outage makes it pause.
        SourceError::Paused { .. }
        | SourceError::Unasked { .. }
        | SourceError::Status { .. }
        | SourceError::Control(_) => true,
        SourceError::NothingInChain { .. }
        | SourceError::Incomplete { .. }
        | SourceError::File { .. }
        | SourceError::Profile { .. }
        | SourceError::BadRequest { .. }
        | SourceError::BadAnswer { .. }
        | SourceError::OtherRole { .. }
        | SourceError::PolicyTooLarge { .. }
        | SourceError::ExpiredOnArrival
        | SourceError::Source { .. }
        | SourceError::Ended(_)
        | SourceError::Records(_) => false,
    }
}
