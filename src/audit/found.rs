//! What the audit says about one request, its lines joined.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::ground::clock::Timestamp;

/// One request as recorded. Fields that a record does not have are `None`; `docs/audit.md` explains them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub seq: u64,
    pub time: Timestamp,
    pub request: String,
    #[serde(flatten)]
    pub facts: FoundFacts,
    #[serde(flatten)]
    pub end: FoundEnd,
}

/// What was known before the deed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FoundFacts {
    pub node: Option<String>,
    pub client: Option<String>,
    pub protocol: Option<String>,
    pub method: Option<String>,
    pub operation: Option<String>,
    pub account: Option<i64>,
    pub email: Option<String>,
    pub organization: Option<String>,
    pub proof: Option<String>,
    pub proof_id: Option<String>,
    pub project: Option<String>,
    pub storage: Option<String>,
    pub key: Option<String>,
    pub projects: Option<Vec<String>>,
    pub target: Option<String>,
    pub policies: Option<Vec<String>>,
    pub generation: Option<u64>,
    pub credential: Option<String>,
    pub role: Option<String>,
    pub aws_session: Option<String>,
    pub user_agent: Option<String>,
    pub decision: Option<String>,
}

/// What was known after it; all `None` while the request runs, or when the gateway was killed in its midst.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FoundEnd {
    pub code: Option<String>,
    pub reason: Option<String>,
    pub status: Option<u16>,
    pub bytes: Option<u64>,
    pub outcome: Option<String>,
    pub duration_us: Option<u64>,
    pub upstream: Option<String>,
    pub sign_in: Option<String>,
    pub signed_in_by: Option<String>,
    pub assertion: Option<String>,
    pub changes: Option<Vec<String>>,
    pub credentials: Option<Vec<String>>,
    pub signed_out: Option<Vec<String>>,
}

impl Found {
    /// Who asked: who was known before, else whom this very request signed in. Not whom a sign-in that failed named: that,
    /// anybody may type.
    #[must_use]
    pub fn asker(&self) -> Option<&str> {
        let came = self.end.signed_in_by.as_ref().and(self.end.sign_in.as_deref());
        self.facts.email.as_deref().or(came)
    }

    /// Whether it was a sign-in, working or not, of this person, or one that signed him out elsewhere. `email` is in
    /// small letters.
    pub(super) fn is_attendance_of(&self, email: &str) -> bool {
        let out = self.end.signed_out.iter().flatten();
        self.end.sign_in.iter().chain(out).any(|one| one.to_lowercase() == email)
    }

    /// Whether policy permitted it.
    #[must_use]
    pub fn is_permitted(&self) -> bool {
        self.facts.decision.as_deref() == Some("permitted")
    }

    /// Whether bytes of an object were given, or a word that those the client has are still good (304); and a read that
    /// did not end may have given some.
    #[must_use]
    pub fn is_given(&self) -> bool {
        let operation = self.facts.operation.as_deref();
        let reads = matches!(operation, Some("ReadObject" | "ReadMedia" | "ReadTaskMedia"));
        let given = match self.end.status {
            None | Some(304) => true,
            Some(200..=299) => self.end.bytes > Some(0),
            Some(_) => false,
        };
        reads && given && self.is_permitted()
    }
}

/// Lines in, whole requests out.
#[derive(Debug, Default)]
pub(super) struct Join {
    begun: HashMap<String, Found>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    kind: &'a str,
}

impl Join {
    /// Takes one line; gives the request that it completes, if `wanted`. What is about a project is asked for with what
    /// was known before the deed, so that nothing is kept of what nobody wants; of the rest, a sign-in above all, it may be
    /// known only at the end whose it is. Lines about the chain, and lines that are no records, give nothing: judging
    /// those is `verify`'s work.
    pub(super) fn feed(&mut self, line: &[u8], wanted: impl Fn(&Found) -> bool) -> Option<Found> {
        let Kind { kind } = serde_json::from_slice(line).ok()?;
        match kind {
            "begun" | "request" => {
                let found: Found = serde_json::from_slice(line).ok()?;
                if kind == "request" {
                    return wanted(&found).then_some(found);
                }
                if found.facts.project.is_none() || wanted(&found) {
                    self.begun.insert(found.request.clone(), found);
                }
                None
            }
            "ended" => {
                let ended: Found = serde_json::from_slice(line).ok()?;
                let begun = self.begun.remove(&ended.request)?;
                Some(Found { end: ended.end, ..begun }).filter(wanted)
            }
            _mark => None,
        }
    }

    /// What began and did not end, if `wanted` as it stands, in order.
    pub(super) fn unfinished(&mut self, wanted: impl Fn(&Found) -> bool) -> Vec<Found> {
        let rest = self.begun.drain().map(|(_, found)| found);
        let mut rest: Vec<Found> = rest.filter(wanted).collect();
        rest.sort_by_key(|found| found.seq);
        rest
    }
}
