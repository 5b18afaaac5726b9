//! Why one of our own routes gave no answer.

use std::io;

use crate::catalog::OrganizationName;
use crate::ground::control::ControlFailed;
use crate::identity::{IdentityError, InvitationError, SignInError, SignedIn};
use crate::listener::BodyFault;
use crate::policy::Denial;
use crate::request::BadKey;
use crate::sign_in::{
    BadForm, InvitationPage, LabelStudioUserPage, ReturnAddress, SignInPage, SsoError,
};

/// Why one of our own routes gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// What it holds instead is not told: it could be the token.
    #[error("the body is not {{\"refresh\": TOKEN}}")]
    BadExchange,
    #[error(transparent)]
    Body(#[from] BodyFault),
    #[error("the body is not the JSON that this route takes: {0}")]
    BadJson(#[source] serde_json::Error),
    #[error("more than {limit} objects in one request")]
    BatchTooLarge { limit: usize },
    #[error("the object key: {0}")]
    BadKey(#[from] BadKey),
    #[error("the form: {0}")]
    BadForm(#[from] BadForm),
    #[error("nobody is signed in")]
    SignIn {
        #[source]
        cause: SignInError,
        /// The page for another try.
        again: Box<SignInPage>,
    },
    #[error("an invitation")]
    Invitation {
        #[source]
        cause: InvitationError,
        /// The page for another try, where there can be one.
        again: Option<Box<InvitationPage>>,
    },
    #[error("no user of Label Studio's was claimed")]
    NotThatUser {
        #[source]
        cause: SignInError,
        /// The page for another try.
        again: Box<LabelStudioUserPage>,
    },
    #[error("sign-in at an identity provider")]
    Sso {
        #[source]
        cause: SsoError,
        /// In a frame or window beside the page that the person is on.
        aside: bool,
        /// Where it may be tried again, as somebody else.
        organization: Option<OrganizationName>,
        /// And then on.
        return_to: Option<ReturnAddress>,
        /// Whom a verified answer named.
        about: Option<Box<SignedIn>>,
    },
    #[error("sign-out")]
    SignOut(#[from] IdentityError),
    #[error("no token of Label Studio's was exchanged")]
    Exchange(#[source] IdentityError),
    #[error(transparent)]
    Denied(#[from] Denial),
    #[error("no such asset is built in")]
    NoSuchAsset,
    #[error("the audit has no such request of the asker's organization")]
    NoSuchRequest,
    #[error("{limit} requests are being looked for in the audit already")]
    SearchesBusy { limit: usize },
    #[error("the audit cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("a grant for something else than our own pages")]
    NotOurs,
    #[error("the page cannot be written: {0}")]
    Page(#[source] askama::Error),
    #[error("the answer cannot be written: {0}")]
    Json(#[source] serde_json::Error),
    #[error(transparent)]
    Control(#[from] ControlFailed),
}

impl From<SsoError> for DeskError {
    fn from(cause: SsoError) -> Self {
        Self::Sso { cause, aside: false, organization: None, return_to: None, about: None }
    }
}
