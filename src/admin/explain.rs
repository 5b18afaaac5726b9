//! `GET /-/api/requests/{id}`: why a request was answered as it was, from the audit. Only requests of the asker's own
//! organization exist for him, and only what may leave this host: no credential, no upstream, no cause of a failure. A
//! sign-in is of no organization; beside a session it is of that session's, and whom it signed in and what that brought,
//! who may be somebody else of elsewhere, is the operator's to read.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::audit::{Found, Questions};
use crate::catalog::OrganizationName;
use crate::ground::clock::Timestamp;
use crate::ground::control::Control;
use crate::listener::RequestId;

use super::DeskError;
use super::answer::Answer;

/// The answer: the fields of `docs/audit.md` that a member of the organization may read.
#[derive(Debug, serde::Serialize)]
struct Explanation {
    request: String,
    time: Timestamp,
    operation: Option<String>,
    email: Option<String>,
    proof: Option<String>,
    project: Option<String>,
    storage: Option<String>,
    key: Option<String>,
    decision: Option<String>,
    /// The policies that decided.
    policies: Option<Vec<String>>,
    status: Option<u16>,
    code: Option<String>,
    /// Why not, in words; of our own failures only the operator reads those.
    reason: Option<String>,
    outcome: Option<String>,
    bytes: Option<u64>,
    duration_us: Option<u64>,
}

/// How many searches run at once. Each reads the audit from its end towards its start, and an id that nobody was given
/// is only known as such at the start: the threads that do it are there for sign-ins too.
const SEARCHES: usize = 2;

/// Looks requests up.
#[derive(Debug)]
pub struct Explanations {
    questions: Questions,
    searches: Arc<Semaphore>,
}

impl Explanations {
    #[must_use]
    pub fn new(questions: Questions) -> Self {
        Self { questions, searches: Arc::new(Semaphore::new(SEARCHES)) }
    }

    pub(super) async fn answer(
        &self,
        control: &Control,
        id: RequestId,
        organization: &OrganizationName,
    ) -> Result<Answer, DeskError> {
        let place = Arc::clone(&self.searches).try_acquire_owned();
        let place = place.map_err(|_full| DeskError::SearchesBusy { limit: SEARCHES })?;
        let questions = self.questions.clone();
        // Reads files from start to end: not on a thread that others wait for. The place is held by the search itself,
        // which goes on when the client has gone away.
        let search = move || {
            let found = questions.find(id);
            drop(place);
            found
        };
        let found = control.run(async { tokio::task::spawn_blocking(search).await }).await?;
        let found = found.map_err(|failed| DeskError::Unreadable(failed.into()))?;
        let found = found.map_err(DeskError::Unreadable)?.ok_or(DeskError::NoSuchRequest)?;
        if found.facts.organization.as_deref() != Some(organization.as_str()) {
            return Err(DeskError::NoSuchRequest);
        }
        Answer::json(&Explanation::of(found))
    }
}

impl Explanation {
    fn of(found: Found) -> Self {
        let Found { time, request, facts, end, .. } = found;
        let failed = end.status.is_none_or(|status| status >= 500);
        Self {
            request,
            time,
            operation: facts.operation,
            email: facts.email,
            proof: facts.proof,
            project: facts.project,
            storage: facts.storage,
            key: facts.key,
            decision: facts.decision,
            policies: facts.policies,
            status: end.status,
            code: end.code,
            reason: end.reason.filter(|_| !failed),
            outcome: end.outcome,
            bytes: end.bytes,
            duration_us: end.duration_us,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DeskError, Explanation, Explanations, Found, Questions, RequestId, SEARCHES};
    use crate::ground::control::Control;

    #[tokio::test]
    async fn a_sign_in_is_of_no_organization_and_exists_for_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let id = "1".repeat(32);
        let line = serde_json::json!({
            "seq": 1, "time": "2027-01-15T08:00:00Z", "kind": "request", "request": id,
            "operation": "AcceptAssertion", "decision": "permitted", "status": 303,
            "sign_in": "bob@example.com", "signed_in_by": "saml",
        });
        std::fs::write(folder.path().join("0000000001.jsonl"), format!("{line}\n")).unwrap();
        let questions = Questions::new(folder.path());
        let id = RequestId::parse(&id).unwrap();
        assert!(questions.find(id).unwrap().is_some());
        let explanations = Explanations::new(questions);
        let control = Control::new(tokio::runtime::Handle::current());
        let answer = explanations.answer(&control, id, &"acme".parse().unwrap()).await;
        assert!(matches!(answer, Err(DeskError::NoSuchRequest)), "{answer:?}");
    }

    /// In a browser where alice's session still was, somebody else may sign in, of another organization even.
    #[test]
    fn of_a_sign_in_beside_a_session_only_the_session_is_told() {
        let found: Found = serde_json::from_value(serde_json::json!({
            "seq": 1, "time": "2027-01-15T08:00:00Z", "request": "00ff", "organization": "acme",
            "email": "alice@example.com", "operation": "AcceptAssertion", "status": 303,
            "sign_in": "bob@other.example", "signed_in_by": "saml", "assertion": "_of-bob",
            "changes": ["bob's"], "credentials": ["bob's: a role not had: why"], "signed_out": ["bob"],
        }))
        .unwrap();
        let told = serde_json::to_string(&Explanation::of(found)).unwrap();
        assert!(told.contains("alice@example.com") && !told.contains("bob"), "{told}");
    }

    #[tokio::test]
    async fn no_more_searches_than_a_few_run_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let explanations = Explanations::new(Questions::new(folder.path()));
        let control = Control::new(tokio::runtime::Handle::current());
        let id = RequestId::parse(&"0".repeat(32)).unwrap();
        let organization = "acme".parse().unwrap();
        let ask = || explanations.answer(&control, id, &organization);
        let running: Vec<_> = (0..SEARCHES)
            .map(|_| std::sync::Arc::clone(&explanations.searches).try_acquire_owned().unwrap())
            .collect();
        assert!(matches!(ask().await, Err(DeskError::SearchesBusy { limit: SEARCHES })));
        drop(running);
        for _ in 0..=SEARCHES {
            assert!(matches!(ask().await, Err(DeskError::NoSuchRequest)), "a place is given back");
        }
    }
}
