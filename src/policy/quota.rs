//! Quotas: so many requests per second and person. Known accounts only, so the map is bounded by the records: some
//! dozens of bytes for each account that ever asked, which are not worth a sweep.

use governor::RateLimiter;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;

use super::{Denial, Quota};
use crate::catalog::AccountId;

/// One bucket per account; none when the settings ask for none.
#[derive(Debug)]
pub(super) struct Quotas<C: Clock = DefaultClock> {
    limits: Option<Limits<C>>,
    clock: C,
}

type Limits<C> = RateLimiter<
    AccountId,
    DefaultKeyedStateStore<AccountId>,
    C,
    NoOpMiddleware<<C as Clock>::Instant>,
>;

impl Quotas {
    pub(super) fn new(quota: Option<Quota>) -> Self {
        Self::with_clock(quota, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> Quotas<C> {
    fn with_clock(quota: Option<Quota>, clock: &C) -> Self {
        let limits = quota.map(|quota| {
            let rate = governor::Quota::per_second(quota.requests_per_second);
            let store = DefaultKeyedStateStore::default();
            RateLimiter::new(rate.allow_burst(quota.burst), store, clock.clone())
        });
        Self { limits, clock: clock.clone() }
    }

    /// Counts one request.
    pub(super) fn take(&self, account: AccountId) -> Result<(), Denial> {
        let Some(limits) = &self.limits else { return Ok(()) };
        limits.check_key(&account).map_err(|full| {
            let wait = full.wait_time_from(self.clock.now());
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Denial::OverQuota { retry_after_seconds: seconds.max(1) }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn quotas(
        requests_per_second: u32,
        burst: u32,
    ) -> (Quotas<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let number = |number| NonZeroU32::new(number).unwrap();
        let quota =
            Quota { requests_per_second: number(requests_per_second), burst: number(burst) };
        (Quotas::with_clock(Some(quota), &clock), clock)
    }

    fn served(quotas: &Quotas<FakeRelativeClock>, account: i64, tries: usize) -> usize {
        (0..tries).filter(|_| quotas.take(AccountId(account)).is_ok()).count()
    }

    #[test]
    fn a_burst_then_the_rate_and_nobody_pays_for_another() {
        let (quotas, clock) = quotas(2, 5);
        assert_eq!(served(&quotas, 1, 10), 5);
        assert_eq!(served(&quotas, 2, 10), 5);
        clock.advance(Duration::from_secs(1));
        assert_eq!(served(&quotas, 1, 10), 2);
    }

    #[test]
    fn the_wait_is_told_in_whole_seconds_and_is_enough() {
        let (quotas, clock) = quotas(1, 1);
        assert_eq!(served(&quotas, 1, 2), 1);
        let Err(Denial::OverQuota { retry_after_seconds }) = quotas.take(AccountId(1)) else {
            panic!("served")
        };
        assert_eq!(retry_after_seconds, 1);
        clock.advance(Duration::from_secs(retry_after_seconds));
        assert_eq!(served(&quotas, 1, 1), 1);
    }

    #[test]
    fn no_quota_means_no_limit() {
        let quotas = Quotas::with_clock(None, &FakeRelativeClock::default());
        assert_eq!(served(&quotas, 1, 1000), 1000);
    }
}
