//! What a request shows of who sent it: pure readings of `Cookie` and `Authorization`. A text that names our cookie
//! or header but is not well-formed is an error, never "nothing shown".

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use super::{IdentityError, ProofId};

/// The session cookie's name. The prefix makes browsers refuse it from any other host, path or without TLS.
pub const COOKIE_NAME: &str = "__Host-sluicegate";
/// Every API token starts with it, so that secret scanners find a leaked one (R17).
pub const TOKEN_PREFIX: &str = "sgt_";
/// 256 bits in base64url.
const RANDOM_CHARACTERS: usize = 43;
/// Of a legacy token of Label Studio's.
const LEGACY_CHARACTERS: usize = 40;
/// Label Studio's JWTs have about 240.
const JWT_CHARACTERS: usize = 2048;

/// The session id in the request's cookies, if any.
///
/// # Errors
/// [`IdentityError::TwoSessions`] for our cookie twice, in one header or in several, whatever the values;
/// [`IdentityError::NotValid`] for a value that was never an id of ours.
pub fn session_in(headers: &HeaderMap) -> Result<Option<&str>, IdentityError> {
    let mut found = None;
    for header in headers.get_all(COOKIE) {
        for pair in header.as_bytes().split(|byte| *byte == b';') {
            let Some(value) = our_value(pair.trim_ascii()) else { continue };
            if found.replace(value).is_some() {
                return Err(IdentityError::TwoSessions);
            }
        }
    }
    found.map(|value| random_text(value).ok_or(IdentityError::NotValid)).transpose()
}

/// The session that the cookies name, whether it holds or not: what a sign-out ends and a sign-in replaces.
#[must_use]
pub fn session_shown(headers: &HeaderMap) -> Option<ProofId> {
    session_in(headers).ok().flatten().map(proof_id)
}

/// The value, when the pair is of our name (RFC 6265, section 4.2.1: names are case-sensitive).
fn our_value(pair: &[u8]) -> Option<&[u8]> {
    pair.strip_prefix(COOKIE_NAME.as_bytes())?.trim_ascii_start().strip_prefix(b"=")
}

/// What `Authorization` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownToken<'a> {
    /// A token of the gateway's own.
    Ours(&'a str),
    /// By its form a legacy token of Label Studio's: 40 hex digits.
    Legacy(&'a str),
    /// By its form an access token of Label Studio's: a JWT.
    Jwt(&'a str),
}

/// The token in `Authorization`, if there is such a header.
///
/// # Errors
/// [`IdentityError::BadAuthorization`] for anything but one `Bearer` or `Token` with a text like a token's.
pub fn token_in(headers: &HeaderMap) -> Result<Option<ShownToken<'_>>, IdentityError> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => {
            read_authorization(one.as_bytes()).map(Some).ok_or(IdentityError::BadAuthorization)
        }
        (Some(_), Some(_)) => Err(IdentityError::BadAuthorization),
    }
}

/// RFC 9110, section 11.4: a scheme in any case, one or more spaces, the credentials.
fn read_authorization(header: &[u8]) -> Option<ShownToken<'_>> {
    let space = header.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = header.split_at_checked(space)?;
    let (bearer, token) =
        (scheme.eq_ignore_ascii_case(b"bearer"), scheme.eq_ignore_ascii_case(b"token"));
    let text = std::str::from_utf8(rest.trim_ascii()).ok()?;
    match text.strip_prefix(TOKEN_PREFIX) {
        Some(random) => ((bearer || token) && random_text(random.as_bytes()).is_some())
            .then_some(ShownToken::Ours(text)),
        None if bearer && is_jwt(text) => Some(ShownToken::Jwt(text)),
        None if token && is_legacy(text) => Some(ShownToken::Legacy(text)),
        None => None,
    }
}

