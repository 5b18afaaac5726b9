//! Time as an argument. The only file that asks the machine what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub use jiff::tz::Offset;
pub use jiff::{SignedDuration, Timestamp};

/// Tells the time: the machine's, or one that a test moves by hand.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

/// Moves a [`Clock::manual`].
#[derive(Clone, Debug)]
pub struct Hand(Arc<AtomicI64>);

impl Clock {
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until its hand is moved.
    #[must_use]
    pub fn manual(start: Timestamp) -> (Self, Hand) {
        let milliseconds = Arc::new(AtomicI64::new(start.as_millisecond()));
        (Self(Source::Manual(Arc::clone(&milliseconds))), Hand(milliseconds))
    }

    /// Now, in UTC.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Manual(milliseconds) => {
                Timestamp::from_millisecond(milliseconds.load(Ordering::SeqCst))
                    .unwrap_or(Timestamp::MAX)
            }
        }
    }
}

impl Hand {
    /// Moves the clock forward (or back, when negative).
    pub fn advance(&self, by: SignedDuration) {
        let step = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(step, Ordering::SeqCst);
    }
}
