//! `/-/invitations/{code}`: the invited chooses e-mail and password, and is signed in.

use std::sync::Arc;

use http::StatusCode;

use super::answer::Answer;
use super::signing::{FORM_LIMIT, begin};
use super::{Desk, DeskError, body};
use crate::ground::secret::Secret;
use crate::identity::{Acceptance, Schemes};
use crate::listener::{Incoming, RequestBody};
use crate::sign_in::{InvitationForm, InvitationPage, ReturnAddress};

pub(super) async fn page(
    schemes: &Arc<Schemes>,
    incoming: &Incoming,
    code: &Secret<String>,
) -> Result<Answer, DeskError> {
    let invited = schemes.invited(code.clone(), incoming.client()).await;
    let organization = invited.map_err(|cause| DeskError::Invitation { cause, again: None })?;
    let page = InvitationPage { organization, email: String::new(), problem: None };
    Answer::page(StatusCode::OK, &page)
}

pub(super) async fn accept(
    desk: &Desk,
    incoming: &Incoming,
    (code, body): (&Secret<String>, Option<RequestBody>),
) -> Result<Answer, DeskError> {
    let schemes = &desk.schemes;
    let body = body::read(incoming, body, body::FORM, FORM_LIMIT).await?;
    let InvitationForm { email, password } = InvitationForm::parse(&body)?;
    let invited = schemes.invited(code.clone(), incoming.client()).await;
    let organization = invited.map_err(|cause| DeskError::Invitation { cause, again: None })?;
    let acceptance =
        Acceptance { code: code.clone(), email: email.clone(), password: password.clone() };
    if let Err(cause) = schemes.accept(acceptance).await {
        let page = InvitationPage { organization, email, problem: None };
        return Err(DeskError::Invitation { cause, again: Some(Box::new(page)) });
    }
    begin(desk, incoming, (email, password), ReturnAddress::or_home(None)).await
}
