//! Conditional requests: RFC 9110, section 13. Parsed here, judged where the object's validators are known.

use http::HeaderValue;

/// The conditions of a request, each as it was sent, already known to be well-formed text.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    pub if_match: Option<HeaderValue>,
    pub if_none_match: Option<HeaderValue>,
    pub if_modified_since: Option<HeaderValue>,
    pub if_unmodified_since: Option<HeaderValue>,
    pub if_range: Option<IfRange>,
}

/// What `If-Range` compares with.
#[derive(Debug, Clone)]
pub enum IfRange {
    /// A strong entity tag, with its quotes.
    Tag(HeaderValue),
    /// A date.
    Date(HeaderValue),
    /// A weak tag or something malformed: never matches, so the whole object is sent.
    Never,
}
