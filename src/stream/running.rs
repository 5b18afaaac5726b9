//! The streams that run on one data-plane thread, each under a grant that can lapse. A stream costs one small
//! allocation and one place in a table; it has no timer of its own.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::ops::Deref;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Outcome;
use crate::catalog::AccountId;
use crate::ground::clock::Timestamp;
use crate::identity::Person;
use crate::listener::{ConnectionSwitch, Incoming};
use crate::policy::{Destination, Grant};

/// How long a stream that must end may take until hyper asks it for bytes; then its connection is cut. A client that
/// reads nothing is never asked.
pub(super) const GRACE: Duration = Duration::from_millis(300);

/// The streams that run on one data-plane thread.
#[derive(Debug)]
pub struct Running {
    most: usize,
    table: RefCell<Table>,
}

#[derive(Debug, Default)]
struct Table {
    places: Vec<Option<Rc<Stream>>>,
    free: Vec<usize>,
    of: HashMap<AccountId, usize>,
}

/// One grant in use, from the decision to the end of the bytes.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) grant: Grant,
    connection: ConnectionSwitch,
    /// When it was judged last, if it was since the decision.
    pub(super) judged: Cell<Option<Judged>>,
    end: Cell<Option<End>>,
    over: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// What a stream's last judgement rests on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub(super) generation: u64,
    /// When its person's session or token ends by itself.
    pub(super) until: Timestamp,
}

/// Why a stream must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Lapsed,
    Stopped,
}

/// What the grant permitted has been broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BrokenOff {
    #[error(
        "the grant lapsed before the deed was done: revoked, ended, expired or no longer permitted"
    )]
    Lapsed,
    #[error("the gateway stopped before the deed was done")]
    Stopped,
}

/// A person has as many streams as he may on this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{most} streams of this account run already on this data-plane thread")]
pub struct TooManyAtOnce {
    most: usize,
}

/// A grant that is watched as long as this lives.
#[derive(Debug)]
pub struct Held {
    stream: Rc<Stream>,
    running: Rc<Running>,
    place: Option<usize>,
}

impl Running {
    /// `most`: of one account at once. Each stream holds memory and a connection to a storage (R29).
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, table: RefCell::default() }
    }

    /// Watches over a grant from now on. What is ours is not watched: it is small and soon done, and a sign-out must
    /// not be broken off by the end of its own session.
    ///
    /// # Errors
    /// [`TooManyAtOnce`] when as many of this person run already.
    pub fn hold(self: &Rc<Self>, grant: Grant, incoming: &Incoming) -> Result<Held, TooManyAtOnce> {
        let stream = Rc::new(Stream {
            grant,
            connection: incoming.connection(),
            judged: Cell::new(None),
            end: Cell::new(None),
            over: Cell::new(false),
            waker: RefCell::new(None),
        });
        let place = match stream.grant.destination() {
            Destination::Ours => None,
            Destination::Object { .. }
            | Destination::Listing { .. }
            | Destination::LabelStudio(_) => {
                let put = self.table.borrow_mut().put(&stream, self.most);
                Some(put.ok_or(TooManyAtOnce { most: self.most })?)
            }
        };
        Ok(Held { stream, running: Rc::clone(self), place })
    }

    /// How many streams run.
    #[must_use]
    pub fn count(&self) -> usize {
        let table = self.table.borrow();
        table.places.len() - table.free.len()
    }

    /// Ends every stream: the deadline of a drain has come.
    pub fn stop_all(&self) {
        for stream in self.all() {
            stream.finish(End::Stopped);
        }
    }

    pub(super) fn all(&self) -> Vec<Rc<Stream>> {
        self.table.borrow().places.iter().flatten().map(Rc::clone).collect()
    }
}

impl Table {
    fn put(&mut self, stream: &Rc<Stream>, most: usize) -> Option<usize> {
        if let Some(account) = stream.account() {
            let running = self.of.entry(account).or_default();
            if *running >= most {
                return None;
            }
            *running += 1;
        }
        if let Some(place) = self.free.pop()
            && let Some(slot) = self.places.get_mut(place)
        {
            *slot = Some(Rc::clone(stream));
            return Some(place);
        }
        self.places.push(Some(Rc::clone(stream)));
        Some(self.places.len() - 1)
    }

    fn take(&mut self, place: usize) {
        let Some(stream) = self.places.get_mut(place).and_then(Option::take) else { return };
        self.free.push(place);
        if let Some(account) = stream.account()
            && let Entry::Occupied(mut running) = self.of.entry(account)
        {
            *running.get_mut() -= 1;
            if *running.get() == 0 {
                running.remove();
            }
        }
    }
}

impl Stream {
    fn account(&self) -> Option<AccountId> {
        self.grant.identity().person().map(Person::account)
    }

    /// Ends it: at once if anybody asks it for bytes, by cutting its connection otherwise.
    pub(super) fn finish(self: &Rc<Self>, end: End) {
        if self.end.get().is_some() || self.over.get() {
            return;
        }
        self.end.set(Some(end));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        let stream = Rc::clone(self);
        drop(tokio::task::spawn_local(async move {
            tokio::time::sleep(GRACE).await;
            if !stream.over.get() {
                stream.connection.abort();
            }
        }));
    }

    pub(super) const fn is_ending(&self) -> bool {
        self.end.get().is_some() || self.over.get()
    }
}

