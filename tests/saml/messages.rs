//! A service provider's side of the redirect binding (saml-bindings-2.0-os, 3.4), by hand: messages that it sends, signed
//! or not, and those that it is sent. The gateway has its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use sluicegate::ground::clock::{Clock, Timestamp};
use sluicegate::ground::digest::hex;
use sluicegate::ground::random::Random;

use crate::support::company::Key;

pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// A message on its way by redirect.
pub struct Message {
    /// `SAMLRequest` or `SAMLResponse`.
    pub parameter: &'static str,
    pub id: String,
    pub xml: String,
}

impl Message {
    /// A message of this kind to this address from this service provider: attributes and content as they stand.
    fn new(kind: &str, parties: (&str, &str), attributes: &str, content: &str) -> Self {
        Self::of(Clock::system().now(), kind, parties, attributes, content)
    }

    fn of(
        at: Timestamp,
        kind: &str,
        (to, from): (&str, &str),
        attributes: &str,
        content: &str,
    ) -> Self {
        let id = format!("_{}", hex(&Random::system().bytes::<20>()));
        let now = at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let xml = format!(
            "<samlp:{kind} xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" \
             IssueInstant=\"{now}\" Destination=\"{to}\" {attributes}><saml:Issuer>{from}</saml:Issuer>\
             {content}</samlp:{kind}>"
        );
        let parameter = if kind.ends_with("Response") { "SAMLResponse" } else { "SAMLRequest" };
        Self { parameter, id, xml }
    }

    /// Asks who is there; without asking him, when `passive`.
    pub fn sign_in(to: &str, from: &str, passive: bool) -> Self {
        Self::new("AuthnRequest", (to, from), &format!("IsPassive=\"{passive}\""), "")
    }

    /// Asks to end this person's session.
    pub fn sign_out(to: &str, from: &str, name_id: &str, session: &str) -> Self {
        let content = format!(
            "<saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">{name_id}\
             </saml:NameID><samlp:SessionIndex>{session}</samlp:SessionIndex>"
        );
        Self::new("LogoutRequest", (to, from), "", &content)
    }

    /// Asks, at this time, to end all of this person's sessions.
    pub fn sign_out_all(to: &str, from: &str, name_id: &str, at: Timestamp) -> Self {
        let content = format!("<saml:NameID>{name_id}</saml:NameID>");
        Self::of(at, "LogoutRequest", (to, from), "", &content)
    }

    /// Says that a session was ended, as this request asked.
    pub fn signed_out(to: &str, from: &str, request: &str) -> Self {
        let content = "<samlp:Status><samlp:StatusCode \
                       Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>";
        Self::new("LogoutResponse", (to, from), &format!("InResponseTo=\"{request}\""), content)
    }

    /// The address that carries it, signed by this key if there is one.
    pub fn at(&self, url: &str, relay_state: Option<&str>, key: Option<&Key>) -> String {
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(self.xml.as_bytes()).unwrap();
        let field = STANDARD.encode(deflated.finish().unwrap());
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair(self.parameter, &field);
        if let Some(state) = relay_state {
            query.append_pair("RelayState", state);
        }
        if key.is_some() {
            query.append_pair("SigAlg", RSA_SHA256);
        }
        let mut query = query.finish();
        if let Some(key) = key {
            let signature = key.sign(&query);
            let signature = form_urlencoded::byte_serialize(signature.as_bytes());
            query = format!("{query}&Signature={}", signature.collect::<String>());
        }
        format!("{url}?{query}")
    }
}

/// A message that came by redirect.
#[derive(Debug)]
pub struct Received {
    /// Where to, without its query.
    pub to: String,
    pub xml: String,
    pub relay_state: Option<String>,
}

impl Received {
    /// Reads the address; the signature over its query must be by this certificate (PEM).
    pub fn read(url: &str, parameter: &str, certificate: &str) -> Self {
        let (to, query) = url.split_once('?').unwrap();
        let (signed, signature) = query.split_once("&Signature=").unwrap();
        let fields: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let field = |name: &str| {
            fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.to_string())
        };
        assert_eq!(field("SigAlg").as_deref(), Some(RSA_SHA256));
        assert!(!signature.contains('&'), "something follows the signature");
        let signature = STANDARD.decode(field("Signature").unwrap()).unwrap();
        assert!(is_signed(signed, &signature, certificate), "signed by somebody else: {url}");
        let deflated = STANDARD.decode(field(parameter).unwrap()).unwrap();
        let mut xml = String::new();
        DeflateDecoder::new(&*deflated).read_to_string(&mut xml).unwrap();
        Self { to: to.to_owned(), xml, relay_state: field("RelayState") }
    }
}

/// What `openssl` says of an RSA-SHA256 signature.
fn is_signed(text: &str, signature: &[u8], certificate: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let certificate = file("certificate.pem", certificate.as_bytes());
    let mut key = Command::new("openssl");
    let key = key.args(["x509", "-noout", "-pubkey", "-in"]).arg(certificate).output().unwrap();
    let key = file("key.pem", &key.stdout);
    let mut verify = Command::new("openssl");
    verify.args(["dgst", "-sha256", "-verify"]).arg(key);
    verify.arg("-signature").arg(file("signature", signature)).arg(file("text", text.as_bytes()));
    verify.output().unwrap().stdout == b"Verified OK\n"
}
