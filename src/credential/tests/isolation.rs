//! R25 as a property: whatever is asked in whatever order, and however STS dawdles and fails, keys come to the project
//! and storage that they were made for, and to no other.

use std::sync::Arc;

use proptest::prelude::*;
use tokio::task::JoinSet;

use super::sts::Deed;
use super::{World, storage};
use crate::catalog::Storage;
use crate::credential::Credential;
use crate::ground::clock::SignedDuration;

#[derive(Debug, Clone)]
enum Step {
    /// So many requests at a time for one storage.
    Ask {
        project: i64,
        storage: i64,
        revision: u64,
        times: usize,
    },
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
        Deed::Refuse(400, "PackedPolicyTooLarge", "200%"),
        Deed::Refuse(403, "ExpiredToken", "the token has expired"),
        Deed::Refuse(503, "ServiceUnavailable", ""),
        Deed::Garbage,
        Deed::OtherRole,
        Deed::Dawdle(100),
        Deed::Dawdle(3),
    ]);
    prop_oneof![
        6 => (0_i64..3, 0_i64..2, 1_u64..3, 1_usize..6)
            .prop_map(|(project, storage, revision, times)| Step::Ask { project, storage, revision, times }),
        2 => refusals.prop_map(Step::Sts),
        2 => prop::sample::select(vec![1, 30, 400, 3300, 3595, 4000]).prop_map(Step::Pass),
        1 => Just(Step::Reject),
        2 => (0_usize..50).prop_map(Step::GiveWay),
    ]
}

/// Every storage has the same id in every project, so that nothing but the project tells them apart.
fn place(project: i64, id: i64, revision: u64) -> Arc<Storage> {
    let prefix = format!("p{project}-s{id}-r{revision}");
    let mut storage = storage(project, id, "team", ("media", &prefix));
    storage.revision = revision;
    Arc::new(storage)
}

fn check(world: &World, storage: &Storage, credential: &Credential) {
    let call = world.sts.issued(credential.id().unwrap());
    let (project, id, revision) = (storage.project.0, storage.id.0, storage.revision);
    let session = format!("sluicegate-project-{project}-storage-{id}");
    assert_eq!(call.parameter("RoleSessionName"), session);
    let resource = format!("\"arn:aws:s3:::media/p{project}-s{id}-r{revision}/*\"");
    assert!(call.parameter("Policy").contains(&resource), "{call:?}");
    let until = credential.aws().unwrap().expires().unwrap();
    assert!(until > "2026-01-01T00:00:00Z".parse().unwrap());
}

async fn play(steps: &[Step]) -> usize {
    let world = Arc::new(World::new().await);
    let mut asked: JoinSet<Option<(Arc<Storage>, Credential)>> = JoinSet::new();
    let mut served = 0;
    for step in steps {
        match step {
            Step::Ask { project, storage, revision, times } => {
                let storage = place(*project, *storage, *revision);
                for _ in 0..*times {
                    let (world, storage) = (Arc::clone(&world), Arc::clone(&storage));
                    asked.spawn(async move {
                        let credential = world.mint(&storage).await.ok()?;
                        Some((storage, credential))
                    });
                }
            }
            Step::Sts(deed) => world.sts.then(*deed),
            Step::Pass(seconds) => world.hand.advance(SignedDuration::from_secs(*seconds)),
            Step::Reject => {
                while let Some(answer) = asked.join_next().await {
                    if let Some((storage, credential)) = answer.unwrap() {
                        check(&world, &storage, &credential);
                        credential.reject(world.tools.clock.now());
                        served += 1;
                    }
                }
            }
            Step::GiveWay(turns) => {
                for _ in 0..*turns {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
    for (storage, credential) in asked.join_all().await.into_iter().flatten() {
        check(&world, &storage, &credential);
        served += 1;
    }
    // Whatever happened, it passes: with STS well again, everyone is served.
    world.sts.forget_deeds();
    for (project, id) in [(0, 0), (0, 1), (1, 0), (2, 1)] {
        let storage = place(project, id, 1);
        check(&world, &storage, &served_at_last(&world, &storage).await);
    }
    served
}

/// A renewal that was under way while STS was ill may still fail, and begin one more pause.
async fn served_at_last(world: &World, storage: &Arc<Storage>) -> Credential {
    for _ in 0..3 {
        world.hand.advance(SignedDuration::from_hours(2));
        if let Ok(credential) = world.mint(storage).await {
            return credential;
        }
    }
    world.hand.advance(SignedDuration::from_hours(2));
    world.mint(storage).await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keys_come_to_the_project_and_storage_that_they_were_made_for(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(&steps));
    }
}

#[test]
fn the_play_above_does_serve() {
    let ask = |project| Step::Ask { project, storage: 0, revision: 1, times: 5 };
    let steps = [ask(0), ask(1), Step::Sts(Deed::Dawdle(10)), ask(2), ask(1)];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(play(&steps)), 20);
}
