//! Who may compute, and who waits for it. Verifying an answer and signing a request are some milliseconds of a core, and anybody
//! may ask: so few do it at once, few wait, and no client has more than his share of the places, so that a flood from one
//! keeps only that one waiting.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::SsoError;
use crate::ground::subscriber::Subscriber;

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Turns {
    computing: Semaphore,
    waiting: Semaphore,
    /// How many of each client wait. Those of nobody are not kept.
    clients: Mutex<HashMap<Subscriber, usize>>,
    /// Whoever waits longer is told to try later.
    patience: Duration,
}

/// Leave to compute, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'t>(
    #[expect(dead_code, reason = "held, not looked at")] SemaphorePermit<'t>,
);

/// A place among those who wait.
struct Place<'t> {
    turns: &'t Turns,
    subscriber: Subscriber,
}

const COMPUTING: usize = 2;
const WAITING: usize = 512;
/// A company behind one address signs in at nine o'clock: so many sound answers take below a tenth of a second, and the worst
/// that a flood can send keeps others waiting for about a second.
const WAITING_OF_ONE: usize = 128;
impl Turns {
    pub(super) fn new(patience: Duration) -> Self {
        let (computing, waiting) = (Semaphore::new(COMPUTING), Semaphore::new(WAITING));
        Self { computing, waiting, clients: Mutex::default(), patience }
    }

    /// # Errors
    /// [`SsoError::Busy`] for whoever came too late, or is too many.
    pub(super) async fn turn(&self, client: IpAddr) -> Result<Turn<'_>, SsoError> {
        let _waiting = self.waiting.try_acquire().map_err(|_full| SsoError::Busy)?;
        let _place = self.place(Subscriber::of(client)).ok_or(SsoError::Busy)?;
        let turn = tokio::time::timeout(self.patience, self.computing.acquire()).await;
        let turn = turn.map_err(|_late| SsoError::Busy)?;
        turn.map(Turn).map_err(|_closed| SsoError::Busy)
    }

    fn place(&self, subscriber: Subscriber) -> Option<Place<'_>> {
        let mut clients = self.clients();
        let count = clients.entry(subscriber).or_insert(0);
        if *count >= WAITING_OF_ONE {
            return None;
        }
        *count += 1;
        drop(clients);
        Some(Place { turns: self, subscriber })
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<Subscriber, usize>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut clients = self.turns.clients();
        if let Some(count) = clients.get_mut(&self.subscriber) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&self.subscriber);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[tokio::test]
    async fn a_flood_from_one_client_keeps_only_that_client_out() {
        let turns = Arc::new(Turns::new(Duration::MAX));
        let first = (turns.turn(ONE).await.unwrap(), turns.turn(ONE).await.unwrap());
        let mut flood = tokio::task::JoinSet::new();
        for _ in 0..1_000 {
            let turns = Arc::clone(&turns);
            flood.spawn(async move { turns.turn(ONE).await.is_ok() });
        }
        // Those who find no place know it at once; the others wait.
        for _ in 0..1_000 - WAITING_OF_ONE {
            assert!(!flood.join_next().await.unwrap().unwrap());
        }
        assert!(matches!(turns.turn(ONE).await, Err(SsoError::Busy)));
        let other = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.turn(OTHER).await.is_ok() }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert!(other.await.unwrap());
        while let Some(waited) = flood.join_next().await {
            assert!(waited.unwrap());
        }
        assert!(turns.clients().is_empty());
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_patience() {
        let turns = Turns::new(Duration::from_millis(1));
        let _held = (turns.turn(ONE).await.unwrap(), turns.turn(ONE).await.unwrap());
        assert!(matches!(turns.turn(OTHER).await, Err(SsoError::Busy)));
        assert!(turns.clients().is_empty());
    }
}
