//! The signal to finish what runs and take no more.

use tokio::sync::watch;

/// Shared by who ends the program and by who serves. Once begun, a drain is never taken back.
#[derive(Clone, Debug)]
pub struct Drain(watch::Sender<bool>);

impl Default for Drain {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Drain {
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the beginning.
    pub async fn begun(&self) {
        let mut receiver = self.0.subscribe();
        // fails only when every sender is gone, and `self` is one
        receiver.wait_for(|begun| *begun).await.map(drop).unwrap_or_default();
    }
}
