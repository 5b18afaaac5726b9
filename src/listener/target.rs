//! Judges a request's target: origin-form, from bytes that every parser reads alike.

use super::RequestFault;

/// Where everything behind the second following slash is an object's key, byte for byte.
const OBJECTS: &str = "/-/objects/";

/// The bytes of a target, as far as they can be judged without knowing what a path means.
pub(super) fn judge_bytes(target: &[u8]) -> Result<(), RequestFault> {
    let origin_form = target.first() == Some(&b'/');
    if origin_form && target.iter().all(|byte| is_allowed(*byte)) {
        Ok(())
    } else {
        Err(RequestFault::BadTarget)
    }
}

/// A whole path: its bytes, and no escaped separator or line end outside an object's key.
pub(super) fn judge_path(path: &str) -> Result<(), RequestFault> {
    judge_bytes(path.as_bytes())?;
    if escapes(route_part(path)).any(is_forbidden_escape) {
        return Err(RequestFault::BadTarget);
    }
    Ok(())
}

/// What follows the question mark.
pub(super) fn judge_query(query: &str) -> Result<(), RequestFault> {
    let allowed = query.bytes().all(is_allowed);
    if allowed { Ok(()) } else { Err(RequestFault::BadTarget) }
}

/// RFC 3986's characters, and `[ ] { } | ^` that browsers leave as they are. No space, control or non-ASCII byte, no
/// quote, angle bracket, backslash, backtick or `#`.
const fn is_allowed(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\\' | b'`')
}

/// The path without an object's key.
fn route_part(path: &str) -> &str {
    let Some(rest) = path.strip_prefix(OBJECTS) else {
        return path;
    };
    let key_length = rest.splitn(3, '/').nth(2).map_or(0, str::len);
    path.get(..path.len() - key_length).unwrap_or(path)
}

/// The two bytes behind each percent sign.
fn escapes(text: &str) -> impl Iterator<Item = [u8; 2]> {
    text.split('%').skip(1).map(|after| match after.as_bytes() {
        [high, low, ..] => [*high, *low],
        [only] => [*only, 0],
        [] => [0; 2],
    })
}

/// `/`, `\`, NUL, CR or LF.
const fn is_forbidden_escape(digits: [u8; 2]) -> bool {
    matches!(
        digits,
        [b'2', b'f' | b'F'] | [b'5', b'c' | b'C'] | [b'0', b'0' | b'a' | b'A' | b'd' | b'D']
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_targets_pass() {
        for path in [
            "/",
            "/a/b",
            "/-/objects/p/s/a%2Fb",
            "/-/objects/p/s/%5C%00%0d",
            "/-/objects/p/s//..//./x",
            "/-/objects/p/s/a+b@c:d;e,f=g&h!i$j'k(l)m*n~o",
            "/x/[1]{2}|^",
            "/%20",
            "/a%",
        ] {
            assert_eq!(judge_path(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn what_parsers_read_differently_is_refused() {
        for path in [
            "",
            "*",
            "a",
            "http://gw.example.com/",
            "gw.example.com:443",
            "/a b",
            "/a\\b",
            "/a\tb",
            "/a\0",
            "/é",
            "/a#b",
            "/<a>",
            "/`",
            "/\"",
            "/a%2fb",
            "/a%2Fb",
            "/%5c",
            "/%00",
            "/%0a",
            "/%0D",
            "/-/objects/p%2Fq/s/k",
            "/-/objects/p/s%5C/k",
            "/-/objects/p%2f",
            "/-/m/a%2fb",
            "/-/%2e%2e%2f",
            "/\x7f",
        ] {
            assert_eq!(judge_path(path), Err(RequestFault::BadTarget), "{path}");
        }
    }
}
