//! How often a sign-in may be tried: per account and address, per address, and per account for addresses that never
//! signed in to it. So guessing is slow from anywhere, and nobody elsewhere can lock an owner out (R18). Who shares the
//! owner's address (or its IPv6 network) can: nothing tells him from the owner before the password is right.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ahash::RandomState;
use aws_lc_rs::digest::{Context, SHA256};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::catalog::Email;
use crate::ground::clock::Timestamp;
use crate::ground::subscriber::Subscriber;

/// Who tries, and at what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub email: &'a Email,
    pub client: IpAddr,
    /// There is such an account.
    pub exists: bool,
    /// The account knows the address: somebody signed in to it from there before.
    pub familiar: bool,
}

/// The counted attempts. Bounded: the longest unused are forgotten first.
#[derive(Debug)]
pub(super) struct Attempts {
    per_minute: NonZeroU32,
    /// Each costs an attacker an address, or an e-mail that he invents.
    buckets: Buckets,
    /// Of accounts that exist, apart, so that inventing others pushes none of them out.
    strangers: Buckets,
}

type Buckets = Cache<[u8; 32], Arc<Bucket>, RandomState>;

/// Many people may share an address.
const ADDRESS_FACTOR: u32 = 10;
/// All strangers together, at one account.
const STRANGERS_FACTOR: u32 = 3;
const REMEMBERED: u64 = 100_000;
const MINUTE_MS: i64 = 60_000;

impl Attempts {
    pub(super) fn new(per_minute: NonZeroU32) -> Self {
        let buckets = || {
            Cache::builder()
                .max_capacity(REMEMBERED)
                .eviction_policy(EvictionPolicy::lru())
                .build_with_hasher(RandomState::new())
        };
        Self { per_minute, buckets: buckets(), strangers: buckets() }
    }

    /// Counts an attempt before anything is looked up for it, by its address alone.
    pub(super) fn at_all(&self, client: IpAddr, now: Timestamp) -> Result<(), TooMany> {
        self.take(&self.buckets, (&key(b"address", "", Some(client)), ADDRESS_FACTOR), now)
    }

    /// Counts a look at an invitation, apart: any site can make a browser look, and must not use up its owner's attempts.
    pub(super) fn at_invitation(&self, client: IpAddr, now: Timestamp) -> Result<(), TooMany> {
        self.take(&self.buckets, (&key(b"invitation", "", Some(client)), ADDRESS_FACTOR), now)
    }

    /// Counts a token that Label Studio has to be asked about, until it is known that it holds.
    pub(super) fn at_token(&self, client: IpAddr, now: Timestamp) -> Result<(), TooMany> {
        self.take(&self.buckets, (&key(b"token", "", Some(client)), ADDRESS_FACTOR), now)
    }

    /// It held: it does not count.
    pub(super) fn token_held(&self, client: IpAddr) {
        let bucket = self.buckets.get(&key(b"token", "", Some(client)));
        if let Some(bucket) = bucket {
            bucket.give_back(self.per_minute.get().saturating_mul(ADDRESS_FACTOR));
        }
    }

    /// Counts an attempt at an account.
    pub(super) fn at_account(&self, attempt: Attempt<'_>, now: Timestamp) -> Result<(), TooMany> {
        let email = attempt.email.as_str();
        self.take(&self.buckets, (&key(b"pair", email, Some(attempt.client)), 1), now)?;
        if attempt.familiar {
            return Ok(());
        }
        let buckets = if attempt.exists { &self.strangers } else { &self.buckets };
        self.take(buckets, (&key(b"strangers", email, None), STRANGERS_FACTOR), now)
    }

    /// The attempt was a success: the pair's earlier slips are forgiven.
    pub(super) fn forgive(&self, email: &Email, client: IpAddr) {
        self.buckets.invalidate(&key(b"pair", email.as_str(), Some(client)));
    }

    fn take(
        &self,
        buckets: &Buckets,
        (key, factor): (&[u8; 32], u32),
        now: Timestamp,
    ) -> Result<(), TooMany> {
        let bucket = buckets.get_with_by_ref(key, Arc::default);
        bucket.take(self.per_minute.get().saturating_mul(factor), now.as_millisecond())
    }
}

/// Over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany {
    pub retry_after_seconds: u64,
}

/// A leaky bucket in one number, the theoretical arrival time of GCRA: a minute's worth at once, then evenly.
#[derive(Debug)]
struct Bucket(AtomicI64);

impl Default for Bucket {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Bucket {
    fn give_back(&self, per_minute: u32) {
        self.0.fetch_sub(MINUTE_MS / i64::from(per_minute.max(1)), Ordering::Relaxed);
    }

