//! Our own answers: pages and JSON with the headers that each of them must have. Those of every answer, and what HEAD
//! leaves out, are `stream`'s.

use std::collections::BTreeSet;

use askama::Template;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::DeskError;
use crate::backend::Reply;
use crate::identity::{Attendance, SignedIn};
use crate::policy::Grant;
use crate::sign_in::ReturnAddress;

/// Nothing is loaded from elsewhere, nothing is inline, nobody frames us. `connect-src` is for the media page's script.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
/// What a script of another site may send: a token, and what reads and writes are told by.
const ASKABLE: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, content-md5, range, if-match, if-none-match, if-modified-since, if-unmodified-since, \
     if-range",
);
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// An answer in the making: status, headers and the whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Who has just signed in or been signed out, for the audit.
    attendance: Option<Box<Attendance>>,
}

impl Answer {
    /// A page for people.
    pub(crate) fn page(status: StatusCode, page: &impl Template) -> Result<Self, DeskError> {
        let html = page.render().map_err(DeskError::Page)?;
        let mut answer = Self::of(status, "text/html; charset=utf-8", html.into());
        answer.headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
        answer.headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        let opener = HeaderName::from_static("cross-origin-opener-policy");
        answer.headers.insert(opener, SAME_ORIGIN);
        Ok(answer)
    }

    /// The page may frame an identity provider that begins at this origin and leads wherever it leads.
    pub(super) fn framing(mut self, origin: &str) -> Self {
        let policy = format!("{PAGE_POLICY}; frame-src 'self' https: {origin}");
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            self.headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        self
    }

    /// JSON for programs.
    pub(crate) fn json(value: &impl serde::Serialize) -> Result<Self, DeskError> {
        let text = serde_json::to_vec(value).map_err(DeskError::Json)?;
        Ok(Self::of(StatusCode::OK, "application/json", text.into()))
    }

    /// "Look there, with GET."
    pub(crate) fn see_other(there: &ReturnAddress) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, there.to_header());
        headers.insert(CACHE_CONTROL, NO_STORE);
        Self { status: StatusCode::SEE_OTHER, headers, body: Bytes::new(), attendance: None }
    }

    /// What may be asked here from another site. That site's name is added where every answer gets it.
    pub(crate) fn preflight(methods: &str) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        if let Ok(methods) = HeaderValue::from_str(methods) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ASKABLE);
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        headers.insert(CACHE_CONTROL, NO_STORE);
        let status = StatusCode::NO_CONTENT;
        Self { status, headers, body: Bytes::new(), attendance: None }
    }

    /// A body of ours; never stored and never guessed at.
    pub(crate) fn of(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, NO_STORE);
        Self { status, headers, body, attendance: None }
    }

    /// With who has just signed in: at the time of the request that was nobody.
    pub(super) fn signed_in(mut self, signed_in: SignedIn) -> Self {
        self.attendance = Some(Box::new(Attendance::SignedIn(signed_in)));
        self
    }

    /// With whom an identity provider has just signed out.
    pub(super) fn signed_out(mut self, people: BTreeSet<String>) -> Self {
        self.attendance = Some(Box::new(Attendance::SignedOut(people)));
        self
    }

    /// For a refusal, which no grant stands behind.
    pub(crate) fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    pub(super) fn into_reply(mut self, grant: &Grant) -> Reply {
        let attendance = self.attendance.take();
        Reply::ours(grant, self.into_response(), attendance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_typed_and_never_stored() {
        let answer = Answer::json(&["abc"]).unwrap();
        assert_eq!(answer.headers[CONTENT_TYPE], "application/json");
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    }

    #[test]
    fn a_page_loads_nothing_from_elsewhere_and_is_framed_by_nobody() {
        let page = crate::sign_in::SignInPage::fresh(
            ReturnAddress::or_home(None),
            crate::sign_in::Ways::default(),
        );
        let answer = Answer::page(StatusCode::OK, &page).unwrap();
        let policy = answer.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.split("; ").any(|one| one == part), "{part} in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"));
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    }
}
