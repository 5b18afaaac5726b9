//! What is known of one request, gathered on the data plane as shared pointers and copies of small things, and written
//! as a line of JSON on the writer's thread. `docs/audit.md` is the dictionary of the fields.

use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::catalog::{ProjectName, StorageName};
use crate::ground::clock::Timestamp;
use crate::identity::{Attendance, Identity, Proof, SignedIn, SignedInBy};
use crate::label_studio::{Deed, Reach};
use crate::listener::{Incoming, Protocol, RequestId};
use crate::policy::{Basis, Destination, Grant};
use crate::request::{Ask, ObjectAddress, ObjectKey, ObjectRead, Operation, Target};
use crate::stream::Outcome;

use super::hex;

/// One line of the audit, before it has a number and a hash.
#[derive(Debug)]
pub(super) enum Record {
    /// The deed is about to be done.
    Begun(Box<Facts>),
    /// How what begun ended.
    Ended { time: Timestamp, request: RequestId, end: End },
    /// A request that needed no line before its deed, whole.
    Request { facts: Box<Facts>, end: End },
}

/// What is known before the deed.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) time: Timestamp,
    pub(super) request: RequestId,
    client: IpAddr,
    protocol: Protocol,
    method: Method,
    pub(super) user_agent: Option<HeaderValue>,
    pub(super) operation: Option<Operation>,
    pub(super) identity: Option<Identity>,
    pub(super) grant: Option<Grant>,
    /// What a no rests on, where the policies said it.
    pub(super) denied_on: Option<Arc<Basis>>,
    pub(super) credential: Option<Box<str>>,
    /// The AWS role that the credential is of, and what AWS calls the session.
    pub(super) acting: Option<(Box<str>, Box<str>)>,
}

/// What a request is about.
struct Subject<'a> {
    project: &'a ProjectName,
    storage: &'a StorageName,
    key: Option<&'a ObjectKey>,
}

/// What is known after the deed.
#[derive(Debug)]
pub(super) struct End {
    pub(super) status: StatusCode,
    pub(super) bytes: u64,
    pub(super) outcome: Outcome,
    pub(super) duration_us: u64,
    pub(super) upstream: Option<Box<str>>,
    /// The e-mail that a sign-in named which failed.
    pub(super) sign_in: Option<Box<str>>,
    pub(super) attendance: Option<Box<Attendance>>,
    pub(super) refusal: Option<(&'static str, Box<str>)>,
}

impl Facts {
    pub(super) fn of(incoming: &Incoming, time: Timestamp) -> Self {
        Self {
            time,
            request: incoming.id(),
            client: incoming.client(),
            protocol: incoming.protocol(),
            method: incoming.method().clone(),
            user_agent: incoming.headers().get(header::USER_AGENT).cloned(),
            operation: None,
            identity: None,
            grant: None,
            denied_on: None,
            credential: None,
            acting: None,
        }
    }

    /// As policy resolved it, else as the client named it.
    fn subject(&self) -> Option<Subject<'_>> {
        match self.grant.as_ref().map(Grant::destination) {
            Some(Destination::Object { project, storage, key }) => {
                Some(Subject { project: &project.name, storage: &storage.name, key: Some(key) })
            }
            Some(Destination::Listing { project, storage }) => {
                Some(Subject { project: &project.name, storage: &storage.name, key: None })
            }
            Some(Destination::Ours | Destination::LabelStudio(_)) | None => {
                named(self.operation.as_ref()?.ask())
            }
        }
    }

