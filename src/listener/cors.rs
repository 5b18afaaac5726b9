//! Other sites whose scripts may read answers (CORS). Nobody's, unless the settings list it; exact origins, never `*`, and
//! never with cookies: a script of another site comes with a token, or as nobody.

use std::str::FromStr;

use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue};

use super::host;

/// One entry of `[listen] cors_origins`, as browsers write it (RFC 6454, 6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsOrigin(HeaderValue);

/// Not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin is https://host or https://host:port in lower case, without a path and without the port 443 (http:// and 80 \
     alike)"
)]
pub struct BadOrigin;

impl FromStr for CorsOrigin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let (rest, default_port) =
            match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
                (Some(rest), _) => (rest, 443),
                (None, Some(rest)) => (rest, 80),
                (None, None) => return Err(BadOrigin),
            };
        let (_, port) = host::split(rest).ok_or(BadOrigin)?;
        let as_browsers_do = port != Some(default_port) && text.to_ascii_lowercase() == text;
        let value = HeaderValue::from_str(text).ok().filter(|_| as_browsers_do);
        value.map(Self).ok_or(BadOrigin)
    }
}

/// Which other site's script would read the answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Elsewhere {
    /// None is listed: answers do not depend on where they were asked for.
    #[default]
    Nobody,
    /// Some are listed, and this is none of them.
    Unlisted,
    Listed(HeaderValue),
}

impl Elsewhere {
    /// What a request says, held against the list. Browsers cannot be made to say another site's origin.
    pub(super) fn of(headers: &HeaderMap, listed: &[CorsOrigin]) -> Self {
        if listed.is_empty() {
            return Self::Nobody;
        }
        let said = headers.get(ORIGIN).filter(|_| headers.get_all(ORIGIN).iter().nth(1).is_none());
        let found = said.and_then(|said| listed.iter().find(|origin| origin.0 == *said));
        found.map_or(Self::Unlisted, |origin| Self::Listed(origin.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_write_and_nothing_else() {
        for (text, good) in [
            ("https://labels.example.com", true),
            ("https://labels.example.com:8443", true),
            ("http://localhost:3000", true),
            ("https://[::1]:8443", true),
            ("https://labels.example.com:443", false),
            ("http://labels.example.com:80", false),
            ("https://Labels.example.com", false),
            ("HTTPS://labels.example.com", false),
            ("https://labels.example.com/", false),
            ("https://labels.example.com/path", false),
            ("https://*.example.com", false),
            ("https://ann@labels.example.com", false),
            ("https://", false),
            ("labels.example.com", false),
            ("//labels.example.com", false),
            ("file://", false),
            ("null", false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<CorsOrigin>().is_ok(), good, "{text}");
        }
    }

    #[test]
    fn an_origin_is_listed_whole_or_not() {
        let listed: Vec<CorsOrigin> = vec!["https://a.example.com".parse().unwrap()];
        for (said, expected) in [
            (&["https://a.example.com"][..], true),
            (&["https://A.example.com"], false),
            (&["https://a.example.com.evil.example"], false),
            (&["https://a.example.com:8443"], false),
            (&["http://a.example.com"], false),
            (&["null"], false),
            (&["https://a.example.com", "https://a.example.com"], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append(ORIGIN, HeaderValue::from_static(value));
            }
            let elsewhere = Elsewhere::of(&headers, &listed);
            assert_eq!(matches!(elsewhere, Elsewhere::Listed(_)), expected, "{said:?}");
            assert_eq!(Elsewhere::of(&headers, &[]), Elsewhere::Nobody);
        }
    }
}
