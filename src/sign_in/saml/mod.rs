//! The pure heart of the SAML service provider (SAML 2.0, browser SSO by HTTP POST): from a posted field to who signed in.
//! No HTTP, no I/O, no clock: time and trust are arguments.
//!
//! A field becomes a document ([`decode`]); [`verify`] passes it through the gate, which may only refuse, through the
//! signature engine, and reads the octets that were digested, once more by the same rules. Who calls has three duties
//! left: to use an assertion once (R7: until [`Assertion::not_on_or_after`] and [`SKEW`] after it), to bind
//! [`Expected::request`] to this browser, and to send it to a return address of ours (R9).
//!
//! What goes the other way, and what is said about signing out: [`ServiceProvider`] is who we are; [`SignInRequest`],
//! [`SignOutRequest`] and [`SignOutReply`] become addresses to send a browser to; [`receive_logout`] reads what it brings.

mod certificate;
mod claims;
mod decryption;
mod element;
mod encoding;
mod encrypted;
mod engine;
mod gate;
mod instant;
mod logout;
mod logout_received;
#[cfg(test)]
mod logout_tests;
mod markup;
mod metadata;
mod metadata_document;
mod names;
#[cfg(test)]
mod peer;
mod pem;
mod received;
mod redirect;
mod request;
mod scan;
mod service_key;
mod service_provider;
mod shape;
mod signature;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use certificate::{BadCertificate, Certificate};
pub use claims::{MAX_AGE, NotAccepted, SKEW, Unconfirmed, accepted_until};
pub use decryption::{BadKey, DecryptionKey};
pub use encoding::{BadField, decode};
pub use engine::NotVerified;
pub use gate::Closed;
pub(super) use gate::is_absolute;
pub use logout::{SignOutReply, SignOutRequest, SignOutStatus, Subject};
pub use logout_received::{Logout, LogoutAnswer, LogoutRequest, NotSignedOut, receive_logout};
pub use metadata::{Fault, IdentityProvider, OldCopy, What};
pub use received::BadRedirect;
pub use redirect::{NotSent, Redirect};
pub use request::SignInRequest;
pub use service_key::{BadServiceKey, DidNotSign, ServiceKey};
pub use service_provider::{BadServiceProvider, ServiceProvider};

use crate::ground::clock::Timestamp;

/// What a browser may post: some thousand groups and a chain of certificates need less.
const MAX_BYTES: usize = 256 * 1_024;

/// The engine digests a document once for each that it tries (R4).
const MAX_CERTIFICATES: usize = 4;

/// Whom we believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    entity_id: Box<str>,
    certificates: Vec<Certificate>,
    valid_until: Option<Timestamp>,
}

/// Whom nobody can believe: there is no start and no reload with it (R5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTrust {
    #[error("the identity provider has no certificate for signing")]
    NoCertificate,
    #[error("the identity provider has more than 4 certificates for signing")]
    TooManyCertificates,
}

impl Trust {
    /// `entity_id` names the identity provider; its metadata counts until `valid_until`.
    ///
    /// # Errors
    /// [`NoTrust`] as its variants say.
    pub fn new(
        entity_id: &str,
        certificates: Vec<Certificate>,
        valid_until: Option<Timestamp>,
    ) -> Result<Self, NoTrust> {
        match certificates.len() {
            0 => Err(NoTrust::NoCertificate),
            1..=MAX_CERTIFICATES => {
                Ok(Self { entity_id: entity_id.into(), certificates, valid_until })
            }
            _ => Err(NoTrust::TooManyCertificates),
        }
    }
}

/// What an answer must be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected<'a> {
    /// Ours: one of the audiences.
    pub entity_id: &'a str,
    /// The address of our assertion endpoint: destination and recipient.
    pub endpoint: &'a str,
    /// The id of this browser's pending request. `None` only where the operator allows what nobody asked for
    /// (IdP-initiated): then the answer may name no request.
    pub request: Option<&'a str>,
    /// By one of these means the person must have proven himself (AuthnContextClassRef); by any, when there are none. A request
    /// alone would not do: who has its id can ask the identity provider for less.
    pub contexts: &'a [String],
    /// The person must have proven himself since then (ForceAuthn).
    pub authenticated_since: Option<Timestamp>,
}

/// Who signed in, as the identity provider's key vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// Unique at the issuer: what makes its second use known (R7).
    pub id: String,
    pub issuer: String,
    pub name_id: String,
    pub name_id_format: Option<String>,
    /// Where the name is one (SAML core 2.2.2); to be repeated when signing out there.
    pub name_qualifier: Option<String>,
    pub sp_name_qualifier: Option<String>,
    /// The session at the identity provider, for signing out there.
    pub session_index: Option<String>,
    /// No session of ours may outlive it.
    pub session_not_on_or_after: Option<Timestamp>,
    /// Nobody accepts the assertion later (but for [`SKEW`]).
    pub not_on_or_after: Timestamp,
    pub issue_instant: Timestamp,
    /// By name; each with its values in their order.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// The names of those that are left out, for a value of theirs has several lines.
    pub of_several_lines: BTreeSet<String>,
}

/// Why an answer signs nobody in. For the audit log: the browser is told one sentence for all of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("refused before its signatures were looked at")]
    Closed(
        #[from]
        #[source]
        Closed,
    ),
    #[error("not verified")]
    NotVerified(
        #[from]
        #[source]
        NotVerified,
    ),
    /// For whatever reason: nobody learns more (R8).
    #[error("not decrypted")]
    NotDecrypted,
    #[error("verified, but not acceptable")]
    NotAccepted(
        #[from]
        #[source]
        NotAccepted,
    ),
}

/// Says who signed in, when the document proves it.
///
/// An encrypted assertion is decrypted by one of `keys`, ours, of which the first two are tried: the one in use and, while it
/// changes, the other. Without keys it is refused as such.
///
/// # Errors
/// [`Refused`] as its variants say.
pub fn verify(
    xml: &str,
    trust: &Trust,
    expected: &Expected<'_>,
    keys: &[DecryptionKey],
    now: Timestamp,
) -> Result<Assertion, Refused> {
    let passed = gate::pass(xml, !keys.is_empty())?;
    let octets = engine::digested(xml, &trust.certificates, passed.keys)?;
    claims::Judge { trust, expected, keys, now }.read(&octets, &passed)
}

/// Whether the identity provider says that it would have had to ask the person something (`NoPassive`), when
/// [`SignInRequest::passive`] forbade it. Nobody vouches for that: it is a reason to ask once more without, and nothing else.
#[must_use]
pub fn says_no_passive(refused: &Refused) -> bool {
    matches!(refused, Refused::Closed(Closed::Status(status)) if &**status == "NoPassive")
}
