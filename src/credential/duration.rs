//! How long a role's keys last: what the settings ask for, or less once the role has said that it allows less. Asking for
//! more than a role allows is the error that such tools are known for; it is learned from, and never failed on.

use std::sync::atomic::{AtomicU32, Ordering};

/// Shorter and shorter, to the least that STS takes; an hour is what chained roles get at most.
const DURATIONS: [u32; 6] = [43_200, 28_800, 14_400, 7_200, 3_600, LEAST];
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>, `DurationSeconds`.
pub(super) const LEAST: u32 = 900;

/// The longest duration that one role is known to allow.
#[derive(Debug)]
pub(super) struct Longest(AtomicU32);

impl Longest {
    pub(super) const fn new(wished: u32) -> Self {
        Self(AtomicU32::new(wished))
    }

    pub(super) fn seconds(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// So many were too many: remembers less. False when there is no less.
    pub(super) fn refused(&self, seconds: u32) -> bool {
        let shorter = DURATIONS.into_iter().find(|shorter| *shorter < seconds);
        if let Some(shorter) = shorter {
            self.0.fetch_min(shorter, Ordering::Relaxed);
        }
        shorter.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::Longest;

    #[test]
    fn it_gets_shorter_to_the_least_and_what_others_learned_stays() {
        let longest = Longest::new(10_000);
        assert!(longest.refused(10_000));
        assert_eq!(longest.seconds(), 7_200);
        // Somebody's session ends sooner, and even that was too long.
        assert!(longest.refused(3_000));
        assert_eq!(longest.seconds(), 900);
        assert!(longest.refused(10_000));
        assert_eq!(longest.seconds(), 900, "an answer that comes late");
        assert!(!longest.refused(900));
    }
}