/// As Label Studio makes them, and in no other spelling.
fn is_legacy(text: &str) -> bool {
    text.len() == LEGACY_CHARACTERS
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// RFC 7515, section 3.1: three parts in base64url, none of them empty.
fn is_jwt(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(is_base64url);
    text.len() <= JWT_CHARACTERS && text.split('.').count() == 3 && text.split('.').all(part)
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn random_text(value: &[u8]) -> Option<&str> {
    (value.len() == RANDOM_CHARACTERS && value.iter().copied().all(is_base64url))
        .then(|| std::str::from_utf8(value).ok())?
}

/// What the records know a session id or a token by. Looking a secret up by its hash compares in constant time
/// as far as it matters: what is compared is not the secret.
pub(super) fn proof_id(text: &str) -> ProofId {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    ProofId(hash)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const ID: &str = "AZaz09-_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn headers(name: &http::HeaderName, values: &[&[u8]]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        map
    }

    #[test]
    fn cookies_are_read_in_one_way() {
        let cookie = |before: &str, value: &str, after: &str| {
            format!("{before}__Host-sluicegate={value}{after}")
        };
        let long = format!("{ID}A");
        let cases: &[(&str, &[&str], &str)] = &[
            ("none", &[], "nothing"),
            ("empty", &[""], "nothing"),
            ("others", &["a=b; c=d"], "nothing"),
            ("ours", &[&cookie("", ID, "")], "ours"),
            ("among others", &[&cookie("a=b; ", ID, "; c=d")], "ours"),
            ("without blanks", &[&cookie("a=b;", ID, ";c=d")], "ours"),
            ("in a second header", &["a=b", &cookie("", ID, "")], "ours"),
            ("blanks around", &[&cookie(" \t", ID, " ;")], "ours"),
            ("lower-cased name", &[&format!("__host-sluicegate={ID}")], "nothing"),
            ("longer name", &[&format!("__Host-sluicegate2={ID}")], "nothing"),
            ("name in a value", &[&format!("a=__Host-sluicegate={ID}")], "nothing"),
            ("no equals sign", &["__Host-sluicegate"], "nothing"),
            ("empty value", &[&cookie("", "", "")], "NotValid"),
            ("too long", &[&cookie("", &long, "")], "NotValid"),
            ("quoted", &[&cookie("", &format!("\"{ID}\""), "")], "NotValid"),
            (
                "padding",
                &[&cookie("", &ID.replacen('A', "", 1).replacen('Z', "=", 1), "")],
                "NotValid",
            ),
            ("blank in the name", &[&format!("__Host-sluicegate ={ID}")], "ours"),
            ("twice", &[&cookie("", ID, &cookie(";", ID, ""))], "TwoSessions"),
            ("twice, one empty", &[&cookie("", ID, &cookie(";", "", ""))], "TwoSessions"),
            ("two headers", &[&cookie("", ID, ""), &cookie("", ID, "")], "TwoSessions"),
        ];
        for (what, values, expected) in cases {
            let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
            let map = headers(&COOKIE, &values);
            let read = match session_in(&map) {
                Ok(None) => "nothing".to_owned(),
                Ok(Some(id)) if id == ID => "ours".to_owned(),
                Ok(Some(other)) => other.to_owned(),
                Err(error) => format!("{error:?}"),
            };
            assert_eq!(read, *expected, "{what}");
        }
        let map = headers(&COOKIE, &[b"__Host-sluicegate=\xff; a=\xfe"]);
        assert!(matches!(session_in(&map), Err(IdentityError::NotValid)), "not ASCII");
    }

    #[test]
    fn authorization_is_one_known_scheme_and_one_token() {
        let token = format!("sgt_{ID}");
        let short = token.trim_end_matches("AA");
        for (header, good) in [
            (format!("Bearer {token}"), true),
            (format!("bEARER {token}"), true),
            (format!("Token {token}"), true),
            (format!("Token   {token} "), true),
            (format!("Bearer{token}"), false),
            (format!("Bearer\t{token}"), false),
            (format!("Bearer {short}"), false),
            (format!("Bearer {token}A"), false),
            (format!("Bearer {token}, Bearer {token}"), false),
            (format!("Bearer {token} x"), false),
            (format!("Bearer SGT_{ID}"), false),
            (format!("Bearer {ID}"), false),
            (format!("Basic {token}"), false),
            (format!("Digest {token}"), false),
            ("AWS4-HMAC-SHA256 Credential=x".to_owned(), false),
            ("Bearer".to_owned(), false),
            ("Bearer ".to_owned(), false),
            (token.clone(), false),
            (String::new(), false),
        ] {
            let map = headers(&AUTHORIZATION, &[header.as_bytes()]);
            let read = token_in(&map);
            if good {
                assert_eq!(read.unwrap(), Some(ShownToken::Ours(&token)), "{header:?}");
            } else {
                assert!(matches!(read, Err(IdentityError::BadAuthorization)), "{header:?}");
            }
        }
        assert!(matches!(token_in(&HeaderMap::new()), Ok(None)));
        let bearer = format!("Bearer {token}");
        let legacy = b"Token 5ca1ab1e00c0ffee00ba5eba1100f00d00facade".as_slice();
        let mixed = headers(&AUTHORIZATION, &[bearer.as_bytes(), legacy]);
        assert!(
            matches!(token_in(&mixed), Err(IdentityError::BadAuthorization)),
            "ours and another"
        );
        let twice = headers(&AUTHORIZATION, &[bearer.as_bytes(), bearer.as_bytes()]);
        assert!(matches!(token_in(&twice), Err(IdentityError::BadAuthorization)));
    }

    #[test]
    fn tokens_of_label_studio_are_known_by_scheme_and_form() {
        const HEX: &str = "5ca1ab1e00c0ffee00ba5eba1100f00d00facade";
        const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoiMSJ9.c2ln-_";
        let long = format!("Bearer e30.{}.c2ln", "A".repeat(JWT_CHARACTERS));
        for (header, expected) in [
            (format!("Token {HEX}"), Some(ShownToken::Legacy(HEX))),
            (format!("tOKEN  {HEX} "), Some(ShownToken::Legacy(HEX))),
            (format!("Bearer {JWT}"), Some(ShownToken::Jwt(JWT))),
            // Label Studio takes neither scheme for the other's.
            (format!("Bearer {HEX}"), None),
            (format!("Token {JWT}"), None),
            (format!("Token {}", HEX.to_uppercase()), None),
            (format!("Token {}", HEX.replacen('5', "", 1)), None),
            (format!("Token {HEX}0"), None),
            (format!("Token {HEX},{HEX}"), None),
            (format!("Bearer {JWT}.x"), None),
            (format!("Bearer {JWT}="), None),
            ("Bearer e30.e30".to_owned(), None),
            ("Bearer e30.e30.".to_owned(), None),
            ("Bearer ..".to_owned(), None),
            ("Bearer e30.é.e30".to_owned(), None),
            (format!("Basic {JWT}"), None),
            (long, None),
        ] {
            let map = headers(&AUTHORIZATION, &[header.as_bytes()]);
            assert_eq!(token_in(&map).ok().flatten(), expected, "{header}");
        }
    }

    proptest::proptest! {
        /// Whatever bytes come: no panic, and what is accepted is exactly of our form.
        #[test]
        fn what_is_accepted_is_of_our_form(
            raw in proptest::collection::vec(
                proptest::prelude::prop_oneof![
                    proptest::prelude::Just(b"__Host-sluicegate=".to_vec()),
                    proptest::prelude::Just(ID.as_bytes().to_vec()),
                    proptest::prelude::Just(b"Bearer sgt_".to_vec()),
                    proptest::collection::vec(0x20u8..=0xff, 0..4),
                    proptest::prelude::Just(b"; ".to_vec()),
                ],
                0..6,
            )
        ) {
            let Ok(value) = HeaderValue::from_bytes(&raw.concat()) else { return Ok(()) };
            let mut map = HeaderMap::new();
            map.append(COOKIE, value.clone());
            map.append(AUTHORIZATION, value);
            if let Ok(Some(id)) = session_in(&map) {
                proptest::prop_assert!(random_text(id.as_bytes()).is_some());
            }
            if let Ok(Some(ShownToken::Ours(token))) = token_in(&map) {
                proptest::prop_assert_eq!(token.len(), 47);
                proptest::prop_assert!(token.starts_with(TOKEN_PREFIX));
            }
        }
    }
}
