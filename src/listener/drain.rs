//! The signal to finish what runs and take no more.

use tokio::sync::watch;

/// Shared by who ends the program and by who serves. Once begun, a drain is never taken back.
#[derive(Clone, Debug)]
pub struct Drain(watch::Sender<Phase>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    Draining,
    /// What still runs is cut off.
    Cut,
}

impl Default for Drain {
    fn default() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }
}

impl Drain {
    pub fn begin(&self) {
        self.reach(Phase::Draining);
    }

    /// Ends the drain before its limit.
    pub fn cut(&self) {
        self.reach(Phase::Cut);
    }

    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.0.borrow() >= Phase::Draining
    }

    /// Waits for the beginning.
    pub async fn begun(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until what runs is to be cut off.
    pub async fn is_cut(&self) {
        self.reached(Phase::Cut).await;
    }

    fn reach(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let further = phase > *now;
            *now = phase.max(*now);
            further
        });
    }

    async fn reached(&self, phase: Phase) {
        let mut receiver = self.0.subscribe();
        // fails only when every sender is gone, and `self` is one
        receiver.wait_for(|now| *now >= phase).await.map(drop).unwrap_or_default();
    }
}
