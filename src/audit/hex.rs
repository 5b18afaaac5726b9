//! Hashes, signatures and keys as lower-case hexadecimal text, so that an auditor can check them with a shell.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends `bytes` in hexadecimal.
pub(super) fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
        }
    }
}

/// `bytes` in hexadecimal.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    push(&mut out, bytes);
    String::from_utf8(out).unwrap_or_default()
}

/// Reads what [`push`] wrote: exactly `N` bytes, lower case only (one spelling per value).
pub(super) fn read<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{read, text};

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        assert_eq!(text(&[0x00, 0x9f, 0xff]), "009fff");
        assert_eq!(read::<3>(b"009fff"), Some([0x00, 0x9f, 0xff]));
        for bad in ["009FFF", "009ff", "009ffff", "00 fff", ""] {
            assert_eq!(read::<3>(bad.as_bytes()), None, "{bad}");
        }
    }
}
