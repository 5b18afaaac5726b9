//! `explain`: why a request was answered as it was, what it would get now, or what somebody would get. Reads the
//! records and the audit; needs no running server.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::{Common, Failure, attended, loaded, print};
use crate::audit::{Found, FoundFacts, Questions, printable, to_json};
use crate::catalog::{Asserted, AssertedRole, Email, ProjectName, Scope, StorageName};
use crate::ground::clock::Clock;
use crate::ground::generation::Generation;
use crate::identity::{Identity, Supposed, suppose};
use crate::listener::RequestId;
use crate::policy::{Case, Explanation, Policy};
use crate::records::{Records, Watch};
use crate::request::{BadKey, ObjectKey, Operation};
use crate::settings::{Environment, Settings};

/// See the verb's help.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Explain {
    /// A request's id, as it stands in a refusal, in the logs and in the audit
    #[arg(value_parser = request_id, conflicts_with = "wanted")]
    request: Option<RequestId>,
    #[command(flatten)]
    wanted: Option<Wanted>,
}

/// What somebody would get.
#[derive(Debug, Args)]
#[group(id = "wanted", multiple = true, requires_all = ["asker", "operation"])]
struct Wanted {
    /// Who would ask
    #[arg(long = "as", id = "asker", value_name = "EMAIL", required = false)]
    asker: Email,
    /// What would be asked
    #[arg(long, value_parser = PossibleValuesParser::new(Operation::NAMES), required = false)]
    operation: String,
    #[arg(long)]
    project: Option<ProjectName>,
    /// Without it, the project's first by name
    #[arg(long)]
    storage: Option<StorageName>,
    #[arg(long, value_parser = object_key)]
    key: Option<ObjectKey>,
    /// The address that the request would come from
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    client: IpAddr,
    /// An AWS role that the person's sign-in would assert (repeatable); without one, he would be here without an assertion
    #[arg(long, value_name = "ROLE-ARN")]
    asserting: Vec<String>,
}

/// One request of the past, and its like now.
#[derive(Debug, serde::Serialize)]
struct Past {
    request: Found,
    /// Absent where nobody was signed in, or where the person or the names are gone.
    now: Option<Explanation>,
}

impl Explain {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let settings = loaded::load(&common.config, &Environment::of_process())?.settings;
        match (self.request, self.wanted) {
            (Some(request), _) => past(&settings, request, common.json),
            (None, Some(wanted)) => {
                let asker = (&wanted.asker, session(&wanted.asserting));
                let explanation = explain(&settings, asker, &wanted.case()?)?;
                if common.json { print::json(&explanation) } else { print::line(explanation) }
            }
            (None, None) => Err(Failure::usage("name a request, or --as and --operation")),
        }
    }
}

impl Wanted {
    fn case(&self) -> Result<Case, Failure> {
        let operation = known(&self.operation)
            .ok_or_else(|| Failure::usage(format!("there is no operation {}", self.operation)))?;
        let of_a_place = self.project.is_some() || self.storage.is_some() || self.key.is_some();
        if of_a_place && !Case::takes_a_project(operation) {
            let message =
                format!("{operation} is about no project: no --project, --storage, --key");
            return Err(Failure::usage(message));
        }
        Ok(Case {
            operation,
            project: self.project.clone(),
            storage: self.storage.clone(),
            key: self.key.clone(),
            client: self.client,
        })
    }
}

fn past(settings: &Settings, request: RequestId, json: bool) -> Result<(), Failure> {
    let found = Questions::new(&settings.audit.folder)
        .find(request)
        .map_err(|fault| Failure::because("the audit cannot be read", &fault))?
        .ok_or_else(|| {
            Failure::new("the audit has no such request")
                .next("sluicegate audit tail shows the last ones with their ids")
        })?;
    let now = match asked_again(&found) {
        Some((asker, by, case)) => explain(settings, (&asker, by), &case).ok(),
        None => None,
    };
    let past = Past { request: found, now };
    if !json {
        return print::line(words(&past));
    }
    // What others chose stands in it, as in the audit's lines, and may be read on a terminal.
    print::line(to_json(&past).map_err(|error| Failure::because("a record is no JSON", &error))?)
}

/// The same case once more, as far as the record tells it: a token's own limits it does not tell.
fn asked_again(found: &Found) -> Option<(Email, Supposed, Case)> {
    let facts = &found.facts;
    let client = facts.client.as_deref().and_then(|text| text.parse().ok());
    let case = Case {
        operation: known(facts.operation.as_deref()?)?,
        project: facts.project.as_deref().and_then(|name| name.parse().ok()),
        storage: facts.storage.as_deref().and_then(|name| name.parse().ok()),
        key: facts.key.as_deref().and_then(|key| ObjectKey::new(key).ok()),
        client: client.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    };
    // What the session asserts besides the role that the credential was of, the record does not tell.
    let by =
        if by_token(facts) { Supposed::Token(Scope::ALL) } else { session(facts.role.as_slice()) };
    Some((facts.email.as_deref()?.parse().ok()?, by, case))
}

