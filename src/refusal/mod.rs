//! Every stage's error becomes one documented code, status and sentence here: the only status table. What a client
//! reads tells no rule, no bucket, no host and no cause; the operator finds these by the request id.

mod code;
mod render;

use std::error::Error;

pub use code::Code;

use crate::admin::DeskError;
use crate::audit::AuditError;
use crate::backend::BackendError;
use crate::catalog::OrganizationName;
use crate::credential::CredentialError;
use crate::identity::{IdentityError, InvitationError, SignInError, SignedIn, VouchedError};
use crate::label_studio::BridgeError;
use crate::listener::{BodyFault, RequestFault};
use crate::outbound::OutboundError;
use crate::policy::{Denial, InquiryError, NotFoundWhy};
use crate::request::RequestError;
use crate::sign_in::{InvitationPage, LabelStudioUserPage, ReturnAddress, SignInPage, SsoError};
use crate::stream::{BrokenOff, TooManyAtOnce};
use crate::telemetry::{Count, count};

/// An answer that is a no.
#[derive(Debug)]
pub struct Refusal {
    code: Code,
    cause: Box<dyn Error + Send + Sync>,
    extra: Extra,
}

/// What some refusals must say in a header.
#[derive(Debug)]
enum Extra {
    Nothing,
    Allow(&'static str),
    RetryAfter(u64),
    /// A browser gets the form again instead of JSON.
    SignInAgain {
        page: Box<SignInPage>,
        retry_after: Option<u64>,
    },
    /// At whose identity provider a browser gets on again.
    IdentityProvider(OrganizationName),
    /// What a sign-in at an identity provider leaves behind.
    Sso {
        /// In a frame or window beside the page that the person is on.
        aside: bool,
        /// Where it may be tried again, as somebody else.
        organization: Option<OrganizationName>,
        /// And then on.
        return_to: Option<ReturnAddress>,
        /// Whom a verified answer named.
        about: Option<Box<SignedIn>>,
    },
    /// The same with the form of an invitation.
    AcceptAgain(Box<InvitationPage>),
    /// The same with the form of a user of Label Studio's.
    ClaimAgain(Box<LabelStudioUserPage>),
    /// A browser that opens a page is led to that form.
    Claim,
    /// Length of the object, for `Content-Range: bytes */N`.
    ObjectLength(u64),
    /// The parameter of the query that is at fault, in the client's own words or ours.
    Parameter(Box<str>),
}

impl Refusal {
    fn new(code: Code, cause: impl Error + Send + Sync + 'static) -> Self {
        Self { code, cause: Box::new(cause), extra: Extra::Nothing }
    }

    fn with(mut self, extra: Extra) -> Self {
        self.extra = extra;
        self
    }

    /// The stable, documented code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code.as_str()
    }

    /// Whose sign-in it was that failed.
    #[must_use]
    pub fn sign_in(&self) -> Option<&str> {
        match &self.extra {
            Extra::SignInAgain { page, .. } => Some(&page.email),
            Extra::Nothing
            | Extra::Allow(_)
            | Extra::RetryAfter(_)
            | Extra::AcceptAgain(_)
            | Extra::ClaimAgain(_)
            | Extra::Claim
            | Extra::Sso { .. }
            | Extra::IdentityProvider(_)
            | Extra::ObjectLength(_)
            | Extra::Parameter(_) => None,
        }
    }

    /// Whom an identity provider's answer named that was not taken, and what his account became.
    #[must_use]
    pub fn about(&self) -> Option<&SignedIn> {
        match &self.extra {
            Extra::Sso { about, .. } => about.as_deref(),
            Extra::Nothing
            | Extra::Allow(_)
            | Extra::RetryAfter(_)
            | Extra::SignInAgain { .. }
            | Extra::IdentityProvider(_)
            | Extra::AcceptAgain(_)
            | Extra::ClaimAgain(_)
            | Extra::Claim
            | Extra::ObjectLength(_)
            | Extra::Parameter(_) => None,
        }
    }

