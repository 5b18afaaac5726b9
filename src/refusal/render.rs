//! A refusal as bytes: JSON for programs, the sign-in page for a browser that navigates without a session.

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Code, Extra, Refusal};
use crate::admin::{Answer, RefusedPage, Way, renewal};
use crate::catalog::OrganizationName;
use crate::listener::{Incoming, Protocol};
use crate::sign_in::ReturnAddress;

const HOME: &str = "/-/";

impl Refusal {
    /// The answer to this request.
    #[must_use]
    pub fn render(&self, incoming: &Incoming) -> Response<Bytes> {
        if self.code == Code::NotSignedIn && navigates(incoming) {
            return to_page(incoming, "/-/sign-in", "return=");
        }
        if let Extra::IdentityProvider(organization) = &self.extra
            && navigates(incoming)
        {
            return to_page(incoming, &sign_in_address(organization), "renew=try&return=");
        }
        if matches!(self.extra, Extra::Claim) && navigates(incoming) {
            return to_page(incoming, "/-/label-studio", "return=");
        }
        let mut response = self.page(incoming).unwrap_or_else(|| self.json(incoming));
        let headers = response.headers_mut();
        // RFC 9110, 15.5.2: with every 401
        if self.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if incoming.fault().is_some() && incoming.protocol() == Protocol::Http1 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        match &self.extra {
            Extra::Nothing
            | Extra::IdentityProvider(_)
            | Extra::Parameter(_)
            | Extra::AcceptAgain(_)
            | Extra::ClaimAgain(_)
            | Extra::Claim
            | Extra::SignInAgain { retry_after: None, .. } => None,
            Extra::Sso { .. } => None,
            Extra::Allow(methods) => headers.insert(ALLOW, HeaderValue::from_static(methods)),
            Extra::RetryAfter(seconds) | Extra::SignInAgain { retry_after: Some(seconds), .. } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(*seconds))
            }
            Extra::ObjectLength(length) => HeaderValue::try_from(format!("bytes */{length}"))
                .ok()
                .and_then(|range| headers.insert(CONTENT_RANGE, range)),
        };
        response
    }

    fn json(&self, incoming: &Incoming) -> Response<Bytes> {
        let mut message = self.code.message().to_owned();
        if let Extra::Parameter(name) = &self.extra {
            message.push_str(" It is: ");
            message.push_str(name);
        }
        let mut body = serde_json::json!({
            "code": self.code.as_str(),
            "message": message,
            "request_id": incoming.id().to_string(),
        });
        if let (Extra::IdentityProvider(there), Some(body)) = (&self.extra, body.as_object_mut()) {
            body.insert("sign_in".to_owned(), sign_in_address(there).into());
        }
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// A page of words, with the ways on from there.
    fn words(&self, incoming: &Incoming) -> RefusedPage {
        let canonical = self.code.status().canonical_reason().unwrap_or("Refused");
        let (title, ways) = match &self.extra {
            Extra::Sso { .. } if self.code == Code::SignOutRefused => {
                let page = Way { label: "Your projects", address: HOME.to_owned() };
                ("Signing out", vec![page])
            }
            Extra::Sso { organization, return_to, .. } => {
                let there = return_to.as_ref().map_or(HOME, ReturnAddress::as_str);
                let there = utf8_percent_encode(there, NON_ALPHANUMERIC);
                let again = format!("/-/sign-in?return={there}");
                let again = Way { label: "Sign in again", address: again };
                let other = organization.iter().map(|organization| Way {
                    label: "Sign in as somebody else",
                    address: format!("{}?renew=anew&return={there}", sign_in_address(organization)),
                });
                ("Not signed in", std::iter::once(again).chain(other).collect())
            }
            Extra::Nothing
            | Extra::IdentityProvider(_)
            | Extra::SignInAgain { .. }
            | Extra::AcceptAgain(_)
            | Extra::ClaimAgain(_)
            | Extra::Claim
            | Extra::Allow(_)
            | Extra::RetryAfter(_)
            | Extra::ObjectLength(_)
            | Extra::Parameter(_) => {
                (canonical, vec![Way { label: "Your projects", address: HOME.to_owned() }])
            }
        };
        let (message, request_id) = (self.code.message(), incoming.id().to_string());
        RefusedPage { title, message, ways, request_id }
    }

    /// For a browser whose sign-in failed: the form again, with the reason on it. For one that opens a page: words.
    fn page(&self, incoming: &Incoming) -> Option<Response<Bytes>> {
        let status = self.code.status();
        let again = match &self.extra {
            Extra::SignInAgain { page, .. } => Some(Answer::page(status, &**page)),
            Extra::AcceptAgain(page) => Some(Answer::page(status, &**page)),
            Extra::ClaimAgain(page) => Some(Answer::page(status, &**page)),
            Extra::Sso { aside: true, .. } => Some(renewal(status)),
            Extra::Nothing
            | Extra::IdentityProvider(_)
            | Extra::Claim
            | Extra::Sso { aside: false, .. }
            | Extra::Allow(_)
            | Extra::RetryAfter(_)
            | Extra::ObjectLength(_)
            | Extra::Parameter(_) => None,
        };
        let answer = match again {
            Some(again) if accepts_html(incoming) => again,
            Some(_) | None if header(incoming, "sec-fetch-mode") == Some("navigate") => {
                Answer::page(status, &self.words(incoming))
            }
            Some(_) | None => return None,
        };
        answer.ok().map(Answer::into_response)
    }
}

/// Where the organization's people are sent to its identity provider.
fn sign_in_address(organization: &OrganizationName) -> String {
    format!("/-/saml/{organization}/sign-in")
}

/// A browser opening a page, as opposed to a script or an image in it.
fn navigates(incoming: &Incoming) -> bool {
    let reads = matches!(*incoming.method(), Method::GET | Method::HEAD);
    match header(incoming, "sec-fetch-mode") {
        // A form of ours that was sent after the session had ended.
        Some(mode) => mode == "navigate" && (reads || *incoming.method() == Method::POST),
        None => reads && accepts_html(incoming),
    }
}

fn accepts_html(incoming: &Incoming) -> bool {
    header(incoming, ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/html"))
}

fn header<'i>(incoming: &'i Incoming, name: &str) -> Option<&'i str> {
    incoming.headers().get(name).and_then(|value| value.to_str().ok())
}

/// To a page that leads back here, where a GET can be asked again.
fn to_page(incoming: &Incoming, page: &str, query: &str) -> Response<Bytes> {
    let mut location = page.to_owned();
    if *incoming.method() != Method::POST {
        let mut target = incoming.path().to_owned();
        if let Some(query) = incoming.query() {
            target.push('?');
            target.push_str(query);
        }
        location.push('?');
        location.push_str(query);
        location.extend(utf8_percent_encode(&target, NON_ALPHANUMERIC));
    }
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(LOCATION, location);
    }
    response
}
