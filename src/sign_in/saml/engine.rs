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
    let octets = Crypto::reduce_xml_to_signed_with_allowed_algorithms(
        xml,
        &fitting,
        ReduceMode::PreDigest,
        Some(&ALGORITHMS),
    );
    match octets {
        Ok(octets) if octets.trim().is_empty() => Err(NotVerified::Empty),
        Ok(octets) => Ok(octets),
        Err(CryptoError::InvalidSignature) => Err(NotVerified::Signature),
        Err(error) => Err(NotVerified::Engine(told(&error).into())),
    }
}
