//! The watch over one thread's running streams: whenever something that decides has changed, and when a session or
//! token comes to its end, every person behind a running stream is asked for again, and every grant decided again (R14).

use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::running::{End, Running, Stream};
use crate::ground::clock::{Clock, Timestamp};
use crate::ground::generation::Generation;
use crate::identity::{Identity, IdentityError, Proof, Schemes};
use crate::policy::{Grant, Policy};

/// How often ends that time alone brings are looked for.
const TICK: Duration = Duration::from_millis(250);
/// Changes that come in a burst are looked at together.
const BURST: Duration = Duration::from_millis(20);
/// Who cannot be identified again for so long is cut off: 250 ms until a change is noticed, this, and the 300 ms of
/// grace stay below a second together.
const CHECK: Duration = Duration::from_millis(400);
const AGAIN: Duration = Duration::from_millis(50);

/// Says whether a held grant would be given today.
pub trait Judge {
    /// The person behind the identity, as of now.
    fn again(&self, identity: &Identity) -> impl Future<Output = Result<Identity, IdentityError>>;
    /// Whether this person would be given this grant.
    fn permits(&self, identity: &Identity, held: &Grant) -> bool;
}

/// The stages themselves, as they stand now.
#[derive(Debug, Clone)]
pub struct Present {
    pub schemes: Arc<Schemes>,
    pub policy: Arc<Policy>,
}

impl Judge for Present {
    async fn again(&self, identity: &Identity) -> Result<Identity, IdentityError> {
        self.schemes.again(identity).await
    }

    fn permits(&self, identity: &Identity, held: &Grant) -> bool {
        self.policy.decide_again(identity, held).is_ok()
    }
}

/// Watches for ever; one such task per data-plane thread, on its `LocalSet`.
pub async fn watch<J: Judge + 'static>(
    running: Rc<Running>,
    judge: Rc<J>,
    generation: Generation,
    clock: Clock,
) {
    let mut changes = generation.watch();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let streams = tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(BURST).await;
                changes.mark_unchanged();
                running.all()
            }
            _ = ticks.tick() => {
                let now = clock.now();
                let mut streams = running.all();
                streams.retain(|stream| stream.valid_until().is_some_and(|until| until <= now));
                streams
            }
        };
        for (_, streams) in by_person(streams) {
            // Side by side: one whose records are slow holds nobody else up.
            let judge = Rc::clone(&judge);
            let clock = clock.clone();
            drop(tokio::task::spawn_local(async move { review(&*judge, &clock, &streams).await }));
        }
    }
}

fn by_person(streams: Vec<Rc<Stream>>) -> HashMap<Proof, Vec<Rc<Stream>>> {
    let mut people: HashMap<Proof, Vec<Rc<Stream>>> = HashMap::new();
    for stream in streams {
        if let Some(person) = stream.grant.identity().person()
            && !stream.is_ending()
        {
            people.entry(person.proof()).or_default().push(stream);
        }
    }
    people
}

/// Judges all streams of one person again.
async fn review(judge: &impl Judge, clock: &Clock, streams: &[Rc<Stream>]) {
    let Some(identity) = streams.first().map(|stream| stream.grant.identity()) else { return };
    let deadline = Instant::now() + CHECK;
    let fresh = tokio::time::timeout_at(deadline, identified(judge, identity)).await;
    let still = fresh
        .ok()
        .flatten()
        .filter(|fresh| fresh.person().is_some_and(|person| person.valid_until() > clock.now()));
    for (index, stream) in streams.iter().enumerate() {
        match &still {
            Some(fresh) if judge.permits(fresh, &stream.grant) => stream.renew(fresh),
            Some(_) | None => stream.finish(End::Lapsed),
        }
        if index % 64 == 63 {
            tokio::task::yield_now().await;
        }
    }
}

/// The person as of now; `None` when the proof no longer holds. Does not end while the records are away.
async fn identified(judge: &impl Judge, identity: &Identity) -> Option<Identity> {
    loop {
        match judge.again(identity).await {
            Ok(fresh) => return Some(fresh),
            Err(IdentityError::Unavailable(_) | IdentityError::Control(_)) => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(
                IdentityError::NotValid
                | IdentityError::TwoSessions
                | IdentityError::TwoPeople
                | IdentityError::BadAuthorization
                | IdentityError::CrossOrigin,
            ) => return None,
        }
    }
}

impl Stream {
    /// When its person must be asked for again, if there is one.
    fn valid_until(&self) -> Option<Timestamp> {
        self.renewed_until.get().or_else(|| Some(self.grant.identity().person()?.valid_until()))
    }

    fn renew(&self, fresh: &Identity) {
        let until = fresh.person().map(crate::identity::Person::valid_until);
        self.renewed_until.set(until);
    }
}
