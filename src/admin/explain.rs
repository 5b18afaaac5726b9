//! `GET /-/api/requests/{id}`: why a request was answered as it was, from the audit. Only requests of the asker's own
//! organization exist for him, and only what may leave this host: no credential, no upstream, no cause of a failure.

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

pub(super) async fn answer(
    control: &Control,
    questions: &Questions,
    id: RequestId,
    organization: &OrganizationName,
) -> Result<Answer, DeskError> {
    let questions = questions.clone();
    // Reads files from start to end: not on a thread that others wait for.
    let search = async move { tokio::task::spawn_blocking(move || questions.find(id)).await };
    let found = control.run(search).await?;
    let found = found.map_err(|failed| DeskError::Unreadable(failed.into()))?;
    let found = found.map_err(DeskError::Unreadable)?.ok_or(DeskError::NoSuchRequest)?;
    if found.facts.organization.as_deref() != Some(organization.as_str()) {
        return Err(DeskError::NoSuchRequest);
    }
    Answer::json(&Explanation::of(found))
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
