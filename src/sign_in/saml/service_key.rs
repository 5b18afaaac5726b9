//! One key pair of ours, with the certificate that announces it: signs what we send, and may decrypt what we are sent.
//!
//! The certificate says nothing but whose key it is, so identity providers may be shown one that nobody issued and that
//! is over (a check remarks upon that: some refuse it); a certificate of another key would make all that we sign worthless, so it is refused here.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};

use super::certificate::{BadCertificate, Certificate, KeyKind};
use super::pem::{Section, sections};
use crate::ground::secret::Secret;

/// A key pair with its certificate.
pub struct ServiceKey {
    pair: Pair,
    certificate: Certificate,
}

enum Pair {
    /// And the same once more in PKCS#8, as it is needed to decrypt.
    Rsa(rsa::KeyPair, Secret<Vec<u8>>),
    Elliptic(EcdsaKeyPair),
}

/// Why a file is no key pair of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadServiceKey {
    #[error("the {of} is not PEM")]
    NotPem { of: &'static str },
    #[error("the PEM holds no private key, or more than one")]
    NotOneKey,
    #[error(
        "the private key is encrypted with a passphrase: keep it without one, readable by the gateway alone"
    )]
    Passphrase,
    #[error(
        "the private key is neither RSA of 2,048 to 8,192 bits nor of the elliptic curve P-256"
    )]
    OtherKey,
    #[error("the PEM holds no certificate, or more than one")]
    NotOneCertificate,
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    #[error("the certificate is of another key than the private key")]
    NotTogether,
}

/// The key did not sign. It was tried when it was read, so nothing but the machine can be at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the private key did not sign")]
pub struct DidNotSign;

impl ServiceKey {
    /// Reads a private key (PKCS#8, PKCS#1 or SEC 1) and its certificate. What both files hold besides is not read.
    ///
    /// # Errors
    /// [`BadServiceKey`] as its variants say.
    pub fn from_pem(private_key: &str, certificate: &str) -> Result<Self, BadServiceKey> {
        let certificate = read_certificate(certificate)?;
        let pair = read_pair(private_key)?;
        let (kind, public_key) = match &pair {
            Pair::Rsa(pair, _) => (KeyKind::Rsa, pair.public_key().as_ref()),
            Pair::Elliptic(pair) => (KeyKind::Elliptic, pair.public_key().as_ref()),
        };
        if kind != certificate.keys() || public_key != certificate.public_key() {
            return Err(BadServiceKey::NotTogether);
        }
        Ok(Self { pair, certificate })
    }

    /// What others know the key by.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The private key in DER (PKCS#8), when it is one to decrypt with: RSA.
    #[must_use]
    pub const fn decrypting(&self) -> Option<&Secret<Vec<u8>>> {
        match &self.pair {
            Pair::Rsa(_, pkcs8) => Some(pkcs8),
            Pair::Elliptic(_) => None,
        }
    }

    /// The name of what [`Self::sign`] does (RFC 9231 2.3.2 and 2.3.6).
    pub(super) const fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(..) => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Pair::Elliptic(_) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        }
    }

    /// Signs these octets: RSASSA-PKCS1-v1_5, or ECDSA as r and s of fixed length.
    pub(super) fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, DidNotSign> {
        let digest = digest(&SHA256, octets);
        match &self.pair {
            Pair::Rsa(pair, _) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature).or(Err(DidNotSign))?;
                Ok(signature)
            }
            Pair::Elliptic(pair) => {
                let signature = pair.sign_digest(&digest).or(Err(DidNotSign))?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey").field("kind", &self.certificate.keys()).finish_non_exhaustive()
    }
}

fn read_certificate(text: &str) -> Result<Certificate, BadServiceKey> {
    let found = sections(text).ok_or(BadServiceKey::NotPem { of: "certificate" })?;
    let mut found = found.into_iter().filter(|section| section.label == "CERTIFICATE");
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(Certificate::from_der(only.octets.expose().clone())?),
        _ => Err(BadServiceKey::NotOneCertificate),
    }
}

fn read_pair(text: &str) -> Result<Pair, BadServiceKey> {
    // The older way to encrypt one is written into the section, where only base64 belongs.
    if text.contains("ENCRYPTED") {
        return Err(BadServiceKey::Passphrase);
    }
    let found = sections(text).ok_or(BadServiceKey::NotPem { of: "private key" })?;
    let mut found = found.iter().filter(|section| section.label.ends_with("PRIVATE KEY"));
    let (Some(only), None) = (found.next(), found.next()) else {
        return Err(BadServiceKey::NotOneKey);
    };
    pair_of(only).ok_or(BadServiceKey::OtherKey)
}

fn pair_of(section: &Section<'_>) -> Option<Pair> {
    let octets = section.octets.expose();
    let elliptic = &ECDSA_P256_SHA256_FIXED_SIGNING;
    match section.label {
        "RSA PRIVATE KEY" => rsa_pair(rsa::KeyPair::from_der(octets).ok()?),
        "EC PRIVATE KEY" => {
            EcdsaKeyPair::from_private_key_der(elliptic, octets).map(Pair::Elliptic).ok()
        }
        "PRIVATE KEY" => match rsa::KeyPair::from_pkcs8(octets) {
            Ok(pair) => rsa_pair(pair),
            Err(_) => EcdsaKeyPair::from_pkcs8(elliptic, octets).map(Pair::Elliptic).ok(),
        },
        _ => None,
    }
}

