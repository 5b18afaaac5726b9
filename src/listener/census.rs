//! Counts connections and estimates rates per client address, over all threads. Constant or bounded memory, whatever
//! addresses a flood comes from.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pingora_limits::rate::Rate;

use super::Limits;
use super::room::Room;
use crate::ground::subscriber::Subscriber;
use crate::telemetry::{self, Gauge};

/// See the head of this file.
pub(super) struct Census {
    most: usize,
    most_per_address: usize,
    open: AtomicUsize,
    addresses: Mutex<HashMap<Subscriber, usize>>,
    requests: Option<(Rate, isize)>,
}

/// One connection's place; given back when dropped.
pub(super) struct Seat {
    census: Arc<Census>,
    subscriber: Subscriber,
}

impl Census {
    pub(super) fn new(limits: &Limits) -> Self {
        let per_second = limits.requests_per_second_per_address;
        let per_second = per_second.map(|most| isize::try_from(most.get()).unwrap_or(isize::MAX));
        Self {
            most: limits.max_connections,
            most_per_address: limits.max_connections_per_address,
            open: AtomicUsize::new(0),
            addresses: Mutex::default(),
            requests: per_second.map(|most| (Rate::new(Duration::from_secs(1)), most)),
        }
    }

    /// `None` when there are too many connections, in all or from this address.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let subscriber = Subscriber::of(address);
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = addresses.entry(subscriber).or_insert(0);
        if *count >= self.most_per_address {
            if *count == 0 {
                addresses.remove(&subscriber);
            }
            self.open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        *count += 1;
        drop(addresses);
        telemetry::raise(Gauge::OpenConnections);
        Some(Seat { census: Arc::clone(self), subscriber })
    }

    pub(super) fn room(&self) -> Room {
        Room::among(self.open.load(Ordering::Relaxed))
    }

    /// Counts one request; whether it is one too many in this second.
    pub(super) fn is_too_many(&self, address: IpAddr) -> bool {
        let requests = self.requests.as_ref();
        requests.is_some_and(|(rate, most)| rate.observe(&Subscriber::of(address), 1) > *most)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut addresses = self.census.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = addresses.get_mut(&self.subscriber) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&self.subscriber);
            }
        }
        drop(addresses);
        self.census.open.fetch_sub(1, Ordering::Relaxed);
        telemetry::lower(Gauge::OpenConnections);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn census(most: usize, per_address: usize) -> Arc<Census> {
        Arc::new(Census::new(&Limits {
            max_connections: most,
            max_connections_per_address: per_address,
            requests_per_second_per_address: NonZeroUsize::new(3),
            ..Limits::default()
        }))
    }

    #[test]
    fn seats_are_limited_and_given_back() {
        let census = census(3, 2);
        let [one, two]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        let first = census.admit(one).unwrap();
        let _second = census.admit(one).unwrap();
        assert!(census.admit(one).is_none(), "two per address");
        let _third = census.admit(two).unwrap();
        assert!(census.admit(two).is_none(), "three in all");
        drop(first);
        assert!(census.admit(one).is_some());
        assert_eq!(census.addresses.lock().unwrap().len(), 2);
    }

    #[test]
    fn one_ipv6_subscriber_is_one_address() {
        let census = census(9, 1);
        let _seat = census.admit("2001:db8::1".parse().unwrap()).unwrap();
        assert!(census.admit("2001:db8::ffff:2".parse().unwrap()).is_none());
        assert!(census.admit("2001:db8:0:1::1".parse().unwrap()).is_some());
    }

    #[test]
    fn rates_are_per_address() {
        let census = census(1, 1);
        let [one, two]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        let refused = (0..10).filter(|_| census.is_too_many(one)).count();
        assert!(refused >= 4, "at most two seconds' worth passes: {refused} were refused");
        assert!(!census.is_too_many(two));
    }
}
