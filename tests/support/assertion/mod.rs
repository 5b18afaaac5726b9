//! SAML responses as an identity provider sends them, made to order: what they say ([`Claims`]), which parts of them are
//! signed ([`Signed`]), and by whom ([`IdentityProvider`]). What a test leaves alone is sound.
//!
//! Each response is written in the form that exclusive canonicalization would give it, so the octets that are hashed are
//! those that are sent. That this is so is for `xmlsec1` to say, not for this code: `super::sts` asks it.

mod claims;
mod provider;
mod writing;

pub use claims::{BEARER, Claims, Confirmation, EMAIL_ADDRESS, SUCCESS};
pub use provider::{Algorithm, IdentityProvider, Signed, base64};
