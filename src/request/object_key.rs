//! An object's key, byte for byte as the store knows it: decoded once, never normalised (R19).

use std::fmt;

/// A key of 1 to 1,024 bytes of UTF-8 without NUL, CR or LF
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(Box<str>);

/// Why bytes are not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than 1,024 bytes")]
    TooLong,
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it holds NUL, CR or LF")]
    ForbiddenByte,
    #[error("a percent sign is not followed by two hexadecimal digits")]
    BadEscape,
}

impl ObjectKey {
    /// Takes a key that is already decoded.
    ///
    /// # Errors
    /// [`BadKey`] as its variants say.
    pub fn new(text: &str) -> Result<Self, BadKey> {
        match text {
            "" => Err(BadKey::Empty),
            long if long.len() > 1024 => Err(BadKey::TooLong),
            bad if bad.contains(['\0', '\r', '\n']) => Err(BadKey::ForbiddenByte),
            good => Ok(Self(good.into())),
        }
    }

    /// Decodes the rest of a path, once. `+` is a plus sign; `%2F` and `/` are the same byte of the key.
    ///
    /// # Errors
    /// [`BadKey`] as its variants say.
    pub fn from_path(encoded: &str) -> Result<Self, BadKey> {
        let bytes = decode(encoded.as_bytes())?;
        let text = String::from_utf8(bytes).or(Err(BadKey::NotUtf8))?;
        Self::new(&text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

fn decode(encoded: &[u8]) -> Result<Vec<u8>, BadKey> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [first, tail @ ..] = rest {
        rest = if *first == b'%' {
            let [high, low, after @ ..] = tail else {
                return Err(BadKey::BadEscape);
            };
            decoded.push(nibble(*high)? << 4 | nibble(*low)?);
            after
        } else {
            decoded.push(*first);
            tail
        };
    }
    Ok(decoded)
}

const fn nibble(digit: u8) -> Result<u8, BadKey> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(BadKey::BadEscape),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The naive model: every byte escaped or not, at random, is the same key.
    fn encode(key: &str, escapes: &[bool]) -> String {
        let choices = escapes.iter().copied().chain(std::iter::repeat(true));
        let pieces = key.bytes().zip(choices).map(|(byte, escape)| match byte {
            b'%' | 0..=0x20 | 0x7f.. => format!("%{byte:02X}"),
            plain if escape => format!("%{plain:02x}"),
            plain => char::from(plain).to_string(),
        });
        pieces.collect()
    }

    proptest! {
        #[test]
        fn every_key_comes_back_from_every_spelling(
            key in "[^\0\r\n]{1,200}",
            escapes in prop::collection::vec(any::<bool>(), 0..400),
        ) {
            let decoded = ObjectKey::from_path(&encode(&key, &escapes)).unwrap();
            prop_assert_eq!(decoded.as_str(), key.as_str());
        }

        #[test]
        fn any_path_is_a_key_or_an_error_and_never_a_panic(path in ".{0,100}") {
            if let Ok(key) = ObjectKey::from_path(&path) {
                prop_assert!((1..=1024).contains(&key.as_str().len()));
                prop_assert!(!key.as_str().contains(['\0', '\r', '\n']));
            }
        }
    }
}
