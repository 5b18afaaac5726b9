//! The headers that every answer carries, whoever made it. What the back end or a page has set itself stands.

use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_LENGTH, REFERRER_POLICY,
    SERVER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::listener::{Elsewhere, Incoming, RequestId};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");
/// What a script of another site may read besides the few that every script may (Fetch, "CORS-safelisted").
const READABLE: HeaderValue = HeaderValue::from_static(
    "accept-ranges, content-disposition, content-length, content-range, etag, filename, retry-after, x-request-id",
);

/// What of the request its answer depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'i> {
    id: RequestId,
    is_head: bool,
    elsewhere: &'i Elsewhere,
}

impl<'i> Asked<'i> {
    pub(super) fn of(incoming: &'i Incoming) -> Self {
        let is_head = *incoming.method() == Method::HEAD;
        Self { id: incoming.id(), is_head, elsewhere: incoming.elsewhere() }
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
        match self.elsewhere {
            Elsewhere::Nobody => {}
            Elsewhere::Unlisted => {
                headers.append(VARY, BY_ORIGIN);
            }
            Elsewhere::Listed(origin) => {
                headers.append(VARY, BY_ORIGIN);
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READABLE);
            }
        }
        if let Ok(id) = HeaderValue::from_bytes(&self.id.hexadecimal()) {
            headers.insert(REQUEST_ID, id);
        }
    }
}
