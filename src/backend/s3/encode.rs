//! Percent-encoding as Signature Version 4 wants it, once: every byte but the unreserved ones becomes `%XX` with
//! capitals (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>). Nothing is normalised.

/// Appends a key, or a part of one; slashes stay.
pub(super) fn path(to: &mut String, text: &str) {
    encode(to, text, true);
}

/// Appends a query parameter's value; slashes are encoded too.
pub(super) fn query(to: &mut String, text: &str) {
    encode(to, text, false);
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn encode(to: &mut String, text: &str, slash_stays: bool) {
    let stays = |byte: u8| is_unreserved(byte) || (slash_stays && byte == b'/');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| !stays(*byte)) {
        let (plain, after) = rest.split_at(at);
        // What stays is ASCII, so this never loses a byte.
        to.push_str(std::str::from_utf8(plain).unwrap_or_default());
        let [byte, tail @ ..] = after else { return };
        to.push('%');
        to.push(digit(byte >> 4));
        to.push(digit(byte & 15));
        rest = tail;
    }
    to.push_str(std::str::from_utf8(rest).unwrap_or_default());
}

fn digit(nibble: u8) -> char {
    char::from(if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_as_s3_wants_them() {
        let cases = [
            ("scans/1.png", "scans/1.png"),
            ("a b+c%d", "a%20b%2Bc%25d"),
            ("é", "%C3%A9"),
            ("e\u{301}", "e%CC%81"),
            ("//a/../b/./", "//a/../b/./"),
            ("?#&=;:@$,!*'()", "%3F%23%26%3D%3B%3A%40%24%2C%21%2A%27%28%29"),
            ("~-._", "~-._"),
            ("\u{1}\u{7f}\\\"<>", "%01%7F%5C%22%3C%3E"),
            ("", ""),
        ];
        for (key, expected) in cases {
            let mut encoded = String::new();
            path(&mut encoded, key);
            assert_eq!(encoded, expected, "{key:?}");
        }
        let mut encoded = String::new();
        query(&mut encoded, "a/b c");
        assert_eq!(encoded, "a%2Fb%20c");
    }

    proptest::proptest! {
        #[test]
        fn every_key_reads_back_byte_exact(key in "[^\0\r\n]{1,200}") {
            let mut encoded = String::new();
            path(&mut encoded, &key);
            let back = crate::request::ObjectKey::from_path(&encoded);
            proptest::prop_assert_eq!(back.map(|key| key.as_str().to_owned()), Ok(key));
        }
    }
}
