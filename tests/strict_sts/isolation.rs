//! R25 before peers that take nothing on trust: whoever asks for what in whatever order, however slow the STS is and however it
//! fails, a credential comes to the session, person, role and project that it was issued for, opens nothing else at the S3, and
//! is taken away by no trouble of another's.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use sluicegate::ground::clock::SignedDuration;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet};

use crate::crowd::{By, Crowd, PEOPLE, PROJECTS, ROLES, Served, Session};
use crate::support::sts::{Code, Fault, Hold};
use crate::worth::{Tried, owed};

#[derive(Debug, Clone)]
enum Step {
    /// Somebody signs in with an assertion of these roles, in the background.
    SignIn {
        person: usize,
        roles: Vec<&'static str>,
    },
    /// One of the sessions that there are goes on with a further assertion, in the background.
    Renew(usize),
    SignOut(usize),
    /// So many requests at a time in one of the sessions.
    Ask {
        session: usize,
        project: usize,
        by: By,
        times: usize,
    },
    /// Wait for what people brought: however the STS is, this needs no answer of its.
    Collect,
    /// Let the STS answer, and wait for everything.
    Settle,
    /// Each call takes so many milliseconds.
    Slow(u64),
    /// No call is answered until everything is waited for.
    Hold,
    Fail(usize, Fault),
    Throttle,
    /// The STS is well.
    Mend,
    Pass(i64),
    /// The catalogue says that this project's objects lie elsewhere.
    Move(usize),
    GiveWay(usize),
}

const REFUSALS: [Code; 16] = [
    Code::AccessDenied,
    Code::ExpiredToken,
    Code::IdpRejectedClaim,
    Code::IncompleteSignature,
    Code::InternalFailure,
    Code::InvalidAction,
    Code::InvalidClientTokenId,
    Code::InvalidIdentityToken,
    Code::MalformedPolicyDocument,
    Code::MissingAuthenticationToken,
    Code::PackedPolicyTooLarge,
    Code::RegionDisabled,
    Code::ServiceUnavailable,
    Code::SignatureDoesNotMatch,
    Code::Throttling,
    Code::ValidationError,
];

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        4 => prop::sample::select(REFUSALS.to_vec()).prop_map(Fault::Refuse),
        1 => Just(Fault::HangUp),
    ];
    let roles = prop::sample::subsequence(ROLES.to_vec(), 1..=2);
    let by = prop::sample::select(vec![By::Assertion, By::Assertion, By::Name]);
    prop_oneof![
        3 => (0..PEOPLE.len(), roles).prop_map(|(person, roles)| Step::SignIn { person, roles }),
        2 => (0_usize..6).prop_map(Step::Renew),
        1 => (0_usize..6).prop_map(Step::SignOut),
        14 => (0_usize..6, 0..PROJECTS.len(), by, 1_usize..6)
            .prop_map(|(session, project, by, times)| Step::Ask { session, project, by, times }),
        3 => Just(Step::Collect),
        3 => Just(Step::Settle),
        1 => Just(Step::Mend),
        1 => prop::sample::select(vec![0, 3, 20]).prop_map(Step::Slow),
        1 => Just(Step::Hold),
        3 => (1_usize..5, fault).prop_map(|(count, fault)| Step::Fail(count, fault)),
        1 => Just(Step::Throttle),
        2 => prop::sample::select(vec![1, 1, 1, 60, 301, 3_300, 3_595]).prop_map(Step::Pass),
        1 => (0..PROJECTS.len()).prop_map(Step::Move),
        2 => (0_usize..50).prop_map(Step::GiveWay),
    ]
}

/// What was asked, and what came.
struct Asked {
    session: Session,
    project: usize,
    by: By,
    /// What was issued for it and holds: there is no reason why it should not come.
    owed: bool,
    /// The session had ended.
    over: bool,
    /// How often what it rests on had changed by then.
    changes: usize,
    answer: Result<Served, String>,
}

/// What goes on in one play.
struct Stage<'c> {
    crowd: &'c Arc<Crowd>,
    sessions: Arc<Mutex<Vec<Session>>>,
    exchanges: JoinSet<()>,
    brought: JoinSet<Asked>,
    taken: JoinSet<Asked>,
    hold: Option<Hold<'c>>,
    changes: usize,
    tried: Tried,
    served: Tally,
}

/// How many requests were served, by how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    brought: usize,
    taken: usize,
    /// Of both, those that had to be.
    owed: usize,
}

impl<'c> Stage<'c> {
    fn new(crowd: &'c Arc<Crowd>) -> Self {
        Self {
            crowd,
            sessions: Arc::default(),
            exchanges: JoinSet::new(),
            brought: JoinSet::new(),
            taken: JoinSet::new(),
            hold: None,
            changes: 0,
            tried: Tried::default(),
            served: Tally::default(),
        }
    }