    fn put<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("request", &Shown(self.request))?;
        map.serialize_entry("client", &self.client)?;
        map.serialize_entry("protocol", protocol_name(self.protocol))?;
        map.serialize_entry("method", self.method.as_str())?;
        put(map, "operation", self.operation.as_ref().map(Operation::name))?;
        self.put_person(map)?;
        if let Some(Subject { project, storage, key }) = self.subject() {
            map.serialize_entry("project", project)?;
            map.serialize_entry("storage", storage)?;
            put(map, "key", key.map(ObjectKey::as_str))?;
        }
        self.put_errand(map)?;
        let basis = self.grant.as_ref().map(Grant::basis).or(self.denied_on.as_deref());
        if let Some(basis) = basis {
            map.serialize_entry("policies", &basis.policies)?;
            map.serialize_entry("generation", &basis.generation)?;
        }
        put(map, "credential", self.credential.as_deref())?;
        if let Some((role, session)) = &self.acting {
            map.serialize_entry("role", role)?;
            map.serialize_entry("aws_session", session)?;
        }
        let agent = self.user_agent.as_ref().map(|value| String::from_utf8_lossy(value.as_bytes()));
        put(map, "user_agent", agent)?;
        let decision = if self.grant.is_some() { "permitted" } else { "refused" };
        map.serialize_entry("decision", decision)
    }

    /// What was asked of Label Studio. Queries are left out: they hold what people search for.
    fn put_errand<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let asked = self.operation.as_ref().map(Operation::ask);
        let named = match asked {
            Some(
                Ask::LabelStudio(call)
                | Ask::Read(ObjectRead { target: Target::TaskMedia(call), .. }),
            ) => Some(call.target()),
            Some(Ask::Read(_) | Ask::Write(_) | Ask::List { .. } | Ask::Visit(_)) | None => None,
        };
        let errand = match self.grant.as_ref().map(Grant::destination) {
            Some(Destination::LabelStudio(errand)) => Some(errand),
            Some(Destination::Object { .. } | Destination::Listing { .. } | Destination::Ours)
            | None => None,
        };
        let target = named.or(errand.map(|errand| &*errand.target));
        put(map, "target", target.map(|target| target.split('?').next().unwrap_or_default()))?;
        let lists = self.operation.as_ref().is_some_and(|one| is_of_organization(one.name()));
        let projects = errand.filter(|_| !lists).map_or(&[][..], |errand| &errand.projects);
        match projects {
            [] => Ok(()),
            [one] => map.serialize_entry("project", &one.name),
            several => {
                let names: Vec<_> = several.iter().map(|project| &project.name).collect();
                map.serialize_entry("projects", &names)
            }
        }
    }

    fn put_person<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let Some(person) = self.identity.as_ref().and_then(Identity::person) else {
            return Ok(());
        };
        map.serialize_entry("account", &person.account())?;
        map.serialize_entry("email", person.email())?;
        map.serialize_entry("organization", person.organization_name())?;
        let (kind, id) = match person.proof() {
            Proof::Session(id) => ("session", id),
            Proof::Token(id) => ("token", id),
            Proof::LabelStudio(id) => ("label-studio-token", id),
        };
        map.serialize_entry("proof", kind)?;
        // Enough to tell one session from another; not enough to look for its preimage.
        map.serialize_entry("proof_id", &hex::text(id.0.first_chunk::<6>().unwrap_or(&[0; 6])))
    }
}

/// What the client named. A handle says nothing until the policy has opened it.
fn named(ask: &Ask) -> Option<Subject<'_>> {
    let ObjectAddress { project, storage, key } = match ask {
        Ask::Read(ObjectRead { target: Target::Named(address), .. }) => address,
        Ask::Write(write) => &write.address,
        Ask::List { project, storage, .. } => {
            return Some(Subject { project, storage, key: None });
        }
        Ask::Read(ObjectRead { target: Target::Handle(_) | Target::TaskMedia(_), .. })
        | Ask::Visit(_)
        | Ask::LabelStudio(_) => return None,
    };
    Some(Subject { project, storage, key: Some(key) })
}

/// Whether it is about the organization as a whole, so that its projects are what a list may hold.
fn is_of_organization(operation: &str) -> bool {
    operation.parse().is_ok_and(|deed: Deed| deed.reach() == Reach::Organization)
}

impl End {
    fn put<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        if let Some((code, reason)) = &self.refusal {
            map.serialize_entry("code", code)?;
            map.serialize_entry("reason", reason)?;
        }
        map.serialize_entry("status", &self.status.as_u16())?;
        map.serialize_entry("bytes", &self.bytes)?;
        map.serialize_entry("outcome", outcome_name(self.outcome))?;
        map.serialize_entry("duration_us", &self.duration_us)?;
        put(map, "sign_in", self.sign_in.as_deref())?;
        match self.attendance.as_deref() {
            Some(Attendance::SignedIn(signed_in)) => {
                put_signed_in(map, signed_in, self.refusal.is_none())?;
            }
            Some(Attendance::SignedOut(people)) => map.serialize_entry("signed_out", people)?,
            None => {}
        }
        put(map, "upstream", self.upstream.as_deref())
    }
}

