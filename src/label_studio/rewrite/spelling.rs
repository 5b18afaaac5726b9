//! The spellings that one character of a URI can have inside of other texts: escaped by JSON, by a URL, by HTML.

/// A character as it stands somewhere.
pub(super) struct Spelt {
    pub(super) end: usize,
    pub(super) character: char,
}

const REFERENCES: [(&str, char); 12] = [
    ("&#47;", '/'),
    ("&#047;", '/'),
    ("&#x2f;", '/'),
    ("&sol;", '/'),
    ("&#58;", ':'),
    ("&#058;", ':'),
    ("&#x3a;", ':'),
    ("&colon;", ':'),
    ("&amp;", '&'),
    ("&quot;", '"'),
    ("&#39;", '\''),
    ("&#34;", '"'),
];

/// The character that starts at `at`, whichever way it is spelt. Backslashes before a slash belong to it.
pub(super) fn at(text: &str, at: usize) -> Option<Spelt> {
    let rest = text.get(at..)?;
    let first = rest.chars().next()?;
    let plain = Spelt { end: at + first.len_utf8(), character: first };
    match first {
        '\\' => {
            let slashes = rest.len() - rest.trim_start_matches('\\').len();
            let after = rest.get(slashes..).unwrap_or_default();
            match after.chars().next() {
                Some(next @ ('/' | ':')) => Some(Spelt { end: at + slashes + 1, character: next }),
                Some('u') => Some(
                    by_number(after)
                        .map_or(plain, |character| Spelt { end: at + slashes + 5, character }),
                ),
                _ => Some(plain),
            }
        }
        '%' => {
            let code = rest.get(1..3).and_then(|code| u8::from_str_radix(code, 16).ok());
            match code.filter(u8::is_ascii) {
                Some(code) => Some(Spelt { end: at + 3, character: char::from(code) }),
                None => Some(plain),
            }
        }
        '&' => {
            let known = REFERENCES.iter().find(|(spelt, _)| starts_with(rest, spelt));
            Some(known.map_or(plain, |(spelt, character)| Spelt {
                end: at + spelt.len(),
                character: *character,
            }))
        }
        _ => Some(plain),
    }
}

/// `u002f`, as JSON inside of JSON may have it.
fn by_number(text: &str) -> Option<char> {
    let digits = text.get(1..5).filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
}

fn starts_with(text: &str, spelt: &str) -> bool {
    text.get(..spelt.len()).is_some_and(|start| start.eq_ignore_ascii_case(spelt))
}

/// The text without escapes, as far as its own start shows that it has them: what is plain may hold `%41` as it is.
pub(super) fn plain(spelt: &str, is_escaped: bool) -> String {
    if !is_escaped {
        return spelt.to_owned();
    }
    let (mut text, mut from) = (Vec::with_capacity(spelt.len()), 0);
    while let Some(Spelt { end, character }) = at(spelt, from) {
        let raw = spelt.get(from..end).unwrap_or_default();
        match (raw.strip_prefix('%'), character) {
            // Bytes of UTF-8 that a URL has escaped one by one.
            (Some(code), _) => match u8::from_str_radix(code, 16) {
                Ok(byte) => text.push(byte),
                Err(_) => text.extend_from_slice(raw.as_bytes()),
            },
            (None, character) => {
                let mut buffer = [0; 4];
                text.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
            }
        }
        from = end;
    }
    String::from_utf8(percent_bytes(text)).unwrap_or_else(|_| spelt.to_owned())
}

/// Escapes past ASCII are two or three bytes each; they are put together here.
fn percent_bytes(text: Vec<u8>) -> Vec<u8> {
    if text.contains(&b'%') { percent_encoding::percent_decode(&text).collect() } else { text }
}

#[cfg(test)]
mod tests {
    use super::{at, plain};

    #[test]
    fn one_character_is_read_in_every_spelling() {
        for (text, character) in [
            ("/x", '/'),
            ("\\/x", '/'),
            ("\\\\/x", '/'),
            ("\\u002fx", '/'),
            ("\\\\u002Fx", '/'),
            ("\\u003ax", ':'),
            ("%2fx", '/'),
            ("&#x2F;x", '/'),
            ("&colon;x", ':'),
            ("\\ux", '\\'),
            ("\\ud83d", '\\'),
            ("%zz", '%'),
            ("&", '&'),
        ] {
            let spelt = at(text, 0).unwrap();
            assert_eq!(spelt.character, character, "{text}");
            let rest = text.get(spelt.end..).unwrap();
            assert!(character == '\\' || matches!(rest, "x" | "zz" | ""), "{text}");
        }
        assert_eq!(plain("s3:\\u002f\\u002fb\\u002fk", true), "s3://b/k");
    }
}
