//! An assertion at the exchange: what is asked of STS for it, what is not, and what is told when it fails.

use std::time::Duration;

use super::crowd::{Crowd, PROVIDER, role};
use super::sts::{Deed, TOO_LONG};
use crate::catalog::{AssertedRole, Role};
use crate::credential::{ExchangeFailure, Exchanged, SourceError};
use crate::ground::causes;
use crate::ground::clock::SignedDuration;
use crate::ground::secret::Secret;

fn seen(all: &[Exchanged]) -> Vec<(&str, bool)> {
    all.iter().map(|one| (one.project.as_str(), one.outcome.is_ok())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_project_has_one_call_cut_to_its_storages() {
    let crowd = Crowd::new().await;
    let session = crowd.begin(0, &["labeler", "admin"]).await;
    let all = crowd.exchange(&session, &crowd.presented(&session)).await;
    assert_eq!(seen(&all), [("cats", true), ("dogs", true)]);
    let calls = crowd.world.sts.calls();
    assert_eq!(calls.len(), 2, "{calls:?}");
    for call in &calls {
        assert_eq!(call.by, None, "unsigned");
        for (name, value) in [
            ("Action", "AssumeRoleWithSAML"),
            ("RoleArn", &role("labeler")),
            ("PrincipalArn", PROVIDER),
            ("DurationSeconds", "3600"),
        ] {
            assert_eq!(call.parameter(name), value);
        }
        assert_eq!(call.session(), "ann@example.com");
    }
    let policy = |name: &str| {
        let mut policies = calls.iter().map(|call| call.parameter("Policy"));
        policies.find(|policy| policy.contains(&format!("{name}-s1-r1/*"))).unwrap()
    };
    let cats = policy("cats");
    assert!(cats.contains("cats-s2-r1/*") && !cats.contains("cats-s3") && !cats.contains("dogs"));
    assert!(policy("dogs").contains("dogs-s2-r1/*"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buckets_of_two_stores_share_no_policy() {
    let mut crowd = Crowd::new().await;
    crowd.elsewhere = Some("https://minio.example.com");
    let session = crowd.sign_in(0, &["labeler"]).await;
    let calls = crowd.world.sts.calls();
    assert_eq!(calls.len(), 4, "{calls:?}");
    for call in &calls {
        let both = ["-s1-r1/*", "-s2-r1/*"].map(|prefix| call.parameter("Policy").contains(prefix));
        assert!(both == [true, false] || both == [false, true], "{call:?}");
    }
    for id in [1, 2] {
        let credential = crowd.mint(&session, (0, id, 1), Some("labeler")).await.unwrap();
        let policy = crowd.world.sts.issued(credential.id().unwrap());
        let policy = policy.parameter("Policy");
        assert!(policy.contains(&format!("cats-s{id}-r1/*")), "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_that_counts_decides_and_without_one_nothing_is_asked() {
    let mut crowd = Crowd::new().await;
    crowd.people[0].organization_role = Some(Role::Owner);
    crowd.people[1].memberships.projects.clear();
    let owner = crowd.begin(0, &["labeler", "admin"]).await;
    let all = crowd.exchange(&owner, &crowd.presented(&owner)).await;
    assert!(all.iter().all(|one| one.role == role("admin") && one.outcome.is_ok()), "{all:?}");
    let nobody = crowd.begin(1, &["labeler", "admin"]).await;
    assert!(crowd.exchange(&nobody, &crowd.presented(&nobody)).await.is_empty());
    // Managers are mapped to nothing: nothing is needed, and nothing fails.
    let projects = crowd.projects.clone();
    crowd.people[1].memberships.projects =
        projects.iter().map(|(id, _)| (*id, Role::Manager)).collect();
    assert!(crowd.exchange(&nobody, &crowd.presented(&nobody)).await.is_empty());
    assert_eq!(crowd.world.sts.calls().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_pairs_that_the_assertion_holds_are_asked_for() {
    let crowd = Crowd::new().await;
    let mut session = crowd.begin(0, &["admin"]).await;
    session
        .asserted
        .roles
        .push(AssertedRole { role: role("labeler"), provider: PROVIDER.replace("idp", "other") });
    let all = crowd.exchange(&session, &crowd.presented(&session)).await;
    assert_eq!(seen(&all), [("cats", false), ("dogs", false)]);
    for one in &all {
        assert!(matches!(one.outcome, Err(ExchangeFailure::NotAsserted { .. })), "{one:?}");
        let words = one.words().unwrap();
        assert!(words.contains("labeler") && words.contains(one.project.as_str()), "{words}");
        assert!(!words.contains("arn:") && !words.contains("media"), "{words}");
    }
    assert!(crowd.world.sts.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_work_is_not_asked_for() {
    let crowd = Crowd::new().await;
    let session = crowd.begin(0, &["labeler"]).await;
    let failure = async |change: &dyn Fn(&mut crate::credential::Presented)| {
        let mut presented = crowd.presented(&session);
        change(&mut presented);
        let all = crowd.exchange(&session, &presented).await;
        all.into_iter().next().unwrap().outcome.unwrap_err().to_string()
    };
    let now = crowd.world.tools.clock.now();
    let stale = failure(&|it| it.issued = now - SignedDuration::from_secs(301)).await;
    assert!(stale.contains("301 s old"), "{stale}");
    let ended = failure(&|it| it.ends = Some(now + SignedDuration::from_secs(10))).await;
    assert!(ended.contains("has ended"), "{ended}");
    for name in [None, Some("a"), Some("jürgen"), Some("a b")] {
        let told = failure(&|it| it.asserted.session_name = name.map(str::to_owned)).await;
        assert!(told.contains("RoleSessionName"), "{told}");
    }
    let large = failure(&|it| it.response = Secret::new("A".repeat(100_001))).await;
    assert!(large.contains("100001 characters"), "{large}");
    assert!(crowd.world.sts.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_fails_its_project_only_and_names_its_remedy() {
    let crowd = Crowd::new().await;
    let session = crowd.begin(0, &["labeler"]).await;
    for (code, remedy) in [
        ("AccessDenied", "SAML:aud must be the assertion endpoint"),
        ("ExpiredTokenException", "older than five minutes"),
        ("InvalidIdentityToken", "urn:amazon:webservices"),
        ("IDPRejectedClaim", "identity provider itself"),
        ("MalformedPolicyDocument", "bucket and prefix"),
        ("PackedPolicyTooLarge", "PrincipalTag"),
        ("RegionDisabledException", "not active in this region"),
        ("Surprise", "Surprise"),
        // Last: the role is left alone for a while after it.
        ("Throttling", "signs in again"),
    ] {
        crowd.world.sts.then(Deed::Refuse(400, code, "no"));
        let (catalog, presented) = (crowd.catalog(1), crowd.presented(&session));
        let all = crowd.minter.exchange(&catalog, &crowd.people[0], &session.id, &presented).await;
        let failures: Vec<_> = all.iter().filter_map(|one| one.outcome.as_ref().err()).collect();
        let [ExchangeFailure::Sts(cause)] = failures[..] else { panic!("{code}: {all:?}") };
        let cause = causes::told(cause);
        assert!(cause.contains(remedy), "{code}: {cause}");
        assert_eq!(all.len(), 2);
        let words = all.iter().find_map(Exchanged::words).unwrap();
        assert!(!words.contains("arn:") && !words.contains(code), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_for_another_role_opens_nothing() {
    let crowd = Crowd::new().await;
    let session = crowd.begin(0, &["labeler"]).await;
    crowd.world.sts.then(Deed::OtherRole);
    crowd.world.sts.then(Deed::Garbage);
    let all = crowd.exchange(&session, &crowd.presented(&session)).await;
    assert_eq!(seen(&all), [("cats", false), ("dogs", false)], "{all:?}");
    let other = |one: &Exchanged| {
        matches!(&one.outcome, Err(ExchangeFailure::Sts(SourceError::OtherRole { .. })))
    };
    assert_eq!(all.iter().filter(|one| other(one)).count(), 1, "{all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duration_is_learned_once_and_never_past_the_sessions_end() {
    let crowd = Crowd::new().await;
    crowd.install(43_200);
    crowd.world.sts.at_most_seconds(7_000);
    let asked = |crowd: &Crowd| -> Vec<String> {
        let calls = crowd.world.sts.calls();
        calls.iter().map(|call| call.parameter("DurationSeconds").to_owned()).collect()
    };
    let session = crowd.sign_in(0, &["labeler"]).await;
    assert!(crowd.mint(&session, (0, 1, 1), Some("labeler")).await.is_ok(), "{TOO_LONG}");
    let first = asked(&crowd);
    assert_eq!(first.iter().filter(|seconds| *seconds == "3600").count(), 2, "{first:?}");
    let session = crowd.begin(1, &["labeler"]).await;
    for (left, seconds) in [(7_200, "3600"), (2_000, "2000"), (60, "900")] {
        let before = asked(&crowd).len();
        let mut presented = crowd.presented(&session);
        let ends = crowd.world.tools.clock.now() + SignedDuration::from_secs(left);
        presented.ends = Some(ends);
        let catalog = crowd.catalog(1);
        let all = crowd.minter.exchange(&catalog, &crowd.people[1], &session.id, &presented).await;
        for one in all {
            let row = one.outcome.unwrap();
            assert!(row.expires <= ends, "{left}: {row:?}");
        }
        assert_eq!(asked(&crowd)[before..], [seconds, seconds], "{left}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_an_sts_that_does_not_answer() {
    let mut crowd = Crowd::new().await;
    crowd.minter = crowd.minter.with_patience(Duration::from_millis(50));
    crowd.world.sts.shut(true);
    let session = crowd.begin(0, &["labeler"]).await;
    let all = crowd.exchange(&session, &crowd.presented(&session)).await;
    let late = |one: &Exchanged| {
        let failure = one.outcome.as_ref().unwrap_err();
        causes::told(failure).contains("did not answer in time")
    };
    assert!(all.len() == 2 && all.iter().all(late), "{all:?}");
    assert!(all[0].words().unwrap().contains("in a while"));
    // Its silence is a failure as any other: the role is left alone for a while.
    crowd.world.sts.shut(false);
    let calls = crowd.world.sts.calls().len();
    let again = crowd.exchange(&session, &crowd.presented(&session)).await;
    assert!(again.iter().all(late), "{again:?}");
    assert_eq!(crowd.world.sts.calls().len(), calls, "not asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_printed_or_kept_in_the_clear() {
    let crowd = Crowd::new().await;
    let session = crowd.begin(0, &["labeler"]).await;
    let presented = crowd.presented(&session);
    let all = crowd.exchange(&session, &presented).await;
    let credential = crowd.mint(&session, (0, 1, 1), Some("labeler")).await.unwrap();
    let seen = format!("{all:?} {presented:?} {credential:?} {:?}", crowd.minter);
    assert!(seen.contains("ASIA00000000000") && !seen.contains("canary"), "{seen}");
    assert!(!seen.contains(presented.response.expose()), "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_sts_throttles_is_left_alone_for_everybody_for_a_while() {
    let crowd = Crowd::new().await;
    let asked = async |person| {
        let session = crowd.begin(person, &["labeler"]).await;
        let (catalog, presented) = (crowd.catalog(1), crowd.presented(&session));
        let before = crowd.world.sts.calls().len();
        let person = &crowd.people[person];
        let all = crowd.minter.exchange(&catalog, person, &session.id, &presented).await;
        let had = all.iter().filter(|one| one.outcome.is_ok()).count();
        (crowd.world.sts.calls().len() - before, had)
    };
    for _ in 0..2 {
        crowd.world.sts.then(Deed::Refuse(400, "Throttling", "slower"));
    }
    let first = asked(0).await;
    assert!(matches!(first, (1..=2, 0)), "whoever asked at the same time: {first:?}");
    assert_eq!(asked(1).await, (0, 0), "nobody asks while it is left alone");
    crowd.world.hand.advance(SignedDuration::from_secs(2));
    crowd.world.sts.forget_deeds();
    assert_eq!(asked(1).await, (2, 2));
}
