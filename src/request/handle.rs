//! A handle as it stands in a path: opaque text until its owner's key opens it (`policy`).

/// 1 to 4,096 characters of base64url; nothing is known about it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedHandle(Box<str>);

impl SealedHandle {
    /// `None` when the text cannot be a handle.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        ((1..=4096).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.into()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