/// `worked`: he is in; else this is whom a verified answer named.
fn put_signed_in<M: SerializeMap>(
    map: &mut M,
    signed_in: &SignedIn,
    worked: bool,
) -> Result<(), M::Error> {
    let SignedIn { email, by, changes, credentials } = signed_in;
    map.serialize_entry("sign_in", email)?;
    put(map, "signed_in_by", worked.then(|| by.as_str()))?;
    if let SignedInBy::Saml { assertion, .. } = by {
        map.serialize_entry("assertion", assertion)?;
    }
    put(map, "changes", Some(changes).filter(|changes| !changes.is_empty()))?;
    put(map, "credentials", Some(credentials).filter(|credentials| !credentials.is_empty()))
}

pub(super) const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "complete",
        Outcome::Aborted => "aborted",
        Outcome::Truncated => "truncated",
        Outcome::Lapsed => "lapsed",
        Outcome::Stopped => "stopped",
    }
}

const fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http1 => "HTTP/1.1",
        Protocol::Http2 => "HTTP/2",
    }
}

/// A record with its number, as it is written.
pub(super) struct Numbered<'a> {
    pub(super) seq: u64,
    pub(super) node: &'a str,
    pub(super) record: &'a Record,
}

impl Serialize for Numbered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, time) = match self.record {
            Record::Begun(facts) => ("begun", facts.time),
            Record::Ended { time, .. } => ("ended", *time),
            Record::Request { facts, .. } => ("request", facts.time),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("time", &time)?;
        map.serialize_entry("kind", kind)?;
        map.serialize_entry("node", self.node)?;
        match self.record {
            Record::Begun(facts) => facts.put(&mut map)?,
            Record::Ended { request, end, .. } => {
                map.serialize_entry("request", &Shown(request))?;
                end.put(&mut map)?;
            }
            Record::Request { facts, end } => {
                facts.put(&mut map)?;
                end.put(&mut map)?;
            }
        }
        map.end()
    }
}

fn put<M: SerializeMap>(
    map: &mut M,
    name: &'static str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, &value))
}

struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::escape::to_json;
    use super::super::fixture::{end, facts, id};
    use super::{Attendance, Facts, Numbered, Record, SignedIn, SignedInBy};
    use crate::stream::fixture::{annotator, reading};

    fn full() -> Record {
        let (incoming, _policy, grant) = reading();
        let facts = Facts {
            operation: Some(grant.operation().clone()),
            identity: Some(annotator()),
            grant: Some(grant),
            credential: Some("AKIDEXAMPLE".into()),
            acting: Some(("arn:aws:iam::123456789012:role/x".into(), "ann@example.com".into())),
            user_agent: Some("agent \u{202e}x".parse().unwrap()),
            ..Facts::of(&incoming, super::super::fixture::AT)
        };
        let mut end = end(StatusCode::OK);
        end.upstream = Some("4442587FB7D0A2F9".into());
        end.refusal = Some(("storage-fault", "because".into()));
        let signed_in = SignedIn {
            email: "ann@example.com".to_owned(),
            by: SignedInBy::Saml { assertion: "_1".to_owned(), renewed: false },
            changes: vec!["account made".to_owned()],
            credentials: vec!["scans: a role".to_owned()],
        };
        end.attendance = Some(Box::new(Attendance::SignedIn(signed_in)));
        Record::Request { facts: Box::new(facts), end }
    }

    #[test]
    fn every_field_is_in_the_dictionary() {
        let json = to_json(&Numbered { seq: 1, node: "n", record: &full() }).unwrap();
        let record: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&json).unwrap();
        let dictionary = include_str!("../../docs/audit.md");
        for field in record.keys() {
            assert!(dictionary.contains(&format!("`{field}`")), "{field} is not in docs/audit.md");
        }
        assert!(record.len() > 20);
        assert!(dictionary.contains("`signed_out`"), "which never stands beside the others");
        assert!(json.contains(r"\u202e"), "what deceives is escaped");
    }

    #[test]
    fn neither_the_bucket_nor_the_proof_is_in_a_record() {
        let json = to_json(&Numbered { seq: 1, node: "n", record: &full() }).unwrap();
        assert!(!json.contains("bucket") && !json.contains(&"00".repeat(7)), "{json}");
    }

    #[test]
    fn an_end_says_only_what_is_new() {
        let request = facts(4, "x").request;
        let record =
            Record::Ended { time: super::super::fixture::AT, request, end: end(StatusCode::OK) };
        let json = to_json(&Numbered { seq: 2, node: "n", record: &record }).unwrap();
        assert!(json.contains(&id(4).to_string()) && !json.contains("client"), "{json}");
    }
}
