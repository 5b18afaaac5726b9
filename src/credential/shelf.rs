//! The slots of one named credential. A credential's name leads to its shelf, its shelf to a slot, and installing
//! settings replaces all shelves: so name, settings, project, storage and revision are all part of where keys lie, and
//! none of them can be forgotten. A kind that depends on the person (a SAML session) is a further variant here, its key
//! a further struct.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::role::Role;
use super::slot::{Order, Slot};
use crate::catalog::{Project, ProjectId, Storage, StorageId};
use crate::ground::clock::Timestamp;

#[derive(Debug)]
pub(super) enum Shelf {
    /// All who name the credential use the same keys.
    Shared(Arc<Slot>),
    /// Each storage has keys of its own, cut to it.
    PerStorage {
        role: Arc<Role>,
        /// Uncut keys, for taking further roles and for trying whether the role can be had.
        uncut: Arc<Slot>,
        slots: ArcSwap<Slots>,
    },
}

type Slots = HashMap<StorageKey, Arc<Slot>, ahash::RandomState>;

/// Whose keys they are: one storage's of one project, as it is at one revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct StorageKey {
    project: ProjectId,
    storage: StorageId,
    revision: u64,
}

impl StorageKey {
    const fn of(project: &Project, storage: &Storage) -> Self {
        Self { project: project.id, storage: storage.id, revision: storage.revision }
    }

    fn supersedes(&self, other: &Self) -> bool {
        (self.project, self.storage) == (other.project, other.storage)
            && self.revision > other.revision
    }
}

impl Shelf {
    pub(super) fn per_storage(uncut: Arc<Slot>, role: Arc<Role>) -> Self {
        Self::PerStorage { role, uncut, slots: ArcSwap::default() }
    }

    /// Calls `then` with the slot of exactly this project and storage.
    pub(super) fn with_slot<T>(
        &self,
        (project, storage): (&Project, &Arc<Storage>),
        now: Timestamp,
        then: impl FnOnce(&Arc<Slot>) -> T,
    ) -> T {
        let (role, slots) = match self {
            Self::Shared(slot) => return then(slot),
            Self::PerStorage { role, slots, .. } => (role, slots),
        };
        let key = StorageKey::of(project, storage);
        if let Some(slot) = slots.load().get(&key) {
            return then(slot);
        }
        let order = Order::Role { role: Arc::clone(role), storage: Some(Arc::clone(storage)) };
        let made = Slot::new(role.name().clone(), order);
        let before = slots.rcu(|slots| {
            let mut slots = Slots::clone(slots);
            slots
                .retain(|other, slot| !key.supersedes(other) && (*other == key || !slot.idle(now)));
            slots.entry(key).or_insert_with(|| Arc::clone(&made));
            slots
        });
        // Another may have made it first: then that one is the only one.
        then(before.get(&key).unwrap_or(&made))
    }

    /// A slot that shows whether the credential can be had at all.
    pub(super) const fn trial(&self) -> &Arc<Slot> {
        match self {
            Self::Shared(slot) | Self::PerStorage { uncut: slot, .. } => slot,
        }
    }
}
