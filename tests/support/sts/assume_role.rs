//! `AssumeRole` (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>): the caller signs, and says
//! himself for whom the session is.

use http::request::Parts;
use sluicegate::ground::clock::SignedDuration;

use super::form::{ARN, EXTERNAL_ID, Form, SESSION_NAME};
use super::issue::{Bearer, Issued, issue, wish};
use super::refusal::{Code, Refusal};
use super::signed_request;
use crate::support::account::{Account, Role, User, Who};

const PARAMETERS: [&str; 9] = [
    "Action",
    "Version",
    "RoleArn",
    "RoleSessionName",
    "Policy",
    "DurationSeconds",
    "ExternalId",
    "SourceIdentity",
    "Tags.",
];

/// Answers one call.
pub(super) fn answer(
    account: &Account,
    form: &Form,
    (request, body): (&Parts, &[u8]),
    lifetime: Option<SignedDuration>,
) -> Result<Issued, Refusal> {
    let user = signed_request::caller(account, request, body)?;
    form.only(&PARAMETERS)?;
    let arn = form.required("RoleArn", &ARN)?;
    let session = form.required("RoleSessionName", &SESSION_NAME)?;
    let source_identity = form.optional("SourceIdentity", &SESSION_NAME)?;
    let external_id = form.optional("ExternalId", &EXTERNAL_ID)?;
    let tags = form.tags()?;
    form.seconds()?;
    let refused = || {
        Code::AccessDenied.because(format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            user.arn
        ))
    };
    let role = account.role(arn).ok_or_else(refused)?;
    let bearer = Bearer {
        session: session.to_owned(),
        source_identity: source_identity.map(str::to_owned),
        tags,
        subject: None,
    };
    if !trusted(role, user, external_id, &bearer) {
        return Err(refused());
    }
    let ends = lifetime.map(|lifetime| account.clock.now() + lifetime);
    let wish = wish((account, role), form, &bearer.tags, ends)?;
    Ok(issue(account, role, bearer, wish))
}

/// Whether a statement of the role's trust names the user, and what he asks for.
fn trusted(role: &Role, user: &User, named: Option<&str>, bearer: &Bearer) -> bool {
    role.trust.iter().any(|trust| match &trust.who {
        Who::Federated { .. } => false,
        Who::User { arn, external_id } => {
            let external = external_id.is_none() || external_id.as_deref() == named;
            let tagged = trust.covers(!bearer.tags.is_empty(), bearer.source_identity.is_some());
            *arn == user.arn && external && tagged
        }
    })
}
