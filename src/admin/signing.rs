//! `POST /-/sign-in` and `POST /-/sign-out`: a session begins, a session ends.

use std::sync::Arc;

use http::HeaderValue;
use http::header::{SET_COOKIE, USER_AGENT};

use super::answer::Answer;
use super::{DeskError, body};
use crate::ground::secret::Secret;
use crate::identity::{CLEARING_COOKIE, Schemes, SignIn, session_shown};
use crate::listener::{Incoming, RequestBody};
use crate::sign_in::{ReturnAddress, SignInForm, SignInPage};

/// An address, a password of 128 characters and a return address, all percent-encoded, fit well.
pub(super) const FORM_LIMIT: usize = 8 << 10;
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

pub(super) async fn sign_in(
    schemes: &Arc<Schemes>,
    incoming: &Incoming,
    body: Option<RequestBody>,
) -> Result<Answer, DeskError> {
    let body = body::read(incoming, body, FORM, FORM_LIMIT).await?;
    let SignInForm { email, password, return_to } = SignInForm::parse(&body)?;
    begin(schemes, incoming, (email, password), return_to).await
}

/// Begins a session for whoever knows the password, and leads there.
pub(super) async fn begin(
    schemes: &Arc<Schemes>,
    incoming: &Incoming,
    (email, password): (String, Secret<String>),
    return_to: ReturnAddress,
) -> Result<Answer, DeskError> {
    let agent = incoming.headers().get(USER_AGENT).map(|agent| agent.as_bytes());
    let asked = SignIn {
        email: email.clone(),
        password,
        client: incoming.client(),
        user_agent: String::from_utf8_lossy(agent.unwrap_or_default()).into_owned(),
        replaces: session_shown(incoming.headers()),
    };
    match schemes.sign_in(asked).await {
        Ok(session) => {
            let mut answer = Answer::see_other(&return_to);
            if let Ok(mut cookie) = HeaderValue::from_str(session.set_cookie().expose()) {
                // Keeps it out of debug prints, and out of HTTP/2's shared compression table.
                cookie.set_sensitive(true);
                answer.headers.insert(SET_COOKIE, cookie);
            }
            Ok(answer.signed_in(email))
        }
        Err(cause) => {
            let takes_label_studio = schemes.take_label_studio_passwords();
            let again = SignInPage { return_to, email, problem: None, takes_label_studio };
            let again = Box::new(again);
            Err(DeskError::SignIn { cause, again })
        }
    }
}

/// Ends the session of the cookie, whatever else the request shows. A token is not ended by it.
pub(super) async fn sign_out(
    schemes: &Arc<Schemes>,
    incoming: &Incoming,
) -> Result<Answer, DeskError> {
    if let Some(session) = session_shown(incoming.headers()) {
        schemes.sign_out(session).await?;
    }
    let mut answer = Answer::see_other(&ReturnAddress::sign_in_page());
    answer.headers.insert(SET_COOKIE, HeaderValue::from_static(CLEARING_COOKIE));
    Ok(answer)
}
