//! Which settings are in force: how often they were taken up, and whether the last attempt worked.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crate::ground::clock::Timestamp;

/// Shared by who reloads and by who is asked about it.
#[derive(Debug)]
pub struct Reloads {
    generation: AtomicU64,
    last_worked: AtomicBool,
    last_success: AtomicI64,
}

impl Reloads {
    /// The settings of the start are generation 1.
    #[must_use]
    pub fn begun(now: Timestamp) -> Self {
        Self {
            generation: AtomicU64::new(1),
            last_worked: AtomicBool::new(true),
            last_success: AtomicI64::new(now.as_second()),
        }
    }

    /// New settings are in force; tells their generation.
    pub fn worked(&self, now: Timestamp) -> u64 {
        self.last_worked.store(true, Ordering::Relaxed);
        self.last_success.store(now.as_second(), Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// New settings were wrong; the old ones stay.
    pub fn failed(&self) {
        self.last_worked.store(false, Ordering::Relaxed);
    }

    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    #[must_use]
    pub fn last_worked(&self) -> bool {
        self.last_worked.load(Ordering::Relaxed)
    }

    /// Seconds since 1970 at which the present settings were taken up.
    #[must_use]
    pub fn last_success(&self) -> i64 {
        self.last_success.load(Ordering::Relaxed)
    }
}
