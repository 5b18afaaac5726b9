//! How many of a role's turns one person may have at once: whoever needs many waits for his own, and keeps nobody else waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::catalog::AccountId;

/// Of one role.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// Those of nobody are not kept.
    people: Mutex<HashMap<AccountId, Own>>,
}

#[derive(Debug)]
struct Own {
    share: Arc<Semaphore>,
    /// Who have some of it, and who wait for it.
    users: usize,
}

/// Leave to ask for a turn.
#[derive(Debug)]
pub(super) struct Share<'s> {
    _permit: OwnedSemaphorePermit,
    _place: Place<'s>,
}

/// Somebody who has some, or waits for it.
#[derive(Debug)]
struct Place<'s> {
    shares: &'s Shares,
    account: AccountId,
}

/// Half of what a role has. An owner of two hundred projects is through in time: a call takes about 0.15 s.
const AT_ONCE: usize = 8;

impl Shares {
    /// `None` never comes: what is waited for is never closed.
    pub(super) async fn of(&self, account: AccountId) -> Option<Share<'_>> {
        let (place, share) = self.place(account);
        let permit = share.acquire_owned().await.ok()?;
        Some(Share { _permit: permit, _place: place })
    }

    fn place(&self, account: AccountId) -> (Place<'_>, Arc<Semaphore>) {
        let mut people = self.people();
        let own = people
            .entry(account)
            .or_insert_with(|| Own { share: Arc::new(Semaphore::new(AT_ONCE)), users: 0 });
        own.users += 1;
        (Place { shares: self, account }, Arc::clone(&own.share))
    }

    fn people(&self) -> MutexGuard<'_, HashMap<AccountId, Own>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut people = self.shares.people();
        if let Some(own) = people.get_mut(&self.account) {
            own.users -= 1;
            if own.users == 0 {
                people.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: AccountId = AccountId(1);
    const OTHER: AccountId = AccountId(2);

    #[tokio::test]
    async fn one_has_his_share_another_has_his_own_and_nothing_is_left_behind() {
        let shares = Arc::new(Shares::default());
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            held.push(shares.of(ONE).await.unwrap());
        }
        // Whoever gives up waiting has waited, and that is all.
        let mut waiting = Box::pin(shares.of(ONE));
        assert!(waits(&mut waiting).await);
        assert_eq!(shares.people().get(&ONE).map(|own| own.users), Some(AT_ONCE + 1));
        drop(waiting);
        let others = shares.of(OTHER).await.unwrap();
        let next = tokio::spawn({
            let shares = Arc::clone(&shares);
            async move { shares.of(ONE).await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!next.is_finished());
        held.pop();
        assert!(next.await.unwrap());
        drop((held, others));
        assert!(shares.people().is_empty());
    }

    /// Whether it waits.
    async fn waits<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
        let mut future = std::pin::Pin::new(future);
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
        })
        .await
    }
}