/// A session, which began with an assertion of these roles if there are any.
fn session(roles: &[String]) -> Supposed {
    // Policies see roles only: by which provider each is held is the credential's to ask.
    let pair = |role: &String| AssertedRole { role: role.clone(), provider: String::new() };
    match roles {
        [] => Supposed::Session,
        roles => Supposed::Vouched(Asserted {
            roles: roles.iter().map(pair).collect(),
            session_name: None,
        }),
    }
}

fn by_token(facts: &FoundFacts) -> bool {
    facts.proof.as_deref() == Some("token")
}

/// What the policies say to this person now.
fn explain(
    settings: &Settings,
    asker: (&Email, Supposed),
    case: &Case,
) -> Result<Explanation, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|fault| Failure::because("no runtime", &fault))?;
    runtime.block_on(async {
        let unreadable = |fault| Failure::because("the records cannot be read", &fault);
        let records = Records::look(&settings.records, Clock::system()).await?;
        let watch = Watch::begin(records, Generation::default()).await.map_err(unreadable)?;
        let identity = supposed(&watch, asker).await?;
        let policy = Policy::new(&settings.policy, watch.catalog().clone())
            .map_err(|faults| Failure::because("the policies", &faults))?;
        let explanation = policy.explain(&identity, case);
        watch.records().close().await;
        Ok(explanation)
    })
}

async fn supposed(watch: &Watch, (asker, by): (&Email, Supposed)) -> Result<Identity, Failure> {
    let unreadable = |fault| Failure::because("the records cannot be read", &fault);
    let records = watch.records();
    let gone = || {
        Failure::new(format!("there is no account {asker}, or it is disabled"))
            .next("sluicegate account list")
    };
    let account = records.account_by_email(asker).await.map_err(unreadable)?.ok_or_else(gone)?;
    let person = records.person(account.id).await.map_err(unreadable)?.ok_or_else(gone)?;
    Ok(suppose(person, by, watch.catalog().generation().current()))
}

/// The record in words. What a client chose (names, keys) is made harmless for a terminal.
fn words(past: &Past) -> String {
    let Found { time, request, facts, end, .. } = &past.request;
    let place: Vec<&str> = [&facts.project, &facts.storage, &facts.key]
        .into_iter()
        .filter_map(Option::as_deref)
        .collect();
    let status = end.status.map(|status| status.to_string());
    let policies = facts.policies.as_ref().map(|ids| ids.join(", ")).filter(|ids| !ids.is_empty());
    let generation = facts.generation.map(|generation| generation.to_string());
    let rows = [
        ("request", Some(request.as_str())),
        ("time", Some(&*time.to_string())),
        ("asked by", past.request.asker().or(Some("nobody"))),
        ("operation", facts.operation.as_deref()),
        ("of", Some(&*place.join("/")).filter(|place| !place.is_empty())),
        ("decision", facts.decision.as_deref()),
        ("decided by", policies.as_deref()),
        ("generation", generation.as_deref()),
        ("AWS role", facts.role.as_deref()),
        ("AWS session", facts.aws_session.as_deref()),
        ("status", status.as_deref()),
        ("code", end.code.as_deref()),
        ("reason", end.reason.as_deref()),
        ("outcome", end.outcome.as_deref()),
        ("sign-in", attended::sign_in(end).as_deref()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(row(name, value?)))
    .chain(attended::details(end).flat_map(|(name, values)| {
        let names = std::iter::once(name).chain(std::iter::repeat(""));
        names.zip(values).map(|(name, value)| row(name, value))
    }))
    .collect::<Vec<_>>()
    .join("\n");
    match &past.now {
        Some(now) if by_token(facts) => {
            format!("{rows}\n\nnow, by a token without limits of its own:\n{now}")
        }
        Some(now) => format!("{rows}\n\nnow, by a session:\n{now}"),
        None => rows,
    }
}

fn row(name: &str, value: &str) -> String {
    format!("{name:12}{}", printable(value))
}

fn known(operation: &str) -> Option<&'static str> {
    Operation::NAMES.into_iter().find(|name| *name == operation)
}

fn request_id(text: &str) -> Result<RequestId, String> {
    RequestId::parse(text).ok_or_else(|| "a request's id is 32 hexadecimal digits".to_owned())
}