    /// Why, for the operator.
    #[must_use]
    pub fn cause(&self) -> &(dyn Error + 'static) {
        &*self.cause
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Fault(fault) => Self::new(fault_code(fault), fault),
            RequestError::NoSuchRoute | RequestError::NotInCatalogue(_) => {
                Self::new(Code::NotFound, error)
            }
            RequestError::MethodNotAllowed { allow } => {
                Self::new(Code::MethodNotAllowed, error).with(Extra::Allow(allow))
            }
            RequestError::BadKey(_) => Self::new(Code::BadKey, error),
            RequestError::BadQuery { ref name } => {
                let parameter = Extra::Parameter(name.as_str().into());
                Self::new(Code::BadQuery, error).with(parameter)
            }
            RequestError::BadHeader { .. } => Self::new(Code::BadHeader, error),
            RequestError::LengthRequired => Self::new(Code::LengthRequired, error),
            RequestError::BodyTooLarge { .. } => Self::new(Code::BodyTooLarge, error),
            RequestError::UnexpectedBody => Self::new(Code::UnexpectedBody, error),
        }
    }
}

const fn fault_code(fault: RequestFault) -> Code {
    match fault {
        RequestFault::AmbiguousFraming => Code::AmbiguousFraming,
        RequestFault::MalformedHead => Code::MalformedHead,
        RequestFault::SlowHead => Code::SlowHead,
        RequestFault::HeadTooLarge => Code::HeadTooLarge,
        RequestFault::BadTarget => Code::BadTarget,
        RequestFault::BadMethod => Code::BadMethod,
        RequestFault::BadHost => Code::BadHost,
        RequestFault::MisdirectedHost => Code::MisdirectedHost,
        RequestFault::BadUpgrade => Code::BadUpgrade,
        RequestFault::BadExpectation => Code::BadExpectation,
        RequestFault::TooManyFromAddress => Code::TooManyRequests,
    }
}

impl From<IdentityError> for Refusal {
    fn from(error: IdentityError) -> Self {
        let code = match &error {
            IdentityError::TooManyAttempts { retry_after_seconds } => {
                let wait = Extra::RetryAfter(*retry_after_seconds);
                return Self::new(Code::TooManyRequests, error).with(wait);
            }
            IdentityError::NotValid | IdentityError::TwoSessions => Code::NotSignedIn,
            IdentityError::BadAuthorization => Code::NotSignedIn,
            IdentityError::TwoPeople => Code::TwoPeople,
            IdentityError::CrossOrigin => Code::CrossOrigin,
            IdentityError::Unavailable(_)
            | IdentityError::LabelStudio(_)
            | IdentityError::Control(_) => Code::TryLater,
        };
        Self::new(code, error)
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        match &denial {
            Denial::NotSignedIn => Self::new(Code::NotSignedIn, denial),
            Denial::Forbidden { .. } => Self::new(Code::Forbidden, denial),
            Denial::NotFound {
                why:
                    NotFoundWhy::Project
                    | NotFoundWhy::Storage
                    | NotFoundWhy::Handle
                    | NotFoundWhy::LabelStudio
                    | NotFoundWhy::Reference
                    | NotFoundWhy::Unreferenced
                    | NotFoundWhy::Invisible(_),
            } => Self::new(Code::NotFound, denial),
            Denial::OverQuota { retry_after_seconds } => {
                let wait = Extra::RetryAfter(*retry_after_seconds);
                Self::new(Code::TooManyRequests, denial).with(wait)
            }
            Denial::NamesNoProject => {
                Self::new(Code::BadQuery, denial).with(Extra::Parameter("project".into()))
            }
            Denial::HiddenColumn => Self::new(Code::HiddenColumn, denial),
            Denial::Evaluation(_) => Self::new(Code::OurFault, denial),
        }
    }
}

