//! Where a change was asked from. A browser sends our cookie along whoever made it send the request, so a change
//! asked with a session must come from our own pages (R16).

use http::header::ORIGIN;
use http::{HeaderMap, Method};

use super::IdentityError;

/// How much must be said about where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// At least one of the two headers, and nothing to the contrary: a session makes the change.
    Proven,
    /// Nothing to the contrary: nobody's authority is used, but another site must not sign a visitor in; or little is
    /// changed, by a GET that browsers older than both headers send without them.
    NotForeign,
}

/// Our own origin, as browsers write it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ours<'a> {
    /// As in `Host` or `:authority`.
    pub host: &'a str,
    /// Whether `http://` is ours as well.
    pub clear_text: bool,
}

/// RFC 9110, 9.2.1.
pub(super) const fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Judges `Origin` and `Sec-Fetch-Site`: those that are there must both say that it is us.
pub(super) fn check(
    headers: &HeaderMap,
    ours: Ours<'_>,
    demand: Demand,
) -> Result<(), IdentityError> {
    let origin = judge(headers, ORIGIN.as_str(), |value| is_ours(value, ours));
    let site = judge(headers, "sec-fetch-site", |value| value == "same-origin");
    match (origin, site, demand) {
        (Said::Foreign, _, _) | (_, Said::Foreign, _) => Err(IdentityError::CrossOrigin),
        (Said::Nothing, Said::Nothing, Demand::Proven) => Err(IdentityError::CrossOrigin),
        (Said::Nothing, Said::Nothing, Demand::NotForeign)
        | (Said::Ours, Said::Ours | Said::Nothing, _)
        | (Said::Nothing, Said::Ours, _) => Ok(()),
    }
}

/// What one header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Ours,
    /// Also when it is said twice or cannot be read.
    Foreign,
}

fn judge(headers: &HeaderMap, name: &str, ours: impl Fn(&str) -> bool) -> Said {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Said::Nothing,
        (Some(value), None) if value.to_str().is_ok_and(ours) => Said::Ours,
        (Some(_), _) => Said::Foreign,
    }
}

/// RFC 6454, section 6.2: scheme, host, and the port unless it is the scheme's own.
fn is_ours(origin: &str, ours: Ours<'_>) -> bool {
    let same = |rest: &str, default_port| {
        let host = ours.host.strip_suffix(default_port).unwrap_or(ours.host);
        rest.eq_ignore_ascii_case(host)
    };
    match (origin.strip_prefix("https://"), origin.strip_prefix("http://")) {
        (Some(rest), _) => same(rest, ":443"),
        (None, Some(rest)) => ours.clear_text && same(rest, ":80"),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_two_headers_must_not_contradict() {
        const GOOD: &str = "https://gw.example.com:8443";
        // What, Origin, Sec-Fetch-Site, enough for a session, enough to sign in.
        type Case = (&'static str, &'static [&'static str], &'static [&'static str], bool, bool);
        let cases: &[Case] = &[
            ("nothing", &[], &[], false, true),
            ("our origin", &[GOOD], &[], true, true),
            ("our origin in capitals", &["https://GW.example.com:8443"], &[], true, true),
            ("our site", &[], &["same-origin"], true, true),
            ("both", &[GOOD], &["same-origin"], true, true),
            ("contradiction", &[GOOD], &["cross-site"], false, false),
            ("the other way round", &["https://evil.com"], &["same-origin"], false, false),
            ("sibling", &[], &["same-site"], false, false),
            ("typed by hand", &[], &["none"], false, false),
            ("opaque", &["null"], &[], false, false),
            ("another port", &["https://gw.example.com"], &[], false, false),
            ("clear text", &["http://gw.example.com:8443"], &[], false, false),
            ("a longer host", &["https://gw.example.com:8443.evil.com"], &[], false, false),
            ("with a path", &["https://gw.example.com:8443/"], &[], false, false),
            ("twice", &[GOOD, GOOD], &[], false, false),
            ("site twice", &[], &["same-origin", "same-origin"], false, false),
        ];
        for (what, origins, sites, proven, not_foreign) in cases {
            let mut map = HeaderMap::new();
            for origin in *origins {
                map.append(ORIGIN, HeaderValue::from_static(origin));
            }
            for site in *sites {
                map.append("sec-fetch-site", HeaderValue::from_static(site));
            }
            let ours = Ours { host: "gw.example.com:8443", clear_text: false };
            assert_eq!(check(&map, ours, Demand::Proven).is_ok(), *proven, "{what}");
            assert_eq!(check(&map, ours, Demand::NotForeign).is_ok(), *not_foreign, "{what}");
        }
    }

    #[test]
    fn default_ports_are_left_out_as_browsers_do() {
        for (origin, host, clear_text, expected) in [
            ("https://gw.example.com", "gw.example.com", false, true),
            ("https://gw.example.com", "gw.example.com:443", false, true),
            ("http://gw.example.com", "gw.example.com", false, false),
            ("http://gw.example.com", "gw.example.com", true, true),
            ("http://gw.example.com", "gw.example.com:80", true, true),
            ("http://gw.example.com", "gw.example.com:443", true, false),
            ("https://gw.example.com", "gw.example.com:80", true, false),
            ("https://[::1]:8443", "[::1]:8443", false, true),
        ] {
            let ours = Ours { host, clear_text };
            assert_eq!(is_ours(origin, ours), expected, "{origin} on {host}, {clear_text}");
        }
    }
}
