//! The chain: `hash = SHA-256(hash of the line before, in hexadecimal ‖ the line up to its own hash)`, so that no
//! line can be changed, taken out, moved or put in without every later hash telling; and the Ed25519 signatures
//! over (seq, hash) which fix the chain's ends for whoever holds only the public key.

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::hex;

/// What every line ends with: this, 64 hexadecimal digits, and [`CLOSE`].
const OPEN: &[u8] = br#","hash":""#;
const CLOSE: &[u8] = br#""}"#;

/// What is signed begins with this, so that no signature of ours for another purpose fits.
const PURPOSE: &str = "sluicegate audit";

/// The hash of one line, over everything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash(pub(super) [u8; 32]);

/// How far a chain has come: the last line's number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub seq: u64,
    pub hash: Hash,
}

impl Link {
    /// Before the first line of all.
    pub const START: Self = Self { seq: 0, hash: Hash([0; 32]) };

    /// Reads a link from its number and its hash in hexadecimal.
    #[must_use]
    pub fn read(seq: &str, hash: &str) -> Option<Self> {
        Some(Self { seq: seq.parse().ok()?, hash: Hash(hex::read(hash.as_bytes())?) })
    }

    /// Closes the JSON object that stands in `line` from `start` on with its hash; it becomes the next link.
    pub(super) fn close(self, line: &mut Vec<u8>, start: usize) -> Self {
        line.truncate(line.len().saturating_sub(1)); // the object's closing brace
        let hash = self.hash.then(line.get(start..).unwrap_or_default());
        line.extend_from_slice(OPEN);
        hex::push(line, &hash.0);
        line.extend_from_slice(CLOSE);
        line.push(b'\n');
        Self { seq: self.seq + 1, hash }
    }
}

impl Hash {
    fn then(self, text: &[u8]) -> Self {
        let mut before = Vec::with_capacity(64);
        hex::push(&mut before, &self.0);
        let mut context = Context::new(&SHA256);
        context.update(&before);
        context.update(text);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }

    /// Checks one line (without its newline) against the hash before it.
    pub(super) fn check(self, line: &[u8]) -> Result<Self, BadHash> {
        let (text, hash) = split(line).ok_or(BadHash::Missing)?;
        if self.then(text) == hash { Ok(hash) } else { Err(BadHash::Wrong) }
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::text(&self.0))
    }
}

/// The hash that a line states of itself.
pub(super) fn stated(line: &[u8]) -> Option<Hash> {
    split(line).map(|(_, hash)| hash)
}

fn split(line: &[u8]) -> Option<(&[u8], Hash)> {
    let line = line.strip_suffix(CLOSE)?;
    let (rest, digits) = line.split_at_checked(line.len().checked_sub(64)?)?;
    Some((rest.strip_suffix(OPEN)?, Hash(hex::read(digits)?)))
}

/// What is wrong with a line's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHash {
    Missing,
    Wrong,
}

/// Signs the chain's ends.
pub(super) struct Signer(Ed25519KeyPair);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", hex::text(self.public().as_bytes()))
    }
}

impl Signer {
    /// A new key: itself, and its PKCS#8 form to be kept.
    pub(super) fn generate() -> Option<(Self, Vec<u8>)> {
        let pair = Ed25519KeyPair::generate().ok()?;
        let kept = pair.to_pkcs8v1().ok()?.as_ref().to_vec();
        Some((Self(pair), kept))
    }

    pub(super) fn read(pkcs8: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_pkcs8(pkcs8).ok().map(Self)
    }

    pub(super) fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    pub(super) fn sign(&self, link: Link) -> Signature {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.0.sign(signed_text(link).as_bytes()).as_ref());
        Signature(bytes)
    }
}

fn signed_text(link: Link) -> String {
    format!("{PURPOSE}\n{}\n{}\n", link.seq, link.hash)
}

/// A signature over one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signature([u8; 64]);

impl Signature {
    pub(super) fn read(text: &str) -> Option<Self> {
        hex::read(text.as_bytes()).map(Self)
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::text(&self.0))
    }
}

/// All that an independent verifier needs besides the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads the content of a `key.pub`: 64 hexadecimal digits.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        hex::read(text.trim().as_bytes()).map(Self)
    }

    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn accepts(&self, link: Link, signature: Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(signed_text(link).as_bytes(), &signature.0)
            .is_ok()
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::text(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{BadHash, Hash, Link, Signer, stated};

    #[test]
    fn a_closed_line_checks_and_states_its_hash() {
        let mut line = br#"{"seq":1}"#.to_vec();
        let link = Link::START.close(&mut line, 0);
        let line = line.strip_suffix(b"\n").unwrap();
        assert_eq!(Link::START.hash.check(line), Ok(link.hash));
        assert_eq!(stated(line), Some(link.hash));
        assert_eq!(link.hash.check(line), Err(BadHash::Wrong));
        assert_eq!(Link::START.hash.check(b"{}"), Err(BadHash::Missing));
    }

    #[test]
    fn a_signature_fits_one_link_and_one_key() {
        let (signer, kept) = Signer::generate().unwrap();
        let link = Link { seq: 7, hash: Hash([3; 32]) };
        let signature = Signer::read(&kept).unwrap().sign(link);
        assert!(signer.public().accepts(link, signature));
        assert!(!signer.public().accepts(Link { seq: 8, ..link }, signature));
        assert!(!Signer::generate().unwrap().0.public().accepts(link, signature));
    }
}
