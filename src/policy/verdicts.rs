//! Remembered answers. The key holds every field of the question that the policies may read, compared whole (no
//! hash decides), besides the rules' own number and the generation: a remembered answer cannot differ from a
//! fresh one, nor outlive its cause.

use std::net::IpAddr;
use std::sync::Arc;

use ahash::RandomState;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::question::{ProofKind, Question};
use super::rules::Rules;
use super::{Basis, Denial};
use crate::catalog::{AccountId, OrganizationId, ProjectId, Role, StorageId};
use crate::request::ObjectKey;

/// What was decided, and on what.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) permitted: bool,
    pub(super) basis: Arc<Basis>,
}

/// The answers that are remembered.
#[derive(Debug)]
pub(super) struct Verdicts(Cache<Key, Verdict, RandomState>);

/// About 150 bytes each.
const MOST: u64 = 65_536;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    rules: u64,
    generation: u64,
    /// What is known of the person is as of this generation.
    person_generation: u64,
    organization: OrganizationId,
    account: AccountId,
    organization_role: Option<Role>,
    proof: ProofKind,
    action: &'static str,
    subject_organization: OrganizationId,
    project: Option<ProjectId>,
    storage: Option<StorageId>,
    project_role: Option<Role>,
    /// `None` also where no policy reads it.
    client: Option<IpAddr>,
    /// `None` also where no policy reads it.
    key: Option<ObjectKey>,
}

impl Verdicts {
    pub(super) fn new() -> Self {
        // Least recently used goes first: after a change of generation the old entries must not defend their
        // place by how often they were asked for.
        let cache = Cache::builder()
            .max_capacity(MOST)
            .eviction_policy(EvictionPolicy::lru())
            .build_with_hasher(RandomState::new());
        Self(cache)
    }

    /// The answer of these rules in this generation. A failed evaluation is not remembered.
    pub(super) fn ask(
        &self,
        rules: &Rules,
        question: &Question<'_>,
        generation: u64,
    ) -> Result<Verdict, Denial> {
        let key = Key::new(rules, question, generation);
        if let Some(verdict) = self.0.get(&key) {
            return Ok(verdict);
        }
        let answer = rules.ask(question)?;
        let basis = Arc::new(Basis { policies: answer.policies, generation });
        let verdict = Verdict { permitted: answer.permitted, basis };
        self.0.insert(key, verdict.clone());
        Ok(verdict)
    }
}

impl Key {
    fn new(rules: &Rules, question: &Question<'_>, generation: u64) -> Self {
        let reads = rules.reads();
        let asker = &question.asker;
        Self {
            rules: rules.number(),
            generation,
            person_generation: asker.generation,
            organization: asker.organization,
            account: asker.account,
            organization_role: asker.organization_role,
            proof: asker.proof,
            action: question.action,
            subject_organization: question.subject.organization().id,
            project: question.subject.project().map(|project| project.id),
            storage: question.subject.storage().map(|storage| storage.id),
            project_role: question.project_role,
            client: reads.client.then_some(question.client),
            key: question.key.filter(|_| reads.key).cloned(),
        }
    }
}
