//! `AssumeRoleWithSAML` (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html>): nothing is
//! signed but the assertion, so everything that it says is looked at. AWS takes an assertion again and again within its five
//! minutes; here it is taken once for each role and session policy, which is how often a gateway has a use for it (once
//! for each project that the role opens), so that one which keeps assertions is found out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Document;
use sluicegate::ground::clock::{SignedDuration, Timestamp};

use super::form::{ARN, ASSERTION, Form};
use super::issue::{Bearer, Issued, issue, wish};
use super::refusal::{Code, Refusal};
use super::response::{self, Assertion, Response};
use super::signature;
use crate::support::account::{Account, Provider, Role, Who};

/// What the answer has besides the keys.
#[derive(Debug)]
pub(super) struct Asserted {
    pub(super) issued: Issued,
    pub(super) issuer: String,
    pub(super) recipient: String,
    pub(super) name: String,
    pub(super) name_format: String,
    /// Of the provider, after the last slash of its ARN.
    pub(super) provider: String,
}

const PARAMETERS: [&str; 7] =
    ["Action", "Version", "RoleArn", "PrincipalArn", "SAMLAssertion", "Policy", "DurationSeconds"];
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html>.
const ATTRIBUTES: &str = "https://aws.amazon.com/SAML/Attributes/";
/// The same page, "Subject and NameID" and the ones after it: one of these must be in each restriction.
const OURS: [&str; 2] = ["urn:amazon:webservices", "https://signin.aws.amazon.com/saml"];
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
/// The API reference, "Permissions": "must be presented within 5 minutes of issuance".
const REDEEMED_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// How far ahead a provider's clock may be.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);

/// Answers one call.
pub(super) fn answer(
    account: &Account,
    form: &Form,
    lifetime: Option<SignedDuration>,
) -> Result<Asserted, Refusal> {
    form.only(&PARAMETERS)?;
    let arn = form.required("RoleArn", &ARN)?;
    let principal = form.required("PrincipalArn", &ARN)?;
    let posted = form.required("SAMLAssertion", &ASSERTION)?;
    form.seconds()?;
    let Some(provider) = account.provider(principal) else {
        return Err(bad("Specified provider doesn't exist"));
    };
    let assertion = verified(posted, provider)?;
    in_time(&assertion, account.clock.now())?;
    let audience = |all: &Vec<String>| all.iter().any(|one| OURS.contains(&one.as_str()));
    if assertion.audiences.is_empty() || !assertion.audiences.iter().all(audience) {
        return Err(bad("Response does not contain the required audience."));
    }
    let bearer = bearer(&assertion)?;
    let refused = || Code::AccessDenied.because("Not authorized to perform sts:AssumeRoleWithSAML");
    if !holds_pair(&assertion, arn, principal)? {
        return Err(refused());
    }
    let role = account.role(arn).ok_or_else(refused)?;
    let now = account.clock.now();
    let recipient = trusted(role, &assertion, (principal, now), &bearer).ok_or_else(refused)?;
    let ends = lifetime.map(|lifetime| now + lifetime).into_iter();
    let ends = ends.chain(assertion.session_not_on_or_after).min();
    let wish = wish((account, role), form, &bearer.tags, ends)?;
    if !account.redeem(&assertion.id, arn, form.get("Policy")) {
        return Err(bad("The assertion has been redeemed for this role and policy before"));
    }
    Ok(Asserted {
        issued: issue(account, role, bearer, wish),
        issuer: assertion.issuer,
        recipient,
        name: assertion.name,
        name_format: assertion.name_format,
        provider: provider.name.clone(),
    })
}

fn bad(message: impl Into<String>) -> Refusal {
    Code::InvalidIdentityToken.because(message)
}

