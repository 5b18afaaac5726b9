//! The headers that every answer carries, whoever made it. What the back end or a page has set itself stands.

use http::header::{CONTENT_LENGTH, REFERRER_POLICY, SERVER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::listener::{Incoming, RequestId};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What of the request its answer depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    id: RequestId,
    is_head: bool,
}

impl Asked {
    pub(super) fn of(incoming: &Incoming) -> Self {
        Self { id: incoming.id(), is_head: *incoming.method() == Method::HEAD }
    }

    /// RFC 9110, 6.4.1: these answers have no content, whatever their headers say of it.
    pub(super) fn takes_body(self, status: StatusCode) -> bool {
        !self.is_head && !matches!(status, StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT)
    }

    /// `length`: what the body would have had, for the answer to a HEAD (RFC 9110, 8.6).
    pub(super) fn finish(self, headers: &mut HeaderMap, length: Option<u64>) {
        if let (true, Some(length)) = (self.is_head, length.filter(|length| *length > 0)) {
            headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
        }
        headers.remove(SERVER);
        headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
        // Not `no-referrer`: with it, browsers send `Origin: null` along with our own forms.
        headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
        if let Ok(id) = HeaderValue::from_bytes(&self.id.hexadecimal()) {
            headers.insert(REQUEST_ID, id);
        }
    }
}
