//! What passing answers have shown: which project a task is of, and which task shows a URI. A table of fixed size in which the
//! new takes the place of the oldest beside it, since one answer may show more than anybody will ask for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::STALE;
use crate::ground::clock::Clock;
use crate::ground::digest::sha256;

/// Shared by all threads; a lock is held for a few comparisons.
#[derive(Debug)]
pub(super) struct Passed {
    clock: Clock,
    beds: Box<[Mutex<Bed>]>,
    /// What was learnt before the last voiding is stale.
    voided: AtomicU64,
}

/// What was shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// A task's project; a URI's task, 0 where none was known.
    pub(super) number: u64,
    /// Whether it holds by itself. If not, it only says where to look.
    pub(super) is_fresh: bool,
}

/// Where something has its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u128);

type Bed = [Slot; WAYS];

#[derive(Debug, Default, Clone, Copy)]
struct Slot {
    key: u128,
    number: u64,
    voided: u64,
    /// In seconds.
    at: i64,
}

const BEDS: usize = 8192;
const WAYS: usize = 8;

impl Key {
    pub(super) fn task(task: u64) -> Self {
        Self::of(b't', task, "")
    }

    pub(super) fn uri(project: u64, uri: &str) -> Self {
        Self::of(b'u', project, uri)
    }

    fn of(kind: u8, number: u64, text: &str) -> Self {
        let mut bytes = Vec::with_capacity(9 + text.len());
        bytes.push(kind);
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
        let digest = sha256(&bytes);
        Self(digest.first_chunk().map_or(0, |half| u128::from_be_bytes(*half)))
    }
}

impl Passed {
    pub(super) fn new(clock: Clock) -> Self {
        let beds = (0..BEDS).map(|_| Mutex::default()).collect();
        Self { clock, beds, voided: AtomicU64::new(0) }
    }

    pub(super) fn get(&self, key: Key) -> Option<Shown> {
        let (voided, now) = (self.voided.load(Ordering::Acquire), self.now());
        let slot = self.within(key, |bed| bed.iter().find(|slot| slot.key == key.0).copied())??;
        let age = now.checked_sub(slot.at)?;
        let is_fresh = slot.voided == voided
            && (0..=i64::try_from(STALE.as_secs()).unwrap_or_default()).contains(&age);
        Some(Shown { number: slot.number, is_fresh })
    }

    pub(super) fn learn(&self, key: Key, number: u64) {
        let voided = self.voided.load(Ordering::Acquire);
        let new = Slot { key: key.0, number, voided, at: self.now() };
        self.within(key, |bed| {
            // The newest first.
            let same = bed.iter().position(|slot| slot.key == key.0).unwrap_or(WAYS - 1);
            if let Some(upto) = bed.get_mut(..=same) {
                upto.rotate_right(1);
            }
            if let Some(first) = bed.first_mut() {
                *first = new;
            }
        });
    }

    pub(super) fn forget(&self, key: Key) {
        self.within(key, |bed| {
            bed.iter_mut()
                .filter(|slot| slot.key == key.0)
                .for_each(|slot| *slot = Slot::default());
        });
    }

    /// Nothing that was learnt so far holds by itself any more.
    pub(super) fn void(&self) {
        self.voided.fetch_add(1, Ordering::AcqRel);
    }

    fn within<T>(&self, key: Key, work: impl FnOnce(&mut Bed) -> T) -> Option<T> {
        let beds = u128::try_from(self.beds.len()).ok()?;
        let bed = self.beds.get(usize::try_from(key.0 % beds).ok()?)?;
        Some(work(&mut bed.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn now(&self) -> i64 {
        self.clock.now().as_second()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::clock::{SignedDuration, Timestamp};

    fn fresh(passed: &Passed, key: Key) -> Option<(u64, bool)> {
        passed.get(key).map(|shown| (shown.number, shown.is_fresh))
    }

    #[test]
    fn what_was_shown_holds_for_a_minute_and_then_says_where_to_look() {
        let (clock, hand) = Clock::manual(Timestamp::from_second(1_800_000_000).unwrap());
        let passed = Passed::new(clock);
        let (task, uri) = (Key::task(7), Key::uri(1, "s3://b/k"));
        passed.learn(task, 1);
        passed.learn(uri, 7);
        assert_eq!((fresh(&passed, task), fresh(&passed, uri)), (Some((1, true)), Some((7, true))));
        for other in
            [Key::task(1), Key::uri(2, "s3://b/k"), Key::uri(1, "s3://b/K"), Key::uri(1, "")]
        {
            assert_eq!(fresh(&passed, other), None);
        }
        hand.advance(SignedDuration::from_secs(60));
        assert_eq!(fresh(&passed, uri), Some((7, true)));
        hand.advance(SignedDuration::from_secs(1));
        assert_eq!(fresh(&passed, uri), Some((7, false)));
        passed.learn(uri, 8);
        assert_eq!(fresh(&passed, uri), Some((8, true)));
        // A clock that was set back makes nothing last longer.
        hand.advance(SignedDuration::from_secs(-3600));
        assert_eq!(fresh(&passed, uri), Some((8, false)));
    }

    #[test]
    fn what_was_voided_or_forgotten_does_not_hold() {
        let passed = Passed::new(Clock::system());
        let (one, two) = (Key::task(1), Key::task(2));
        passed.learn(one, 1);
        passed.learn(two, 1);
        passed.forget(one);
        assert_eq!((fresh(&passed, one), fresh(&passed, two)), (None, Some((1, true))));
        passed.void();
        assert_eq!(fresh(&passed, two), Some((1, false)));
    }

    #[test]
    fn the_last_page_is_known_however_much_passed_before() {
        let passed = Passed::new(Clock::system());
        for task in 1..=300_000 {
            passed.learn(Key::task(task), task);
        }
        let known = (299_001..=300_000).filter(|task| fresh(&passed, Key::task(*task)).is_some());
        assert!(known.count() > 950);
    }
}
