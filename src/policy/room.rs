//! Room for bodies on their way to Label Studio: each is held whole, so there is so much for everybody together, and so much
//! for each person.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::catalog::AccountId;

/// How many bodies of the largest size one person may have under way, and all together.
const OF_ONE: usize = 2;
const OF_ALL: usize = 8;

/// What there is. Shared by all threads.
#[derive(Debug)]
pub(super) struct Room {
    /// The largest body, in bytes.
    largest: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by: HashMap<AccountId, usize>,
}

/// Some of it, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    room: Arc<Room>,
    account: AccountId,
    bytes: usize,
}

impl Room {
    pub(super) fn new(largest: usize) -> Arc<Self> {
        Arc::new(Self { largest, taken: Mutex::default() })
    }

    /// Room for a body of so many bytes; unsaid, it may be of the largest size. `None`: there is none now.
    pub(super) fn take(self: &Arc<Self>, account: AccountId, said: Option<usize>) -> Option<Share> {
        let bytes = said.unwrap_or(self.largest).min(self.largest);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by.get(&account).copied().unwrap_or_default();
        if own + bytes > OF_ONE * self.largest || taken.in_all + bytes > OF_ALL * self.largest {
            return None;
        }
        taken.in_all += bytes;
        taken.by.insert(account, own + bytes);
        Some(Share { room: Arc::clone(self), account, bytes })
    }
}

impl Share {
    /// It turned out to be smaller.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let spare = self.bytes.saturating_sub(bytes);
        self.bytes -= spare;
        self.give_back(spare);
    }

    fn give_back(&self, bytes: usize) {
        let mut taken = self.room.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.in_all = taken.in_all.saturating_sub(bytes);
        let own = taken.by.get(&self.account).copied().unwrap_or_default().saturating_sub(bytes);
        if own == 0 {
            taken.by.remove(&self.account);
        } else {
            taken.by.insert(self.account, own);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_takes_his_share_and_all_together_theirs() {
        let room = Room::new(100);
        let take = |account, said| room.take(AccountId(account), said);
        let first = take(1, Some(150)).unwrap();
        assert_eq!(first.bytes, 100, "larger ones are cut off when they are read");
        let mut second = take(1, None).unwrap();
        assert!(take(1, Some(1)).is_none(), "his share is taken");
        second.shrink(40);
        let _third = take(1, Some(60)).unwrap();
        assert!(take(1, Some(1)).is_none());
        let others: Vec<_> = (2..8).map(|account| take(account, None).unwrap()).collect();
        assert!(take(9, Some(1)).is_none(), "all is taken");
        drop(others);
        assert!(take(9, None).is_some());
        drop((first, second));
        assert!(take(1, Some(100)).is_some(), "what was given back is there");
    }

    #[test]
    fn nothing_is_left_behind() {
        let room = Room::new(10);
        drop((0..50).map(|account| room.take(AccountId(account % 5), Some(1))).collect::<Vec<_>>());
        let taken = room.taken.lock().unwrap();
        assert!(taken.in_all == 0 && taken.by.is_empty());
    }
}
