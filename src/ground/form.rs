//! Texts of query strings, as forms encode them: read in one way by whoever reads one.

use percent_encoding::percent_decode;

/// The text, decoded once (`+` is a space). `None` for a broken escape, what is not UTF-8, and NUL, CR and LF, which no name and
/// no value of ours holds.
#[must_use]
pub fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let mut rest = spaced.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                after
            }
            (b'%', _) => return None,
            (_, tail) => tail,
        };
    }
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8().ok()?;
    (!decoded.contains(['\0', '\r', '\n'])).then(|| decoded.into_owned())
}
