//! Why there is no credential: for the operator, in his words. A client learns only that the storage is not to be had.

use std::path::PathBuf;
use std::sync::Arc;

use super::sts::{Action, RefusalCode};
use crate::catalog::{CredentialName, OrganizationName};
use crate::ground::control::ControlFailed;
use crate::label_studio::BridgeError;
use crate::outbound::OutboundError;
use crate::records::RecordsError;

/// The stage's error.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    #[error("the storage names the credential {name:?}, which the settings do not define")]
    Unknown { name: CredentialName },
    #[error("credential {name:?} cannot be had")]
    Unavailable {
        name: CredentialName,
        #[source]
        cause: Arc<SourceError>,
    },
    #[error("the person has no credential {name:?} for this now: {why}")]
    SignInAgain {
        name: CredentialName,
        why: Ended,
        /// Whose identity provider he goes through again.
        organization: Option<OrganizationName>,
    },
    #[error(
        "credential {name:?}: the storage names no AWS role for the person's role, or one that his assertion does not hold with the storage's provider"
    )]
    NoRole { name: CredentialName },
    #[error(
        "the storage names the AWS role {role}, which role_arns of [credentials.{}] does not list: add it there, or take it out of the catalogue",
        .name.as_str()
    )]
    RoleNotListed { name: CredentialName, role: String },
    #[error("the grant's storage belongs to another project than the grant")]
    ForeignStorage,
    #[error("there is no way to Label Studio for this person")]
    NoBridge,
    #[error("the person's user in Label Studio cannot be used")]
    Bridge(#[source] BridgeError),
    #[error(transparent)]
    Control(#[from] ControlFailed),
}

impl CredentialError {
    /// The error as one about a person of this organization.
    pub(super) fn of(mut self, its: &OrganizationName) -> Self {
        if let Self::SignInAgain { organization, .. } = &mut self {
            *organization = Some(its.clone());
        }
        self
    }
}

/// Why what a person brought when he signed in opens nothing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    #[error("he is here by no session that began with an assertion")]
    NotBrought,
    #[error("none was had for this project and role when he signed in")]
    Never,
    #[error("it has expired")]
    Expired,
    #[error(
        "the storage is new, or was changed since he signed in, or what opens it was not had then"
    )]
    Changed,
    #[error("the storage says that it is not valid any more")]
    Refused,
    #[error("what is kept does not open: the sealing key was changed")]
    Sealed,
}

/// Why a source gave no keys.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(
        "nothing in the chain offers keys (environment, profile {profile:?}, web identity, container, instance metadata); \
         give the machine a role, or name keys with kind = \"static\""
    )]
    NothingInChain { profile: String },
    #[error("{variable} is set without {missing}: set both, or neither")]
    Incomplete { variable: &'static str, missing: &'static str },
    #[error("{}: cannot be read", path.display())]
    File {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("profile {profile:?}: {problem}")]
    Profile { profile: String, problem: &'static str },
    #[error("{who} cannot be asked")]
    Unasked {
        who: &'static str,
        #[source]
        cause: OutboundError,
    },
    #[error("{who}: {problem}")]
    BadRequest { who: &'static str, problem: &'static str },
    #[error("{who} answered {status}")]
    Status { who: &'static str, status: u16 },
    #[error("{who} gave an answer that is not to be used: {problem}")]
    BadAnswer { who: &'static str, problem: &'static str },
    #[error("STS refused ({code}): {}", code.remedy(*action))]
    Refused {
        action: Action,
        code: RefusalCode,
        #[source]
        said: Said,
    },
    #[error(
        "the answer is for {answered:?}, asked was {asked:?}: something other than the STS of the settings answers, or the role was renamed"
    )]
    OtherRole { asked: String, answered: String },
    #[error(
        "the session policy for buckets and prefixes has {characters} characters, {} are allowed: shorten the prefixes, or put fewer storages into one project",
        super::sts::SessionPolicy::MOST
    )]
    PolicyTooLarge { characters: usize },
    #[error("the keys had already expired when they came: is the clock right?")]
    ExpiredOnArrival,
    #[error("the role's last call failed; it is not asked again yet")]
    Paused {
        #[source]
        cause: Arc<Self>,
    },
    /// The credential that this one is made from.
    #[error("its source {name:?} cannot be had")]
    Source {
        name: CredentialName,
        #[source]
        cause: Arc<Self>,
    },
    /// What a session brought is not to be had.
    #[error(transparent)]
    Ended(Ended),
    #[error("the records cannot be read")]
    Records(#[source] RecordsError),
    #[error(transparent)]
    Control(#[from] ControlFailed),
}

/// STS's own words.
#[derive(Debug, thiserror::Error)]
#[error("it says {0:?}")]
pub struct Said(pub(super) String);

impl SourceError {
    /// Whether STS itself is in trouble, whoever asks it for what.
    pub(super) const fn is_outage(&self) -> bool {
        match self {
            Self::Unasked { .. } => true,
            // Any other is about what was asked: by a proxy on the way, for AWS explains itself.
            Self::Status { status, .. } => matches!(status, 429 | 500..),
            Self::Refused { code, .. } => matches!(code, RefusalCode::Throttled),
            Self::NothingInChain { .. }
            | Self::Incomplete { .. }
            | Self::File { .. }
            | Self::Profile { .. }
            | Self::BadRequest { .. }
            | Self::BadAnswer { .. }
            | Self::OtherRole { .. }
            | Self::PolicyTooLarge { .. }
            | Self::ExpiredOnArrival
            | Self::Paused { .. }
            | Self::Source { .. }
            | Self::Ended(_)
            | Self::Records(_)
            | Self::Control(_) => false,
        }
    }

    /// Whether asking again at once, for anyone, would only add to the trouble.
    pub(super) const fn concerns_everyone(&self) -> bool {
        match self {
            Self::PolicyTooLarge { .. } | Self::Paused { .. } | Self::Ended(_) => false,
            Self::Refused { code, .. } => code.concerns_everyone(),
            Self::NothingInChain { .. }
            | Self::Incomplete { .. }
            | Self::File { .. }
            | Self::Profile { .. }
            | Self::Unasked { .. }
            | Self::BadRequest { .. }
            | Self::Status { .. }
            | Self::BadAnswer { .. }
            | Self::OtherRole { .. }
            | Self::ExpiredOnArrival
            | Self::Source { .. }
            | Self::Records(_)
            | Self::Control(_) => true,
        }
    }
}
