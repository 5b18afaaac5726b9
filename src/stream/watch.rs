//! The watch over one thread's running streams: whenever something that decides has changed, and when a session or
//! token comes to its end, every person behind a running stream is asked for again, and every grant decided again (R14).

use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::running::{End, Judged, Running, Stream};
use crate::ground::clock::{Clock, SignedDuration, Timestamp};
use crate::ground::generation::Generation;
use crate::identity::{Identity, IdentityError, Person, Proof, Schemes};
use crate::policy::{Grant, Policy};

/// How often ends that time alone brings are looked for.
const TICK: Duration = Duration::from_millis(250);
/// How often running streams show that their sessions are in use: well within the shortest idle limit, a minute.
const IN_USE: SignedDuration = SignedDuration::from_secs(15);
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
    let mut shown = clock.now();
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
            _ = ticks.tick() => running.all(),
        };
        let now = Now { generation: generation.current(), time: clock.now() };
        let in_use = !(SignedDuration::ZERO..IN_USE).contains(&now.time.duration_since(shown));
        if in_use {
            shown = now.time;
        }
        for (_, streams) in by_person(streams, |stream| in_use || !stream.is_good(now)) {
            // Side by side: one whose records are slow holds nobody else up.
            let judge = Rc::clone(&judge);
            drop(tokio::task::spawn_local(async move { review(&*judge, now, &streams).await }));
        }
    }
}

/// When streams are looked at. Read before anything is asked: what is found out is at least as new.
#[derive(Debug, Clone, Copy)]
struct Now {
    generation: u64,
    time: Timestamp,
}

/// The streams that are to be judged again, by who is behind them. One that began while something changed, and so was
/// not there when the change was looked at, is found by its generation.
fn by_person(
    streams: Vec<Rc<Stream>>,
    wanted: impl Fn(&Stream) -> bool,
) -> HashMap<Proof, Vec<Rc<Stream>>> {
    let mut people: HashMap<Proof, Vec<Rc<Stream>>> = HashMap::new();
    for stream in streams {
        if let Some(person) = stream.grant.identity().person()
            && !stream.is_ending()
            && wanted(&stream)
        {
            people.entry(person.proof()).or_default().push(stream);
        }
    }
    people
}

/// Judges all streams of one person again.
async fn review(judge: &impl Judge, now: Now, streams: &[Rc<Stream>]) {
    let Some(identity) = streams.first().map(|stream| stream.grant.identity()) else { return };
    let deadline = Instant::now() + CHECK;
    let fresh = tokio::time::timeout_at(deadline, identified(judge, identity)).await;
    let still = fresh
        .ok()
        .flatten()
        .filter(|fresh| fresh.person().is_some_and(|person| person.valid_until() > now.time));
    for (index, stream) in streams.iter().enumerate() {
        match &still {
            Some(fresh) if judge.permits(fresh, &stream.grant) => stream.renew(fresh, now),
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
            Err(
                IdentityError::Unavailable(_)
                | IdentityError::LabelStudio(_)
                | IdentityError::Control(_),
            ) => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(
                IdentityError::NotValid
                | IdentityError::TwoSessions
                | IdentityError::TwoPeople
                | IdentityError::BadAuthorization
                | IdentityError::TooManyAttempts { .. }
                | IdentityError::CrossOrigin,
            ) => return None,
        }
    }
}

impl Stream {
    /// Whether it was judged by what holds now, and its person's proof has not come to its end.
    fn is_good(&self, now: Now) -> bool {
        let person = self.grant.identity().person();
        let judged = self.judged.get().or_else(|| {
            let generation = self.grant.basis().generation.min(person?.generation());
            Some(Judged { generation, until: person?.valid_until() })
        });
        judged.is_none_or(|judged| judged.generation >= now.generation && judged.until > now.time)
    }

    fn renew(&self, fresh: &Identity, now: Now) {
        let until = fresh.person().map_or(now.time, Person::valid_until);
        self.judged.set(Some(Judged { generation: now.generation, until }));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::Future;
    use std::rc::Rc;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use tokio::sync::watch;
    use tokio::task::LocalSet;

    use super::super::fixture::reading;
    use super::super::running::{BrokenOff, Held, Judged, Running};
    use super::{Judge, Now, by_person};
    use crate::ground::clock::{Clock, SignedDuration, Timestamp};
    use crate::ground::control::ControlFailed;
    use crate::ground::generation::Generation;
    use crate::identity::{Identity, IdentityError};
    use crate::policy::{Grant, Policy};

    /// How the records answer just now.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Records {
        Know,
        KnowNobody,
        Fail,
        Hang,
    }

    struct Scripted {
        records: Cell<Records>,
        permits: Cell<bool>,
        asked: watch::Sender<u32>,
    }

    impl Scripted {
        async fn asked_times(&self, times: u32) {
            self.asked.subscribe().wait_for(|asked| *asked >= times).await.unwrap();
        }
    }

    impl Judge for Scripted {
        async fn again(&self, identity: &Identity) -> Result<Identity, IdentityError> {
            self.asked.send_modify(|asked| *asked += 1);
            match self.records.get() {
                Records::Know => Ok(identity.clone()),
                Records::KnowNobody => Err(IdentityError::NotValid),
                Records::Fail => Err(ControlFailed.into()),
                Records::Hang => std::future::pending().await,
            }
        }

