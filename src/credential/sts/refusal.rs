//! What STS says when it says no, and what an operator does about it
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>, and each action's own list).

use std::fmt;

/// What was asked for: the same code can have another cause in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    AssumeRole,
    /// `AssumeRole` with the name of a person, as session name, source identity and tags.
    AssumeRoleForPerson,
    AssumeRoleWithSaml,
    AssumeRoleWithWebIdentity,
}

impl Action {
    /// As the API calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::AssumeRole | Self::AssumeRoleForPerson => "AssumeRole",
            Self::AssumeRoleWithSaml => "AssumeRoleWithSAML",
            Self::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
        }
    }
}

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
    RejectedClaim,
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
            "IDPRejectedClaim" | "IDPRejectedClaimException" => Self::RejectedClaim,
            "InvalidIdentityToken" | "InvalidIdentityTokenException" | "IDPCommunicationError" => {
                Self::BadIdentityToken
            }
            "ValidationError" if about_duration() => Self::DurationTooLong,
            other => Self::Other(crate::credential::query::printable(other, 64)),
        }
    }

    /// What to do about it.
    pub(in crate::credential) const fn remedy(&self, action: Action) -> &'static str {
        match self {
            Self::AccessDenied => access_denied(action),
            Self::Throttled => match action {
                Action::AssumeRoleWithSaml => "too many calls for now: the person signs in again",
                Action::AssumeRole
                | Action::AssumeRoleForPerson
                | Action::AssumeRoleWithWebIdentity => {
                    "too many calls for now; it is tried again by itself, ever more slowly"
                }
            },
            Self::PackedPolicyTooLarge => match action {
                Action::AssumeRoleWithSaml => {
                    "the session policy is too large once packed: shorten the prefixes of the project's storages, or have the identity provider send fewer PrincipalTag attributes"
                }
                Action::AssumeRole
                | Action::AssumeRoleForPerson
                | Action::AssumeRoleWithWebIdentity => {
                    "the session policy is too large once packed: shorten the storage's prefix, or carry fewer session tags"
                }
            },
            Self::MalformedPolicy => {
                "the session policy does not parse: check the storage's bucket and prefix"
            }
            Self::ExpiredSource => match action {
                Action::AssumeRoleWithSaml => {
                    "the assertion was older than five minutes when it came to STS, or had ended: compare the clocks of this machine and of the identity provider; the person signs in again"
                }
                Action::AssumeRole
                | Action::AssumeRoleForPerson
                | Action::AssumeRoleWithWebIdentity => {
                    "the source credential or token has expired: renew it"
                }
            },
            Self::UnknownSource => {
                "the source credential's access key id is not known there: check the key, or the endpoint"
            }
            Self::WrongSignature => {
                "the source credential's secret does not fit its id, or the clock is off"
            }
            Self::RegionDisabled => {
                "STS is not active in this region for the account: activate it, or name another region"
            }
            Self::BadIdentityToken => match action {
                Action::AssumeRoleWithSaml => {
                    "IAM does not take the assertion: give the IAM SAML provider the identity provider's present metadata (issuer and certificate), have urn:amazon:webservices among the audiences, and the attribute RoleSessionName sent"
                }
                Action::AssumeRole
                | Action::AssumeRoleForPerson
                | Action::AssumeRoleWithWebIdentity => {
                    "the role does not accept the identity token: check its issuer, audience and subject"
                }
            },
            Self::RejectedClaim => {
                "the identity provider itself says that the sign-in failed: see its log, and which attributes it sends for AWS"
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
            | Self::RejectedClaim
            | Self::DurationTooLong => fmt::Debug::fmt(self, f),
        }
    }
}

const fn access_denied(action: Action) -> &'static str {
    match action {
        Action::AssumeRole => {
            "the source credential needs sts:AssumeRole on the role, and the role's trust policy must name it and its external id"
        }
        Action::AssumeRoleForPerson => {
            "per_person needs sts:AssumeRole, sts:SetSourceIdentity and sts:TagSession: all three in the role's trust policy, which must name the source credential and its external id, and all three in the source's own permissions on the role, which AWS asks for where the source is a role itself or of another account"
        }
        Action::AssumeRoleWithSaml => {
            "the role's trust policy must allow sts:AssumeRoleWithSAML to the SAML provider, its SAML:aud must be the assertion endpoint of the organization, and where the assertion has PrincipalTag or SourceIdentity attributes it must allow sts:TagSession and sts:SetSourceIdentity too"
        }
        Action::AssumeRoleWithWebIdentity => {
            "the role's trust policy must allow sts:AssumeRoleWithWebIdentity to the token's issuer, for its audience and subject"
        }
    }
}
