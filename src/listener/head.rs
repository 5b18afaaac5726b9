//! Judges an HTTP/1 request head on the bytes as they came, before any library has read them: what hyper would hide
//! (doubled lengths, both framings, bare line feeds) is seen here. Stricter than RFC 9112 asks, never laxer.

use super::RequestFault;
use super::target;

/// The largest head, with its empty line.
pub(super) const MAX_HEAD: usize = 32 * 1024;
pub(super) const MAX_HEADERS: usize = 100;

/// The methods that exist here; each route takes some of them.
pub(super) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// How the body that follows a head is framed: in exactly one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Length(u64),
    Chunked,
}

/// Judges one whole head: request line, fields and the empty line, each ended by CR LF.
///
/// # Errors
/// The first [`RequestFault`] found.
pub fn judge_head(head: &[u8]) -> Result<Framing, RequestFault> {
    if head.len() > MAX_HEAD {
        return Err(RequestFault::HeadTooLarge);
    }
    let fields = head.strip_suffix(b"\r\n\r\n").ok_or(RequestFault::MalformedHead)?;
    let mut lines = Lines(Some(fields));
    let version = request_line(lines.next().unwrap_or_default())?;
    let mut facts = Facts::default();
    for (index, line) in lines.enumerate() {
        if index >= MAX_HEADERS {
            return Err(RequestFault::HeadTooLarge);
        }
        facts.add(line)?;
    }
    facts.framing(version)
}

/// Judges the beginning of a head that is not whole yet, so that garbage need not wait for its deadline.
pub(super) fn judge_beginning(head: &[u8]) -> Result<(), RequestFault> {
    if head.len() > MAX_HEAD {
        return Err(RequestFault::HeadTooLarge);
    }
    match head.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = head.get(..end).and_then(|line| line.strip_suffix(b"\r"));
            request_line(line.ok_or(RequestFault::MalformedHead)?).map(drop)
        }
        // a TLS hello on a clear-text socket, for one, holds no line end at all
        None => match head.first() {
            Some(first) if !is_token(*first) && *first != b'\r' => Err(RequestFault::MalformedHead),
            Some(_) | None => Ok(()),
        },
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

/// The lines between CR LFs. A stray CR or LF stays in its line and is refused there.
struct Lines<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let (line, after) = rest.split_at_checked(end)?;
                self.0 = after.get(1..);
                // without its CR it keeps a byte that no line may hold
                Some(line.strip_suffix(b"\r").unwrap_or(b"\n"))
            }
            None => self.0.take(),
        }
    }
}

/// RFC 9112, 3: method, target and version, with one space between.
fn request_line(line: &[u8]) -> Result<Version, RequestFault> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(RequestFault::MalformedHead);
    };
    let version = match version {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        _ => return Err(RequestFault::MalformedHead),
    };
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) {
        return Err(RequestFault::MalformedHead);
    }
    if !METHODS.iter().any(|known| known.as_bytes() == method) {
        return Err(RequestFault::BadMethod);
    }
    target::judge_bytes(target)?;
    Ok(version)
}

/// What the fields say of framing and host.
#[derive(Default)]
struct Facts {
    length: Option<u64>,
    chunked: bool,
    hosts: usize,
}

impl Facts {
    fn add(&mut self, line: &[u8]) -> Result<(), RequestFault> {
        let colon = line.iter().position(|byte| *byte == b':');
        let colon = colon.ok_or(RequestFault::MalformedHead)?;
        let (name, value) = line.split_at_checked(colon).ok_or(RequestFault::MalformedHead)?;
        // covers obs-fold (RFC 9112, 5.2) and space before the colon (5.1)
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(RequestFault::MalformedHead);
        }
        let value = value.get(1..).unwrap_or_default();
        if !value.iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..=0xff)) {
            return Err(RequestFault::MalformedHead);
        }
        let value = value.trim_ascii();
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.hosts += 1,
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let length = content_length(value).ok_or(RequestFault::AmbiguousFraming)?;
                // RFC 9110, 8.6 lets identical doubles pass; nobody honest sends them
                if self.length.replace(length).is_some() {
                    return Err(RequestFault::AmbiguousFraming);
                }
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(RequestFault::AmbiguousFraming);
                }
                self.chunked = true;
            }
            _ => (),
        }
        Ok(())
    }

    fn framing(&self, version: Version) -> Result<Framing, RequestFault> {
        if self.hosts != 1 {
            return Err(RequestFault::BadHost);
        }
        match (self.length, self.chunked, version) {
            (Some(_), true, _) | (_, true, Version::Http10) => Err(RequestFault::AmbiguousFraming),
            // some peers ignore the length of an HTTP/1.0 request
            (Some(1..), false, Version::Http10) => Err(RequestFault::AmbiguousFraming),
            (length, false, _) => Ok(Framing::Length(length.unwrap_or(0))),
            (None, true, Version::Http11) => Ok(Framing::Chunked),
        }
    }
}

/// Digits only: no sign, no list, no space. 18 of them cannot overflow anything.
fn content_length(value: &[u8]) -> Option<u64> {
    if !(1..=18).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(value).ok()?.parse().ok()
}

/// RFC 9110, 5.6.2.
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}
