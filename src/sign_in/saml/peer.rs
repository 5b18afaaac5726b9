//! For tests: keys, and an identity provider that signs what it is told to. It signs with aws-lc-rs by itself, and
//! encodes as other implementations do, so that what is tried on the receiver was not made by our sender.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm,
};
use std::io::Write as _;

use super::IdentityProvider;
use super::received::{Received, open};
use super::service_key::ServiceKey;
use super::service_provider::ServiceProvider;
use crate::ground::clock::Timestamp;

pub(super) const NOW: &str = "2026-11-26T08:00:00Z";
pub(super) const IDP: &str = "https://idp.example.com/metadata";
pub(super) const SLO: &str = "https://gateway.example.com/-/saml/acme/slo";

pub(super) const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";

/// A key pair with a certificate that it signed itself.
pub(super) struct Made {
    pub(super) pair: KeyPair,
    certificate: rcgen::Certificate,
}

impl Made {
    pub(super) fn of(algorithm: &'static SignatureAlgorithm) -> Self {
        let pair = KeyPair::generate_for(algorithm).unwrap();
        let certificate = CertificateParams::default().self_signed(&pair).unwrap();
        Self { pair, certificate }
    }

    pub(super) fn private_key(&self) -> String {
        self.pair.serialize_pem()
    }

    pub(super) fn certificate(&self) -> String {
        self.certificate.pem()
    }

    pub(super) fn service_key(&self) -> ServiceKey {
        ServiceKey::from_pem(&self.private_key(), &self.certificate()).unwrap()
    }

    /// Signs by the algorithm that is so called; by the usual one of the key, when that is none.
    pub(super) fn sign(&self, name: &str, octets: &[u8]) -> Vec<u8> {
        let der = self.pair.serialize_der();
        if let Ok(pair) = RsaKeyPair::from_pkcs8(&der) {
            let encoding: &'static dyn RsaEncoding = match name.rsplit('#').next() {
                Some("rsa-sha384") => &RSA_PKCS1_SHA384,
                Some("rsa-sha512") => &RSA_PKCS1_SHA512,
                _ => &RSA_PKCS1_SHA256,
            };
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &random(), octets, &mut signature).unwrap();
            return signature;
        }
        let curves: [&'static EcdsaSigningAlgorithm; 2] =
            [&ECDSA_P256_SHA256_FIXED_SIGNING, &ECDSA_P384_SHA384_FIXED_SIGNING];
        let mut pairs = curves.into_iter().filter_map(|of| EcdsaKeyPair::from_pkcs8(of, &der).ok());
        pairs.next().unwrap().sign(&random(), octets).unwrap().as_ref().to_vec()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's keys sign with what the machine has")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

macro_rules! keys {
    ($($name:ident $algorithm:expr;)+) => {$(
        pub(super) fn $name() -> &'static Made {
            static MADE: LazyLock<Made> = LazyLock::new(|| Made::of($algorithm));
            &MADE
        }
    )+};
}

keys! {
    rsa &PKCS_RSA_SHA256;
    other &PKCS_RSA_SHA256;
    elliptic &PKCS_ECDSA_P256_SHA256;
}

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn ours(key: &Made) -> ServiceProvider {
    let address = "https://gateway.example.com";
    ServiceProvider::new(address, &"acme".parse().unwrap(), None, vec![key.service_key()]).unwrap()
}

pub(super) fn metadata(keys: &[&Made]) -> String {
    let certificates: String = keys
        .iter()
        .map(|key| {
            let certificate = STANDARD.encode(key.certificate.der());
            format!(
                "<m:KeyDescriptor><d:KeyInfo><d:X509Data><d:X509Certificate>{certificate}</d:X509Certificate>\
                 </d:X509Data></d:KeyInfo></m:KeyDescriptor>"
            )
        })
        .collect();
    let redirect = "Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\"";
    format!(
        "<m:EntityDescriptor xmlns:m=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
         xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\" entityID=\"{IDP}\">\
         <m:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{certificates}\
         <m:SingleLogoutService {redirect} Location=\"https://idp.example.com/slo\"/>\
         <m:SingleSignOnService {redirect} Location=\"https://idp.example.com/sso?realm=1\"/>\
         </m:IDPSSODescriptor></m:EntityDescriptor>"
    )
}

pub(super) fn provider(keys: &[&Made]) -> IdentityProvider {
    IdentityProvider::read(&metadata(keys), None, time(NOW)).unwrap()
}

/// What the peer finds in an address that we send a browser to: it begins so, and our key signed what follows.
pub(super) fn received(location: &str, start: &str, key: &Made) -> Received {
    let query = location.strip_prefix(start).unwrap_or_else(|| panic!("{location}"));
    open(query, &[key.service_key().certificate().clone()]).unwrap()
}

/// As forms are encoded, in small letters: another spelling than ours.
pub(super) fn encoded(text: &str) -> String {
    let each = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        other if other.is_ascii_alphanumeric() => char::from(other).to_string(),
        other => format!("%{other:02x}"),
    };
    text.bytes().map(each).collect()
}

pub(super) fn deflated(text: &[u8]) -> Vec<u8> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
    deflate.write_all(text).unwrap();
    deflate.finish().unwrap()
}

/// A query with a signed message, part by part.
pub(super) struct Signed<'a> {
    pub(super) parameter: &'a str,
    pub(super) message: String,
    pub(super) relay_state: Option<&'a str>,
    pub(super) algorithm: String,
    pub(super) key: &'a Made,
}

impl<'a> Signed<'a> {
    pub(super) fn new(parameter: &'a str, xml: &str) -> Self {
        let message = STANDARD.encode(deflated(xml.as_bytes()));
        let algorithm = format!("{MORE}rsa-sha256");
        Self { parameter, message, relay_state: Some("/a b"), algorithm, key: rsa() }
    }

    pub(super) fn octets(&self) -> String {
        let relay_state = self.relay_state.map(|text| format!("&RelayState={}", encoded(text)));
        let (message, algorithm) = (encoded(&self.message), encoded(&self.algorithm));
        let relay_state = relay_state.unwrap_or_default();
        format!("{}={message}{relay_state}&SigAlg={algorithm}", self.parameter)
    }

    pub(super) fn signature(&self) -> String {
        let signature = self.key.sign(&self.algorithm, self.octets().as_bytes());
        encoded(&STANDARD.encode(signature))
    }

    pub(super) fn query(&self) -> String {
        format!("{}&Signature={}", self.octets(), self.signature())
    }
}