        fn permits(&self, _identity: &Identity, _held: &Grant) -> bool {
            self.permits.get()
        }
    }

    struct World {
        judge: Rc<Scripted>,
        generation: Generation,
        hand: crate::ground::clock::Hand,
        running: Rc<Running>,
        held: Held,
    }

    const START: Timestamp = Timestamp::constant(1_800_000_000, 0);

    /// One running stream under watch.
    fn run<F: Future<Output = ()>>(test: impl FnOnce(World) -> F) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let (incoming, _policy, grant) = reading();
            let running = Rc::new(Running::new(usize::MAX));
            let held = running.hold(grant, &incoming).unwrap();
            let judge = Rc::new(Scripted {
                records: Cell::new(Records::Know),
                permits: Cell::new(true),
                asked: watch::Sender::new(0),
            });
            let generation = Generation::default();
            let (clock, hand) = Clock::manual(START);
            let watching =
                super::watch(Rc::clone(&running), Rc::clone(&judge), generation.clone(), clock);
            let watcher = tokio::task::spawn_local(watching);
            tokio::task::yield_now().await;
            test(World { judge, generation, hand, running, held }).await;
            watcher.abort();
        });
    }

    /// Fails when the stream does not end within the promise, less what the records need to notice a change.
    async fn ends(held: &Held) {
        let begun = Instant::now();
        let ended = held.unless_lapsed(std::future::pending::<()>());
        let ended = tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap();
        assert_eq!(ended, Err(BrokenOff::Lapsed));
        assert!(begun.elapsed() < Duration::from_millis(750), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_change_that_takes_the_grant_away_ends_the_stream() {
        type Change = fn(&World);
        let changes: [(&str, Change); 4] = [
            ("the session or token ended", |world| world.judge.records.set(Records::KnowNobody)),
            ("policy permits it no longer", |world| world.judge.permits.set(false)),
            ("the records fail", |world| world.judge.records.set(Records::Fail)),
            ("the records hang", |world| world.judge.records.set(Records::Hang)),
        ];
        for (_name, change) in changes {
            run(|world| async move {
                change(&world);
                world.generation.advance();
                ends(&world.held).await;
            });
        }
    }

    #[test]
    fn a_change_that_leaves_the_grant_leaves_the_stream() {
        run(|world| async move {
            world.generation.advance();
            world.judge.asked_times(1).await;
            tokio::task::yield_now().await;
            assert_eq!(world.held.unless_lapsed(async { 1 }).await, Ok(1));
            assert_eq!(world.running.count(), 1);
        });
    }

    #[test]
    fn the_end_of_a_token_ends_its_stream_without_any_change() {
        run(|world| async move {
            let until = START + SignedDuration::from_secs(60);
            let judged = Judged { generation: 1, until };
            world.running.all()[0].judged.set(Some(judged));
            world.judge.records.set(Records::KnowNobody);
            world.hand.advance(SignedDuration::from_secs(60));
            ends(&world.held).await;
        });
    }

    #[test]
    fn a_stream_that_nothing_happens_to_shows_that_its_session_is_in_use() {
        run(|world| async move {
            for times in 1..=3 {
                world.hand.advance(SignedDuration::from_secs(15));
                let asked = world.judge.asked_times(times);
                tokio::time::timeout(Duration::from_secs(5), asked).await.unwrap();
            }
            assert_eq!(world.held.unless_lapsed(async { 1 }).await, Ok(1));
        });
    }

    #[test]
    fn records_that_come_back_in_time_save_the_stream() {
        run(|world| async move {
            world.judge.records.set(Records::Fail);
            world.generation.advance();
            world.judge.asked_times(2).await;
            world.judge.records.set(Records::Know);
            world.judge.asked_times(3).await;
            tokio::task::yield_now().await;
            assert_eq!(world.held.unless_lapsed(async { 1 }).await, Ok(1));
        });
    }

    #[test]
    fn a_person_is_asked_for_once_however_many_streams_run() {
        run(|world| async move {
            let (incoming, _policy, grant) = reading();
            let hold = |_| world.running.hold(grant.clone(), &incoming).unwrap();
            let more: Vec<Held> = (0..100).map(hold).collect();
            world.judge.permits.set(false);
            world.generation.advance();
            ends(&world.held).await;
            for held in &more {
                ends(held).await;
            }
            // Once for the change, and once more if a tick falls into the same moment.
            assert!(*world.judge.asked.borrow() <= 2);
        });
    }

    #[test]
    fn a_stream_that_began_by_what_no_longer_holds_is_found() {
        let (incoming, _policy, grant) = reading();
        let running = Rc::new(Running::new(usize::MAX));
        let _held = running.hold(grant, &incoming).unwrap();
        let looked = |generation| {
            let now = Now { generation, time: START };
            by_person(running.all(), |stream| !stream.is_good(now)).len()
        };
        assert_eq!((looked(1), looked(2)), (0, 1));
        running.all()[0].judged.set(Some(Judged { generation: 2, until: Timestamp::MAX }));
        assert_eq!((looked(2), looked(3)), (0, 1));
    }

    #[test]
    fn the_real_policy_is_asked_afresh() {
        let (_incoming, policy, grant): (_, Arc<Policy>, _) = reading();
        assert!(policy.decide_again(grant.identity(), &grant).is_ok());
    }
}