/// The assertion, once it is this provider's.
fn verified(posted: &str, provider: &Provider) -> Result<Assertion, Refusal> {
    let unreadable = || bad("Invalid base64 SAMLResponse");
    let xml = String::from_utf8(STANDARD.decode(posted).or(Err(unreadable()))?);
    let xml = xml.or(Err(unreadable()))?;
    let document = Document::parse(&xml).or(Err(bad("Response could not be parsed")))?;
    let signed = signature::check(&xml, &document, &provider.certificates);
    let response =
        response::read(&document).map_err(|fault| bad(format!("Response is invalid: {fault}")))?;
    let Response { status, issuer, assertion } = response;
    let of_provider = |issuer: &String| *issuer == provider.entity_id;
    let issuers = [issuer.as_ref(), assertion.as_ref().map(|one| &one.issuer)];
    if !issuers.into_iter().flatten().all(of_provider) {
        return Err(bad("Issuer not present in specified provider"));
    }
    signed.map_err(|fault| bad(format!("Response signature invalid: {fault}")))?;
    if status != SUCCESS {
        return Err(Code::IdpRejectedClaim.because(format!("The identity provider said {status}")));
    }
    assertion.ok_or_else(|| bad("Response does not contain an assertion"))
}

fn in_time(assertion: &Assertion, now: Timestamp) -> Result<(), Refusal> {
    let ended = |time: Option<Timestamp>| time.is_some_and(|time| time <= now);
    if assertion.issued + REDEEMED_WITHIN < now {
        let words = "Token must be redeemed within 5 minutes of issuance";
        return Err(Code::ExpiredToken.because(words));
    }
    let confirmed = assertion.confirmations.iter().any(|one| now < one.not_on_or_after);
    let session = ended(assertion.session_not_on_or_after);
    if ended(assertion.not_on_or_after) || session || !confirmed {
        return Err(Code::ExpiredToken.because("Response has expired"));
    }
    let early = assertion.not_before.is_some_and(|time| now < time);
    if early || now + AHEAD < assertion.issued {
        return Err(bad("Response is not yet valid"));
    }
    Ok(())
}

/// Name, source identity and tags of the session, as the assertion gives them.
fn bearer(assertion: &Assertion) -> Result<Bearer, Refusal> {
    let value = |name: &str| assertion.value(&format!("{ATTRIBUTES}{name}")).map_err(bad);
    let session = value("RoleSessionName")?;
    let session = session.ok_or_else(|| bad("RoleSessionName is required in AuthnResponse"))?;
    if !of_a_session(session) {
        let words = "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}";
        return Err(bad(words));
    }
    let source_identity = value("SourceIdentity")?;
    if source_identity.is_some_and(|one| !of_a_session(one) || one.starts_with("aws:")) {
        let words =
            "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"";
        return Err(bad(words));
    }
    let mut tags = Vec::new();
    for (name, _) in &assertion.attributes {
        if let Some(key) =
            name.strip_prefix(ATTRIBUTES).and_then(|rest| rest.strip_prefix("PrincipalTag:"))
        {
            let value = assertion.value(name).map_err(bad)?.unwrap_or_default();
            tags.push((key.to_owned(), value.to_owned()));
        }
    }
    Ok(Bearer {
        session: session.to_owned(),
        source_identity: source_identity.map(str::to_owned),
        tags,
        subject: Some(assertion.name.clone()),
    })
}

fn of_a_session(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (2..=64).contains(&name.len()) && name.bytes().all(letter)
}

/// Whether role and provider stand together in one value, in either order.
fn holds_pair(assertion: &Assertion, role: &str, provider: &str) -> Result<bool, Refusal> {
    let pairs = assertion.values(&format!("{ATTRIBUTES}Role")).map_err(bad)?.unwrap_or_default();
    Ok(pairs.iter().filter_map(|pair| pair.split_once(',')).any(|(one, other)| {
        let pair = [one.trim(), other.trim()];
        pair == [role, provider] || pair == [provider, role]
    }))
}

/// The recipient for whose sake the role's trust lets this person in.
fn trusted(
    role: &Role,
    assertion: &Assertion,
    (principal, now): (&str, Timestamp),
    bearer: &Bearer,
) -> Option<String> {
    let live = assertion.confirmations.iter().filter(|one| now < one.not_on_or_after);
    let recipients: Vec<_> = live.map(|one| one.recipient.as_str()).collect();
    role.trust.iter().find_map(|trust| {
        let Who::Federated { provider, audience } = &trust.who else {
            return None;
        };
        let tagged = trust.covers(!bearer.tags.is_empty(), bearer.source_identity.is_some());
        let trusts = provider == principal && recipients.contains(&audience.as_str()) && tagged;
        trusts.then(|| audience.clone())
    })
}
