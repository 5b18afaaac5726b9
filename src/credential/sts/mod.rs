//! The security token service, as far as the gateway asks it: AssumeRole, AssumeRoleWithSAML and AssumeRoleWithWebIdentity
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/>). Its host comes from settings or region only, and an answer
//! counts only when it is for the role that was asked for (R15).

mod answer;
mod policy;
mod refusal;
mod role;

use bytes::Bytes;
use http::Response;

use super::aws::Keys;
use super::error::{Said, SourceError};
use super::query::{Query, Service, printable, refusal as refused, written};
use super::tools::Tools;
use crate::ground::secret::Secret;
use crate::outbound::{Host, Scheme};

pub(super) use policy::SessionPolicy;
pub use refusal::{Action, RefusalCode};
pub(super) use role::RoleArn;

const STS: Service = Service { who: "STS", name: "sts", answer_at_most: 64 * 1024 };

/// Where one STS is, and how calls to it are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sts(Query);

/// What is asked of it.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) role: &'a RoleArn,
    /// Said by us, but for an assertion: there the assertion says it, and the answer must agree.
    pub(super) session: &'a str,
    /// Whose name the session bears, if a person's.
    pub(super) person: Option<&'a Tags>,
    pub(super) external_id: Option<&'a str>,
    pub(super) policy: Option<&'a SessionPolicy>,
    pub(super) seconds: Option<u32>,
}

/// Session tags (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>). None of them is transitive: the
/// storage is the end of the way.
pub(super) type Tags = Vec<(&'static str, String)>;

/// What shows that the caller may.
#[derive(Debug, Clone, Copy)]
enum Proof<'a> {
    Signature,
    Assertion { provider: &'a str, assertion: &'a Secret<String> },
    WebIdentity(&'a Secret<String>),
}

impl Sts {
    pub(super) const fn at(host: Host, region: String) -> Self {
        Self(Query { service: STS, host, region })
    }

    pub(super) const fn host(&self) -> &Host {
        &self.0.host
    }

    /// Amazon's own STS of a region.
    ///
    /// # Errors
    /// When the region cannot stand in a host's name.
    pub(super) fn of_region(region: &str) -> Result<Self, SourceError> {
        let problem = "the region is not a region's name";
        let bad = SourceError::BadRequest { who: STS.who, problem };
        if !well_formed_region(region) {
            return Err(bad);
        }
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        let name = format!("sts.{region}.amazonaws.com{china}");
        match Host::new(Scheme::Https, &name, None) {
            Ok(host) => Ok(Self::at(host, region.to_owned())),
            Err(_not_a_name) => Err(bad),
        }
    }

    /// AssumeRole, signed with the source's keys.
    pub(super) async fn assume_role(
        &self,
        tools: &Tools,
        source: &Keys,
        ask: &Ask<'_>,
    ) -> Result<Keys, SourceError> {
        let action = match ask.person {
            None => Action::AssumeRole,
            Some(_) => Action::AssumeRoleForPerson,
        };
        let body = form(action, ask, Proof::Signature);
        assumed((action, ask), self.0.signed(tools, source, body).await?)
    }

    /// AssumeRoleWithWebIdentity: the token is the proof, nothing is signed.
    pub(super) async fn assume_role_with_web_identity(
        &self,
        tools: &Tools,
        token: &Secret<String>,
        ask: &Ask<'_>,
    ) -> Result<Keys, SourceError> {
        let action = Action::AssumeRoleWithWebIdentity;
        let body = form(action, ask, Proof::WebIdentity(token));
        assumed((action, ask), self.0.unsigned(tools, body).await?)
    }

    /// AssumeRoleWithSAML: the assertion, as it was posted, is the proof.
    pub(super) async fn assume_role_with_saml(
        &self,
        tools: &Tools,
        (provider, assertion): (&str, &Secret<String>),
        ask: &Ask<'_>,
    ) -> Result<Keys, SourceError> {
        let action = Action::AssumeRoleWithSaml;
        let body = form(action, ask, Proof::Assertion { provider, assertion });
        assumed((action, ask), self.0.unsigned(tools, body).await?)
    }
}

/// The keys, if they are for what was asked for.
fn assumed(
    (action, ask): (Action, &Ask<'_>),
    answer: Response<Bytes>,
) -> Result<Keys, SourceError> {
    let assumed = answer::assumed(action.name(), &checked(action, answer)?)?;
    let expected = ask.role.assumed_by(ask.session);
    if assumed.arn != expected {
        let answered = printable(&assumed.arn, 256);
        return Err(SourceError::OtherRole { asked: expected, answered });
    }
    Ok(assumed.keys)
}

/// The body of a success; a refusal becomes an error with STS's own code.
fn checked(action: Action, answer: Response<Bytes>) -> Result<Bytes, SourceError> {
    let status = answer.status();
    let body = answer.into_body();
    if status == http::StatusCode::OK {
        return Ok(body);
    }
    let Some((code, message)) = refused(&body) else {
        return Err(SourceError::Status { who: STS.who, status: status.as_u16() });
    };
    let code = RefusalCode::new(&code, &message);
    Err(SourceError::Refused { action, code, said: Said(printable(&message, 300)) })
}

fn form(action: Action, ask: &Ask<'_>, proof: Proof<'_>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action.name())
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", ask.role.as_str());
    match proof {
        Proof::Signature => {}
        Proof::Assertion { provider, assertion } => {
            form.append_pair("PrincipalArn", provider)
                .append_pair("SAMLAssertion", assertion.expose());
        }
        Proof::WebIdentity(token) => {
            form.append_pair("WebIdentityToken", token.expose());
        }
    }
    if !matches!(proof, Proof::Assertion { .. }) {
        form.append_pair("RoleSessionName", ask.session);
    }
    if let Some(tags) = ask.person {
        form.append_pair("SourceIdentity", ask.session);
        for (number, (key, value)) in (1..).zip(tags) {
            form.append_pair(&format!("Tags.member.{number}.Key"), key)
                .append_pair(&format!("Tags.member.{number}.Value"), value);
        }
    }
    if let Some(external_id) = ask.external_id {
        form.append_pair("ExternalId", external_id);
    }
    if let Some(policy) = ask.policy {
        form.append_pair("Policy", policy.as_str());
    }
    if let Some(seconds) = ask.seconds {
        form.append_pair("DurationSeconds", &seconds.to_string());
    }
    written(form)
}

/// `eu-central-1` and its like: what may stand in a host's name and in a signature's scope.
pub(super) fn well_formed_region(region: &str) -> bool {
    (2..=32).contains(&region.len())
        && region.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !region.starts_with('-')
        && !region.ends_with('-')
}