impl Held {
    /// Does something under the grant, and breaks it off when the grant lapses.
    ///
    /// # Errors
    /// [`BrokenOff`] when that, or the end of the gateway, happened first.
    pub async fn unless_lapsed<T>(&self, deed: impl Future<Output = T>) -> Result<T, BrokenOff> {
        let mut deed = pin!(deed);
        std::future::poll_fn(|context| match self.must_end(context) {
            Some(End::Lapsed) => Poll::Ready(Err(BrokenOff::Lapsed)),
            Some(End::Stopped) => Poll::Ready(Err(BrokenOff::Stopped)),
            None => deed.as_mut().poll(context).map(Ok),
        })
        .await
    }

    /// Whether it must end now; if not, the task is woken when it must.
    pub(super) fn must_end(&self, context: &Context<'_>) -> Option<End> {
        if let Some(end) = self.stream.end.get() {
            return Some(end);
        }
        let mut waker = self.stream.waker.borrow_mut();
        match &mut *waker {
            Some(same) if same.will_wake(context.waker()) => {}
            other => *other = Some(context.waker().clone()),
        }
        None
    }

    /// Why it must end, if it must.
    pub(super) fn ended(&self) -> Option<End> {
        self.stream.end.get()
    }
}

impl End {
    pub(super) const fn outcome(self) -> Outcome {
        match self {
            Self::Lapsed => Outcome::Lapsed,
            Self::Stopped => Outcome::Stopped,
        }
    }
}

impl Deref for Held {
    type Target = Grant;

    fn deref(&self) -> &Grant {
        &self.stream.grant
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.stream.over.set(true);
        self.stream.waker.take();
        if let Some(place) = self.place {
            self.running.table.borrow_mut().take(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use http::Method;
    use tokio::task::LocalSet;

    use super::super::fixture::{self, PATH, is_cut, reading};
    use super::{BrokenOff, End, Running, TooManyAtOnce};

    #[test]
    fn places_are_used_again() {
        let (incoming, _policy, grant) = reading();
        let running = Rc::new(Running::new(usize::MAX));
        let first = running.hold(grant.clone(), &incoming).unwrap();
        let second = running.hold(grant.clone(), &incoming).unwrap();
        assert_eq!(running.count(), 2);
        drop(first);
        assert_eq!(running.count(), 1);
        let third = running.hold(grant, &incoming).unwrap();
        assert_eq!((running.count(), running.table.borrow().places.len()), (2, 2));
        drop((second, third));
        assert_eq!(running.count(), 0);
    }

    #[test]
    fn nobody_runs_more_at_once_than_he_may() {
        let (incoming, _policy, grant) = reading();
        let running = Rc::new(Running::new(2));
        let first = running.hold(grant.clone(), &incoming).unwrap();
        let _second = running.hold(grant.clone(), &incoming).unwrap();
        let refused = running.hold(grant.clone(), &incoming);
        assert_eq!(refused.unwrap_err(), TooManyAtOnce { most: 2 });
        drop(first);
        let _third = running.hold(grant, &incoming).unwrap();
        assert_eq!(running.count(), 2);
    }

    #[test]
    fn what_is_ours_is_not_watched() {
        let (policy, incoming) = (fixture::policy(), fixture::incoming(Method::GET, "/-/sign-in"));
        let running = Rc::new(Running::new(usize::MAX));
        let _held = running.hold(fixture::grant(&policy, &incoming), &incoming).unwrap();
        assert_eq!(running.count(), 0);
    }

    #[tokio::test]
    async fn a_deed_in_progress_is_broken_off() {
        let (incoming, _policy, grant) = reading();
        let local = LocalSet::new();
        local
            .run_until(async move {
                let running = Rc::new(Running::new(usize::MAX));
                let held = running.hold(grant, &incoming).unwrap();
                let upload = held.unless_lapsed(std::future::pending::<()>());
                let (ended, ()) = tokio::join!(biased; upload, async { running.stop_all() });
                assert_eq!(ended, Err(BrokenOff::Stopped));
                let later = held.unless_lapsed(async { 1 }).await;
                assert_eq!(later, Err(BrokenOff::Stopped), "nothing more is begun under it");
            })
            .await;
    }

    #[tokio::test]
    async fn a_deed_that_ends_in_time_is_not_touched() {
        let (incoming, _policy, grant) = reading();
        let held = Rc::new(Running::new(usize::MAX)).hold(grant, &incoming).unwrap();
        assert_eq!(held.unless_lapsed(async { 5 }).await, Ok(5));
    }

    #[tokio::test]
    async fn the_connection_of_a_client_that_reads_nothing_is_cut() {
        let (stuck, _policy, grant) = reading();
        let gone = fixture::incoming(Method::GET, PATH);
        let local = LocalSet::new();
        let running = Rc::new(Running::new(usize::MAX));
        let cut = Rc::clone(&running);
        local
            .run_until(async {
                let held = cut.hold(grant.clone(), &stuck).unwrap();
                let dropped = cut.hold(grant, &gone).unwrap();
                cut.all().iter().for_each(|stream| stream.finish(End::Lapsed));
                drop(dropped);
                assert!(!is_cut(&stuck), "not before its time");
                std::mem::forget(held);
            })
            .await;
        // The set is done when the grace is over.
        local.await;
        assert!(is_cut(&stuck));
        assert!(!is_cut(&gone), "who let go in time keeps the connection");
    }
}