impl From<InquiryError> for Refusal {
    fn from(error: InquiryError) -> Self {
        match error {
            InquiryError::Body(fault) => Self::new(body_code(&fault), fault),
            InquiryError::BadBody(_) | InquiryError::Garbled(_) => Self::new(Code::BadBody, error),
            InquiryError::NoRoom => {
                Self::new(Code::TooManyRequests, error).with(Extra::RetryAfter(1))
            }
            InquiryError::ForeignHandle => Self::new(Code::ForeignHandle, error),
            InquiryError::BadQuery(_) | InquiryError::BadFilters(_) => {
                let parameter = error.parameter().map(Into::into);
                let parameter = parameter.map_or(Extra::Nothing, Extra::Parameter);
                Self::new(Code::BadQuery, error).with(parameter)
            }
            InquiryError::Bridge(ref bridge) => Self::not_over(&bridge.clone(), error),
            InquiryError::Lookup(_) => Self::new(Code::StorageUnavailable, error),
        }
    }
}

impl From<CredentialError> for Refusal {
    fn from(error: CredentialError) -> Self {
        let code = match &error {
            CredentialError::SignInAgain { organization: Some(organization), .. } => {
                let there = Extra::IdentityProvider(organization.clone());
                return Self::new(Code::SignInAgain, error).with(there);
            }
            CredentialError::Bridge(bridge) => return Self::not_over(&bridge.clone(), error),
            CredentialError::Unavailable { .. } | CredentialError::Control(_) => {
                Code::StorageUnavailable
            }
            CredentialError::SignInAgain { .. } => Code::SignInAgain,
            CredentialError::NoRole { .. } => Code::Forbidden,
            CredentialError::Unknown { .. }
            | CredentialError::RoleNotListed { .. }
            | CredentialError::ForeignStorage
            | CredentialError::NoBridge => Code::OurFault,
        };
        Self::new(code, error)
    }
}

impl From<BackendError> for Refusal {
    fn from(error: BackendError) -> Self {
        use BackendError as E;
        if let E::NotKnown(why) = error {
            return why.into();
        }
        let code = match &error {
            E::RangeNotSatisfiable { length } => {
                let length = Extra::ObjectLength(*length);
                return Self::new(Code::RangeNotSatisfiable, error).with(length);
            }
            E::NoSuchObject => Code::NotFound,
            E::PreconditionFailed => Code::PreconditionFailed,
            E::UnsupportedCondition { .. } => Code::BadHeader,
            E::Withheld(_) => Code::ExportWithheld,
            E::People(_) => Code::TryLater,
            E::BodyRefused { .. } | E::ClientGone => Code::BadBody,
            E::KeyTooLong => Code::BadKey,
            E::ClientStalled { .. } => Code::SlowBody,
            E::Unreachable(cause) => unreachable_code(cause),
            E::Silent { .. } | E::Stalled { .. } => Code::StorageTimeout,
            E::Overloaded { .. }
            | E::CredentialRejected { .. }
            | E::Conflict
            | E::ChangedMidRead => Code::StorageUnavailable,
            E::Broken { .. }
            | E::Truncated { .. }
            | E::Unusable { .. }
            | E::RefusedUs { .. }
            | E::Elsewhere { .. }
            | E::Misconfigured { .. }
            | E::BadEndpoint(_) => Code::StorageFault,
            E::NotKnown(_) => Code::StorageUnavailable,
            E::WrongCredential | E::NotForStorage | E::Unwritable(_) | E::Unprintable(_) => {
                Code::OurFault
            }
        };
        Self::new(code, error)
    }
}

