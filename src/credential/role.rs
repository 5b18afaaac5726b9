//! One role to assume: with which keys, for how long, and how often it may be tried. A role's trouble is shared by all
//! of its storages, so a storm of requests for a thousand of them does not become a storm on STS.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::aws::Keys;
use super::backoff::Backoff;
use super::duration::Longest;
use super::error::SourceError;
use super::slot::{Held, Slot};
use super::sts::{Ask, RefusalCode, RoleArn, SessionPolicy, Sts, Tags};
use super::tools::Tools;
use crate::catalog::{CredentialName, Storage};
use crate::ground::control::ControlFailed;

#[derive(Debug)]
pub(super) struct Role {
    name: CredentialName,
    source: Arc<Slot>,
    sts: Sts,
    arn: RoleArn,
    external_id: Option<String>,
    longest: Longest,
    /// Calls at a time.
    calls: Semaphore,
    trouble: Mutex<Trouble>,
}

#[derive(Debug, Default)]
struct Trouble {
    backoff: Backoff,
    last: Option<Arc<SourceError>>,
}

/// To what a role's keys are cut down, and what AWS's own records will call who has them.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) storage: Arc<Storage>,
    pub(super) session: String,
    /// Where the session bears a person's name.
    pub(super) person: Option<Tags>,
}

const CALLS_AT_ONCE: usize = 8;
/// The session's name where the keys only serve to take a further role.
const UNCUT: &str = "sluicegate";

impl Role {
    pub(super) fn new(
        name: CredentialName,
        source: Arc<Slot>,
        sts: Sts,
        arn: RoleArn,
        (external_id, seconds): (Option<String>, u32),
    ) -> Self {
        let calls = Semaphore::new(CALLS_AT_ONCE);
        let (longest, trouble) = (Longest::new(seconds), Mutex::default());
        Self { name, source, sts, arn, external_id, longest, calls, trouble }
    }

    pub(super) const fn name(&self) -> &CredentialName {
        &self.name
    }

    pub(super) fn arn(&self) -> &str {
        self.arn.as_str()
    }

    /// The role's keys, cut to one storage; uncut when they only serve to take a further role.
    pub(super) async fn assume(
        &self,
        tools: &Tools,
        cut: Option<&Cut>,
    ) -> Result<Keys, SourceError> {
        let policy = |cut: &Cut| SessionPolicy::for_storage(&cut.storage, self.arn.partition());
        let policy = cut.map(policy).transpose()?;
        // Never closed.
        let _call = self.calls.acquire().await.map_err(|_closed| ControlFailed)?;
        self.check_trouble(tools)?;
        let outcome = self.ask(tools, cut, policy.as_ref()).await;
        let mut trouble = self.trouble();
        match outcome {
            Ok(keys) => {
                *trouble = Trouble::default();
                Ok(keys)
            }
            Err(failure) if failure.concerns_everyone() => {
                let failure = Arc::new(failure);
                trouble.backoff.failed(tools.clock.now());
                trouble.last = Some(Arc::clone(&failure));
                Err(SourceError::Paused { cause: failure })
            }
            Err(failure) => Err(failure),
        }
    }

    async fn ask(
        &self,
        tools: &Tools,
        cut: Option<&Cut>,
        policy: Option<&SessionPolicy>,
    ) -> Result<Keys, SourceError> {
        let mut source = self.source_keys(tools).await?;
        let mut renewed = false;
        loop {
            let seconds = self.longest.seconds();
            let ask = Ask {
                role: &self.arn,
                session: cut.map_or(UNCUT, |cut| &cut.session),
                person: cut.and_then(|cut| cut.person.as_ref()),
                external_id: self.external_id.as_deref(),
                policy,
                seconds: Some(seconds),
            };
            let refused = match self.sts.assume_role(tools, &source.keys, &ask).await {
                Err(SourceError::Refused { action, code, message }) => (action, code, message),
                other => return other,
            };
            match refused {
                (_, RefusalCode::DurationTooLong, _) if self.longest.refused(seconds) => {}
                (action, code, message) if code.blames_source() && !renewed => {
                    let instead = Box::pin(self.source.keys_instead(&source, tools)).await;
                    let instead = instead.map_err(|cause| self.no_source(cause))?;
                    if Arc::ptr_eq(&instead, &source) {
                        return Err(SourceError::Refused { action, code, message });
                    }
                    source = instead;
                    renewed = true;
                }
                (action, code, message) => {
                    return Err(SourceError::Refused { action, code, message });
                }
            }
        }
    }

    async fn source_keys(&self, tools: &Tools) -> Result<Arc<Held>, SourceError> {
        let keys = Box::pin(self.source.keys(tools)).await;
        keys.map_err(|cause| self.no_source(cause))
    }

    fn no_source(&self, cause: Arc<SourceError>) -> SourceError {
        SourceError::Source { name: self.source.name().clone(), cause }
    }

    fn check_trouble(&self, tools: &Tools) -> Result<(), SourceError> {
        let trouble = self.trouble();
        match &trouble.last {
            Some(last) if !trouble.backoff.open(tools.clock.now()) => {
                Err(SourceError::Paused { cause: Arc::clone(last) })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
