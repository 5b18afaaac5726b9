//! Receiving by HTTP redirect (SAML bindings 3.4): whether the query of a request carries a message of the identity
//! provider. The signature is over the octets as they came (3.4.4.1), so it is held against the raw query, before
//! anything of it is decoded or inflated: what a stranger sends costs no more than that.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Decompress, FlushDecompress, Status};

use super::certificate::{Certificate, KeyKind};
use super::redirect::Kind;
use crate::ground::form::decoded;

/// Four times what the longest query of an identity provider's that we know of has.
const MAX_QUERY: usize = 32 * 1_024;

/// What a message may be inflated to: 64 names of sessions need less. 32 KiB of zeros would give 32 MiB.
const MAX_INFLATED: usize = 64 * 1_024;

/// A message that the identity provider's key vouches for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) kind: Kind,
    pub(super) xml: String,
    pub(super) relay_state: Option<String>,
}

/// Why a query carries no message of the identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRedirect {
    #[error("the query is longer than 32 KiB")]
    TooLong,
    #[error("the query has a parameter that does not belong there")]
    Unknown,
    #[error("the query has more than one {0}")]
    Twice(&'static str),
    #[error("the query has neither a SAMLRequest nor a SAMLResponse")]
    NoMessage,
    #[error("the query has both a SAMLRequest and a SAMLResponse")]
    TwoMessages,
    #[error("the query has no signature: no {0}")]
    Unsigned(&'static str),
    #[error("the {0} is not percent-encoded UTF-8 without control characters")]
    Encoding(&'static str),
    #[error("the signature's algorithm is not on the list")]
    Algorithm,
    #[error("the {0} is not base64")]
    NotBase64(&'static str),
    #[error("the identity provider has no key of the kind that signed")]
    NoSuchKey,
    #[error(
        "the signature is by none of the identity provider's keys, or what it signs was changed"
    )]
    Signature,
    #[error("the message is not one deflated whole")]
    NotDeflated,
    #[error("the message is longer than 64 KiB")]
    TooLarge,
    #[error("the message is not UTF-8")]
    NotUtf8,
}

const RELAY_STATE: &str = "RelayState";
const ALGORITHM: &str = "SigAlg";
const SIGNATURE: &str = "Signature";

/// Opens a raw query, as it stands behind the `?`.
pub(super) fn open(query: &str, certificates: &[Certificate]) -> Result<Received, BadRedirect> {
    let query = Query::split(query)?;
    query.verify(certificates)?;
    let parameter = query.kind.parameter();
    let xml = inflated(&base64(query.message, parameter)?)?;
    let relay_state = query.relay_state.map(|text| plain(text, RELAY_STATE)).transpose()?;
    Ok(Received { kind: query.kind, xml, relay_state })
}

/// The parameters as they came, encoded.
struct Query<'a> {
    kind: Kind,
    message: &'a str,
    relay_state: Option<&'a str>,
    algorithm: &'a str,
    signature: &'a str,
}

impl<'a> Query<'a> {
    /// Each parameter at most once and by its exact name, so that no reader finds another message than the one that is signed.
    fn split(query: &'a str) -> Result<Self, BadRedirect> {
        if query.len() > MAX_QUERY {
            return Err(BadRedirect::TooLong);
        }
        if query.is_empty() {
            return Err(BadRedirect::NoMessage);
        }
        let known = [
            Kind::Request.parameter(),
            Kind::Response.parameter(),
            RELAY_STATE,
            ALGORITHM,
            SIGNATURE,
        ];
        let mut found = known.map(|name| (name, None));
        for part in query.split('&') {
            let (name, value) = part.split_once('=').ok_or(BadRedirect::Unknown)?;
            let place = found.iter_mut().find(|(known, _)| *known == name);
            let (name, place) = place.ok_or(BadRedirect::Unknown)?;
            if place.replace(value).is_some() {
                return Err(BadRedirect::Twice(name));
            }
        }
        let [request, response, relay_state, algorithm, signature] = found.map(|(_, value)| value);
        let (kind, message) = match (request, response) {
            (Some(message), None) => (Kind::Request, message),
            (None, Some(message)) => (Kind::Response, message),
            (None, None) => return Err(BadRedirect::NoMessage),
            (Some(_), Some(_)) => return Err(BadRedirect::TwoMessages),
        };
        let algorithm = algorithm.ok_or(BadRedirect::Unsigned(ALGORITHM))?;
        let signature = signature.ok_or(BadRedirect::Unsigned(SIGNATURE))?;
        Ok(Self { kind, message, relay_state, algorithm, signature })
    }

