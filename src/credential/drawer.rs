//! Slots by what their keys are for. What is looked up is the whole key, so nothing of it can be forgotten (R25).

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use ahash::RandomState;
use arc_swap::ArcSwap;
use moka::sync::Cache;

use super::slot::Slot;
use crate::ground::clock::Timestamp;

/// For what, for whom and as whom the keys in a slot are.
pub(super) trait Key: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    /// Whether the other is for the same as it was before it changed: nobody asks for that any more.
    fn supersedes(&self, other: &Self) -> bool;
}

/// Slots that are read without a lock.
#[derive(Debug)]
pub(super) struct Drawer<K>(ArcSwap<Slots<K>>);

type Slots<K> = HashMap<K, Arc<Slot>, RandomState>;

impl<K> Default for Drawer<K> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

impl<K: Key> Drawer<K> {
    /// Calls `then` with the slot of exactly this key, made if there is none.
    pub(super) fn with_slot<T>(
        &self,
        key: &K,
        now: Timestamp,
        make: impl FnOnce(&K) -> Arc<Slot>,
        then: impl FnOnce(&Arc<Slot>) -> T,
    ) -> T {
        if let Some(slot) = self.0.load().get(key) {
            return then(slot);
        }
        let made = make(key);
        let before = self.0.rcu(|slots| {
            let mut slots = Slots::clone(slots);
            slots.retain(|other, slot| !key.supersedes(other) && (other == key || !slot.idle(now)));
            slots.entry(key.clone()).or_insert_with(|| Arc::clone(&made));
            slots
        });
        // Another may have made it first: then that one is the only one.
        then(before.get(key).unwrap_or(&made))
    }
}

/// A drawer for each holder (a session, an account). One that is not opened for a while goes, keys and all.
#[derive(Debug)]
pub(super) struct Drawers<O: Eq + Hash + Send + Sync + 'static, K: Key> {
    by_holder: Cache<O, Arc<Drawer<K>>, RandomState>,
}

/// Holders whose keys are at hand at a time; the others' are fetched again when they are wanted.
const HOLDERS: u64 = 16_384;

impl<O: Eq + Hash + Send + Sync + 'static, K: Key> Drawers<O, K> {
    pub(super) fn new(idle: Duration) -> Self {
        let cache = Cache::builder().max_capacity(HOLDERS).time_to_idle(idle);
        Self { by_holder: cache.build_with_hasher(RandomState::new()) }
    }

    pub(super) fn of(&self, holder: O) -> Arc<Drawer<K>> {
        self.by_holder.get_with(holder, Arc::default)
    }

    /// The holder is gone. Keys that a running request signs with go with that request.
    pub(super) fn forget(&self, holder: &O) {
        drop(self.by_holder.remove(holder));
    }

    /// So may any holder be.
    pub(super) fn forget_all(&self) {
        self.by_holder.invalidate_all();
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> u64 {
        self.by_holder.run_pending_tasks();
        self.by_holder.entry_count()
    }
}