    async fn take(&mut self, step: &Step) {
        let sts = &self.crowd.world.sts;
        match step {
            Step::SignIn { person, roles } => self.sign_in(*person, roles.clone()),
            Step::Renew(session) => self.renew(*session),
            Step::SignOut(session) => {
                self.changes += 1;
                if let Some(session) = self.session(*session) {
                    self.crowd.sign_out(&session).await;
                }
            }
            Step::Ask { session, project, by, times } => {
                self.ask(*session, (*project, *by), *times);
            }
            Step::Collect => self.collect().await,
            Step::Settle => self.settle().await,
            Step::Slow(milliseconds) => sts.slow(Duration::from_millis(*milliseconds)),
            Step::Hold => self.hold = self.hold.take().or_else(|| Some(sts.hold())),
            Step::Fail(count, fault) => sts.fail_next(*count, *fault),
            Step::Throttle => sts.throttle(true),
            Step::Mend => sts.mend(),
            Step::Pass(seconds) => {
                self.changes += 1;
                self.crowd.world.hand.advance(SignedDuration::from_secs(*seconds));
            }
            Step::Move(project) => {
                self.changes += 1;
                self.crowd.move_storages(*project).await;
            }
            Step::GiveWay(turns) => {
                for _ in 0..*turns {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn session(&self, number: usize) -> Option<Session> {
        let sessions = self.sessions.lock().unwrap();
        sessions.get(number.checked_rem(sessions.len())?).cloned()
    }

    fn sign_in(&mut self, person: usize, roles: Vec<&'static str>) {
        let (crowd, sessions) = (Arc::clone(self.crowd), Arc::clone(&self.sessions));
        let claims = crowd.claims(person, &roles);
        self.exchanges.spawn(async move {
            let session = crowd.sign_in(person, &roles, &claims).await;
            sessions.lock().unwrap().push(session);
        });
    }

    fn renew(&mut self, session: usize) {
        let Some(session) = self.session(session) else { return };
        let (crowd, sessions) = (Arc::clone(self.crowd), Arc::clone(&self.sessions));
        let claims = crowd.claims(session.person, &session.roles);
        self.exchanges.spawn(async move {
            let begun = crowd.renew(&session, &claims).await;
            sessions.lock().unwrap().extend(begun);
        });
    }

    fn ask(&mut self, session: usize, (project, by): (usize, By), times: usize) {
        let Some(session) = self.session(session) else { return };
        let (over, changes) = (session.has_ended(), self.changes);
        let owed = !over && owed(self.crowd, &session, project, by);
        let waiting = match by {
            By::Assertion => &mut self.brought,
            By::Name => &mut self.taken,
        };
        for _ in 0..times {
            let (crowd, session) = (Arc::clone(self.crowd), session.clone());
            waiting.spawn_local(async move {
                let answer = crowd.ask(&session, project, by).await;
                Asked { session, project, by, owed, over, changes, answer }
            });
        }
    }

    async fn collect(&mut self) {
        while let Some(asked) = self.brought.join_next().await {
            self.judge(&asked.unwrap()).await;
        }
    }

    async fn settle(&mut self) {
        self.hold = None;
        while let Some(done) = self.exchanges.join_next().await {
            done.unwrap();
        }
        self.collect().await;
        while let Some(asked) = self.taken.join_next().await {
            self.judge(&asked.unwrap()).await;
        }
    }

    async fn judge(&mut self, asked: &Asked) {
        let Asked { session, project, by, owed, over, changes, answer } = asked;
        let owed = *owed && *changes == self.changes;
        match answer {
            Ok(served) => {
                assert!(!over, "{} is served after he signed out", session.email());
                self.tried.check(self.crowd, (session, *project, *by), served).await;
                match by {
                    By::Assertion => self.served.brought += 1,
                    By::Name => self.served.taken += 1,
                }
                self.served.owed += usize::from(owed);
            }
            Err(error) => {
                assert!(!owed, "{} lost {project} {by:?}: {error}", session.email());
            }
        }
    }
}

async fn play(steps: &[Step]) -> Tally {
    let crowd = Arc::new(Crowd::new().await);
    let mut stage = Stage::new(&crowd);
    // Somebody is there.
    for person in [0, 1] {
        stage.take(&Step::SignIn { person, roles: ROLES.to_vec() }).await;
        stage.take(&Step::Settle).await;
    }
    for step in steps {
        stage.take(step).await;
    }
    stage.settle().await;
    Box::pin(everybody_is_served_at_last(&mut stage)).await;
    stage.served
}

/// Whatever happened, once the STS is well, whoever signs in opens everything that is his.
async fn everybody_is_served_at_last(stage: &mut Stage<'_>) {
    let crowd = Arc::clone(stage.crowd);
    crowd.world.sts.mend();
    crowd.world.hand.advance(SignedDuration::from_hours(2));
    for person in 0..PEOPLE.len() {
        let session = crowd.sign_in(person, &ROLES, &crowd.claims(person, &ROLES)).await;
        for project in 0..PROJECTS.len() {
            for by in By::BOTH {
                let served = crowd.ask(&session, project, by).await.unwrap();
                stage.tried.check(&crowd, (&session, project, by), &served).await;
            }
        }
    }
}

/// On one thread that takes requests, beside two that do what is asked for.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_issued_comes_to_whom_it_was_issued_for_and_stays_with_him(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        run(play(&steps));
    }
}

#[test]
fn the_play_above_does_serve() {
    let sign_in = |person| Step::SignIn { person, roles: ROLES.to_vec() };
    let ask = |session, by| Step::Ask { session, project: 0, by, times: 5 };
    let [brought, taken] = [ask(0, By::Assertion), ask(0, By::Name)];
    let fail = |code| Step::Fail(4, Fault::Refuse(code));
    let steps = [
        brought.clone(),
        taken.clone(),
        Step::Settle,
        // Whoever else comes while the STS is in trouble, what there is serves on: the second time, it has to.
        fail(Code::ServiceUnavailable),
        sign_in(1),
        Step::Settle,
        Step::Hold,
        sign_in(2),
        taken,
        brought.clone(),
        Step::Collect,
        Step::Settle,
        // And to nobody who has gone.
        Step::SignOut(0),
        brought,
    ];
    assert_eq!(run(play(&steps)), Tally { brought: 10, taken: 10, owed: 15 });
}

/// So many requests at once, each up to its credential: the ids that they got.
async fn at_once(crowd: &Arc<Crowd>, session: &Session, by: By) -> BTreeSet<String> {
    let mut asked = JoinSet::new();
    for _ in 0..1_000 {
        let (crowd, session) = (Arc::clone(crowd), session.clone());
        asked.spawn_local(async move { crowd.ask(&session, 0, by).await });
    }
    let mut ids = BTreeSet::new();
    while let Some(answer) = asked.join_next().await {
        ids.insert(answer.unwrap().unwrap().credential.id().unwrap().to_owned());
    }
    ids
}

#[test]
fn a_thousand_requests_at_once_make_one_call() {
    run(async {
        let crowd = Arc::new(Crowd::new().await);
        let sts = &crowd.world.sts;
        let session = crowd.sign_in(0, &ROLES, &crowd.claims(0, &ROLES)).await;
        let mut all = BTreeSet::new();
        for round in 1..=2 {
            let before = sts.calls().len();
            // Nobody is answered before everybody has asked.
            let held = sts.hold();
            let asked = at_once(&crowd, &session, By::Name);
            let (ids, ()) = tokio::join!(asked, async {
                crowd.until_wanted(round * 1_000).await;
                sts.until_arrived(before + 1).await;
                drop(held);
            });
            assert_eq!(ids.len(), 1, "{ids:?}");
            assert_eq!(sts.calls().len(), before + 1);
            all.extend(ids);
            // Empty again.
            crowd.world.hand.advance(SignedDuration::from_hours(2));
        }
        assert_eq!(all.len(), 2, "fresh ones after the others' end");
    });
}

#[test]
fn a_thousand_requests_at_once_for_what_was_brought_make_none() {
    run(async {
        let crowd = Arc::new(Crowd::new().await);
        let session = crowd.sign_in(0, &ROLES, &crowd.claims(0, &ROLES)).await;
        let before = crowd.world.sts.calls().len();
        let mut all = BTreeSet::new();
        for _ in 0..2 {
            let ids = at_once(&crowd, &session, By::Assertion).await;
            assert_eq!(ids.len(), 1, "{ids:?}");
            all.extend(ids);
            crowd.forget(&session);
        }
        assert_eq!(all.len(), 1, "read again, they are the same");
        assert_eq!(crowd.world.sts.calls().len(), before);
    });
}

/// Two tabs renew at once, and the catalogue changes between them: the one that began before lands last.
#[test]
fn a_renewal_from_before_a_change_takes_nothing_from_one_after_it() {
    run(async {
        let crowd = Arc::new(Crowd::new().await);
        let session = crowd.sign_in(0, &ROLES, &crowd.claims(0, &ROLES)).await;
        let (there, before) = (Arc::clone(&crowd), session.clone());
        let ((had, has), (go, goes)) = (oneshot::channel(), oneshot::channel());
        let older = tokio::spawn(async move {
            let claims = there.claims(0, &ROLES);
            let late = async {
                had.send(()).unwrap();
                goes.await.unwrap();
            };
            there.renew_late(&before, &claims, late).await
        });
        has.await.unwrap();
        crowd.move_storages(0).await;
        crowd.renew(&session, &crowd.claims(0, &ROLES)).await;
        crowd.ask(&session, 0, By::Assertion).await.unwrap();
        go.send(()).unwrap();
        older.await.unwrap();
        crowd.ask(&session, 0, By::Assertion).await.unwrap();
    });
}
