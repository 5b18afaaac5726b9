//! `/-/saml/{organization}/…`: to the identity provider of an organization and back.

use std::sync::Arc;

use askama::Template;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::answer::Answer;
use super::browser::{agent, append_cookie, session_cookie};
use super::{DeskError, body};
use crate::catalog::OrganizationName;
use crate::listener::{Incoming, RequestBody, RequestId};
use crate::request::Renewal;
use crate::sign_in::{
    Arrival, AssertionForm, Away, Browser, Come, Departure, NotIn, ReturnAddress, Sso, SsoError,
    Told, Wish, sso_address,
};
use crate::telemetry::{Count, count};

/// 256 KiB of XML in base64, percent-encoded at worst.
const ASSERTION_LIMIT: usize = 1 << 20;

/// For a page that a frame of our own pages shows, and nobody else's.
const FRAMED: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
);

/// Tells the page around it how a renewal ended.
#[derive(Debug, Template)]
#[template(path = "renewal.html")]
struct RenewalPage {
    outcome: &'static str,
}

/// Signed in, but not everything opens.
#[derive(Debug, Template)]
#[template(path = "not_opened.html")]
struct NotOpenedPage<'a> {
    return_to: &'a ReturnAddress,
    told: &'a [String],
    /// Where another try may open more.
    again: Option<&'a str>,
    request_id: &'a str,
}

/// On the way to the identity provider's sign-in.
#[derive(Debug, Template)]
#[template(path = "going.html")]
struct GoingPage<'a> {
    there: &'a str,
}

/// On the way to the identity provider's sign-out.
#[derive(Debug, Template)]
#[template(path = "leaving.html")]
struct LeavingPage<'a> {
    location: &'a str,
}

pub(super) fn metadata(sso: &Sso, organization: &OrganizationName) -> Result<Answer, DeskError> {
    let document = sso.metadata(organization)?;
    Ok(Answer::of(StatusCode::OK, "application/samlmetadata+xml", document.into()))
}

pub(super) async fn begin(
    sso: &Arc<Sso>,
    incoming: &Incoming,
    (organization, return_to, how): (&OrganizationName, Option<&str>, Renewal),
) -> Result<Answer, DeskError> {
    let return_to = ReturnAddress::or_home(return_to);
    let (organization, client) = (organization.clone(), incoming.client());
    let wish = Wish { organization, return_to, how, client, session: None };
    Ok(departing(&sso.begin(incoming.headers(), wish).await?))
}

pub(super) async fn accept(
    sso: &Arc<Sso>,
    incoming: &Incoming,
    (organization, body): (&OrganizationName, Option<RequestBody>),
) -> Result<Answer, DeskError> {
    let body = body::read(incoming, body, body::FORM, ASSERTION_LIMIT).await?;
    let form = AssertionForm::parse(&body)?;
    let browser = Browser {
        headers: incoming.headers().clone(),
        client: incoming.client(),
        user_agent: agent(incoming),
    };
    match sso.accept(organization.clone(), form, browser).await {
        Ok(Come::Again(departure)) => Ok(departing(&departure)),
        Ok(Come::In(arrival)) => arrived(*arrival, (organization, incoming.id())),
        Err(NotIn { error: cause, aside, return_to, about }) => {
            let organization = Some(organization.clone());
            Err(DeskError::Sso { cause, aside, organization, return_to, about })
        }
    }
}

pub(super) async fn hear(
    sso: &Arc<Sso>,
    incoming: &Incoming,
    (organization, body): (&OrganizationName, Option<RequestBody>),
) -> Result<Answer, DeskError> {
    if incoming.method() == Method::POST {
        return heard_by_post(sso, incoming, (organization, body)).await;
    }
    let query = incoming.query().unwrap_or_default();
    match sso.hear(organization, query, (incoming.headers(), incoming.client())).await? {
        Told::Done => Ok(Answer::see_other(&ReturnAddress::sign_in_page())),
        Told::SignedOut { people, location } => {
            let count = people.len();
            tracing::info!(%organization, people = count, "signed out at the identity provider");
            let here = || Answer::see_other(&ReturnAddress::sign_in_page());
            Ok(location.map_or_else(here, |there| elsewhere(&there)).signed_out(people))
        }
    }
}

