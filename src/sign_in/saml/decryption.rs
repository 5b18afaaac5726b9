//! Decrypting an assertion with a key of ours (R8). Every failure is the same `None`: who sends a ciphertext learns nothing of
//! what is wrong with it, and it came under the identity provider's signature anyway.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{
    KeyPair, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey,
    PrivateDecryptingKey,
};
use zeroize::Zeroizing;

use super::encrypted::{Cipher, Sealed, Transport};
use super::pem::{self, Section};

/// The key in use and, while it changes, the other: a trial of each is what an answer may cost (R4).
const MAX_KEYS: usize = 2;

/// A larger one makes a trial too expensive (R4).
const MAX_BITS: usize = 4_096;

/// Of a nonce, in front of what is encrypted.
const NONCE: usize = 12;

/// An RSA key of ours, whose certificate our metadata offers for encryption.
#[derive(Clone)]
pub struct DecryptionKey(Arc<OaepPrivateDecryptingKey>);

/// Why it is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    #[error("this is not one PRIVATE KEY or RSA PRIVATE KEY in PEM, without a password")]
    NotPem,
    #[error("this is not a private RSA key of 2,048 bits or more (PKCS #8 or PKCS #1)")]
    NotKey,
    #[error("the RSA key has more than 4,096 bits")]
    TooLarge,
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecryptionKey(…)")
    }
}

impl DecryptionKey {
    /// Reads the one key in a text of PEM (RFC 7468): `PRIVATE KEY` or `RSA PRIVATE KEY`.
    ///
    /// # Errors
    /// [`BadKey`] as its variants say.
    pub fn from_pem(text: &str) -> Result<Self, BadKey> {
        match pem::sections(text).as_deref() {
            Some([Section { label: "PRIVATE KEY" | "RSA PRIVATE KEY", octets }]) => {
                Self::from_der(octets.expose())
            }
            Some(_) | None => Err(BadKey::NotPem),
        }
    }

    /// Reads a key in DER: PKCS #8 (RFC 5208) or PKCS #1 (RFC 8017 appendix A.1.2).
    ///
    /// # Errors
    /// [`BadKey`] as its variants say.
    pub fn from_der(der: &[u8]) -> Result<Self, BadKey> {
        let key = match PrivateDecryptingKey::from_pkcs8(der) {
            Ok(key) => key,
            Err(_) => {
                let pair = KeyPair::from_der(der).or(Err(BadKey::NotKey))?;
                let wrapped: Pkcs8V1Der<'_> = pair.as_der().or(Err(BadKey::NotKey))?;
                PrivateDecryptingKey::from_pkcs8(wrapped.as_ref()).or(Err(BadKey::NotKey))?
            }
        };
        if key.key_size_bits() > MAX_BITS {
            return Err(BadKey::TooLarge);
        }
        let key = OaepPrivateDecryptingKey::new(key).or(Err(BadKey::NotKey))?;
        Ok(Self(Arc::new(key)))
    }

    fn open(&self, sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
        let mut room = Zeroizing::new(vec![0; self.0.min_output_size()]);
        let transport = match sealed.transport {
            Transport::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Transport::Sha256 => &OAEP_SHA256_MGF1SHA256,
        };
        let key = self.0.decrypt(transport, &sealed.key, &mut room, None).ok()?;
        let cipher = match sealed.cipher {
            Cipher::Aes128 => &AES_128_GCM,
            Cipher::Aes256 => &AES_256_GCM,
        };
        let key = LessSafeKey::new(UnboundKey::new(cipher, key).ok()?);
        let (nonce, data) = sealed.data.split_at_checked(NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut data = Zeroizing::new(data.to_vec());
        let length = key.open_in_place(nonce, Aad::empty(), &mut data).ok()?.len();
        data.truncate(length);
        Some(data)
    }
}

/// The octets of the assertion, by the first of the keys that decrypts them.
pub(super) fn open(sealed: &Sealed, keys: &[DecryptionKey]) -> Option<Zeroizing<Vec<u8>>> {
    keys.iter().take(MAX_KEYS).find_map(|key| key.open(sealed))
}
