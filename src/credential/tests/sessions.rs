//! What people brought, as their requests use it: opened once, by them alone, for as long as it is good.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::crowd::{Crowd, role};
use super::sts::Deed;
use crate::catalog::Asserted;
use crate::credential::{CredentialError, Ended};
use crate::ground::clock::SignedDuration;

const LABELER: Option<&str> = Some("labeler");

#[track_caller]
fn ended(outcome: Result<crate::credential::Credential, CredentialError>) -> Ended {
    let error = outcome.unwrap_err();
    let CredentialError::SignInAgain { why, .. } = error else { panic!("{error:?}") };
    why
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_brought_opens_its_projects_storages_and_no_call_is_made_for_it() {
    let crowd = Crowd::new().await;
    let session = crowd.sign_in(0, &["labeler"]).await;
    let calls = crowd.world.sts.calls().len();
    let mut ids = Vec::new();
    for (project, storage) in [(0, 1), (0, 2), (1, 1), (1, 2)] {
        let credential = crowd.mint(&session, (project, storage, 1), LABELER).await.unwrap();
        assert_eq!(credential.acting(), Some((&*role("labeler"), "ann@example.com")));
        ids.push(credential.id().unwrap().to_owned());
    }
    assert_eq!((&ids[0], &ids[2]), (&ids[1], &ids[3]));
    assert_ne!(ids[0], ids[2]);
    assert_eq!(crowd.world.sts.calls().len(), calls);
    for _ in 0..10 {
        crowd.mint(&session, (0, 1, 1), LABELER).await.unwrap();
    }
    assert_eq!(crowd.loads(), 4, "one for each storage");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_parallel_misses_make_one_load() {
    let crowd = Arc::new(Crowd::new().await);
    let session = crowd.sign_in(0, &["labeler"]).await;
    let started = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (crowd, session, started) = (Arc::clone(&crowd), session.clone(), Arc::clone(&started));
        tasks.spawn(async move {
            started.fetch_add(1, Ordering::SeqCst);
            let credential = crowd.mint(&session, (0, 1, 1), LABELER).await.unwrap();
            credential.id().unwrap().to_owned()
        });
    }
    let ids = tasks.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!((started.load(Ordering::SeqCst), crowd.loads()), (1000, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_parallel_misses_of_nothing_make_one_load() {
    let crowd = Arc::new(Crowd::new().await);
    let session = crowd.begin(0, &["labeler"]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (crowd, session) = (Arc::clone(&crowd), session.clone());
        tasks.spawn(async move { ended(crowd.mint(&session, (0, 1, 1), LABELER).await) });
    }
    assert!(tasks.join_all().await.iter().all(|why| *why == Ended::Never));
    assert_eq!(crowd.loads(), 1, "and nobody asks again for a while");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_with_its_time_and_before_the_storage_says_so() {
    let crowd = Crowd::new().await;
    let session = crowd.sign_in(0, &["labeler"]).await;
    crowd.mint(&session, (0, 1, 1), LABELER).await.unwrap();
    crowd.world.hand.advance(SignedDuration::from_secs(3600 - 11));
    crowd.mint(&session, (0, 1, 1), LABELER).await.unwrap();
    crowd.mint(&session, (0, 2, 1), LABELER).await.unwrap();
    assert_eq!(crowd.loads(), 2, "there is nothing to renew it with");
    crowd.world.hand.advance(SignedDuration::from_secs(1));
    assert_eq!(ended(crowd.mint(&session, (0, 1, 1), LABELER).await), Ended::Expired);
    assert_eq!(ended(crowd.mint(&session, (1, 1, 1), LABELER).await), Ended::Expired);
    // Who signs in again is served again.
    let again = crowd.sign_in(0, &["labeler"]).await;
    crowd.mint(&again, (0, 1, 1), LABELER).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_had_anew_serves_to_its_own_end_whatever_else_begins_or_ends() {
    let mut crowd = Crowd::new().await;
    crowd.elsewhere = Some("https://minio.example.com");
    let (cats, dogs) = (crowd.projects[0].0, crowd.projects[1].0);
    crowd.people[0].memberships.projects.remove(&dogs);
    let session = crowd.sign_in(0, &["labeler"]).await;
    let mint = async |id| crowd.mint(&session, (0, id, 1), LABELER).await;
    let renew = async |refused| {
        for _ in 0..refused {
            crowd.world.sts.then(Deed::Refuse(403, "AccessDenied", "no"));
        }
        crowd.exchange(&session, &crowd.presented(&session)).await;
        crowd.minter.forget(&session.id);
    };
    let first = [mint(1).await.unwrap(), mint(2).await.unwrap()];
    let minutes = SignedDuration::from_mins;
    crowd.world.hand.advance(minutes(30));
    // One of the two is new, and the other is what it was.
    renew(1).await;
    let then = [mint(1).await.unwrap(), mint(2).await.unwrap()];
    let kept = [0, 1].map(|at| first[at].id() == then[at].id());
    assert!(kept == [true, false] || kept == [false, true], "{kept:?}");
    let [old, new] = if kept[0] { [1, 2] } else { [2, 1] };
    let [was, is] = if kept[0] { [&first[0], &then[1]] } else { [&first[1], &then[0]] };
    let role = role("labeler");
    let row = crowd.records.session_credential(&session.id.0, cats, &role).await.unwrap();
    let left = row.unwrap().expires.duration_since(crowd.world.tools.clock.now());
    assert_eq!(left, minutes(30), "something of it has to be renewed then");
    // Nothing is: what there is stays.
    renew(2).await;
    assert_eq!(mint(old).await.unwrap().id(), was.id());
    // The older one has ended, and the newer one goes on, whatever is renewed.
    crowd.world.hand.advance(minutes(31));
    assert_eq!(ended(mint(old).await), Ended::Expired);
    renew(2).await;
    assert_eq!(mint(new).await.unwrap().id(), is.id());
    assert_eq!(ended(mint(old).await), Ended::Changed);
    renew(0).await;
    assert!(mint(old).await.is_ok() && mint(new).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_that_was_changed_since_is_not_opened() {
    let crowd = Crowd::new().await;
    let session = crowd.sign_in(0, &["labeler"]).await;
    crowd.mint(&session, (0, 1, 1), LABELER).await.unwrap();
    assert_eq!(ended(crowd.mint(&session, (0, 1, 2), LABELER).await), Ended::Changed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_and_no_other_role_opens_it() {
    let crowd = Crowd::new().await;
    let ann = crowd.sign_in(0, &["labeler", "admin"]).await;
    crowd.mint(&ann, (0, 1, 1), LABELER).await.unwrap();
    assert_eq!(ended(crowd.mint(&ann, (0, 1, 1), Some("admin")).await), Ended::Never);
    // Her other session has nothing, and neither has his, though both name the same.
    for session in [crowd.begin(0, &["labeler"]).await, crowd.begin(1, &["labeler"]).await] {
        assert_eq!(ended(crowd.mint(&session, (0, 1, 1), LABELER).await), Ended::Never);
    }
    // Her row under his account: it does not open.
    let mut stolen = ann.clone();
    stolen.person = 1;
    assert_eq!(ended(crowd.mint(&stolen, (0, 1, 1), LABELER).await), Ended::Sealed);
    // No assertion, another's provider, no role here, a role that the settings do not list.
    let with = |roles: &[&str]| {
        let mut session = ann.clone();
        session.asserted.roles.retain(|one| roles.iter().any(|name| one.role == role(name)));
        session
    };
    let no_role = |outcome| matches!(outcome, Err(CredentialError::NoRole { .. }));
    assert!(no_role(crowd.mint(&with(&["admin"]), (0, 1, 1), LABELER).await));
    assert!(no_role(crowd.mint(&ann, (0, 1, 1), None).await));
    let mut odd = ann.clone();
    odd.asserted.roles[0].role = role("odd");
    let outcome = crowd.mint(&odd, (0, 1, 1), Some("odd")).await;
    assert!(matches!(outcome, Err(CredentialError::RoleNotListed { .. })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_here_by_no_assertion_is_asked_to_sign_in() {
    let crowd = Crowd::new().await;
    let session = crowd.sign_in(0, &["labeler"]).await;
    let (project, storage) = (crowd.project(0, 1), crowd.storage(0, 1, 1));
    let role = role("labeler").into();
    let asserted = Asserted::default();
    for brought in [None, Some((session.id, &asserted))] {
        let person = &crowd.people[0];
        let asker = crate::credential::wanted::Asker {
            account: person.account,
            email: person.email.as_str(),
            organization: &person.organization_name,
            counts: Some(crate::catalog::Role::Annotator),
            brought,
        };
        let wanted = crate::credential::wanted::Wanted {
            project: &project,
            storage: &storage,
            role: Some(&role),
            asker: Some(asker),
            vault: crowd.minter.vault(),
        };
        let outcome = crowd.minter.open(&wanted).await;
        match brought {
            None => assert_eq!(ended(outcome), Ended::NotBrought),
            Some(_) => assert!(matches!(outcome, Err(CredentialError::NoRole { .. }))),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_storage_refuses_is_dropped_and_not_read_again() {
    let crowd = Crowd::new().await;
    let session = crowd.sign_in(0, &["labeler"]).await;
    let credential = crowd.mint(&session, (0, 1, 1), LABELER).await.unwrap();
    credential.reject(crowd.world.tools.clock.now());
    assert_eq!(ended(crowd.mint(&session, (0, 1, 1), LABELER).await), Ended::Refused);
    crowd.world.hand.advance(SignedDuration::from_mins(2));
    assert_eq!(ended(crowd.mint(&session, (0, 1, 1), LABELER).await), Ended::Refused);
    // The project's other storage, where nobody refused it, is served.
    crowd.mint(&session, (0, 2, 1), LABELER).await.unwrap();
    assert_eq!(ended(crowd.mint(&session, (0, 1, 1), LABELER).await), Ended::Refused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ended_leaves_nothing_behind() {
    let crowd = Crowd::new().await;
    let (ann, bob) = (crowd.sign_in(0, &["labeler"]).await, crowd.sign_in(1, &["labeler"]).await);
    for session in [&ann, &bob] {
        crowd.mint(session, (0, 1, 1), LABELER).await.unwrap();
    }
    assert_eq!(crowd.minter.sessions(), 2);
    let keys = Arc::downgrade(crowd.mint(&ann, (0, 1, 1), LABELER).await.unwrap().aws().unwrap());
    crowd.records.end_session(&ann.id.0).await.unwrap();
    crowd.minter.forget(&ann.id);
    assert_eq!(crowd.minter.sessions(), 1);
    assert!(keys.upgrade().is_none(), "wiped");
    assert_eq!(ended(crowd.mint(&ann, (0, 1, 1), LABELER).await), Ended::Never);
    crowd.mint(&bob, (0, 1, 1), LABELER).await.unwrap();
    assert_eq!(crowd.loads(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_list_the_role_no_more_close_it_at_once() {
    let crowd = Crowd::new().await;
    let session = crowd.sign_in(0, &["labeler"]).await;
    crowd.mint(&session, (0, 1, 1), LABELER).await.unwrap();
    crowd.install(1800);
    crowd.mint(&session, (0, 1, 1), LABELER).await.unwrap();
    assert_eq!(crowd.loads(), 2, "what was at hand was of other settings");
}