/// A storage that is down comes back by itself; one that may not be reached, or is not who it should be, does not.
const fn unreachable_code(error: &OutboundError) -> Code {
    use OutboundError as E;
    match error {
        E::Timeout { .. } => Code::StorageTimeout,
        E::Unresolved { .. } | E::NoAddress { .. } | E::Unreachable { .. } => {
            Code::StorageUnavailable
        }
        E::PrivateAddress { .. }
        | E::ClearText { .. }
        | E::Unverified { .. }
        | E::Garbled { .. }
        | E::TooLarge { .. }
        | E::BadAddress { .. }
        | E::BadRoots { .. }
        | E::BadTls(_) => Code::StorageFault,
    }
}

impl From<AuditError> for Refusal {
    fn from(error: AuditError) -> Self {
        Self::new(Code::TryLater, error)
    }
}

impl From<TooManyAtOnce> for Refusal {
    fn from(error: TooManyAtOnce) -> Self {
        Self::new(Code::TooManyRequests, error)
    }
}

impl From<BrokenOff> for Refusal {
    fn from(broken_off: BrokenOff) -> Self {
        let code = match broken_off {
            BrokenOff::Lapsed => Code::Forbidden,
            BrokenOff::Stopped => Code::TryLater,
        };
        Self::new(code, broken_off)
    }
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Denied(denial) => denial.into(),
            DeskError::Sso { cause, aside, organization, return_to, about } => {
                let code = sso_code(&cause);
                if code != Code::NotFound {
                    count(Count::SamlRefusals);
                }
                Self::new(code, cause).with(Extra::Sso { aside, organization, return_to, about })
            }
            DeskError::SignIn { cause, again } => Self::sign_in_failed(cause, *again),
            DeskError::Invitation { cause, again } => Self::not_accepted(cause, again),
            DeskError::NotThatUser { cause, again } => Self::not_that_user(cause, *again),
            DeskError::Body(fault) => Self::new(body_code(&fault), fault),
            DeskError::BadExchange
            | DeskError::BadJson(_)
            | DeskError::BatchTooLarge { .. }
            | DeskError::BadForm(_) => Self::new(Code::BadBody, error),
            DeskError::BadKey(_) => Self::new(Code::BadKey, error),
            DeskError::NoSuchAsset | DeskError::NoSuchRequest => Self::new(Code::NotFound, error),
            DeskError::Exchange(error) => error.into(),
            DeskError::SignOut(_)
            | DeskError::SearchesBusy { .. }
            | DeskError::Unreadable(_)
            | DeskError::Control(_) => Self::new(Code::TryLater, error),
            DeskError::NotOurs | DeskError::Page(_) | DeskError::Json(_) => {
                Self::new(Code::OurFault, error)
            }
        }
    }
}

impl Refusal {
    /// For whoever does not get over to Label Studio.
    fn not_over(why: &BridgeError, error: impl Error + Send + Sync + 'static) -> Self {
        match why {
            BridgeError::ExistingUser { .. } => {
                Self::new(Code::LabelStudioUser, error).with(Extra::Claim)
            }
            BridgeError::AnotherUser { .. }
            | BridgeError::Api(_)
            | BridgeError::Records(_)
            | BridgeError::Sealed
            | BridgeError::Control(_) => Self::new(Code::StorageUnavailable, error),
        }
    }

    fn not_accepted(cause: InvitationError, again: Option<Box<InvitationPage>>) -> Self {
        let code = match &cause {
            InvitationError::NoSuchInvitation => Code::NotFound,
            InvitationError::BadEmail => Code::BadEmail,
            InvitationError::EmailTaken => Code::EmailTaken,
            InvitationError::BadPassword(_) => Code::BadPassword,
            InvitationError::SignIn(SignInError::TooManyAttempts { retry_after_seconds }) => {
                let wait = Extra::RetryAfter(*retry_after_seconds);
                return Self::new(Code::TooManyRequests, cause).with(wait);
            }
            InvitationError::SignIn(error) => sign_in_code(error),
        };
        // Where another try can help.
        let again = again.filter(|_| code.status().is_client_error() && code != Code::NotFound);
        let again = again.map(|page| InvitationPage { problem: Some(code.message()), ..*page });
        let extra = again.map_or(Extra::Nothing, |page| Extra::AcceptAgain(Box::new(page)));
        Self::new(code, cause).with(extra)
    }

