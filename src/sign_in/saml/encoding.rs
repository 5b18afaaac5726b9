//! The form field `SAMLResponse` (SAML bindings 3.5.4) as text: base64 with line breaks, UTF-8 inside, bounded before
//! anything is decoded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::MAX_BYTES;

/// Four characters for three bytes, and room for a line break after each 60 of them.
const MAX_CHARACTERS: usize = MAX_BYTES / 3 * 4 + MAX_BYTES / 20;

/// Why a field is not an answer of an identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadField {
    #[error("the answer is longer than 256 KiB")]
    TooLarge,
    #[error("the answer is not base64")]
    NotBase64,
    #[error("the answer is not UTF-8")]
    NotUtf8,
}

/// The document that the field carries.
///
/// # Errors
/// [`BadField`] as its variants say. Line breaks are accepted (RFC 2045 section 6.8, which the binding names); blanks,
/// the URL alphabet and missing padding are not.
pub fn decode(field: &str) -> Result<String, BadField> {
    if field.len() > MAX_CHARACTERS {
        return Err(BadField::TooLarge);
    }
    let plain: Vec<u8> = field.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let bytes = STANDARD.decode(plain).or(Err(BadField::NotBase64))?;
    if bytes.len() > MAX_BYTES {
        return Err(BadField::TooLarge);
    }
    String::from_utf8(bytes).or(Err(BadField::NotUtf8))
}

#[cfg(test)]
mod tests {
    use super::{BadField, STANDARD, decode};
    use base64::Engine as _;

    #[test]
    fn base64_with_line_breaks_and_nothing_else() {
        for (name, field, expected) in [
            ("plain", "PGEvPg==", Ok("<a/>")),
            ("line feeds", "PGE\nvPg==\n", Ok("<a/>")),
            ("as MIME breaks lines", "PGEv\r\nPg==\r\n", Ok("<a/>")),
            ("not ASCII inside", "w6k=", Ok("é")),
            ("nothing", "", Ok("")),
            ("a blank", "PGEv Pg==", Err(BadField::NotBase64)),
            ("a tab", "PGEv\tPg==", Err(BadField::NotBase64)),
            ("no padding", "PGEvPg", Err(BadField::NotBase64)),
            ("too much padding", "PGEvPg===", Err(BadField::NotBase64)),
            ("padding inside", "PGE=vPg==", Err(BadField::NotBase64)),
            ("bits left over", "PGEvPh==", Err(BadField::NotBase64)),
            ("the URL alphabet", "-_-_", Err(BadField::NotBase64)),
            ("markup", "<a/>", Err(BadField::NotBase64)),
            ("NUL", "PGEv\0Pg==", Err(BadField::NotBase64)),
            ("a byte of no UTF-8", "/w==", Err(BadField::NotUtf8)),
            ("UTF-16", "/v8APABh", Err(BadField::NotUtf8)),
        ] {
            assert_eq!(decode(field).as_deref(), expected.as_ref().map(|text| &**text), "{name}");
        }
    }

    #[test]
    fn no_more_than_256_kib_are_decoded() {
        let whole = STANDARD.encode("a".repeat(super::MAX_BYTES));
        assert_eq!(decode(&whole).unwrap().len(), super::MAX_BYTES);
        let more = STANDARD.encode("a".repeat(super::MAX_BYTES + 1));
        assert_eq!(decode(&more), Err(BadField::TooLarge));
        assert_eq!(decode(&"\n".repeat(super::MAX_CHARACTERS + 1)), Err(BadField::TooLarge));
    }
}
