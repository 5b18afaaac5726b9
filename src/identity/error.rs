//! Why somebody is not identified, and why he is not signed in.

use std::sync::Arc;

use crate::ground::control::ControlFailed;
use crate::label_studio::{ApiError, BridgeError};
use crate::records::RecordsError;

/// Why nobody could be identified although something was shown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IdentityError {
    #[error("the session or token is unknown, ended, expired or revoked")]
    NotValid,
    #[error("two session cookies in one request")]
    TwoSessions,
    #[error("two credentials of different people in one request")]
    TwoPeople,
    #[error("the Authorization header is malformed or of an unknown scheme")]
    BadAuthorization,
    #[error("a change asked with a session came from another origin, or without saying from where")]
    CrossOrigin,
    #[error(
        "too many tokens of Label Studio's that do not hold; free again in {retry_after_seconds} s"
    )]
    TooManyAttempts { retry_after_seconds: u64 },
    #[error("Label Studio could not say whose token it is")]
    LabelStudio(#[from] BridgeError),
    #[error("the records did not answer")]
    Unavailable(#[source] Arc<RecordsError>),
    #[error(transparent)]
    Control(#[from] ControlFailed),
}

impl IdentityError {
    /// Whether Label Studio was asked, and answered with something that says nothing.
    pub(super) fn is_an_answer(&self) -> bool {
        match self {
            Self::LabelStudio(BridgeError::Api(error)) => {
                matches!(**error, ApiError::Refused { .. } | ApiError::Garbled { .. })
            }
            Self::LabelStudio(_)
            | Self::NotValid
            | Self::TwoSessions
            | Self::TwoPeople
            | Self::BadAuthorization
            | Self::CrossOrigin
            | Self::TooManyAttempts { .. }
            | Self::Unavailable(_)
            | Self::Control(_) => false,
        }
    }
}

impl From<RecordsError> for IdentityError {
    fn from(error: RecordsError) -> Self {
        Self::Unavailable(Arc::new(error))
    }
}

/// Why a sign-in failed. To the outside `WrongPassword`, `Disabled` and `SsoOnly` are one answer.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Or the e-mail is unknown, or the account has no password.
    #[error("the e-mail or the password is wrong")]
    WrongPassword,
    /// The password was right.
    #[error("the account is disabled")]
    Disabled,
    /// The password was right.
    #[error("people of this organization sign in at their identity provider only")]
    SsoOnly,
    #[error("too many attempts; free again in {retry_after_seconds} s")]
    TooManyAttempts { retry_after_seconds: u64 },
    #[error("the records did not answer")]
    Unavailable(#[from] RecordsError),
    #[error(transparent)]
    Control(#[from] ControlFailed),
    #[error("Label Studio could not say whether the password is right")]
    LabelStudio(#[from] BridgeError),
    #[error("there is no Label Studio behind this gateway")]
    NoLabelStudio,
    #[error("the password could not be checked")]
    Hashing(#[source] super::PasswordError),
}
