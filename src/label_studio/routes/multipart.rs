//! Multipart forms (RFC 7578), read so strictly that no other reader can see other fields in them. Contents are not touched.

use std::ops::Range;

use http::HeaderValue;

use super::super::Form;
use super::body::BadBody;

/// One field, or file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) content: Range<usize>,
    /// Of a file whose name says that it is text.
    pub(super) form: Option<Form>,
}

/// All parts, and the media type in canonical form.
pub(super) fn read(content_type: &str, bytes: &[u8]) -> Result<(Vec<Part>, HeaderValue), BadBody> {
    let boundary = boundary(content_type).ok_or(BadBody::Multipart("the boundary"))?;
    let canonical = format!("multipart/form-data; boundary={boundary}");
    let content_type =
        HeaderValue::try_from(canonical).or(Err(BadBody::Multipart("the boundary")))?;
    let first = format!("--{boundary}\r\n");
    let between = format!("\r\n--{boundary}");
    if !bytes.starts_with(first.as_bytes()) {
        return Err(BadBody::Multipart("what comes first"));
    }
    let mut from = first.len();
    let mut parts = Vec::new();
    loop {
        let rest = bytes.get(from..).unwrap_or_default();
        let end = find(rest, between.as_bytes()).ok_or(BadBody::Multipart("a part without end"))?;
        parts.push(part(bytes, from..from + end)?);
        let after = from + end + between.len();
        match bytes.get(after..).unwrap_or_default() {
            b"--" | b"--\r\n" => return Ok((parts, content_type)),
            [b'\r', b'\n', ..] => from = after + 2,
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

/// A part, with a head of one or two lines.
fn part(bytes: &[u8], all: Range<usize>) -> Result<Part, BadBody> {
    let odd = || BadBody::Multipart("the head of a part");
    let text = bytes.get(all.clone()).unwrap_or_default();
    let end = find(text, b"\r\n\r\n").ok_or_else(odd)?;
    let head = str::from_utf8(text.get(..end).unwrap_or_default()).or(Err(odd()))?;
    let mut found = None;
    for line in head.split("\r\n") {
        let (header, value) = line.split_once(": ").ok_or_else(odd)?;
        if header.eq_ignore_ascii_case("content-disposition") && found.is_none() {
            found = Some(disposition(value).ok_or_else(odd)?);
        } else if !header.eq_ignore_ascii_case("content-type") {
            return Err(odd());
        }
    }
    let (name, file) = found.ok_or_else(odd)?;
    Ok(Part { name, content: all.start + end + 4..all.end, form: file.and_then(form) })
}

/// The name of `form-data; name="…"`, and the one of `; filename="…"`: nothing escaped, nothing twice.
fn disposition(value: &str) -> Option<(String, Option<&str>)> {
    let rest = value.strip_prefix("form-data; name=\"")?;
    let (name, rest) = rest.split_once('"')?;
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b' ');
    let file = match rest {
        "" => None,
        rest => Some(rest.strip_prefix("; filename=\"")?.strip_suffix('"')?),
    };
    let sound = !name.is_empty()
        && name.bytes().all(plain)
        && file.is_none_or(|file| !file.contains(['"', '\\', '\r', '\n', '\0']));
    sound.then(|| (name.to_owned(), file))
}

/// Of the files that Label Studio reads tasks from.
fn form(file: &str) -> Option<Form> {
    let (_, extension) = file.rsplit_once('.')?;
    match &*extension.to_ascii_lowercase() {
        "json" => Some(Form::Json),
        "csv" | "tsv" | "txt" => Some(Form::Table),
        _ => None,
    }
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
