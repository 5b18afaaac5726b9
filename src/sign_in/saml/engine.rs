//! The signature engine, behind the gate: samael, which leads libxml and xmlsec. Says whether each signature is by one of
//! the given certificates, and gives the octets that were digested (R1). The only file that imports it.
//!
//! What samael does not do, and where it is done instead:
//! - it accepts unsigned documents when there is no certificate: there always is one (`super::Trust`);
//! - it fetches what a reference names and runs any transform: the gate lets neither through;
//! - it gives up at the first certificate whose key is of another kind than the signature: such are left out here;
//! - it takes an empty canonical form for a good one: refused here (R3).
//!
//! libxml and xmlsec write to the standard error what fails, which only unsafe code could stop. The gate leaves them little: one
//! line of xmlsec's own words for each key that a signature is not by, and nothing that was posted.

use samael::crypto::{
    AllowedSignatureAlgorithm, CertificateDer, Crypto, CryptoError, CryptoProvider as _, ReduceMode,
};

use super::certificate::{Certificate, KeyKind};
use crate::ground::causes::told;

/// What the gate lets through, again: samael judges before it computes.
const ALGORITHMS: [AllowedSignatureAlgorithm; 6] = [
    AllowedSignatureAlgorithm::RsaSha256,
    AllowedSignatureAlgorithm::RsaSha384,
    AllowedSignatureAlgorithm::RsaSha512,
    AllowedSignatureAlgorithm::EcdsaSha256,
    AllowedSignatureAlgorithm::EcdsaSha384,
    AllowedSignatureAlgorithm::EcdsaSha512,
];

/// Why there are no octets to believe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    #[error("the identity provider has no key of the kind that signed")]
    NoSuchKey,
    #[error("a signature is by none of the identity provider's keys, or what it signs was changed")]
    Signature,
    #[error("the signature engine failed: {0}")]
    Engine(Box<str>),
    #[error("the signature engine digested nothing")]
    Empty,
}

/// The octets whose digest the signature covers: the response's when it is signed, else the assertion's.
///
/// `xml` has passed the gate, which found signatures by keys of this kind.
pub(super) fn digested(
    xml: &str,
    certificates: &[Certificate],
    keys: KeyKind,
) -> Result<String, NotVerified> {
    let fitting: Vec<CertificateDer> = certificates
        .iter()
        .filter(|certificate| certificate.keys() == keys)
        .map(|certificate| certificate.der().to_vec().into())
        .collect();
    if fitting.is_empty() {
        return Err(NotVerified::NoSuchKey);
    }
    octets(Crypto::reduce_xml_to_signed_with_allowed_algorithms(
        xml,
        &fitting,
        ReduceMode::PreDigest,
        Some(&ALGORITHMS),
    ))
}

fn octets(found: Result<String, CryptoError>) -> Result<String, NotVerified> {
    match found {
        Ok(octets) if octets.trim().is_empty() => Err(NotVerified::Empty),
        Ok(octets) => Ok(octets),
        Err(CryptoError::InvalidSignature) => Err(NotVerified::Signature),
        Err(error) => Err(NotVerified::Engine(told(&error).into())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::IdentityProvider;
    use super::{CryptoError, KeyKind, NotVerified, digested, octets};

    #[test]
    fn errors_and_empty_octets_are_failures() {
        for (name, found, expected) in [
            ("octets", Ok("<a></a>".to_owned()), Ok("<a></a>".to_owned())),
            ("nothing", Ok(String::new()), Err(NotVerified::Empty)),
            ("white space", Ok(" \n".to_owned()), Err(NotVerified::Empty)),
            ("a signature", Err(CryptoError::InvalidSignature), Err(NotVerified::Signature)),
            (
                "anything else",
                Err(CryptoError::CryptoDisabled),
                Err(NotVerified::Engine(CryptoError::CryptoDisabled.to_string().into())),
            ),
        ] {
            assert_eq!(octets(found), expected, "{name}");
        }
    }

    /// The second line of defence: what the gate refuses is not believed by the engine either, as far as it looks.
    #[test]
    fn without_the_gate_the_engine_believes_no_other_key_and_no_weak_algorithm() {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/saml");
        let text = |name: &str| fs::read_to_string(vectors.join(name)).unwrap();
        let now = "2026-11-26T08:00:00Z".parse().unwrap();
        let metadata = text("metadata/good.xml");
        let trust = IdentityProvider::read(&metadata, None, now).unwrap().trust;
        for name in [
            "unsigned",
            "another-key",
            "another-key-with-its-certificate",
            "another-key-by-value",
            "rsa-sha1",
            "sha1-digest",
            "rsa-md5",
            "hmac-keyed-with-the-certificate",
            "name-changed",
        ] {
            let found =
                digested(&text(&format!("hostile/{name}.xml")), &trust.certificates, KeyKind::Rsa);
            assert_eq!(found, Err(NotVerified::Signature), "{name}");
        }
    }
}