fn rsa_pair(pair: rsa::KeyPair) -> Option<Pair> {
    let pkcs8 = Secret::new(pair.as_der().ok()?.as_ref().to_vec());
    Some(Pair::Rsa(pair, pkcs8))
}

#[cfg(test)]
mod tests {
    use super::super::peer::{Made, elliptic, other, rsa};
    use super::{BadServiceKey, ServiceKey};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    };
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    /// What PKCS#8 wraps: it ends the document, and what stands before it has a known length for keys of this kind and size.
    fn unwrapped(made: &Made, before: usize) -> Vec<u8> {
        let der = made.pair.serialize_der();
        assert_eq!(der[before], 0x30, "another PKCS#8 than the test knows");
        der[before..].to_vec()
    }

    #[test]
    fn every_usual_form_of_a_private_key_is_read() {
        let words = format!("Bag Attributes\n{}", rsa().private_key());
        let parameters = pem("EC PARAMETERS", &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
        let sec1 = pem("EC PRIVATE KEY", &unwrapped(elliptic(), 29));
        for (name, private_key, made) in [
            ("RSA in PKCS#8", rsa().private_key(), rsa()),
            ("RSA in PKCS#1", pem("RSA PRIVATE KEY", &unwrapped(rsa(), 26)), rsa()),
            ("P-256 in PKCS#8", elliptic().private_key(), elliptic()),
            ("P-256 in SEC 1", sec1.clone(), elliptic()),
            ("P-256 with its parameters", parameters + &sec1, elliptic()),
            ("with words before it", words, rsa()),
            ("with its certificate", rsa().private_key() + &rsa().certificate(), rsa()),
        ] {
            let read = ServiceKey::from_pem(&private_key, &made.certificate());
            let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
            let decrypting = read.decrypting().map(|key| key.expose().clone());
            let is_rsa = std::ptr::eq(made, rsa());
            assert_eq!(decrypting.is_some(), is_rsa, "{name}");
            assert!(decrypting.is_none_or(|der| der == rsa().pair.serialize_der()), "{name}");
            let signature = read.sign(b"octets").unwrap();
            let key = read.certificate().public_key();
            let verified = if is_rsa {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
                    .verify(b"octets", &signature)
            } else {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(b"octets", &signature)
            };
            assert!(verified.is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_no_key_pair_of_ours_is_told() {
        let private_key = rsa().private_key();
        let certificate = rsa().certificate();
        let own = (private_key.clone(), certificate.clone());
        let with_key = |text: String| (text, certificate.clone());
        let with_certificate = |text: String| (private_key.clone(), text);
        let encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n";
        let weak =
            include_str!("../../../tests/vectors/saml/metadata/certificate-of-1024-bits.xml");
        let weak = weak.split("X509Certificate>").nth(1).unwrap().trim_end_matches("</d:");
        let weak = STANDARD.decode(weak.split_whitespace().collect::<String>()).unwrap();
        let curve = Made::of(&rcgen::PKCS_ECDSA_P384_SHA384);
        let edwards = Made::of(&rcgen::PKCS_ED25519);
        for (name, (key, certificate), expected) in [
            ("its own", own, None),
            (
                "no PEM",
                with_key("-----BEGIN PRIVATE KEY-----".to_owned()),
                Some("NotPem { of: \"private key\" }"),
            ),
            ("nothing", with_key(String::new()), Some("NotOneKey")),
            ("a certificate", with_key(certificate.clone()), Some("NotOneKey")),
            ("twice", with_key(private_key.repeat(2)), Some("NotOneKey")),
            ("a passphrase", with_key(pem("ENCRYPTED PRIVATE KEY", b"0")), Some("Passphrase")),
            ("the older passphrase", with_key(encrypted.to_owned()), Some("Passphrase")),
            ("no key inside", with_key(pem("PRIVATE KEY", b"0")), Some("OtherKey")),
            ("another curve", (curve.private_key(), curve.certificate()), Some("OtherKey")),
            ("Ed25519", with_key(edwards.private_key()), Some("OtherKey")),
            ("no certificate", with_certificate(String::new()), Some("NotOneCertificate")),
            ("a chain", with_certificate(certificate.repeat(2)), Some("NotOneCertificate")),
            ("the key again", with_certificate(private_key.clone()), Some("NotOneCertificate")),
            (
                "no X.509",
                with_certificate(pem("CERTIFICATE", b"0")),
                Some("Certificate(NotCertificate)"),
            ),
            (
                "1,024 bits",
                with_certificate(pem("CERTIFICATE", &weak)),
                Some("Certificate(KeySize)"),
            ),
            ("another's", with_certificate(other().certificate()), Some("NotTogether")),
            ("of another kind", with_certificate(elliptic().certificate()), Some("NotTogether")),
        ] {
            let found: Result<ServiceKey, BadServiceKey> = ServiceKey::from_pem(&key, &certificate);
            let found = found.err().map(|error| format!("{error:?}"));
            assert_eq!(found.as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let shown = format!("{:?}", rsa().service_key());
        assert_eq!(shown, "ServiceKey { kind: Rsa, .. }");
    }
}
