//! How long to leave alone what failed: each failure in a row doubles the pause, up to a minute.

use crate::ground::clock::{SignedDuration, Timestamp};

/// Failures in a row, and when to try again.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    not_before: Timestamp,
}

const FIRST_MS: i64 = 500;
const LONGEST_MS: i64 = 60_000;

impl Default for Backoff {
    fn default() -> Self {
        Self { failures: 0, not_before: Timestamp::MIN }
    }
}

impl Backoff {
    /// Whether it may be tried. A pause that seems longer than any is of before the clock went back.
    pub(super) fn open(&self, now: Timestamp) -> bool {
        let left = self.not_before.duration_since(now);
        left <= SignedDuration::ZERO || left > SignedDuration::from_millis(2 * LONGEST_MS)
    }

    pub(super) const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    pub(super) fn failed(&mut self, now: Timestamp) {
        let pause = FIRST_MS.checked_shl(self.failures.min(20)).unwrap_or(LONGEST_MS);
        self.failures = self.failures.saturating_add(1);
        let pause = SignedDuration::from_millis(pause.min(LONGEST_MS));
        self.not_before = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_minute_and_end_with_success() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let mut backoff = Backoff::default();
        assert!(backoff.open(now));
        let pauses: Vec<_> = (0..40)
            .map(|_| {
                backoff.failed(now);
                assert!(!backoff.open(now));
                backoff.not_before().duration_since(now).as_millis()
            })
            .collect();
        assert_eq!(pauses[..4], [500, 1000, 2000, 4000]);
        assert!(pauses[7..].iter().all(|pause| *pause == 60_000), "{pauses:?}");
        let hour = SignedDuration::from_hours(1);
        assert!(backoff.open(now - hour), "the clock went back");
        backoff.succeeded();
        assert!(backoff.open(now));
    }
}
