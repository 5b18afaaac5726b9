//! Signing in with a password: the form, the page, the cookie and where the browser goes afterwards.
//! Whether the password is right is `identity`'s to say. Signing in at an identity provider: [`saml`].

mod form;
mod invitation;
mod page;
mod return_address;
pub mod saml;

pub use form::{BadForm, SignInForm};
pub use invitation::{InvitationForm, InvitationPage};
pub use page::SignInPage;
pub use return_address::ReturnAddress;
