//! JSON that is safe to read on a terminal: control characters and characters that reorder or hide text are
//! written as `\uXXXX` in every string (R27). Lossless: a JSON reader gets the original back.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Appends `value` as one line of JSON, without the newline.
pub(super) fn push_json(
    out: &mut Vec<u8>,
    value: &impl Serialize,
) -> Result<(), serde_json::Error> {
    value.serialize(&mut Serializer::with_formatter(out, Escaping))
}

/// `value` as escaped JSON text.
///
/// # Errors
/// When `value` cannot be JSON.
pub fn to_json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut out = Vec::new();
    push_json(&mut out, value)?;
    Ok(String::from_utf8(out).unwrap_or_default())
}

/// Text for a person's terminal, escaped in the same way.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        if unsafe_to_show(one) {
            out.extend(one.escape_unicode());
        } else {
            out.push(one);
        }
    }
    out
}

struct Escaping;

impl Formatter for Escaping {
    /// serde_json escapes quotes, backslashes and U+0000 to U+001F before it comes here.
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
            return out.write_all(fragment.as_bytes());
        }
        let mut units = [0; 2];
        let mut utf8 = [0; 4];
        for one in fragment.chars() {
            if unsafe_to_show(one) {
                for unit in one.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}")?;
                }
            } else {
                out.write_all(one.encode_utf8(&mut utf8).as_bytes())?;
            }
        }
        Ok(())
    }
}

/// Controls (Cc); the bidirectional controls of Unicode TR 9; line and paragraph separators; zero-width
/// characters; tags and variation selectors' supplement, which carry invisible text.
fn unsafe_to_show(one: char) -> bool {
    one.is_control()
        || matches!(one,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::{printable, to_json};

    #[test]
    fn what_could_deceive_a_reader_is_escaped() {
        for (name, raw, shown) in [
            ("plain", "scan 1.png", r#""scan 1.png""#),
            ("other scripts stay", "снимок-é", "\"снимок-é\""),
            ("newline", "a\nb", r#""a\nb""#),
            ("terminal escape", "a\u{1b}[2Jb", r#""a\u001b[2Jb""#),
            ("delete", "a\u{7f}", r#""a\u007f""#),
            ("second control block", "a\u{9b}", r#""a\u009b""#),
            ("right-to-left override", "gnp\u{202e}.exe", r#""gnp\u202e.exe""#),
            ("isolate", "\u{2066}x\u{2069}", r#""\u2066x\u2069""#),
            ("invisible tag", "x\u{e0041}", r#""x\udb40\udc41""#),
            ("quote and backslash", "\"\\", r#""\"\\""#),
        ] {
            let json = to_json(&raw).unwrap();
            assert_eq!(json, shown, "{name}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), raw, "{name}");
        }
        assert_eq!(printable("a\u{202e}b\nc"), "a\\u{202e}b\\u{a}c");
    }
}
