//! The certificates that a signature may be by: the identity provider's own, from its metadata (R5). Of each, the kind
//! of its key is read from the DER (RFC 5280 4.1), because the engine gives up at the first key that does not fit.
//!
//! Names and dates in a certificate mean nothing here: metadata says whose key it is and how long (SAML metadata
//! interoperability profile 2.6.1). Only which of a chain is the one that is meant do its names say, and when it ends is read
//! for whoever warns of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::instant;
use super::pem::{self, Section};
use crate::ground::clock::Timestamp;

/// A certificate whose key may sign answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    keys: KeyKind,
}

/// What a key can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Rsa,
    Elliptic,
}

/// Why it is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    #[error("the certificate is not base64")]
    NotBase64,
    #[error("this is not an X.509 certificate")]
    NotCertificate,
    #[error("the certificate's key is neither RSA nor of an elliptic curve")]
    OtherKey,
    #[error("the certificate's RSA key has fewer than 2,048 bits, or more than 8,192")]
    KeySize,
}

/// rsaEncryption (RFC 8017 appendix A.1).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-ecPublicKey (RFC 5480 2.1.1).
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT Version`.
const VERSION: u8 = 0xa0;

impl Certificate {
    /// Reads what stands in an `X509Certificate`: base64 with white space.
    ///
    /// # Errors
    /// [`BadCertificate`] as its variants say.
    pub fn from_base64(text: &str) -> Result<Self, BadCertificate> {
        let plain: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        Self::from_der(STANDARD.decode(plain).or(Err(BadCertificate::NotBase64))?)
    }

    /// Reads the only one in a text of PEM (RFC 7468).
    ///
    /// # Errors
    /// [`BadCertificate`] as its variants say.
    pub fn from_pem(text: &str) -> Result<Self, BadCertificate> {
        match pem::sections(text).as_deref() {
            Some([Section { label: "CERTIFICATE", octets }]) => {
                Self::from_der(octets.expose().clone())
            }
            Some(_) | None => Err(BadCertificate::NotCertificate),
        }
    }

    /// Reads one in DER.
    ///
    /// # Errors
    /// [`BadCertificate`] as its variants say.
    pub fn from_der(der: Vec<u8>) -> Result<Self, BadCertificate> {
        let Parts { algorithm, key, .. } = parts(&der).ok_or(BadCertificate::NotCertificate)?;
        let keys = match algorithm {
            RSA => {
                let bits = modulus_bits(key).ok_or(BadCertificate::NotCertificate)?;
                if !(2_048..=8_192).contains(&bits) {
                    return Err(BadCertificate::KeySize);
                }
                KeyKind::Rsa
            }
            ELLIPTIC => KeyKind::Elliptic,
            _ => return Err(BadCertificate::OtherKey),
        };
        Ok(Self { der, keys })
    }

    /// When it ends, to be told and nothing else: what its key signs is accepted before and after. `None`: it says that it
    /// does not end (`99991231235959Z`), or nothing that can be read.
    #[must_use]
    pub fn ends(&self) -> Option<Timestamp> {
        let mut validity = Reader(parts(&self.der)?.validity);
        let _begins = validity.element()?;
        let (tag, text) = validity.element()?;
        point_in_time(tag, str::from_utf8(text).ok()?)
    }

    pub(super) const fn keys(&self) -> KeyKind {
        self.keys
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key as its algorithm writes it: an `RSAPublicKey` in DER, or a point of the curve.
    pub(super) fn public_key(&self) -> &[u8] {
        parts(&self.der).map_or(&[], |parts| parts.key)
    }

    /// Whether the other was issued under this one's name, and not under its own.
    pub(super) fn issued(&self, other: &Self) -> bool {
        let both = parts(&self.der).zip(parts(&other.der));
        both.is_some_and(|(this, other)| {
            this.subject == other.issuer && other.subject != other.issuer
        })
    }
}

/// What is read of one.
struct Parts<'a> {
    issuer: &'a [u8],
    validity: &'a [u8],
    subject: &'a [u8],
    /// Its identifier.
    algorithm: &'a [u8],
    key: &'a [u8],
}

fn parts(der: &[u8]) -> Option<Parts<'_>> {
    let mut whole = Reader(der);
    let mut certificate = Reader(whole.take(SEQUENCE)?);
    let mut signed = Reader(certificate.take(SEQUENCE)?);
    if signed.0.first() == Some(&VERSION) {
        signed.take(VERSION)?;
    }
    signed.take(INTEGER)?;
    let _algorithm = signed.take(SEQUENCE)?;
    let issuer = signed.take(SEQUENCE)?;
    let validity = signed.take(SEQUENCE)?;
    let subject = signed.take(SEQUENCE)?;
    let mut info = Reader(signed.take(SEQUENCE)?);
    let algorithm = Reader(info.take(SEQUENCE)?).take(OBJECT)?;
    let key = info.take(BIT_STRING)?.strip_prefix(&[0])?;
    whole.0.is_empty().then_some(Parts { issuer, validity, subject, algorithm, key })
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`, as RFC 5280 4.1.2.5 has them, and nothing else.
fn point_in_time(tag: u8, text: &str) -> Option<Timestamp> {
    let (century, rest) = match tag {
        UTC_TIME => (if text.get(..2)? < "50" { "20" } else { "19" }, text),
        GENERALIZED_TIME => text.split_at_checked(2)?,
        _ => return None,
    };
    let pair = |at: usize| rest.get(at..at + 2);
    let (year, month, day) = (pair(0)?, pair(2)?, pair(4)?);
    let (hour, minute, second) = (pair(6)?, pair(8)?, pair(10)?);
    let written = format!("{century}{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    (rest.get(12..) == Some("Z")).then(|| instant::parse(&written))?
}

fn modulus_bits(key: &[u8]) -> Option<usize> {
    let modulus = Reader(Reader(key).take(SEQUENCE)?).take(INTEGER)?;
    let start = modulus.iter().position(|byte| *byte != 0)?;
    let digits = modulus.get(start..)?;
    let unused = usize::try_from(digits.first()?.leading_zeros()).ok()?;
    Some(digits.len() * 8 - unused)
}

/// DER, one element after the other (X.690 8.1).
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element, when it has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.element()?;
        (found == tag).then_some(content)
    }

    /// The next element: its tag and its content.
    fn element(&mut self) -> Option<(u8, &'a [u8])> {
        let (found, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match usize::from(*first) {
            short @ 0..=0x7f => (short, rest),
            long @ 0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(long - 0x80)?;
                (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*found, content))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, date_time_ymd};

    use super::Certificate;

    /// One that ends with the beginning of June in this year.
    fn until(year: i32) -> Vec<u8> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut parameters = CertificateParams::default();
        parameters.not_before = date_time_ymd(2019, 1, 2);
        parameters.not_after = date_time_ymd(year, 6, 1);
        parameters.self_signed(&pair).unwrap().der().to_vec()
    }

    /// The same octets with others in one place.
    fn with(der: &[u8], present: &[u8], other: &[u8]) -> Vec<u8> {
        assert_eq!(present.len(), other.len());
        let mut places = der.windows(present.len()).enumerate();
        let (at, _) = places.find(|(_, found)| *found == present).unwrap();
        let mut der = der.to_vec();
        der[at..at + other.len()].copy_from_slice(other);
        der
    }

    fn ends(der: Vec<u8>) -> Option<String> {
        // Whatever it says of time, it is a certificate.
        Certificate::from_der(der).unwrap().ends().map(|end| end.to_string())
    }

    #[test]
    fn the_end_is_read_in_both_spellings() {
        for (year, expected) in [
            (2020, "2020-06-01T00:00:00Z"),
            (2049, "2049-06-01T00:00:00Z"),
            (2050, "2050-06-01T00:00:00Z"),
            (4096, "4096-06-01T00:00:00Z"),
        ] {
            assert_eq!(ends(until(year)).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_end_is_none_and_what_is_one_is_read_to_the_second() {
        let (short, long) = (until(2030), until(2060));
        for (present, other, expected) in [
            ("\x17\x0d300601000000Z", "\x17\x0d491231235959Z", Some("2049-12-31T23:59:59Z")),
            ("\x17\x0d300601000000Z", "\x17\x0d500101000000Z", Some("1950-01-01T00:00:00Z")),
            ("\x17\x0d300601000000Z", "\x17\x0d301301000000Z", None),
            ("\x17\x0d300601000000Z", "\x17\x0d300230000000Z", None),
            ("\x17\x0d300601000000Z", "\x17\x0d300601240000Z", None),
            ("\x17\x0d300601000000Z", "\x17\x0d3006010000+01", None),
            ("\x17\x0d300601000000Z", "\x17\x0d3006010000000", None),
            ("\x17\x0d300601000000Z", "\x17\x0d3006 1000000Z", None),
            ("\x17\x0d300601000000Z", "\x0c\x0d300601000000Z", None),
            ("\x17\x0d300601000000Z", "\x18\x0d300601000000Z", None),
            ("\x17\x0d300601000000Z", "\x17\x0c300601000000Z", None),
            ("\x17\x0d300601000000Z", "\x17\x70300601000000Z", None),
            ("\x18\x0f20600601000000Z", "\x18\x0f20491231235959Z", Some("2049-12-31T23:59:59Z")),
            ("\x18\x0f20600601000000Z", "\x18\x0f99991231235959Z", None),
            ("\x18\x0f20600601000000Z", "\x18\x0f2060060100000.Z", None),
            ("\x18\x0f20600601000000Z", "\x17\x0f20600601000000Z", None),
        ] {
            let der = if present.starts_with('\x17') { &short } else { &long };
            let changed = with(der, present.as_bytes(), other.as_bytes());
            assert_eq!(ends(changed).as_deref(), expected, "{other:?}");
        }
        // A point of time that is no text.
        let not_text = with(&short, b"300601000000Z", b"3006010000\xff\xffZ");
        assert_eq!(ends(not_text), None);
    }
}