fn object_key(text: &str) -> Result<ObjectKey, BadKey> {
    ObjectKey::new(text)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        explain: Explain,
    }

    fn read(line: &str) -> Result<Explain, clap::Error> {
        Line::try_parse_from(format!("explain {line}").split_whitespace()).map(|line| line.explain)
    }

    #[test]
    fn either_a_request_or_somebody_and_an_operation() {
        let id = "0123456789abcdef0123456789abcdef";
        for (line, sound) in [
            (id.to_owned(), true),
            ("--as a@example.com --operation ReadObject --project p --key a/b".to_owned(), true),
            ("--as a@example.com --operation ShowHome --client ::1".to_owned(), true),
            (String::new(), false),
            ("abc".to_owned(), false),
            ("--as a@example.com".to_owned(), false),
            ("--operation ReadObject".to_owned(), false),
            ("--as a@example.com --operation Reed".to_owned(), false),
            (format!("{id} --as a@example.com --operation ReadObject"), false),
        ] {
            assert_eq!(read(&line).is_ok(), sound, "{line:?} {:?}", read(&line));
        }
    }

    #[test]
    fn our_own_pages_are_about_no_project() {
        for (more, sound) in [
            ("--operation ShowHome", true),
            ("--operation ShowHome --project p", false),
            ("--operation ExplainRequest --key k", false),
            ("--operation SealHandle --project p", true),
            ("--operation ReadObject --project p", true),
        ] {
            let wanted = read(&format!("--as a@example.com {more}")).unwrap().wanted.unwrap();
            assert_eq!(wanted.case().is_ok(), sound, "{more}");
        }
    }

    #[test]
    fn roles_that_are_asserted_are_supposed_and_none_is_a_sign_in_without() {
        let line = "--as a@example.com --operation ReadObject --project p";
        let read = |more: &str| read(&format!("{line} {more}")).unwrap().wanted.unwrap();
        assert_eq!(session(&read("").asserting), Supposed::Session);
        let two = read("--asserting arn:aws:iam::123456789012:role/x --asserting role/y");
        let Supposed::Vouched(asserted) = session(&two.asserting) else { panic!() };
        let roles: Vec<_> = asserted.roles.iter().map(|one| one.role.as_str()).collect();
        assert_eq!(roles, ["arn:aws:iam::123456789012:role/x", "role/y"]);
    }

    #[test]
    fn the_words_hold_what_an_operator_asks_for() {
        let line = serde_json::json!({
            "seq": 7, "time": "2024-05-01T10:00:00Z", "request": "00ff", "email": "ann@example.com",
            "proof": "token", "operation": "WriteObject", "project": "signs", "storage": "scans", "key": "a\u{1b}[2J",
            "decision": "refused", "policies": [], "generation": 4,
            "code": "forbidden", "reason": "no policy permits it", "status": 403,
        });
        let request: Found = serde_json::from_value(line).unwrap();
        let (asker, by, case) = asked_again(&request).unwrap();
        assert_eq!((asker.as_str(), case.operation), ("ann@example.com", "WriteObject"));
        assert_eq!(by, Supposed::Token(Scope::ALL));
        let text = words(&Past { request, now: None });
        for line in ["status      403", "code        forbidden", "reason      no policy permits it"]
        {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    fn signing(more: &serde_json::Value) -> String {
        let mut line = serde_json::json!({
            "seq": 7, "time": "2024-05-01T10:00:00Z", "request": "00ff", "operation": "AcceptAssertion",
            "decision": "permitted", "policies": ["public"], "generation": 4,
        });
        for (field, value) in more.as_object().unwrap() {
            line[field] = value.clone();
        }
        words(&Past { request: serde_json::from_value(line).unwrap(), now: None })
    }

    #[test]
    fn of_a_sign_in_the_words_hold_who_came_how_and_which_credentials_were_not_had_and_why() {
        let text = signing(&serde_json::json!({
            "sign_in": "alice@example.com", "signed_in_by": "saml", "assertion": "_1", "status": 303,
            "changes": ["account made", "annotator of scans"],
            "credentials": ["scans: role/a", "ledgers: role/b not had: AccessDenied: mend\u{1b}[2J it"],
        }));
        for line in [
            "asked by    alice@example.com",
            "sign-in     alice@example.com signed in by saml",
            "assertion   _1",
            "changes     account made\n            annotator of scans\n",
            "credentials scans: role/a\n            ledgers: role/b not had: AccessDenied: mend",
        ] {
            assert!(text.contains(line), "{line:?} is not in\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn of_a_sign_in_that_failed_the_words_do_not_say_that_it_was_the_person_it_named() {
        let text = signing(&serde_json::json!({
            "sign_in": "alice@example.com", "assertion": "_1", "status": 403,
            "code": "sign-in-refused", "reason": "no group gives a role", "changes": ["disabled"],
        }));
        for line in [
            "asked by    nobody",
            "sign-in     alice@example.com was named, and did not sign in",
            "assertion   _1",
            "changes     disabled",
            "reason      no group gives a role",
        ] {
            assert!(text.contains(line), "{line:?} is not in\n{text}");
        }
    }

    #[test]
    fn of_a_sign_out_elsewhere_the_words_name_everybody_who_is_out() {
        let text = signing(&serde_json::json!({
            "signed_out": ["alice@example.com", "bob@example.com"], "status": 303,
        }));
        assert!(text.contains("asked by    nobody"), "{text}");
        let everybody = "signed out  alice@example.com\n            bob@example.com";
        assert!(text.contains(everybody), "{text}");
        assert!(!text.contains("sign-in"), "{text}");
    }
}
