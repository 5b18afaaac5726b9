//! Why there is no credential: for the operator, in his words. A client learns only that the storage is not to be had.

use std::path::PathBuf;
use std::sync::Arc;

use super::sts::RefusalCode;
use crate::catalog::CredentialName;
use crate::ground::control::ControlFailed;
use crate::label_studio::BridgeError;
use crate::outbound::OutboundError;

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
    #[error("the grant's storage belongs to another project than the grant")]
    ForeignStorage,
    #[error("there is no way to Label Studio for this person")]
    NoBridge,
    #[error("the person's user in Label Studio cannot be used")]
    Bridge(#[source] BridgeError),
    #[error(transparent)]
    Control(#[from] ControlFailed),
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
    #[error("STS refused ({code}): {}; it says {message:?}", code.remedy())]
    Refused { code: RefusalCode, message: String },
    #[error(
        "the answer is for {answered:?}, asked was {asked:?}: something other than the STS of the settings answers, or the role was renamed"
    )]
    OtherRole { asked: String, answered: String },
    #[error(
        "the session policy for the storage's bucket and prefix has {characters} characters, {} are allowed: shorten the prefix",
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
    #[error(transparent)]
    Control(#[from] ControlFailed),
}

impl SourceError {
    /// Whether asking again at once, for anyone, would only add to the trouble.
    pub(super) const fn concerns_everyone(&self) -> bool {
        match self {
            Self::PolicyTooLarge { .. } | Self::Paused { .. } => false,
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
            | Self::Control(_) => true,
        }
    }
}
