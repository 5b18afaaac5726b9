//! Sealing with the operator's key: AES-256-GCM-SIV (RFC 8452), keys derived with HKDF-SHA256 (RFC 5869).
//! Deterministic on purpose: one plaintext under one derived key has one sealed form, which is what lets
//! a browser cache a handle. Misuse-resistant, so the fixed nonce reveals equality and nothing else.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use super::secret::Secret;

/// The operator's key, from which every other sealing key is derived.
#[derive(Clone, Debug)]
pub struct MasterKey(Secret<[u8; 32]>);

/// A key for one purpose (one session's handles, one table's secrets).
#[derive(Debug)]
pub struct SealKey(LessSafeKey);

/// The sealed bytes were not made by this key, or were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes do not open with this key")]
pub struct NotOurs;

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

impl MasterKey {
    #[must_use]
    pub const fn new(bytes: Secret<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The key for one purpose. The parts are length-prefixed, so no two lists of parts collide.
    #[must_use]
    #[expect(clippy::expect_used, reason = "lengths are constants that both primitives accept")]
    pub fn derive(&self, purpose: &[&[u8]]) -> SealKey {
        let mut info = Vec::new();
        for part in purpose {
            info.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            info.extend_from_slice(part);
        }
        let prk: Prk = Salt::new(HKDF_SHA256, b"sluicegate").extract(self.0.expose());
        let mut bytes = [0; 32];
        prk.expand(&[&info], Length)
            .and_then(|okm| okm.fill(&mut bytes))
            .expect("32 bytes of HKDF output");
        let key = UnboundKey::new(&AES_256_GCM_SIV, &bytes).expect("a 256-bit key");
        zeroize::Zeroize::zeroize(&mut bytes);
        SealKey(LessSafeKey::new(key))
    }
}

impl SealKey {
    /// Seals `plain`, bound to `context` (which is not part of the output). Adds 16 bytes.
    #[must_use]
    #[expect(clippy::expect_used, reason = "fails only past 2^36 bytes")]
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut buffer = plain.to_vec();
        self.0
            .seal_in_place_append_tag(nonce(), Aad::from(context), &mut buffer)
            .expect("short plaintext");
        buffer
    }

    /// Opens what [`Self::seal`] made with the same key and context.
    ///
    /// # Errors
    /// [`NotOurs`] for anything else, whatever was wrong with it.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotOurs> {
        let mut buffer = sealed.to_vec();
        let length = self
            .0
            .open_in_place(nonce(), Aad::from(context), &mut buffer)
            .map(|plain| plain.len())
            .or(Err(NotOurs))?;
        buffer.truncate(length);
        Ok(buffer)
    }
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}
