//! AWS keys, and the signature made with them: Signature Version 4
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>) under S3's rules: the path is
//! encoded once and never normalised. The signing key is derived once a day, region and service, and kept (D6).

mod canonical;
mod derived;
mod signing_time;
#[cfg(test)]
pub(super) mod tests;

use std::fmt;

use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;

pub use canonical::{Outgoing, Payload};
pub use signing_time::SigningTime;

/// One set of keys, of a person or a machine, temporary or not.
pub struct Keys {
    access_key_id: Box<str>,
    secret_access_key: Secret<String>,
    session_token: Option<Secret<String>>,
    expires: Option<Timestamp>,
    derived: derived::Kept,
}

impl Keys {
    /// Keys that hold until someone withdraws them, or `until` a time.
    #[must_use]
    pub fn new(
        access_key_id: &str,
        secret_access_key: Secret<String>,
        session_token: Option<Secret<String>>,
        until: Option<Timestamp>,
    ) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key,
            session_token,
            expires: until,
            derived: derived::Kept::default(),
        }
    }

    /// Public: names the keys to AWS and in the audit.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// For sealing the keys, and nothing else.
    pub(in crate::credential) const fn secret_access_key(&self) -> &Secret<String> {
        &self.secret_access_key
    }

    /// Sent as `x-amz-security-token` (and signed) when there is one.
    #[must_use]
    pub const fn session_token(&self) -> Option<&Secret<String>> {
        self.session_token.as_ref()
    }

    /// When the keys end by themselves.
    #[must_use]
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// The value of the `Authorization` header for one request.
    #[must_use]
    pub fn authorization(
        &self,
        at: &SigningTime,
        region: &str,
        service: &str,
        out: &Outgoing<'_>,
    ) -> String {
        self.derived.with(&self.secret_access_key, (at.date(), region, service), |key| {
            let mut header = String::with_capacity(512);
            header.push_str("AWS4-HMAC-SHA256 Credential=");
            header.push_str(&self.access_key_id);
            header.push('/');
            header.push_str(key.scope());
            header.push_str(", SignedHeaders=");
            let digest = canonical::hash(out, &mut header);
            header.push_str(", Signature=");
            header.push_str(hex(&key.sign(at, &digest), &mut [0; 64]));
            header
        })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("access_key_id", &self.access_key_id)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// The SHA-256 of a body in the form that [`Payload::Hash`] takes.
#[must_use]
pub fn payload_hash(body: &[u8]) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    let mut text = [0; 64];
    hex(&array(digest(&SHA256, body).as_ref()), &mut text).to_owned()
}

/// Lower-case hexadecimal, written into `text`.
fn hex<'t>(bytes: &[u8; 32], text: &'t mut [u8; 64]) -> &'t str {
    const fn digit(nibble: u8) -> u8 {
        if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
    }
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    std::str::from_utf8(text).unwrap_or_default()
}

/// The 32 bytes of a SHA-256 or of an HMAC with it.
#[expect(clippy::expect_used, reason = "SHA-256 has 32 bytes")]
fn array(digest: &[u8]) -> [u8; 32] {
    digest.try_into().expect("32 bytes")
}
