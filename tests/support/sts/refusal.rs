//! How STS says no: code, status and words of AWS's
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>, the lists of errors of `AssumeRole` and
//! `AssumeRoleWithSAML` there, and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html>, which has the words).

/// STS's error codes, as its XML has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    AccessDenied,
    ExpiredToken,
    IdpRejectedClaim,
    IncompleteSignature,
    InternalFailure,
    InvalidAction,
    InvalidClientTokenId,
    InvalidIdentityToken,
    MalformedPolicyDocument,
    MissingAuthenticationToken,
    PackedPolicyTooLarge,
    RegionDisabled,
    ServiceUnavailable,
    SignatureDoesNotMatch,
    Throttling,
    ValidationError,
}

/// One refusal.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub code: Code,
    pub message: String,
}

impl Code {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDenied",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::IdpRejectedClaim => "IDPRejectedClaim",
            Self::IncompleteSignature => "IncompleteSignature",
            Self::InternalFailure => "InternalFailure",
            Self::InvalidAction => "InvalidAction",
            Self::InvalidClientTokenId => "InvalidClientTokenId",
            Self::InvalidIdentityToken => "InvalidIdentityToken",
            Self::MalformedPolicyDocument => "MalformedPolicyDocument",
            Self::MissingAuthenticationToken => "MissingAuthenticationToken",
            Self::PackedPolicyTooLarge => "PackedPolicyTooLarge",
            Self::RegionDisabled => "RegionDisabledException",
            Self::ServiceUnavailable => "ServiceUnavailable",
            Self::SignatureDoesNotMatch => "SignatureDoesNotMatch",
            Self::Throttling => "Throttling",
            Self::ValidationError => "ValidationError",
        }
    }

    pub const fn status(self) -> u16 {
        match self {
            Self::ExpiredToken
            | Self::IncompleteSignature
            | Self::InvalidAction
            | Self::InvalidIdentityToken
            | Self::MalformedPolicyDocument
            | Self::PackedPolicyTooLarge
            | Self::Throttling
            | Self::ValidationError => 400,
            Self::AccessDenied
            | Self::IdpRejectedClaim
            | Self::InvalidClientTokenId
            | Self::MissingAuthenticationToken
            | Self::RegionDisabled
            | Self::SignatureDoesNotMatch => 403,
            Self::InternalFailure => 500,
            Self::ServiceUnavailable => 503,
        }
    }

    /// Who is at fault: the caller, or STS.
    pub const fn fault(self) -> &'static str {
        if self.status() < 500 { "Sender" } else { "Receiver" }
    }

    /// With these words.
    pub fn because(self, message: impl Into<String>) -> Refusal {
        Refusal { code: self, message: message.into() }
    }

    /// What is said where a test has it said without a reason.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Throttling => "Rate exceeded",
            Self::RegionDisabled => {
                "STS is not activated in this region for account. Your account administrator can activate STS in this region using the IAM Console."
            }
            Self::ServiceUnavailable | Self::InternalFailure => {
                "We are sorry, it failed on our side."
            }
            Self::AccessDenied
            | Self::ExpiredToken
            | Self::IdpRejectedClaim
            | Self::IncompleteSignature
            | Self::InvalidAction
            | Self::InvalidClientTokenId
            | Self::InvalidIdentityToken
            | Self::MalformedPolicyDocument
            | Self::MissingAuthenticationToken
            | Self::PackedPolicyTooLarge
            | Self::SignatureDoesNotMatch
            | Self::ValidationError => "refused on purpose",
        }
    }
}
