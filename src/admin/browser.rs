//! What of a browser matters when somebody signs in: what it calls itself, and what it is given to keep.

use http::header::{SET_COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use crate::identity::NewSession;
use crate::listener::Incoming;

/// What it calls itself, for the list of sessions.
pub(super) fn agent(incoming: &Incoming) -> String {
    let agent = incoming.headers().get(USER_AGENT).map(|agent| agent.as_bytes());
    String::from_utf8_lossy(agent.unwrap_or_default()).into_owned()
}

/// Gives the browser its session.
pub(super) fn session_cookie(headers: &mut HeaderMap, session: &NewSession) {
    append_cookie(headers, session.set_cookie().expose());
}

pub(super) fn append_cookie(headers: &mut HeaderMap, set_cookie: &str) {
    if let Ok(mut cookie) = HeaderValue::from_str(set_cookie) {
        // Keeps it out of debug prints, and out of HTTP/2's shared compression table.
        cookie.set_sensitive(true);
        headers.append(SET_COOKIE, cookie);
    }
}
