//! A refusal as bytes: JSON for programs, the sign-in page for a browser that navigates without a session.

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Code, Extra, Refusal};
use crate::listener::{Incoming, Protocol};

impl Refusal {
    /// The answer to this request.
    #[must_use]
    pub fn render(&self, incoming: &Incoming) -> Response<Bytes> {
        if self.code == Code::NotSignedIn && navigates(incoming) {
            return to_sign_in(incoming);
        }
        let body = serde_json::json!({
            "code": self.code.as_str(),
            "message": self.code.message(),
            "request_id": incoming.id().to_string(),
        });
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.code == Code::NotSignedIn {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if incoming.fault().is_some() && incoming.protocol() == Protocol::Http1 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        match self.extra {
            Extra::Nothing => None,
            Extra::Allow(methods) => headers.insert(ALLOW, HeaderValue::from_static(methods)),
            Extra::RetryAfter(seconds) => headers.insert(RETRY_AFTER, HeaderValue::from(seconds)),
            Extra::ObjectLength(length) => HeaderValue::try_from(format!("bytes */{length}"))
                .ok()
                .and_then(|range| headers.insert(CONTENT_RANGE, range)),
        };
        response
    }
}

/// A browser opening a page, as opposed to a script or an image in it.
fn navigates(incoming: &Incoming) -> bool {
    let header = |name: &str| incoming.headers().get(name).and_then(|value| value.to_str().ok());
    if !matches!(*incoming.method(), Method::GET | Method::HEAD) {
        return false;
    }
    match header("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => header(ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/html")),
    }
}

fn to_sign_in(incoming: &Incoming) -> Response<Bytes> {
    let mut target = incoming.path().to_owned();
    if let Some(query) = incoming.query() {
        target.push('?');
        target.push_str(query);
    }
    let location = format!("/-/sign-in?return={}", utf8_percent_encode(&target, NON_ALPHANUMERIC));
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(LOCATION, location);
    }
    response
}
