//! One role to assume: with which keys, for how long, and how often it may be tried. A role's trouble is shared by all
//! of its storages, so a storm of requests for a thousand of them does not become a storm on STS.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::aws::Keys;
use super::backoff::Backoff;
use super::error::SourceError;
use super::slot::{Held, Slot};
use super::sts::{Ask, RefusalCode, RoleArn, SessionPolicy, Sts};
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
    /// What the settings ask for, or less once the role has said that it allows less.
    seconds: AtomicU32,
    /// Calls at a time.
    calls: Semaphore,
    trouble: Mutex<Trouble>,
}

#[derive(Debug, Default)]
struct Trouble {
    backoff: Backoff,
    last: Option<Arc<SourceError>>,
}

const CALLS_AT_ONCE: usize = 8;
/// Shorter and shorter, to the least that STS takes; an hour is what chained roles get at most.
const DURATIONS: [u32; 6] = [43_200, 28_800, 14_400, 7_200, 3_600, 900];

impl Role {
    pub(super) fn new(
        name: CredentialName,
        source: Arc<Slot>,
        sts: Sts,
        arn: RoleArn,
        (external_id, seconds): (Option<String>, u32),
    ) -> Self {
        let calls = Semaphore::new(CALLS_AT_ONCE);
        let (seconds, trouble) = (AtomicU32::new(seconds), Mutex::default());
        Self { name, source, sts, arn, external_id, seconds, calls, trouble }
    }

    pub(super) const fn name(&self) -> &CredentialName {
        &self.name
    }

    /// The role's keys, cut to one storage; uncut when they only serve to take a further role.
    pub(super) async fn assume(
        &self,
        tools: &Tools,
        storage: Option<&Storage>,
    ) -> Result<Keys, SourceError> {
        let cut = |storage| SessionPolicy::for_storage(storage, self.arn.partition());
        let policy = storage.map(cut).transpose()?;
        let session = storage.map_or_else(
            || "sluicegate".to_owned(),
            |storage| format!("sluicegate-project-{}-storage-{}", storage.project.0, storage.id.0),
        );
        // Never closed.
        let _call = self.calls.acquire().await.map_err(|_closed| ControlFailed)?;
        self.check_trouble(tools)?;
        let outcome = self.ask(tools, &session, policy.as_ref()).await;
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
        session: &str,
        policy: Option<&SessionPolicy>,
    ) -> Result<Keys, SourceError> {
        let mut source = self.source_keys(tools).await?;
        let mut renewed = false;
        loop {
            let seconds = self.seconds.load(Ordering::Relaxed);
            let external_id = self.external_id.as_deref();
            let ask = Ask { role: &self.arn, session, external_id, policy, seconds: Some(seconds) };
            let refused = match self.sts.assume_role(tools, &source.keys, &ask).await {
                Err(SourceError::Refused { code, message }) => (code, message),
                other => return other,
            };
            match refused {
                (RefusalCode::DurationTooLong, message) => {
                    let Some(shorter) = DURATIONS.into_iter().find(|shorter| *shorter < seconds)
                    else {
                        let code = RefusalCode::DurationTooLong;
                        return Err(SourceError::Refused { code, message });
                    };
                    self.seconds.fetch_min(shorter, Ordering::Relaxed);
                }
                (code, message) if code.blames_source() && !renewed => {
                    let instead = Box::pin(self.source.keys_instead(&source, tools)).await;
                    let instead = instead.map_err(|cause| self.no_source(cause))?;
                    if Arc::ptr_eq(&instead, &source) {
                        return Err(SourceError::Refused { code, message });
                    }
                    source = instead;
                    renewed = true;
                }
                (code, message) => return Err(SourceError::Refused { code, message }),
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
