//! The canonical request, hashed as it is walked: nothing of it is copied, so no session token is either.

use aws_lc_rs::digest::{Context, SHA256};

/// What is about to be sent, exactly as it will stand on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    pub method: &'a str,
    /// Encoded exactly as on the wire.
    pub path: &'a str,
    /// Canonical: sorted, encoded, as on the wire; without the question mark.
    pub query: &'a str,
    /// Every signed header, lower-case, sorted, including `host` and all `x-amz-*`.
    pub headers: &'a [(&'a str, &'a str)],
    pub payload: Payload<'a>,
}

/// What the signature says about the body: also the value of `x-amz-content-sha256`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// The body is not covered (TLS protects it).
    Unsigned,
    /// There is none.
    Empty,
    /// Its SHA-256, in lower-case hexadecimal.
    Hash(&'a str),
}

impl<'a> Payload<'a> {
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        match self {
            Self::Unsigned => "UNSIGNED-PAYLOAD",
            Self::Empty => "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            Self::Hash(hash) => hash,
        }
    }
}

/// The hash of the canonical request. Appends the list of signed headers to `list` on the way.
pub(super) fn hash(out: &Outgoing<'_>, list: &mut String) -> [u8; 32] {
    let mut hash = Buffered::new();
    for part in [out.method, "\n", out.path, "\n", out.query, "\n"] {
        hash.push(part.as_bytes());
    }
    let from = list.len();
    let mut before = None;
    for (name, value) in out.headers {
        if before == Some(*name) {
            // The values of a repeated name are one line, in their order.
            hash.push(b",");
        } else {
            if before.is_some() {
                hash.push(b"\n");
                list.push(';');
            }
            hash.push(name.as_bytes());
            hash.push(b":");
            list.push_str(name);
        }
        push_value(&mut hash, value);
        before = Some(*name);
    }
    hash.push(b"\n\n");
    hash.push(list.get(from..).unwrap_or_default().as_bytes());
    hash.push(b"\n");
    hash.push(out.payload.as_str().as_bytes());
    hash.finish()
}

/// A header's value without outer white space, and with single spaces inside.
fn push_value(hash: &mut Buffered, value: &str) {
    let value = value.trim_ascii();
    if !value.contains("  ") {
        return hash.push(value.as_bytes());
    }
    for (at, word) in value.split(' ').filter(|word| !word.is_empty()).enumerate() {
        if at > 0 {
            hash.push(b" ");
        }
        hash.push(word.as_bytes());
    }
}

struct Buffered(Context);

impl Buffered {
    fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    fn push(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> [u8; 32] {
        super::array(self.0.finish().as_ref())
    }
}
