//! How a session ages.

use std::time::Duration;

use super::world::{EMAIL, World};
use crate::ground::clock::{SignedDuration, Timestamp};
use crate::identity::{IdentityError, Settings};
use crate::records::Records;

/// The default limits: idle 60 minutes, absolute 12 hours.
#[tokio::test]
async fn an_idle_session_ends_and_a_used_one_goes_on_until_its_absolute_end() {
    let world = World::new().await;
    let (idle, used) = (world.session().await, world.session().await);
    for quarter in 1..=48 {
        world.minutes(15);
        let used = world.get(&[("cookie", &used)]).await;
        assert_eq!(used.is_ok(), quarter < 48, "after {quarter} quarters: {used:?}");
    }
    let idle = world.get(&[("cookie", &idle)]).await;
    assert!(matches!(idle, Err(IdentityError::NotValid)), "{idle:?}");
}

#[tokio::test]
async fn the_idle_limit_counts_from_the_last_use_and_the_equal_instant_is_too_late() {
    let world = World::new().await;
    let cookie = world.session().await;
    world.minutes(59);
    assert!(world.get(&[("cookie", &cookie)]).await.is_ok());
    world.minutes(59);
    assert!(world.get(&[("cookie", &cookie)]).await.is_ok());
    world.minutes(60);
    let ended = world.get(&[("cookie", &cookie)]).await;
    assert!(matches!(ended, Err(IdentityError::NotValid)), "{ended:?}");
}

#[tokio::test]
async fn a_use_reaches_the_records_so_that_a_restart_does_not_end_the_session() {
    let world = World::new().await;
    let cookie = world.session().await;
    world.minutes(50);
    assert!(world.get(&[("cookie", &cookie)]).await.is_ok());
    world.written(async |records| last_seen(records, &world).await).await;
    world.minutes(50);
    world.schemes.parts.watch.catalog().generation().advance();
    assert!(
        world.get(&[("cookie", &cookie)]).await.is_ok(),
        "read anew, 100 minutes after sign-in"
    );
}

#[tokio::test]
async fn a_running_stream_keeps_its_session_until_the_absolute_end_only() {
    let world = World::new().await;
    let cookie = world.session().await;
    let identity = world.get(&[("cookie", &cookie)]).await.unwrap();
    for _ in 0..11 {
        world.minutes(59);
        let again = world.schemes.again(&identity).await.unwrap();
        assert_eq!(again.person().unwrap().account(), world.account);
    }
    world.minutes(59);
    assert!(world.get(&[("cookie", &cookie)]).await.is_ok(), "{EMAIL} watches a long film");
    world.minutes(12);
    assert!(matches!(world.schemes.again(&identity).await, Err(IdentityError::NotValid)));
}

#[tokio::test]
async fn a_session_in_use_outlives_a_change_however_short_the_idle_limit() {
    let idle = Duration::from_secs(60);
    let world = World::with(Settings { idle, ..Settings::default() }).await;
    let cookie = world.session().await;
    for second in [15, 45] {
        world.hand.advance(SignedDuration::from_secs(second));
        assert!(world.get(&[("cookie", &cookie)]).await.is_ok(), "{second} s later");
        world.written(async |records| last_seen(records, &world).await).await;
        world.schemes.parts.watch.catalog().generation().advance();
    }
    world.hand.advance(SignedDuration::from_secs(60));
    assert!(world.get(&[("cookie", &cookie)]).await.is_err());
}

#[tokio::test]
async fn a_change_does_not_make_every_tokens_use_be_written_again() {
    let world = World::new().await;
    let token = world.token(world.account, None).await;
    let authorization = [("authorization", token.as_str())];
    let last_used =
        async |records: &Records| records.tokens(world.organization).await.unwrap()[0].last_used;
    assert!(world.get(&authorization).await.is_ok());
    world.written(last_used).await;
    world.hand.advance(SignedDuration::from_secs(59));
    world.schemes.parts.watch.catalog().generation().advance();
    assert!(world.get(&authorization).await.is_ok());
    // Had that been told, this would be too soon.
    world.hand.advance(SignedDuration::from_secs(1));
    assert!(world.get(&authorization).await.is_ok());
    world.written(last_used).await;
}

async fn last_seen(records: &Records, world: &World) -> Option<Timestamp> {
    Some(records.sessions(world.organization).await.unwrap()[0].last_seen)
}
