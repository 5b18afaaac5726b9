//! Why single sign-on gave no session. For the audit; a browser is told little of it.

use super::super::BadForm;
use super::super::saml::{BadField, NotSent, NotSignedOut, Refused};
use crate::ground::control::ControlFailed;
use crate::identity::VouchedError;

/// Why nobody is signed in, or out.
#[derive(Debug, thiserror::Error)]
pub enum SsoError {
    #[error("the organization has no identity provider at which people sign in")]
    NoProvider,
    #[error("no request can be made for the identity provider")]
    NotSent(#[from] NotSent),
    #[error("the time of the identity provider's metadata is over: get them afresh from there")]
    MetadataOver,
    #[error(
        "a page of another site asked for it without being left for it, or a frame without a session"
    )]
    NotOurPage,
    #[error("the form: {0}")]
    BadForm(#[from] BadForm),
    #[error("the answer: {0}")]
    BadField(#[from] BadField),
    #[error("this browser waits for no answer of an identity provider, or does not any more")]
    NotAsked,
    #[error("the identity provider's answer")]
    Refused(#[source] Refused),
    #[error("the answer has no e-mail, or several: {attribute}")]
    NoEmail { attribute: String },
    #[error("a value of several lines stands in {attribute}, which something is decided by")]
    SeveralLines { attribute: String },
    #[error("what the answer gives as e-mail is none")]
    BadEmail,
    #[error(transparent)]
    NotAdmitted(#[from] VouchedError),
    #[error("the identity provider's word about signing out")]
    Logout(#[from] NotSignedOut),
    #[error(
        "the identity provider vouches for an e-mail of a domain that email_domains does not list"
    )]
    ForeignDomain,
    #[error(
        "the identity provider vouches for somebody of break_glass, who may come with his password only"
    )]
    BreakGlass,
    #[error("a renewal beside the page: the session has ended, or somebody else came")]
    NotRenewed,
    #[error("too many answers are being verified")]
    Busy,
    #[error(transparent)]
    Control(#[from] ControlFailed),
}
