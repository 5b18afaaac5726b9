//! What STS says when it says no, and what an operator does about it
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>, and each action's own list).

use std::fmt;

/// STS's own code, sorted by what it asks of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalCode {
    AccessDenied,
    Throttled,
    PackedPolicyTooLarge,
    MalformedPolicy,
    ExpiredSource,
    UnknownSource,
    WrongSignature,
    RegionDisabled,
    BadIdentityToken,
    DurationTooLong,
    Other(String),
}

impl RefusalCode {
    pub(super) fn new(code: &str, message: &str) -> Self {
        let about_duration = || message.to_ascii_lowercase().contains("durationseconds");
        match code {
            "AccessDenied" | "AccessDeniedException" | "NotAuthorized" => Self::AccessDenied,
            "Throttling"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "SlowDown"
            | "TooManyRequestsException"
            | "ServiceUnavailable" => Self::Throttled,
            "PackedPolicyTooLarge" | "PackedPolicyTooLargeException" => Self::PackedPolicyTooLarge,
            "MalformedPolicyDocument" | "MalformedPolicyDocumentException" => Self::MalformedPolicy,
            "ExpiredToken" | "ExpiredTokenException" => Self::ExpiredSource,
            "InvalidClientTokenId" | "InvalidAccessKeyId" | "UnrecognizedClientException" => {
                Self::UnknownSource
            }
            "SignatureDoesNotMatch" | "RequestExpired" | "IncompleteSignature" => {
                Self::WrongSignature
            }
            "RegionDisabledException" => Self::RegionDisabled,
            "InvalidIdentityToken" | "IDPRejectedClaim" | "IDPCommunicationError" => {
                Self::BadIdentityToken
            }
            "ValidationError" if about_duration() => Self::DurationTooLong,
            other => Self::Other(super::answer::printable(other, 64)),
        }
    }

    /// What to do about it.
    pub(in crate::credential) const fn remedy(&self) -> &'static str {
        match self {
            Self::AccessDenied => {
                "the source credential needs sts:AssumeRole on the role, and the role's trust policy must name it and its external id"
            }
            Self::Throttled => {
                "too many calls for now; it is tried again by itself, ever more slowly"
            }
            Self::PackedPolicyTooLarge => {
                "the session policy is too large once packed: shorten the storage's prefix, or carry fewer session tags"
            }
            Self::MalformedPolicy => {
                "the session policy does not parse: check the storage's bucket and prefix"
            }
            Self::ExpiredSource => "the source credential or token has expired: renew it",
            Self::UnknownSource => {
                "the source credential's access key id is not known there: check the key, or the endpoint"
            }
            Self::WrongSignature => {
                "the source credential's secret does not fit its id, or the clock is off"
            }
            Self::RegionDisabled => {
                "STS is not active in this region for the account: activate it, or name another region"
            }
            Self::BadIdentityToken => {
                "the role does not accept the identity token: check its issuer, audience and subject"
            }
            Self::DurationTooLong => {
                "not even the shortest duration is accepted: check duration_seconds"
            }
            Self::Other(_) => "see the code in AWS's list of STS errors",
        }
    }

    /// Whether every call for the role would fare the same.
    pub(in crate::credential) const fn concerns_everyone(&self) -> bool {
        !matches!(self, Self::PackedPolicyTooLarge | Self::MalformedPolicy)
    }

    /// Whether the keys that signed the call are to blame, so that fresh ones may help.
    pub(in crate::credential) const fn blames_source(&self) -> bool {
        matches!(self, Self::ExpiredSource | Self::UnknownSource)
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(code) => f.write_str(code),
            Self::AccessDenied
            | Self::Throttled
            | Self::PackedPolicyTooLarge
            | Self::MalformedPolicy
            | Self::ExpiredSource
            | Self::UnknownSource
            | Self::WrongSignature
            | Self::RegionDisabled
            | Self::BadIdentityToken
            | Self::DurationTooLong => fmt::Debug::fmt(self, f),
        }
    }
}
