//! `POST /-/sign-in` and `POST /-/sign-out`: a session begins, a session ends.

use std::sync::Arc;

use http::StatusCode;

use super::answer::Answer;
use super::browser::{agent, append_cookie, session_cookie};
use super::saml;
use super::{Desk, DeskError, body};
use crate::catalog::OrganizationName;
use crate::ground::secret::Secret;
use crate::identity::{CLEARING_COOKIE, Person, SignIn, SignedIn, session_shown};
use crate::listener::{Incoming, RequestBody};
use crate::sign_in::{ReturnAddress, SignInForm, SignInPage, Sso, sso_address};
use crate::telemetry::{Count, count};

/// An address, a password of 128 characters and a return address, all percent-encoded, fit well.
pub(super) const FORM_LIMIT: usize = 8 << 10;

/// The form, or the way to the identity provider of an organization that was named in it.
pub(super) fn page(
    sso: &Sso,
    return_to: Option<&str>,
    organization: Option<&str>,
) -> Result<Answer, DeskError> {
    let return_to = ReturnAddress::or_home(return_to);
    let named = organization.map(|name| name.trim().parse::<OrganizationName>().ok());
    match named {
        Some(Some(name)) if sso.has(&name) => saml::go(&sso_address(&name, &return_to)),
        named => {
            let problem = named.map(|_| "People of no such organization sign in that way here.");
            let page = SignInPage { problem, ..SignInPage::fresh(return_to, sso.ways()) };
            Answer::page(StatusCode::OK, &page)
        }
    }
}

pub(super) async fn sign_in(
    desk: &Desk,
    incoming: &Incoming,
    body: Option<RequestBody>,
) -> Result<Answer, DeskError> {
    let body = body::read(incoming, body, body::FORM, FORM_LIMIT).await?;
    let SignInForm { email, password, return_to } = SignInForm::parse(&body)?;
    begin(desk, incoming, (email, password), return_to).await
}

/// Begins a session for whoever knows the password, and leads there.
pub(super) async fn begin(
    desk: &Desk,
    incoming: &Incoming,
    (email, password): (String, Secret<String>),
    return_to: ReturnAddress,
) -> Result<Answer, DeskError> {
    let asked = SignIn {
        email: email.clone(),
        password,
        client: incoming.client(),
        user_agent: agent(incoming),
        replaces: session_shown(incoming.headers()),
    };
    match desk.schemes.sign_in(asked).await {
        Ok(session) => {
            let mut answer = Answer::see_other(&return_to);
            session_cookie(&mut answer.headers, &session);
            if session.break_glass {
                count(Count::BreakGlassSignIns);
                tracing::warn!(%email, client = %incoming.client(), "BREAK GLASS: a sign-in past the identity provider");
            }
            Ok(answer.signed_in(SignedIn::with_password(email, session.break_glass)))
        }
        Err(cause) => {
            let ways = desk.sso.ways();
            let again = Box::new(SignInPage { return_to, email, problem: None, ways });
            Err(DeskError::SignIn { cause, again })
        }
    }
}

/// Ends the session of the cookie, whatever else the request shows. A token is not ended by it.
///
/// Whoever came from an identity provider is sent there to sign out too.
pub(super) async fn sign_out(
    sso: &Arc<Sso>,
    incoming: &Incoming,
    person: Option<&Person>,
) -> Result<Answer, DeskError> {
    let away = match session_shown(incoming.headers()) {
        None => None,
        Some(session) => sso.sign_out(session, person).await?,
    };
    let mut answer = match away {
        None => Answer::see_other(&ReturnAddress::sign_in_page()),
        Some(away) => saml::leave(&away)?,
    };
    append_cookie(&mut answer.headers, CLEARING_COOKIE);
    Ok(answer)
}
