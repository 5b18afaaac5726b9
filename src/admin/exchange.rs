//! `POST /api/token/refresh/` as Label Studio has it: an access token for a personal one, which comes in the body.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::{DeskError, body};
use crate::ground::secret::Secret;
use crate::identity::{Schemes, SignedIn};
use crate::listener::{Incoming, RequestBody};

/// A JWT and its name fit well.
const LIMIT: usize = 8 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    refresh: String,
}

#[derive(Serialize)]
struct Answered<'a> {
    access: &'a str,
}

pub(super) async fn answer(
    schemes: &Schemes,
    incoming: &Incoming,
    body: Option<RequestBody>,
) -> Result<Answer, DeskError> {
    let body = body::read(incoming, body, "application/json", LIMIT).await?;
    // A list of one text would be read as the same.
    let object = Some(&body[..]).filter(|body| body.trim_ascii_start().starts_with(b"{"));
    let asked = object.and_then(|object| serde_json::from_slice(object).ok());
    let Asked { refresh } = asked.ok_or(DeskError::BadExchange)?;
    let exchanged = schemes.exchange(Secret::new(refresh), incoming.client()).await;
    let exchanged = exchanged.map_err(DeskError::Exchange)?;
    let answer = Answer::json(&Answered { access: exchanged.access.expose() })?;
    Ok(answer.signed_in(SignedIn::with_label_studio_token(exchanged.email.clone())))
}
