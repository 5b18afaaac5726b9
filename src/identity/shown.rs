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

/// The value, when the pair is of our name (RFC 6265, section 4.2.1: names are case-sensitive).
fn our_value(pair: &[u8]) -> Option<&[u8]> {
    pair.strip_prefix(COOKIE_NAME.as_bytes())?.trim_ascii_start().strip_prefix(b"=")
}

/// The API token in `Authorization`, if there is such a header.
///
/// # Errors
/// [`IdentityError::BadAuthorization`] for anything but one `Bearer` or `Token` with a text like a token's.
pub fn token_in(headers: &HeaderMap) -> Result<Option<&str>, IdentityError> {
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
fn read_authorization(header: &[u8]) -> Option<&str> {
    let space = header.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = header.split_at_checked(space)?;
    let known = scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"token");
    let text = rest.trim_ascii();
    (known && random_text(text.strip_prefix(TOKEN_PREFIX.as_bytes())?).is_some())
        .then(|| std::str::from_utf8(text).ok())?
}

fn random_text(value: &[u8]) -> Option<&str> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (value.len() == RANDOM_CHARACTERS && value.iter().all(allowed))
        .then(|| std::str::from_utf8(value).ok())?
}

/// What the records know a session id or a token by. Looking a secret up by its hash compares in constant time
/// as far as it matters: what is compared is not the secret.
pub(super) fn proof_id(text: &str) -> ProofId {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    ProofId(hash)
}