/// The answer of an identity provider that sends it so. Whoever brings it is signed out here already: nothing that it says is
/// believed, or looked at. Orders to sign somebody out are taken by redirect alone, as our metadata say.
async fn heard_by_post(
    sso: &Sso,
    incoming: &Incoming,
    (organization, body): (&OrganizationName, Option<RequestBody>),
) -> Result<Answer, DeskError> {
    if !sso.has(organization) {
        return Err(SsoError::NoProvider.into());
    }
    let body = body::read(incoming, body, body::FORM, ASSERTION_LIMIT).await?;
    AssertionForm::parse(&body)?;
    Ok(Answer::see_other(&ReturnAddress::sign_in_page()))
}

/// Signed out here; on to the identity provider, by a page: a form's answer may not lead away from us (`form-action`).
pub(super) fn leave(away: &Away) -> Result<Answer, DeskError> {
    let page = LeavingPage { location: &away.location };
    let mut answer = Answer::page(StatusCode::OK, &page)?;
    refresh(&mut answer.headers, &away.location);
    append_cookie(&mut answer.headers, &away.set_cookie);
    Ok(answer)
}

/// On to the identity provider of an organization that somebody named in a form, by a page for the same reason.
pub(super) fn go(there: &str) -> Result<Answer, DeskError> {
    let mut answer = Answer::page(StatusCode::OK, &GoingPage { there })?;
    refresh(&mut answer.headers, there);
    Ok(answer)
}

fn refresh(headers: &mut HeaderMap, there: &str) {
    if let Ok(refresh) = HeaderValue::from_str(&format!("0; url={there}")) {
        headers.insert(HeaderName::from_static("refresh"), refresh);
    }
}

/// What a frame of ours finds that nobody sees.
pub(crate) fn renewal(status: StatusCode) -> Result<Answer, DeskError> {
    let outcome = if status.is_success() { "renewed" } else { "refused" };
    let mut answer = Answer::page(status, &RenewalPage { outcome })?;
    answer.headers.insert(CONTENT_SECURITY_POLICY, FRAMED);
    answer.headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    Ok(answer)
}

fn arrived(
    arrival: Arrival,
    (organization, request): (&OrganizationName, RequestId),
) -> Result<Answer, DeskError> {
    count(Count::SamlSignIns);
    let Arrival { session, return_to, aside, clearing, signed_in, not_opened, incomplete } =
        arrival;
    let mut answer = if aside && !incomplete {
        renewal(StatusCode::OK)?
    } else if aside {
        // What could not be had anew serves to its end, which comes.
        renewal(StatusCode::SERVICE_UNAVAILABLE)?
    } else if not_opened.is_empty() {
        Answer::see_other(&return_to)
    } else {
        let again = sso_address(organization, &return_to);
        let (return_to, request_id) = (&return_to, &*request.to_string());
        let again = incomplete.then_some(&*again);
        let page = NotOpenedPage { return_to, told: &not_opened, again, request_id };
        Answer::page(StatusCode::OK, &page)?
    };
    if let Some(session) = session {
        session_cookie(&mut answer.headers, &session);
    }
    if let Some(clearing) = clearing {
        append_cookie(&mut answer.headers, &clearing);
    }
    Ok(answer.signed_in(signed_in))
}

fn departing(departure: &Departure) -> Answer {
    let mut answer = elsewhere(&departure.location);
    append_cookie(&mut answer.headers, &departure.set_cookie);
    answer
}

/// To an address of the identity provider's, which its metadata name.
fn elsewhere(location: &str) -> Answer {
    let mut answer = Answer::of(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", Bytes::new());
    answer.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = HeaderValue::from_str(location) {
        answer.headers.insert(LOCATION, location);
    }
    answer
}
