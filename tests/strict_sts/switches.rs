//! An STS that is slow, busy or failing, when a test says so.

use std::time::{Duration, Instant};

use crate::support::sts::{Code, Fault, Outcome};
use crate::world::World;

#[tokio::test]
async fn each_error_can_be_had_without_a_cause() {
    let world = World::new();
    for (code, status, name) in [
        (Code::Throttling, 400, "Throttling"),
        (Code::RegionDisabled, 403, "RegionDisabledException"),
        (Code::InternalFailure, 500, "InternalFailure"),
        (Code::ServiceUnavailable, 503, "ServiceUnavailable"),
        (Code::ExpiredToken, 400, "ExpiredTokenException"),
    ] {
        world.sts.fail_next(2, Fault::Refuse(code));
        for _ in 0..2 {
            world.present(&world.claims()).await.refused(status, name, "");
        }
        world.present(&world.claims()).await.keys();
    }
}

#[tokio::test]
async fn a_busy_one_refuses_until_it_is_told_otherwise() {
    let world = World::new();
    world.sts.throttle(true);
    for _ in 0..3 {
        world.present(&world.claims()).await.refused(400, "Throttling", "Rate exceeded");
    }
    world.sts.throttle(false);
    world.present(&world.claims()).await.keys();
}

#[tokio::test]
async fn a_connection_can_be_hung_up() {
    let world = World::new();
    world.sts.fail_next(1, Fault::HangUp);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let sent = client.post(world.sts.url()).body("Action=AssumeRole").send().await;
    assert!(sent.is_err(), "{sent:?}");
    assert_eq!(world.sts.calls()[0].outcome, Outcome::HungUp);
    world.present(&world.claims()).await.keys();
}

#[tokio::test]
async fn calls_are_held_until_the_test_has_seen_them_all() {
    let world = World::new();
    let held = world.sts.hold();
    let asked = async {
        tokio::join!(world.present_for("annotator", &[]), world.present_for("admin", &[]))
    };
    let released = async {
        world.sts.until_arrived(2).await;
        assert!(world.sts.calls().is_empty(), "one was answered although all are held");
        drop(held);
    };
    let ((one, other), ()) = tokio::join!(asked, released);
    assert_ne!(one.keys().id, other.keys().id);
    assert_eq!(world.sts.calls().len(), 2);
}

#[tokio::test]
async fn a_slow_one_takes_its_time() {
    let world = World::new();
    let delay = Duration::from_millis(300);
    world.sts.slow(delay);
    let begun = Instant::now();
    world.present(&world.claims()).await.keys();
    assert!(begun.elapsed() >= delay);
}
