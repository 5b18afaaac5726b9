//! What is asked of STS, how often, and what happens when it does not give.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::socket::serve;
use super::sts::{Deed, SOURCE};
use super::world::settings;
use super::{World, storage};
use crate::catalog::Storage;
use crate::credential::{Credential, CredentialError, Source, SourceError, Sources, Variables};
use crate::ground::clock::SignedDuration;
use crate::ground::secret::Secret;

fn team(project: i64, id: i64) -> Arc<Storage> {
    Arc::new(storage(project, id, "team", ("media", "scans")))
}

fn cause(error: &CredentialError) -> &SourceError {
    let CredentialError::Unavailable { cause, .. } = error else { panic!("{error}") };
    if let SourceError::Paused { cause } = &**cause { cause } else { cause }
}

const ACCESS_DENIED: Deed = Deed::Refuse(403, "AccessDenied", "not authorized to sts:AssumeRole");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_asked_for_as_the_settings_and_the_storage_say() {
    let world = World::new().await;
    let credential = world.mint(&team(7, 3)).await.unwrap();
    let call = world.sts.issued(credential.id().unwrap());
    assert_eq!(call.by.as_deref(), Some(SOURCE.0));
    for (name, value) in [
        ("Action", "AssumeRole"),
        ("RoleArn", "arn:aws:iam::123456789012:role/path/x"),
        ("RoleSessionName", "sluicegate-project-7-storage-3"),
        ("ExternalId", "from-us"),
        ("DurationSeconds", "3600"),
    ] {
        assert_eq!(call.parameter(name), value);
    }
    assert!(call.parameter("Policy").contains("arn:aws:s3:::media/scans/*"));
    let keys = credential.aws().unwrap();
    assert_eq!(keys.session_token().unwrap().expose(), "canary-token-0");
    // Kept: no second call.
    world.id(&team(7, 3)).await;
    assert_eq!(world.sts.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn static_keys_are_shared_and_cost_no_call() {
    let world = World::new().await;
    for (project, id) in [(1, 1), (2, 2)] {
        let storage = Arc::new(storage(project, id, "keys", ("media", "")));
        assert_eq!(world.id(&storage).await, SOURCE.0);
    }
    assert!(world.sts.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_may_stand_on_a_role_whose_keys_are_then_not_cut() {
    let world = World::new().await;
    let guest = Arc::new(storage(1, 1, "guest", ("media", "scans")));
    let call = world.sts.issued(&world.id(&guest).await);
    assert!(!call.parameter("Policy").is_empty());
    let below = world.sts.issued(call.by.as_deref().unwrap());
    assert_eq!(below.parameter("RoleArn"), "arn:aws:iam::123456789012:role/path/x");
    assert_eq!(below.parameter("Policy"), "");
    // The uncut keys never open a storage.
    let other = Arc::new(storage(1, 2, "team", ("media", "scans")));
    assert!(!world.sts.issued(&world.id(&other).await).parameter("Policy").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_storage_and_every_revision_of_it_has_keys_of_its_own() {
    let world = World::new().await;
    let mut again = storage(1, 1, "team", ("media", "other"));
    again.revision = 2;
    let storages = [team(1, 1), team(1, 2), team(2, 3), Arc::new(again)];
    let mut ids = Vec::new();
    for storage in &storages {
        ids.push(world.id(storage).await);
    }
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert!(world.sts.issued(&ids[3]).parameter("Policy").contains("media/other/*"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_parallel_misses_make_one_call() {
    let world = Arc::new(World::new().await);
    world.sts.shut(true);
    let storage = team(1, 1);
    let started = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (world, storage, started) =
            (Arc::clone(&world), Arc::clone(&storage), Arc::clone(&started));
        tasks.spawn(async move {
            started.fetch_add(1, Ordering::SeqCst);
            world.id(&storage).await
        });
    }
    world.until(|| started.load(Ordering::SeqCst) == 1000 && !world.sts.calls().is_empty()).await;
    world.sts.shut(false);
    let ids = tasks.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(world.sts.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_failing_storages_do_not_hammer_sts() {
    let world = Arc::new(World::new().await);
    for _ in 0..1000 {
        world.sts.then(ACCESS_DENIED);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for id in 0..1000 {
        let world = Arc::clone(&world);
        tasks.spawn(async move { world.mint(&team(id, id)).await.is_err() });
    }
    assert!(tasks.join_all().await.into_iter().all(|failed| failed));
    assert!(world.sts.calls().len() <= 8, "{} calls", world.sts.calls().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_left_alone_ever_longer_and_forgotten_after_success() {
    let world = World::new().await;
    let storage = team(1, 1);
    let mut asked = 0;
    for pause in [500, 1000, 2000] {
        world.sts.then(ACCESS_DENIED);
        let error = world.mint(&storage).await.unwrap_err();
        assert!(cause(&error).to_string().contains("sts:AssumeRole"), "{error:?}");
        asked += 1;
        world.hand.advance(SignedDuration::from_millis(pause - 1));
        assert!(world.mint(&storage).await.is_err());
        assert_eq!(world.sts.calls().len(), asked, "asked again too early");
        world.hand.advance(SignedDuration::from_millis(1));
    }
    world.id(&storage).await;
    assert_eq!(world.sts.calls().len(), asked + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duration_longer_than_the_role_allows_is_negotiated_once() {
    let world = World::new().await;
    world.sts.at_most_seconds(7000);
    world.minter.install(Sources::read(&settings(&world.sts, 43_200)).unwrap());
    world.id(&team(1, 1)).await;
    world.id(&team(1, 2)).await;
    let asked: Vec<_> = world.sts.calls();
    let asked: Vec<&str> = asked.iter().map(|call| call.parameter("DurationSeconds")).collect();
    assert_eq!(asked, ["43200", "28800", "14400", "7200", "3600", "3600"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_for_the_role_is_refused() {
    let world = World::new().await;
    world.sts.then(Deed::OtherRole);
    let error = world.mint(&team(1, 1)).await.unwrap_err();
    let SourceError::OtherRole { asked, answered } = cause(&error) else { panic!("{error:?}") };
    assert_eq!(asked, "arn:aws:sts::123456789012:assumed-role/x/sluicegate-project-1-storage-1");
    assert!(answered.contains("somebody-elses"));
    world.hand.advance(SignedDuration::from_secs(60));
    world.sts.then(Deed::Garbage);
    let error = world.mint(&team(1, 1)).await.unwrap_err();
    assert!(matches!(cause(&error), SourceError::BadAnswer { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_renewed_early_while_the_old_ones_serve() {
    let world = World::new().await;
    let storage = team(1, 1);
    let first = world.id(&storage).await;
    world.hand.advance(SignedDuration::from_mins(54));
    assert_eq!(world.id(&storage).await, first);
    assert_eq!(world.sts.calls().len(), 1);
    world.hand.advance(SignedDuration::from_mins(2));
    world.sts.shut(true);
    for _ in 0..100 {
        assert_eq!(world.id(&storage).await, first);
    }
    world.until(|| world.sts.calls().len() == 2).await;
    world.sts.shut(false);
    world.until(|| world.at_rest(&storage)).await;
    assert_ne!(world.id(&storage).await, first);
    assert_eq!(world.sts.calls().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_keys_serve_through_failing_renewals_and_never_past_their_end() {
    let world = World::new().await;
    let storage = team(1, 1);
    let first = world.id(&storage).await;
    world.hand.advance(SignedDuration::from_mins(56));
    for n in 0..3 {
        world.sts.then(ACCESS_DENIED);
        assert_eq!(world.id(&storage).await, first);
        world.until(|| world.sts.calls().len() == 2 + n && world.at_rest(&storage)).await;
        world.hand.advance(SignedDuration::from_mins(1));
    }
    world.sts.then(ACCESS_DENIED);
    // 59:51 of 60:00.
    world.hand.advance(SignedDuration::from_secs(51));
    let error = world.mint(&storage).await.unwrap_err();
    assert!(matches!(cause(&error), SourceError::Refused { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_keys_are_dropped_and_fresh_ones_not_fetched_again() {
    let world = World::new().await;
    let reject = |credential: &Credential| credential.reject(world.tools.clock.now());
    let storage = team(1, 1);
    let first = world.mint(&storage).await.unwrap();
    world.hand.advance(SignedDuration::from_mins(2));
    reject(&first);
    let second = world.mint(&storage).await.unwrap();
    assert_ne!(second.id(), first.id());
    // The old one again: it is not the one in use.
    reject(&first);
    assert_eq!(world.id(&storage).await, second.id().unwrap());
    reject(&second);
    assert_eq!(world.id(&storage).await, second.id().unwrap(), "fresh");
    world.hand.advance(SignedDuration::from_mins(1));
    reject(&second);
    assert_ne!(world.id(&storage).await, second.id().unwrap());
    assert_eq!(world.sts.calls().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_one_storage_refuses_still_open_the_others() {
    let world = World::new().await;
    let well = Arc::new(storage(1, 1, "keys", ("media", "")));
    let ill = Arc::new(storage(2, 2, "keys", ("elsewhere", "")));
    for second in [0, 1, 59, 3600] {
        world.hand.advance(SignedDuration::from_secs(second));
        world.mint(&ill).await.unwrap().reject(world.tools.clock.now());
        assert_eq!(world.id(&well).await, SOURCE.0, "after {second} s more");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_keys_that_one_storage_refuses_serve_until_others_have_come() {
    let world = World::new().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    let address = serve(move |_| {
        let turn = counting.fetch_add(1, Ordering::SeqCst);
        async move {
            let body = format!(
                "{{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA{turn}\",\"SecretAccessKey\":\"s\",\
                 \"Token\":\"t\",\"Expiration\":\"2026-01-02T00:00:00Z\"}}"
            );
            (200, body)
        }
    });
    let uri = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{}/", address.await));
    let mut settings = settings(&world.sts, 3600);
    settings.environment = Variables::new([(uri.0.to_owned(), Secret::new(uri.1))]);
    settings.sources.insert("chain".parse().unwrap(), Source::Chain { profile: None });
    world.minter.install(Sources::read(&settings).unwrap());
    let (well, ill) = (storage(1, 1, "chain", ("media", "")), storage(2, 2, "chain", ("b", "")));
    let (well, ill) = (Arc::new(well), Arc::new(ill));
    let refused = world.mint(&ill).await.unwrap();
    refused.reject(world.tools.clock.now());
    assert_eq!(world.id(&well).await, "ASIA0", "they are fresh: others would be the same");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    world.hand.advance(SignedDuration::from_mins(1));
    refused.reject(world.tools.clock.now());
    assert_eq!(world.id(&well).await, "ASIA0", "nobody waits for those that come");
    world.until(|| world.at_rest(&well)).await;
    assert_eq!(world.id(&well).await, "ASIA1");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sts_is_not_asked_again_with_keys_that_it_refused() {
    let world = World::new().await;
    world.sts.then(Deed::Refuse(403, "InvalidClientTokenId", "unknown"));
    let error = world.mint(&team(1, 1)).await.unwrap_err();
    assert!(matches!(cause(&error), SourceError::Refused { .. }), "{error:?}");
    assert_eq!(world.sts.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_settings_void_what_was_fetched_and_equal_ones_do_not() {
    let world = World::new().await;
    let storage = team(1, 1);
    let first = world.id(&storage).await;
    world.minter.install(Sources::read(&settings(&world.sts, 3600)).unwrap());
    assert_eq!(world.id(&storage).await, first);
    world.minter.install(Sources::read(&settings(&world.sts, 1800)).unwrap());
    assert_ne!(world.id(&storage).await, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_defined_or_another_projects_storage_is_refused() {
    let world = World::new().await;
    let lost = Arc::new(storage(1, 1, "nobody", ("media", "")));
    assert!(matches!(world.mint(&lost).await, Err(CredentialError::Unknown { .. })));
    let elsewhere = super::world::project(2);
    let refused = world.minter.open(&super::world::wanted(&elsewhere, &team(1, 1))).await;
    assert!(matches!(refused, Err(CredentialError::ForeignStorage)));
    let long = Arc::new(storage(1, 1, "team", ("media", &"p".repeat(1000))));
    let error = world.mint(&long).await.unwrap_err();
    assert!(matches!(cause(&error), SourceError::PolicyTooLarge { .. }), "{error:?}");
    // Its own trouble only: the role's other storages are served.
    world.id(&team(1, 2)).await;
    assert_eq!(world.sts.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trying_all_tells_which_can_be_had() {
    let world = World::new().await;
    world.sts.then(ACCESS_DENIED);
    let trials = world.minter.try_all().await;
    let seen: Vec<_> =
        trials.iter().map(|trial| (trial.name.as_str(), trial.outcome.is_ok())).collect();
    // `guest` stands on `team`, which is asked first for it and refused.
    assert_eq!(seen, [("guest", false), ("keys", true), ("team", false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_printed() {
    let world = World::new().await;
    let credential = world.mint(&team(1, 1)).await.unwrap();
    world.sts.then(ACCESS_DENIED);
    let error = world.mint(&team(2, 2)).await.unwrap_err();
    let settings = settings(&world.sts, 3600);
    let seen = format!("{credential:?} {:?} {error} {error:?} {settings:?}", world.minter);
    assert!(seen.contains("ASIA000000000000") && !seen.contains("canary"), "{seen}");
}