    fn take(&self, per_minute: u32, now: i64) -> Result<(), TooMany> {
        let step = MINUTE_MS / i64::from(per_minute.max(1));
        let burst = step.saturating_mul(i64::from(per_minute.max(1)));
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |arrival| {
            // Further ahead than a full bucket is: the clock went back since. (Threads read it a little apart.)
            let of_another_time = arrival.saturating_sub(now) > burst.saturating_add(MINUTE_MS);
            let arrival = if of_another_time { now } else { arrival.max(now) };
            let next = arrival.saturating_add(step);
            (next.saturating_sub(now) <= burst).then_some(next)
        });
        taken.map(drop).map_err(|arrival| {
            let wait = arrival.saturating_add(step).saturating_sub(now).saturating_sub(burst);
            TooMany { retry_after_seconds: wait.unsigned_abs().div_ceil(1000).max(1) }
        })
    }
}

/// One key per purpose, e-mail and network.
fn key(purpose: &[u8], email: &str, client: Option<IpAddr>) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(purpose);
    context.update(&client.map_or([0; 16], |client| *Subscriber::of(client).octets()));
    context.update(email.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_minutes_worth_at_once_then_evenly() {
        let attempts = Attempts::new(NonZeroU32::new(10).unwrap());
        let email = "ann@example.com".parse().unwrap();
        let client = "192.0.2.1".parse().unwrap();
        let attempt = Attempt { email: &email, client, exists: true, familiar: true };
        for _ in 0..10 {
            assert_eq!(attempts.at_account(attempt, at(0)), Ok(()));
        }
        let refused = Err(TooMany { retry_after_seconds: 6 });
        assert_eq!(attempts.at_account(attempt, at(0)), refused);
        assert_eq!(attempts.at_account(attempt, at(0)), refused, "a refused one costs nothing");
        assert_eq!(attempts.at_account(attempt, at(6)), Ok(()));
        assert!(attempts.at_account(attempt, at(6)).is_err());
        attempts.forgive(&email, client);
        assert_eq!(attempts.at_account(attempt, at(6)), Ok(()));
    }

    #[test]
    fn tokens_count_only_while_they_do_not_hold_and_apart_from_sign_ins() {
        let attempts = Attempts::new(NonZeroU32::MIN);
        let client = "192.0.2.1".parse().unwrap();
        for _ in 0..100 {
            assert_eq!(attempts.at_token(client, at(0)), Ok(()));
            attempts.token_held(client);
        }
        for _ in 0..10 {
            assert_eq!(attempts.at_token(client, at(0)), Ok(()));
        }
        assert_eq!(attempts.at_token(client, at(0)), Err(TooMany { retry_after_seconds: 6 }));
        assert_eq!(attempts.at_all(client, at(0)), Ok(()));
    }

    #[test]
    fn a_clock_that_goes_back_locks_nobody_out() {
        let attempts = Attempts::new(NonZeroU32::MIN);
        let email = "ann@example.com".parse().unwrap();
        let client = "192.0.2.1".parse().unwrap();
        let attempt = Attempt { email: &email, client, exists: true, familiar: false };
        assert_eq!(attempts.at_account(attempt, at(0)), Ok(()));
        let full = Err(TooMany { retry_after_seconds: 61 });
        assert_eq!(attempts.at_account(attempt, at(-1)), full, "a little is no other time");
        assert_eq!(attempts.at_account(attempt, at(-3600)), Ok(()));
        assert!(attempts.at_account(attempt, at(-3600)).is_err(), "counted from then on");
    }

    #[test]
    fn inventing_accounts_does_not_free_strangers_at_a_real_one() {
        let attempts = Attempts::new(NonZeroU32::MIN);
        let ann = "ann@example.com".parse().unwrap();
        let from = |number: u32| IpAddr::V4(number.into());
        let guess = |email: &Email, exists, number| {
            let attempt = Attempt { email, client: from(number), exists, familiar: false };
            attempts.at_account(attempt, at(0))
        };
        for number in 0..3 {
            assert_eq!(guess(&ann, true, number), Ok(()));
        }
        let most = u32::try_from(REMEMBERED).unwrap();
        for number in 3..most + 1_000 {
            let invented = format!("{number}@example.com").parse().unwrap();
            assert_eq!(guess(&invented, false, number), Ok(()));
        }
        attempts.buckets.run_pending_tasks();
        attempts.strangers.run_pending_tasks();
        assert!(guess(&ann, true, u32::MAX).is_err());
    }

    #[test]
    fn one_address_has_a_limit_over_all_accounts_and_ipv6_counts_by_network() {
        let attempts = Attempts::new(NonZeroU32::MIN);
        let spread = |host: u16| format!("2001:db8:0:1::{host:x}").parse().unwrap();
        for host in 0..10 {
            assert_eq!(attempts.at_all(spread(host), at(0)), Ok(()));
        }
        assert!(attempts.at_all(spread(11), at(0)).is_err());
        assert_eq!(attempts.at_all("2001:db8:0:2::1".parse().unwrap(), at(0)), Ok(()));
    }
}
