//! An identity provider with a key of its own: signs responses and hands out its metadata.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair, RsaKeySize};
use sluicegate::ground::digest::sha256;

use super::Claims;

/// How it signs (<https://www.w3.org/TR/xmldsig-core1/>, 6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    RsaSha256,
    EcdsaSha256,
}

/// Which parts of a response carry a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    Neither,
    Response,
    Assertion,
    Both,
}

/// Its name, its key, its certificate.
pub struct IdentityProvider {
    pub entity_id: String,
    pub certificate_pem: String,
    /// For a program that signs in its stead.
    pub key_pem: String,
    certificate: Vec<u8>,
    key: Key,
}

enum Key {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
}

const METHODS: [&str; 2] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
];
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const DSIG: &str = " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";

impl IdentityProvider {
    /// One with a fresh key. An RSA key takes a moment: tests share theirs.
    pub fn new(entity_id: &str, algorithm: Algorithm) -> Self {
        let (pair, key) = match algorithm {
            Algorithm::RsaSha256 => {
                let kind = &rcgen::PKCS_RSA_SHA256;
                let pair = KeyPair::generate_rsa_for(kind, RsaKeySize::_2048).unwrap();
                let key = Key::Rsa(RsaKeyPair::from_pkcs8(pair.serialized_der()).unwrap());
                (pair, key)
            }
            Algorithm::EcdsaSha256 => {
                let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
                let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let key = EcdsaKeyPair::from_pkcs8(kind, pair.serialized_der()).unwrap();
                (pair, Key::Ecdsa(key))
            }
        };
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "identity provider of a test");
        let certificate = parameters.self_signed(&pair).unwrap();
        Self {
            entity_id: entity_id.to_owned(),
            certificate_pem: certificate.pem(),
            key_pem: pair.serialize_pem(),
            certificate: certificate.der().to_vec(),
            key,
        }
    }

    /// The response as XML.
    pub fn respond(&self, claims: &Claims, signed: Signed) -> String {
        let mut assertion = claims.assertion("");
        if matches!(signed, Signed::Assertion | Signed::Both) {
            let signature = self.signature(&claims.assertion_id, &assertion);
            assertion = claims.assertion(&signature);
        }
        let response = claims.response("", &assertion);
        if matches!(signed, Signed::Response | Signed::Both) {
            let signature = self.signature(&claims.response_id, &response);
            return claims.response(&signature, &assertion);
        }
        response
    }

    /// The response as a form carries it.
    pub fn posted(&self, claims: &Claims, signed: Signed) -> String {
        base64(&self.respond(claims, signed))
    }

    /// An enveloped signature over the element of this id, which is written in canonical form and holds none yet.
    pub fn signature(&self, id: &str, element: &str) -> String {
        let [rsa, ecdsa] = METHODS;
        let method = match self.key {
            Key::Rsa(_) => rsa,
            Key::Ecdsa(_) => ecdsa,
        };
        let digest = STANDARD.encode(sha256(element.as_bytes()));
        let inside = format!(
            "<ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"></ds:CanonicalizationMethod>\
             <ds:SignatureMethod Algorithm=\"{method}\"></ds:SignatureMethod>\
             <ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"{ENVELOPED}\">\
             </ds:Transform><ds:Transform Algorithm=\"{EXCLUSIVE}\"></ds:Transform></ds:Transforms>\
             <ds:DigestMethod Algorithm=\"{SHA256}\"></ds:DigestMethod>\
             <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
        );
        let hashed = format!("<ds:SignedInfo{DSIG}>{inside}</ds:SignedInfo>");
        let value = STANDARD.encode(self.key.sign(hashed.as_bytes()));
        let certificate = STANDARD.encode(&self.certificate);
        format!(
            "<ds:Signature{DSIG}><ds:SignedInfo>{inside}</ds:SignedInfo>\
             <ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>\
             <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
             </ds:Signature>"
        )
    }

    /// What a service provider is given of it, with where it takes requests.
    pub fn metadata(&self, sign_on: &str) -> String {
        let certificate = STANDARD.encode(&self.certificate);
        let entity = quick_xml::escape::escape(&self.entity_id);
        let location = quick_xml::escape::escape(sign_on);
        format!(
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{entity}\">\
             <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
             <md:KeyDescriptor use=\"signing\"><ds:KeyInfo{DSIG}><ds:X509Data><ds:X509Certificate>\
             {certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
             <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
             Location=\"{location}\"/></md:IDPSSODescriptor></md:EntityDescriptor>"
        )
    }
}

impl Key {
    #[expect(clippy::disallowed_methods, reason = "the crate signs with a source of its own kind")]
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = aws_lc_rs::rand::SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ecdsa(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }
}

impl fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProvider")
            .field("entity_id", &self.entity_id)
            .finish_non_exhaustive()
    }
}

/// As `SAMLResponse` and `SAMLAssertion` are posted.
pub fn base64(xml: &str) -> String {
    STANDARD.encode(xml)
}
