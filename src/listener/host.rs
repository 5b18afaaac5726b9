//! Host names as clients send them and as the operator lists them. Compared without case; the port that a
//! client names is syntax only, since proxies and port mappings in front of us change it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// One entry of `[listen] hosts`: a name or address, with a port where HTTPS is not reached on 443.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedHost {
    name: Box<str>,
    port: Option<u16>,
}

/// Not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a host is a DNS name, an IPv4 address or an IPv6 address in brackets, maybe with `:port`")]
pub struct BadHost;

impl ServedHost {
    /// In lower case, without port.
    #[must_use]
    pub const fn name(&self) -> &str {
        &self.name
    }

    /// The port of HTTPS as clients see it, where it is not 443.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }
}

impl FromStr for ServedHost {
    type Err = BadHost;

    fn from_str(text: &str) -> Result<Self, BadHost> {
        let (name, port) = split(text).ok_or(BadHost)?;
        Ok(Self { name: name.to_ascii_lowercase().into(), port })
    }
}

/// Splits and checks `name`, `name:port`, `[v6]` or `[v6]:port` (RFC 9110, 7.2; RFC 3986, 3.2.2, without
/// the percent-encoded and other exotic names that no DNS knows).
pub(super) fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let (name, port) = match text.rfind(':') {
        Some(colon) if !text.ends_with(']') => {
            let (name, port) = text.split_at_checked(colon)?;
            (name, Some(parse_port(port.strip_prefix(':')?)?))
        }
        Some(_) | None => (text, None),
    };
    well_formed(name).then_some((name, port))
}

fn parse_port(digits: &str) -> Option<u16> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { digits.parse().ok() } else { None }
}

fn well_formed(name: &str) -> bool {
    if let Some(inner) = name.strip_prefix('[') {
        return inner.strip_suffix(']').is_some_and(|v6| v6.parse::<Ipv6Addr>().is_ok());
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if !(name.len() <= 253 && name.split('.').all(label)) {
        return false;
    }
    // a last label of digits only is an address or nothing (WHATWG URL, "ends in a number")
    let numeric =
        name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    !numeric || name.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_strictly() {
        let good = [
            ("gw.example.com", ("gw.example.com", None)),
            ("GW.example.com:8443", ("GW.example.com", Some(8443))),
            ("127.0.0.1:1", ("127.0.0.1", Some(1))),
            ("[::1]", ("[::1]", None)),
            ("[::1]:443", ("[::1]", Some(443))),
            ("localhost", ("localhost", None)),
        ];
        for (text, expected) in good {
            assert_eq!(split(text), Some(expected), "{text}");
        }
        let bad = [
            "",
            ":",
            ":443",
            "a:",
            "a:b",
            "a:99999",
            "a:-1",
            "a:+1",
            "a b",
            "a/b",
            "a@b",
            "user@a:1",
            "a..b",
            ".a",
            "a.",
            "-a",
            "a-",
            "::1",
            "[::1",
            "[]",
            "[::1]x",
            "1.2.3",
            "256.1.1.1",
            "a:1:2",
            "é.com",
            "a,b",
            "a?b",
            "a#b",
            "%41",
            "0x7f.1",
        ];
        for text in bad {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
