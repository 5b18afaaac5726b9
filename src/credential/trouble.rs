//! What is shared by all who ask for one role: how many calls there are at a time, and that a role which is in trouble is left
//! alone for a while, so that a storm of people or storages does not become a storm on STS (R25).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::backoff::Backoff;
use super::error::SourceError;
use crate::ground::clock::Timestamp;
use crate::ground::control::ControlFailed;

/// Of one role.
#[derive(Debug)]
pub(super) struct Trouble {
    calls: Semaphore,
    past: Mutex<Past>,
}

#[derive(Debug, Default)]
struct Past {
    backoff: Backoff,
    last: Option<Arc<SourceError>>,
}

const CALLS_AT_ONCE: usize = 8;

impl Trouble {
    pub(super) fn new() -> Self {
        Self { calls: Semaphore::new(CALLS_AT_ONCE), past: Mutex::default() }
    }

    /// A turn to ask.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, SourceError> {
        // Never closed.
        Ok(self.calls.acquire().await.map_err(|_closed| ControlFailed)?)
    }

    /// # Errors
    /// [`SourceError::Paused`] while it is to be left alone.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), SourceError> {
        let past = self.past();
        match &past.last {
            Some(last) if !past.backoff.open(now) => {
                Err(SourceError::Paused { cause: Arc::clone(last) })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Notes how it went. `shared` says whether a failure would be everybody's.
    pub(super) fn note<T>(
        &self,
        outcome: Result<T, SourceError>,
        now: Timestamp,
        shared: impl FnOnce(&SourceError) -> bool,
    ) -> Result<T, SourceError> {
        let mut past = self.past();
        match outcome {
            Ok(had) => {
                *past = Past::default();
                Ok(had)
            }
            Err(failure) if shared(&failure) => {
                let failure = Arc::new(failure);
                past.backoff.failed(now);
                past.last = Some(Arc::clone(&failure));
                Err(SourceError::Paused { cause: failure })
            }
            Err(failure) => Err(failure),
        }
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
