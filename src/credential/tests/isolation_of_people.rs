//! R25 once more, for what people bring and for what is taken under their names: whatever is asked by whom in whatever order,
//! however STS dawdles and fails, whoever comes and goes, keys come to the session, person, role, project and storage that
//! they were made for, and to no other.

use std::sync::Arc;

use proptest::prelude::*;
use tokio::task::JoinSet;

use super::crowd::{Crowd, Session, role};
use super::sts::Deed;
use crate::credential::{Credential, CredentialError};
use crate::ground::clock::SignedDuration;

const ROLES: [&str; 2] = ["labeler", "admin"];

#[derive(Debug, Clone)]
enum Step {
    /// Somebody signs in with an assertion of these roles, in the background.
    SignIn {
        person: usize,
        roles: Vec<&'static str>,
    },
    /// So many requests at a time in one of the sessions that there are.
    Ask {
        session: usize,
        place: (usize, i64, u64),
        role: Option<&'static str>,
        times: usize,
    },
    SignOut(usize),
    /// Wait until everybody who signs in is through.
    Settle,
    Sts(Deed),
    Pass(i64),
    /// Wait for everything asked so far, and reject what came.
    Reject,
    GiveWay(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let refusals = prop::sample::select(vec![
        Deed::Refuse(403, "AccessDenied", "no"),
        Deed::Refuse(400, "Throttling", "slower"),
        Deed::Refuse(400, "IDPRejectedClaim", "no"),
        Deed::Refuse(400, "PackedPolicyTooLarge", "200%"),
        Deed::Garbage,
        Deed::OtherRole,
        Deed::Dawdle(100),
        Deed::Dawdle(3),
    ]);
    let place = (0_usize..2, 1_i64..4, prop::sample::select(vec![1_u64, 1, 1, 2]));
    let roles = prop::sample::subsequence(ROLES.to_vec(), 0..=2);
    let role = prop::option::of(prop::sample::select(ROLES.to_vec()));
    prop_oneof![
        2 => (0_usize..2, roles).prop_map(|(person, roles)| Step::SignIn { person, roles }),
        6 => (0_usize..6, place, role, 1_usize..6)
            .prop_map(|(session, place, role, times)| Step::Ask { session, place, role, times }),
        1 => (0_usize..6).prop_map(Step::SignOut),
        2 => Just(Step::Settle),
        2 => refusals.prop_map(Step::Sts),
        1 => prop::sample::select(vec![1, 30, 400, 3300, 3595]).prop_map(Step::Pass),
        1 => Just(Step::Reject),
        2 => (0_usize..50).prop_map(Step::GiveWay),
    ]
}

/// Which storage of which project as it is at which revision, as which role at AWS.
type What = ((usize, i64, u64), Option<&'static str>);
/// What was asked, and what came.
type Asked = (Session, (usize, i64, u64), Option<&'static str>, Credential);

fn check(crowd: &Crowd, (session, (project, id, revision), asked, credential): &Asked) {
    let call = crowd.world.sts.issued(credential.id().unwrap());
    let person = &crowd.people[session.person];
    assert_eq!(call.session(), person.email.as_str(), "{call:?}");
    let name = crowd.projects[*project].1;
    let resource = format!("\"arn:aws:s3:::media/{name}-s{id}-r{revision}/*\"");
    let policy = call.parameter("Policy");
    assert!(policy.contains(&resource), "{call:?}");
    let other = crowd.projects[1 - project].1;
    assert!(!policy.contains(&format!("/{other}-")), "{call:?}");
    let taken = *id == 3;
    let expected = asked.map_or_else(|| role("path/x"), role);
    assert_eq!(call.parameter("RoleArn"), expected, "{call:?}");
    assert_eq!(call.parameter("Action") == "AssumeRole", taken, "{call:?}");
    assert_eq!(credential.acting(), Some((&*expected, person.email.as_str())));
    if taken {
        assert_eq!(call.parameter("Tags.member.2.Value"), name, "{call:?}");
    } else {
        // Annotators are labelers, whatever else is asked for.
        assert_eq!(*asked, Some("labeler"), "{call:?}");
        assert!(session.asserted.roles.iter().any(|one| one.role == expected), "{session:?}");
    }
}

/// What goes on in one play.
#[derive(Default)]
struct Stage {
    sessions: Vec<Session>,
    exchanges: JoinSet<()>,
    asked: JoinSet<Result<Asked, CredentialError>>,
    served: Vec<Asked>,
}

impl Stage {
    fn session(&self, number: usize) -> Option<&Session> {
        self.sessions.get(number.checked_rem(self.sessions.len())?)
    }

    async fn sign_in(&mut self, crowd: &Arc<Crowd>, person: usize, roles: &[&str]) {
        let session = crowd.begin(person, roles).await;
        self.sessions.push(session.clone());
        let crowd = Arc::clone(crowd);
        self.exchanges.spawn(async move {
            let presented = crowd.presented(&session);
            crowd.exchange(&session, &presented).await;
        });
    }

    fn ask(&mut self, crowd: &Arc<Crowd>, (session, times): (usize, usize), what: What) {
        let Some(session) = self.session(session).cloned() else { return };
        for _ in 0..times {
            let (crowd, session) = (Arc::clone(crowd), session.clone());
            self.asked.spawn(async move {
                let (place, role) = what;
                let credential = crowd.mint(&session, place, role).await?;
                Ok((session, place, role, credential))
            });
        }
    }

    async fn sign_out(&self, crowd: &Crowd, session: usize) {
        if let Some(session) = self.session(session) {
            crowd.records.end_session(&session.id.0).await.unwrap();
            crowd.minter.forget(&session.id);
        }
    }

    async fn collect(&mut self, crowd: &Crowd, rejects: bool) {
        let mut answers = Vec::new();
        while let Some(answer) = self.asked.join_next().await {
            answers.extend(answer.unwrap());
        }
        // All have come: none meets another's rejection.
        for answer in answers {
            check(crowd, &answer);
            if rejects {
                answer.3.reject(crowd.world.tools.clock.now());
            }
            self.served.push(answer);
        }
    }
}

/// Plays the steps; how often somebody was served with what he brought, and with what was taken for him.
async fn play(steps: &[Step]) -> (usize, usize) {
    let (crowd, mut stage) = (Arc::new(Crowd::new().await), Stage::default());
    for step in steps {
        match step {
            Step::SignIn { person, roles } => stage.sign_in(&crowd, *person, roles).await,
            Step::Ask { session, place, role, times } => {
                stage.ask(&crowd, (*session, *times), (*place, *role));
            }
            Step::SignOut(session) => stage.sign_out(&crowd, *session).await,
            Step::Settle => while stage.exchanges.join_next().await.is_some() {},
            Step::Sts(deed) => crowd.world.sts.then(*deed),
            Step::Pass(seconds) => crowd.world.hand.advance(SignedDuration::from_secs(*seconds)),
            Step::Reject => stage.collect(&crowd, true).await,
            Step::GiveWay(turns) => give_way(*turns).await,
        }
    }
    while stage.exchanges.join_next().await.is_some() {}
    stage.collect(&crowd, false).await;
    no_session_has_anothers(&stage.served);
    everybody_is_served_at_last(&crowd).await;
    let brought = stage.served.iter().filter(|(_, (_, id, _), ..)| *id != 3).count();
    (brought, stage.served.len() - brought)
}

async fn give_way(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

/// Whatever happened, whoever signs in now is served.
async fn everybody_is_served_at_last(crowd: &Crowd) {
    crowd.world.sts.forget_deeds();
    crowd.world.hand.advance(SignedDuration::from_hours(2));
    for person in [0, 1] {
        let session = crowd.sign_in(person, &ROLES).await;
        for (place, role) in [((0, 1, 1), Some("labeler")), ((1, 2, 1), Some("labeler"))] {
            let credential = crowd.mint(&session, place, role).await.unwrap();
            check(crowd, &(session.clone(), place, role, credential));
        }
    }
}

/// What was brought in one session was never given in another, not even of the same person.
fn no_session_has_anothers(served: &[Asked]) {
    let brought = served.iter().filter(|(_, (_, id, _), ..)| *id != 3);
    let mut owners = std::collections::HashMap::new();
    for (session, _, _, credential) in brought {
        let id = credential.id().unwrap().to_owned();
        let owner = *owners.entry(id).or_insert(session.id);
        assert_eq!(owner, session.id);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keys_come_to_the_session_person_and_role_that_they_were_made_for(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(&steps));
    }
}

#[test]
fn the_play_above_does_serve() {
    let sign_in = |person| Step::SignIn { person, roles: ROLES.to_vec() };
    let ask = |session, id, role| Step::Ask { session, place: (0, id, 1), role, times: 5 };
    let steps = [sign_in(0), sign_in(1), ask(0, 3, None), ask(1, 3, Some("admin")), Step::Reject];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(play(&steps)), (0, 10));
    let labels = |session| ask(session, 1, Some("labeler"));
    let steps = [sign_in(0), sign_in(1), Step::Settle, labels(0), labels(1), Step::Reject];
    assert_eq!(runtime.block_on(play(&steps)), (10, 0));
}