    fn not_that_user(cause: SignInError, again: LabelStudioUserPage) -> Self {
        if let SignInError::TooManyAttempts { retry_after_seconds } = cause {
            let wait = Extra::RetryAfter(retry_after_seconds);
            return Self::new(Code::TooManyRequests, cause).with(wait);
        }
        let wrong = matches!(cause, SignInError::WrongPassword);
        let code = if wrong { Code::LabelStudioPassword } else { sign_in_code(&cause) };
        let page = LabelStudioUserPage { problem: Some(code.message()), ..again };
        // Where another try can help.
        let helps = code != Code::NotFound;
        let extra = if helps { Extra::ClaimAgain(Box::new(page)) } else { Extra::Nothing };
        Self::new(code, cause).with(extra)
    }

    fn sign_in_failed(cause: SignInError, again: SignInPage) -> Self {
        let code = sign_in_code(&cause);
        let retry_after = match &cause {
            SignInError::TooManyAttempts { retry_after_seconds } => Some(*retry_after_seconds),
            SignInError::WrongPassword
            | SignInError::Disabled
            | SignInError::SsoOnly
            | SignInError::Unavailable(_)
            | SignInError::LabelStudio(_)
            | SignInError::NoLabelStudio
            | SignInError::Control(_)
            | SignInError::Hashing(_) => None,
        };
        let page = Box::new(SignInPage { problem: Some(code.message()), ..again });
        Self::new(code, cause).with(Extra::SignInAgain { page, retry_after })
    }
}

/// One sentence for whatever was wrong with an answer, and for whoever is not let in.
const fn sso_code(error: &SsoError) -> Code {
    match error {
        SsoError::NoProvider => Code::NotFound,
        SsoError::BadForm(_) | SsoError::BadField(_) => Code::BadBody,
        SsoError::NotAsked => Code::SignInExpired,
        SsoError::Logout(_) => Code::SignOutRefused,
        SsoError::NotAdmitted(VouchedError::NoMapping { .. }) => Code::NoRole,
        SsoError::Refused(_)
        | SsoError::NoEmail { .. }
        | SsoError::SeveralLines { .. }
        | SsoError::BadEmail
        | SsoError::ForeignDomain
        | SsoError::BreakGlass
        | SsoError::NotRenewed
        | SsoError::NotOurPage
        | SsoError::NotAdmitted(
            VouchedError::AssertionUsed
            | VouchedError::Disabled
            | VouchedError::SignedOut
            | VouchedError::Ended
            | VouchedError::Elsewhere,
        ) => Code::SignInRefused,
        SsoError::NotAdmitted(VouchedError::Unavailable(_))
        | SsoError::MetadataOver
        | SsoError::Busy
        | SsoError::Control(_) => Code::TryLater,
        SsoError::NotSent(_) => Code::OurFault,
    }
}

/// A disabled account answers like a wrong password: nobody learns that the password was right.
const fn sign_in_code(error: &SignInError) -> Code {
    match error {
        SignInError::WrongPassword | SignInError::Disabled | SignInError::SsoOnly => {
            Code::WrongPassword
        }
        SignInError::TooManyAttempts { .. } => Code::TooManyRequests,
        SignInError::Unavailable(_) | SignInError::LabelStudio(_) | SignInError::Control(_) => {
            Code::TryLater
        }
        SignInError::NoLabelStudio => Code::NotFound,
        SignInError::Hashing(_) => Code::OurFault,
    }
}

const fn body_code(fault: &BodyFault) -> Code {
    match fault {
        BodyFault::TooLarge { .. } => Code::BodyTooLarge,
        BodyFault::Slow => Code::SlowBody,
        BodyFault::WrongType { .. } | BodyFault::Broken(_) => Code::BadBody,
    }
}