    /// What is signed: in this order, whatever their order in the query.
    fn signed_octets(&self) -> String {
        let relay_state = self.relay_state.map(|text| format!("&{RELAY_STATE}={text}"));
        format!(
            "{}={}{}&{ALGORITHM}={}",
            self.kind.parameter(),
            self.message,
            relay_state.unwrap_or_default(),
            self.algorithm
        )
    }

    fn verify(&self, certificates: &[Certificate]) -> Result<(), BadRedirect> {
        let name = plain(self.algorithm, ALGORITHM)?;
        let (keys, algorithm) = method(&name).ok_or(BadRedirect::Algorithm)?;
        let signature = base64(self.signature, SIGNATURE)?;
        let octets = self.signed_octets();
        let mut fitting = certificates.iter().filter(|one| one.keys() == keys).peekable();
        if fitting.peek().is_none() {
            return Err(BadRedirect::NoSuchKey);
        }
        let good = |one: &Certificate| {
            let key = UnparsedPublicKey::new(algorithm, one.public_key());
            key.verify(octets.as_bytes(), &signature).is_ok()
        };
        if fitting.any(good) { Ok(()) } else { Err(BadRedirect::Signature) }
    }
}

/// R5. Of elliptic curves, those that signatures by these digests are usual with (RFC 9231 2.3.6: r and s, of fixed length).
fn method(name: &str) -> Option<(KeyKind, &'static dyn VerificationAlgorithm)> {
    match name.strip_prefix("http://www.w3.org/2001/04/xmldsig-more#")? {
        "rsa-sha256" => Some((KeyKind::Rsa, &RSA_PKCS1_2048_8192_SHA256)),
        "rsa-sha384" => Some((KeyKind::Rsa, &RSA_PKCS1_2048_8192_SHA384)),
        "rsa-sha512" => Some((KeyKind::Rsa, &RSA_PKCS1_2048_8192_SHA512)),
        "ecdsa-sha256" => Some((KeyKind::Elliptic, &ECDSA_P256_SHA256_FIXED)),
        "ecdsa-sha384" => Some((KeyKind::Elliptic, &ECDSA_P384_SHA384_FIXED)),
        _ => None,
    }
}

fn plain(text: &str, of: &'static str) -> Result<String, BadRedirect> {
    decoded(text).ok_or(BadRedirect::Encoding(of))
}

/// Without line breaks (3.4.4.1).
fn base64(text: &str, of: &'static str) -> Result<Vec<u8>, BadRedirect> {
    STANDARD.decode(plain(text, of)?).or(Err(BadRedirect::NotBase64(of)))
}

/// One stream of DEFLATE (RFC 1951), from its start to its end.
fn inflated(bytes: &[u8]) -> Result<String, BadRedirect> {
    let mut inflate = Decompress::new(false);
    // Never grows: what does not fit is too large.
    let mut found = Vec::with_capacity(MAX_INFLATED + 1);
    let status = inflate.decompress_vec(bytes, &mut found, FlushDecompress::Finish);
    if found.len() > MAX_INFLATED {
        return Err(BadRedirect::TooLarge);
    }
    let whole = usize::try_from(inflate.total_in()).is_ok_and(|read| read == bytes.len());
    if !matches!(status, Ok(Status::StreamEnd)) || !whole {
        return Err(BadRedirect::NotDeflated);
    }
    String::from_utf8(found).or(Err(BadRedirect::NotUtf8))
}
