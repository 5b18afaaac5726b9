//! `/-/label-studio`: who signed in here and has a user in Label Studio already shows that it is he.

use std::sync::Arc;

use http::StatusCode;

use super::answer::Answer;
use super::signing::FORM_LIMIT;
use super::{DeskError, body};
use crate::identity::{Person, Schemes};
use crate::listener::{Incoming, RequestBody};
use crate::sign_in::{LabelStudioUserForm, LabelStudioUserPage, ReturnAddress};

pub(super) fn page(person: &Person, return_to: Option<&str>) -> Result<Answer, DeskError> {
    Answer::page(StatusCode::OK, &about(person, ReturnAddress::or_home(return_to)))
}

pub(super) async fn claim(
    schemes: &Arc<Schemes>,
    incoming: &Incoming,
    (person, body): (&Person, Option<RequestBody>),
) -> Result<Answer, DeskError> {
    let body = body::read(incoming, body, body::FORM, FORM_LIMIT).await?;
    let LabelStudioUserForm { password, return_to } = LabelStudioUserForm::parse(&body)?;
    match schemes.claim_user(person, (password, incoming.client())).await {
        Ok(()) => Ok(Answer::see_other(&return_to)),
        Err(cause) => {
            let again = Box::new(about(person, return_to));
            Err(DeskError::NotThatUser { cause, again })
        }
    }
}

fn about(person: &Person, return_to: ReturnAddress) -> LabelStudioUserPage {
    LabelStudioUserPage { email: person.email().to_owned(), return_to, problem: None }
}
