//! One number for "something that decides has changed": catalogue, members, sessions, tokens, policies.
//! Whatever is cached is valid for the generation that it was made in and for no other, so no cached
//! answer can outlive its cause (R14).

use tokio::sync::watch;

/// Shared by all that cache and all that change.
#[derive(Clone, Debug)]
pub struct Generation(watch::Sender<u64>);

impl Default for Generation {
    fn default() -> Self {
        Self(watch::Sender::new(1))
    }
}

impl Generation {
    /// The present generation.
    #[must_use]
    pub fn current(&self) -> u64 {
        *self.0.borrow()
    }

    /// Something changed: everything cached is void from here on.
    pub fn advance(&self) {
        self.0.send_modify(|generation| *generation += 1);
    }

    /// A receiver that wakes at every change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
