//! The keys of a service provider: what the gateway is given, and what a test signs with in its place.

use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, RsaKeySize};

/// What a service provider signs with, and what is encrypted to it.
pub struct Key {
    pub certificate_pem: String,
    pub key_pem: String,
    pair: RsaKeyPair,
}

impl Key {
    /// A fresh one.
    pub fn new() -> Self {
        let kind = &rcgen::PKCS_RSA_SHA256;
        let pair = KeyPair::generate_rsa_for(kind, RsaKeySize::_2048).unwrap();
        let certificate = CertificateParams::default().self_signed(&pair).unwrap();
        Self {
            certificate_pem: certificate.pem(),
            key_pem: pair.serialize_pem(),
            pair: RsaKeyPair::from_pkcs8(pair.serialized_der()).unwrap(),
        }
    }

    /// One that there is.
    pub fn read(certificate_pem: &str, key_pem: &str) -> Self {
        let pair = KeyPair::from_pem(key_pem).unwrap();
        Self {
            certificate_pem: certificate_pem.to_owned(),
            key_pem: key_pem.to_owned(),
            pair: RsaKeyPair::from_pkcs8(pair.serialized_der()).unwrap(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the crate signs with a source of its own kind")]
    /// RSA with SHA-256, in base64.
    pub fn sign(&self, text: &str) -> String {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
        STANDARD.encode(signature)
    }
}
