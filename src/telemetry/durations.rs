//! How long things take, in fixed steps: one comparison per step and two additions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in microseconds; what is slower falls into one more step.
const BOUNDS: [u64; 15] = [
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    300_000_000,
];

/// Durations, counted by step.
#[derive(Debug, Default)]
pub struct Durations {
    steps: [AtomicU64; BOUNDS.len() + 1],
    sum_microseconds: AtomicU64,
}

/// Durations added up, as they are shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spread {
    steps: [u64; BOUNDS.len() + 1],
    sum_microseconds: u64,
}

impl Durations {
    pub fn record(&self, duration: Duration) {
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let step = BOUNDS.iter().position(|bound| microseconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(step) = self.steps.get(step) {
            step.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }
}

impl Spread {
    /// Adds what one thread counted.
    pub fn take_in(&mut self, durations: &Durations) {
        for (sum, step) in self.steps.iter_mut().zip(&durations.steps) {
            *sum += step.load(Ordering::Relaxed);
        }
        self.sum_microseconds += durations.sum_microseconds.load(Ordering::Relaxed);
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.steps.iter().sum()
    }

    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "for a graph, not for a sum"
    )]
    pub(super) fn sum_seconds(&self) -> f64 {
        self.sum_microseconds as f64 / 1e6
    }

    /// Upper bound in seconds and count of each step.
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "the bounds are small")]
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS.iter().map(|bound| *bound as f64 / 1e6).chain([f64::INFINITY]);
        bounds.zip(self.steps).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_first_step_that_holds_it() {
        let durations = Durations::default();
        for microseconds in [0, 250, 251, 5_000_001, u64::MAX >> 20] {
            durations.record(Duration::from_micros(microseconds));
        }
        let mut spread = Spread::default();
        spread.take_in(&durations);
        let filled: Vec<_> = spread.buckets().into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(0.00025, 2), (0.0005, 1), (30.0, 1), (f64::INFINITY, 1)]);
        assert_eq!(spread.count(), 5);
    }
}
