//! What of an upstream's head reaches the client: a list, and nothing else (R21). Everything about who, where and with
//! what it was fetched stays behind.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LAST_MODIFIED, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::content::{Shown, is_known_coding};
use super::validators::is_tag;

const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// A browser may keep it, for this person, and must ask again each time: policy decides each time. No `Vary`: a kept
/// answer is never shown without asking, whoever asks.
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const ATTACHMENT: HeaderValue = HeaderValue::from_static("attachment");

/// The head of an answer that carries an object or a part of it.
pub(super) fn of_object(upstream: &HeaderMap, length: Option<u64>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    let known_coding =
        upstream.get(CONTENT_ENCODING).map(|coding| (coding, is_known_coding(coding)));
    let shown = match known_coding {
        // Bytes of an unknown form are no image, whatever they say.
        Some((coding, false)) if coding != "aws-chunked" && coding != "identity" => Shown::Saved,
        Some(_) | None => Shown::decide(upstream.get(CONTENT_TYPE)),
    };
    headers.insert(CONTENT_TYPE, shown.content_type());
    if shown == Shown::Saved {
        headers.insert(CONTENT_DISPOSITION, ATTACHMENT);
    }
    if let Some((coding, true)) = known_coding {
        headers.insert(CONTENT_ENCODING, coding.clone());
    }
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    headers.insert(ACCEPT_RANGES, BYTES);
    headers.insert(CACHE_CONTROL, REVALIDATE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
    headers.insert(CORP, SAME_ORIGIN);
    validators(upstream, &mut headers);
    headers
}

/// The head of a 304: RFC 9110, section 15.4.5.
pub(super) fn not_modified(upstream: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CACHE_CONTROL, REVALIDATE);
    validators(upstream, &mut headers);
    headers
}

/// The head of an answer to a write.
pub(super) fn of_write(upstream: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(tag) = upstream.get(ETAG).filter(|tag| is_tag(tag.as_bytes())) {
        headers.insert(ETAG, tag.clone());
    }
    headers
}

/// The head of a page of keys.
pub(super) fn of_listing(length: usize) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers
}

fn validators(upstream: &HeaderMap, headers: &mut HeaderMap) {
    if let Some(tag) = upstream.get(ETAG).filter(|tag| is_tag(tag.as_bytes())) {
        headers.insert(ETAG, tag.clone());
    }
    if let Some(date) = upstream.get(LAST_MODIFIED).filter(|date| is_date(date.as_bytes())) {
        headers.insert(LAST_MODIFIED, date.clone());
    }
}

/// The shape of `Thu, 01 Jan 2026 00:00:00 GMT`.
fn is_date(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b',' | b':');
    text.len() == 29 && text.ends_with(b" GMT") && text.iter().all(allowed)
}
