//! What is shared by all who ask for one role: how many calls there are at a time, and that a role which is in trouble is left
//! alone for a while, so that a storm of people or storages does not become a storm on STS (R25).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::backoff::Backoff;
use super::error::SourceError;
use crate::ground::clock::{Clock, Timestamp};
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
    /// How many failures have counted.
    failures: u64,
}

/// Leave to ask.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    /// How many failures had counted when it was given. What fails after others that were under way with it adds nothing to
    /// theirs: one moment of trouble is one failure.
    failures: u64,
    _permit: SemaphorePermit<'a>,
}

impl Trouble {
    /// So many may ask at once.
    pub(super) fn new(calls_at_once: usize) -> Self {
        Self { calls: Semaphore::new(calls_at_once), past: Mutex::default() }
    }

    /// A turn to ask, once there are few enough others.
    ///
    /// # Errors
    /// [`SourceError::Paused`] while it is to be left alone.
    pub(super) async fn turn(&self, clock: &Clock) -> Result<Turn<'_>, SourceError> {
        // Never closed.
        let permit = self.calls.acquire().await.map_err(|_closed| ControlFailed)?;
        let past = self.past();
        match &past.last {
            Some(last) if !past.backoff.open(clock.now()) => {
                Err(SourceError::Paused { cause: Arc::clone(last) })
            }
            Some(_) | None => Ok(Turn { failures: past.failures, _permit: permit }),
        }
    }

    /// Notes how it went. `shared` says whether a failure would be everybody's.
    pub(super) fn note<T>(
        &self,
        turn: &Turn<'_>,
        outcome: Result<T, SourceError>,
        now: Timestamp,
        shared: impl FnOnce(&SourceError) -> bool,
    ) -> Result<T, SourceError> {
        let mut past = self.past();
        match outcome {
            Ok(had) => {
                past.backoff.succeeded();
                past.last = None;
                Ok(had)
            }
            Err(failure) if shared(&failure) => {
                let failure = Arc::new(failure);
                if turn.failures == past.failures {
                    past.failures += 1;
                    past.backoff.failed(now);
                    past.last = Some(Arc::clone(&failure));
                }
                Err(SourceError::Paused { cause: failure })
            }
            Err(failure) => Err(failure),
        }
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::clock::SignedDuration;

    fn throttled() -> Result<(), SourceError> {
        Err(SourceError::Status { who: "STS", status: 429 })
    }

    #[tokio::test]
    async fn one_moment_of_trouble_is_one_failure_however_many_calls_are_under_way() {
        let (clock, hand) = Clock::manual(Timestamp::constant(1_800_000_000, 0));
        let trouble = Trouble::new(8);
        let mut turns = Vec::new();
        for _ in 0..8 {
            turns.push(trouble.turn(&clock).await.unwrap());
        }
        for turn in turns.drain(..) {
            trouble.note(&turn, throttled(), clock.now(), SourceError::is_outage).unwrap_err();
        }
        let paused = trouble.turn(&clock).await.unwrap_err();
        assert!(matches!(paused, SourceError::Paused { .. }), "{paused:?}");
        hand.advance(SignedDuration::from_millis(500));
        let turn = trouble.turn(&clock).await.unwrap();
        // The next in a row counts, and doubles the pause.
        trouble.note(&turn, throttled(), clock.now(), SourceError::is_outage).unwrap_err();
        drop(turn);
        hand.advance(SignedDuration::from_millis(999));
        trouble.turn(&clock).await.unwrap_err();
        hand.advance(SignedDuration::from_millis(1));
        let turn = trouble.turn(&clock).await.unwrap();
        trouble.note(&turn, Ok(()), clock.now(), SourceError::is_outage).unwrap();
        assert!(trouble.turn(&clock).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_wrong_with_one_request_keeps_nobody_else_waiting() {
        let (clock, _hand) = Clock::manual(Timestamp::constant(1_800_000_000, 0));
        let trouble = Trouble::new(8);
        for (status, pauses) in [(400, false), (403, false), (413, false), (429, true)] {
            let turn = trouble.turn(&clock).await.unwrap();
            let failed: Result<(), _> = Err(SourceError::Status { who: "STS", status });
            trouble.note(&turn, failed, clock.now(), SourceError::is_outage).unwrap_err();
            assert_eq!(trouble.turn(&clock).await.is_err(), pauses, "{status}");
        }
    }
}
