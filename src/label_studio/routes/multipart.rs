//! Multipart forms (RFC 7578), read so strictly that no other reader can see other fields in them. Contents are not touched.

use std::collections::HashSet;

use http::HeaderValue;

use super::body::BadBody;

/// The names of all fields, and the media type in canonical form.
pub(super) fn read(
    content_type: &str,
    bytes: &[u8],
) -> Result<(HashSet<String>, HeaderValue), BadBody> {
    let boundary = boundary(content_type).ok_or(BadBody::Multipart("the boundary"))?;
    let canonical = format!("multipart/form-data; boundary={boundary}");
    let content_type =
        HeaderValue::try_from(canonical).or(Err(BadBody::Multipart("the boundary")))?;
    let first = format!("--{boundary}\r\n");
    let between = format!("\r\n--{boundary}");
    let mut rest =
        bytes.strip_prefix(first.as_bytes()).ok_or(BadBody::Multipart("what comes first"))?;
    let mut names = HashSet::new();
    loop {
        let end = find(rest, between.as_bytes()).ok_or(BadBody::Multipart("a part without end"))?;
        let (part, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        names.insert(name(part)?);
        let after = after.get(between.len()..).unwrap_or_default();
        match after {
            b"--" | b"--\r\n" => return Ok((names, content_type)),
            [b'\r', b'\n', after @ ..] => rest = after,
            _ => return Err(BadBody::Multipart("what follows a boundary")),
        }
    }
}

/// RFC 2046, 5.1.1, but for what would need quotes.
fn boundary(content_type: &str) -> Option<&str> {
    let (_, parameters) = content_type.split_once(';')?;
    let boundary = parameters.trim().strip_prefix("boundary=")?;
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'\'');
    ((1..=70).contains(&boundary.len()) && boundary.bytes().all(plain)).then_some(boundary)
}

/// The field's name, from a head of one or two lines.
fn name(part: &[u8]) -> Result<String, BadBody> {
    let odd = || BadBody::Multipart("the head of a part");
    let end = find(part, b"\r\n\r\n").ok_or_else(odd)?;
    let head = str::from_utf8(part.get(..end).unwrap_or_default()).or(Err(odd()))?;
    let mut found = None;
    for line in head.split("\r\n") {
        let (header, value) = line.split_once(": ").ok_or_else(odd)?;
        if header.eq_ignore_ascii_case("content-disposition") && found.is_none() {
            found = Some(disposition(value).ok_or_else(odd)?);
        } else if !header.eq_ignore_ascii_case("content-type") {
            return Err(odd());
        }
    }
    found.ok_or_else(odd)
}

/// `form-data; name="…"` and perhaps `; filename="…"`: nothing escaped, nothing twice.
fn disposition(value: &str) -> Option<String> {
    let rest = value.strip_prefix("form-data; name=\"")?;
    let (name, rest) = rest.split_once('"')?;
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b' ');
    let file = rest.is_empty()
        || rest
            .strip_prefix("; filename=\"")
            .and_then(|rest| rest.strip_suffix('"'))
            .is_some_and(|file| !file.contains(['"', '\\', '\r', '\n', '\0']));
    (file && !name.is_empty() && name.bytes().all(plain)).then(|| name.to_owned())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let at = from + rest.iter().position(|byte| *byte == first)?;
        if bytes.get(at..)?.starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
}
