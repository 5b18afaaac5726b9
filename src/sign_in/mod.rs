//! Signing in with a password: the form, the page, the cookie and where the browser goes afterwards.
//! Whether the password is right is `identity`'s to say. Signing in at an identity provider: [`saml`].

mod form;
mod invitation;
mod label_studio_user;
mod page;
mod return_address;
pub mod saml;
mod settings;
mod sso;

pub use form::{BadForm, SignInForm};
pub use invitation::{InvitationForm, InvitationPage};
pub use label_studio_user::{LabelStudioUserForm, LabelStudioUserPage};
pub use page::{Organizations, SignInPage, Ways, sso_address};
pub use return_address::ReturnAddress;
pub use settings::{
    AWS_ROLE, AWS_SESSION_NAME, AttributeNames, BadBaseUrl, BadContext, BadDomain, BaseUrl,
    EmailDomain, KeyFiles, MetadataSource, Mode, Preset, SamlSettings, Settings, SignInContext,
    Unsolicited,
};
pub use sso::{
    Arrival, AssertionForm, Away, Browser, Come, Departure, Expiry, Fault, Fetcher, Judged, NotIn,
    Prepared, Provider, Providers, Sso, SsoError, SsoParts, Told, Wish, judge, judge_fetched,
};
