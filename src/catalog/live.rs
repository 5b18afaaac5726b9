//! The catalogue as of now. A newer snapshot is stored *before* the generation advances, so whoever sees
//! generation g decides with a catalogue at least as new as g.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Catalog;
use crate::ground::generation::Generation;

/// The snapshot that everyone reads, and the one way to replace it.
#[derive(Debug, Clone)]
pub struct LiveCatalog {
    snapshot: Arc<ArcSwap<Catalog>>,
    generation: Generation,
}

impl LiveCatalog {
    #[must_use]
    pub fn new(first: Catalog, generation: Generation) -> Self {
        Self { snapshot: Arc::new(ArcSwap::from_pointee(first)), generation }
    }

    /// The catalogue as of now. Read the generation first, then this.
    #[must_use]
    pub fn current(&self) -> Arc<Catalog> {
        self.snapshot.load_full()
    }

    /// Replaces the snapshot, then voids everything cached.
    pub fn publish(&self, catalog: Catalog) {
        self.snapshot.store(Arc::new(catalog));
        self.generation.advance();
    }

    /// The generation that [`Self::publish`] advances.
    #[must_use]
    pub const fn generation(&self) -> &Generation {
        &self.generation
    }
}
