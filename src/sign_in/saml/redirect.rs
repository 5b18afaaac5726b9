//! Sending by HTTP redirect (SAML bindings 3.4): a message is deflated, written into the address of an identity provider,
//! and signed there, over exactly the octets that are sent.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::instant;
use super::markup::Markup;
use super::names::{ASSERTIONS, PROTOCOL};
use super::service_key::DidNotSign;
use super::service_provider::ServiceProvider;
use crate::ground::clock::Timestamp;
use crate::ground::digest::hex;
use crate::ground::random::Random;

/// SAML bindings 3.4.3, in bytes.
const MAX_RELAY_STATE: usize = 80;

/// All but the unreserved characters (RFC 3986 2.3), so that whoever encodes them once more finds the same octets.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where the browser is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The whole address, with the message and its signature.
    pub location: String,
    /// The message's: what its answer must refer to.
    pub id: String,
}

/// Why there is nothing to send a browser to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    #[error("the identity provider's metadata has no {0} by redirect")]
    NoAddress(&'static str),
    #[error("the relay state is longer than 80 bytes")]
    RelayState,
    #[error("the message was not compressed")]
    NotCompressed,
    #[error(transparent)]
    DidNotSign(#[from] DidNotSign),
}

/// What stands in the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
}

impl Kind {
    pub(super) const fn parameter(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

/// What every message of ours begins with.
pub(super) struct Head<'a> {
    id: String,
    now: String,
    destination: &'a str,
    ours: &'a ServiceProvider,
}

impl<'a> Head<'a> {
    /// The id has 160 random bits, as SAML core 1.3.4 recommends.
    pub(super) fn new(
        destination: &'a str,
        ours: &'a ServiceProvider,
        now: Timestamp,
        random: &Random,
    ) -> Self {
        let bits: [u8; 20] = random.bytes();
        Self { id: format!("_{}", hex(&bits)), now: instant::written(now), destination, ours }
    }

    /// Opens the message, which has these attributes besides, and says whose it is.
    pub(super) fn open(
        &self,
        name: &'static str,
        besides: super::markup::Attributes<'_>,
    ) -> Markup {
        let mut attributes = vec![
            ("xmlns:samlp", Some(PROTOCOL)),
            ("xmlns:saml", Some(ASSERTIONS)),
            ("ID", Some(self.id.as_str())),
            ("Version", Some("2.0")),
            ("IssueInstant", Some(self.now.as_str())),
            ("Destination", Some(self.destination)),
        ];
        attributes.extend_from_slice(besides);
        let mut markup = Markup::default();
        markup.open(name, &attributes);
        markup.text("saml:Issuer", &[], self.ours.entity_id());
        markup
    }

    /// The address with the message in it.
    pub(super) fn send(
        self,
        kind: Kind,
        message: Markup,
        relay_state: Option<&str>,
    ) -> Result<Redirect, NotSent> {
        let octets = signed_octets(kind, &message.finish(), relay_state, self.ours)?;
        let signature = STANDARD.encode(self.ours.signing().sign(octets.as_bytes())?);
        let query = format!("{octets}&Signature={}", encoded(&signature));
        Ok(Redirect { location: joined(self.destination, &query), id: self.id })
    }
}

/// A relay state of our own; somebody else's is sent back as it came.
pub(super) fn short(relay_state: Option<&str>) -> Result<Option<&str>, NotSent> {
    if relay_state.is_some_and(|text| text.len() > MAX_RELAY_STATE) {
        return Err(NotSent::RelayState);
    }
    Ok(relay_state)
}

fn signed_octets(
    kind: Kind,
    xml: &str,
    relay_state: Option<&str>,
    ours: &ServiceProvider,
) -> Result<String, NotSent> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    let written = deflate.write_all(xml.as_bytes()).and_then(|()| deflate.finish());
    let message = STANDARD.encode(written.or(Err(NotSent::NotCompressed))?);
    let relay_state = relay_state.map(|text| format!("&RelayState={}", encoded(text)));
    Ok(format!(
        "{}={}{}&SigAlg={}",
        kind.parameter(),
        encoded(&message),
        relay_state.unwrap_or_default(),
        encoded(ours.signing().algorithm())
    ))
}

fn encoded(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, RESERVED)
}

/// The address may have a query of its own. A fragment is for the browser alone, and would swallow ours.
fn joined(address: &str, query: &str) -> String {
    let address = address.split('#').next().unwrap_or_default();
    let between = match address.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, own)) if own.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{address}{between}{query}")
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn a_query_is_put_behind_what_the_address_has() {
        for (address, expected) in [
            ("https://idp.example/sso", "https://idp.example/sso?a=b"),
            ("https://idp.example", "https://idp.example?a=b"),
            ("https://idp.example/sso?", "https://idp.example/sso?a=b"),
            ("https://idp.example/sso?x=y", "https://idp.example/sso?x=y&a=b"),
            ("https://idp.example/sso?x=y&", "https://idp.example/sso?x=y&a=b"),
            ("https://idp.example/sso?x=%3F?", "https://idp.example/sso?x=%3F?&a=b"),
            ("https://idp.example/sso#part", "https://idp.example/sso?a=b"),
            ("https://idp.example/sso?x=y#part?", "https://idp.example/sso?x=y&a=b"),
        ] {
            assert_eq!(joined(address, "a=b"), expected, "{address}");
        }
    }
}
