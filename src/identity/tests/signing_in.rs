//! Sign-in, its limits, and the life of a session.

use super::world::{ELSEWHERE, EMAIL, HOME, PASSWORD, World};
use crate::identity::{IdentityError, SignInError};

#[tokio::test]
async fn the_right_password_begins_a_session_and_sign_out_ends_it_at_once() {
    let world = World::new().await;
    let cookie = world.session().await;
    let identity = world.get(&[("cookie", &cookie)]).await.unwrap();
    let person = identity.person().unwrap();
    assert_eq!((person.email(), person.account()), (EMAIL, world.account));
    world.schemes.sign_out(*person.proof().id()).await.unwrap();
    let after = world.get(&[("cookie", &cookie)]).await;
    assert!(matches!(after, Err(IdentityError::NotValid)), "{after:?}");
    let again = world.schemes.again(&identity).await;
    assert!(matches!(again, Err(IdentityError::NotValid)), "{again:?}");
}

#[tokio::test]
async fn every_sign_in_has_an_id_of_its_own_and_the_records_do_not_hold_it() {
    let world = World::new().await;
    let (one, other) = (world.session().await, world.session().await);
    assert_ne!(one, other);
    world.records.close().await;
    let file = std::fs::read(world.folder.path().join("r.sqlite")).unwrap();
    let id = one.rsplit('=').next().unwrap().as_bytes();
    assert!(!file.windows(id.len()).any(|window| window == id));
}

#[tokio::test]
async fn wrong_password_unknown_and_disabled_accounts_are_refused() {
    let world = World::new().await;
    let wrong = world.sign_in(EMAIL, "wrong horse", HOME).await;
    assert!(matches!(wrong, Err(SignInError::WrongPassword)), "{wrong:?}");
    let unknown = world.sign_in("bob@example.com", PASSWORD, HOME).await;
    assert!(matches!(unknown, Err(SignInError::WrongPassword)), "{unknown:?}");
    let no_email = world.sign_in("ann", PASSWORD, HOME).await;
    assert!(matches!(no_email, Err(SignInError::WrongPassword)), "{no_email:?}");
    world.records.disable_account(world.organization, world.account).await.unwrap();
    let disabled = world.sign_in(EMAIL, PASSWORD, HOME).await;
    assert!(matches!(disabled, Err(SignInError::Disabled)), "{disabled:?}");
    let disabled_and_wrong = world.sign_in(EMAIL, "wrong horse", HOME).await;
    assert!(matches!(disabled_and_wrong, Err(SignInError::WrongPassword)));
}

#[tokio::test]
async fn guessing_from_one_address_is_stopped_and_the_minute_frees_it_again() {
    let world = World::new().await;
    world.session().await;
    for attempt in 1..=10 {
        let wrong = world.sign_in(EMAIL, "wrong horse", ELSEWHERE).await;
        assert!(matches!(wrong, Err(SignInError::WrongPassword)), "{attempt}: {wrong:?}");
    }
    let stopped = world.sign_in(EMAIL, PASSWORD, ELSEWHERE).await;
    assert!(matches!(stopped, Err(SignInError::TooManyAttempts { retry_after_seconds: 6 })));
    assert!(world.sign_in(EMAIL, PASSWORD, HOME).await.is_ok(), "the owner, from home");
    world.minutes(1);
    assert!(world.sign_in(EMAIL, PASSWORD, ELSEWHERE).await.is_ok());
}

#[tokio::test]
async fn guessing_from_many_addresses_locks_strangers_out_but_not_the_owner() {
    let world = World::new().await;
    world.session().await;
    let mut stopped = 0;
    for stranger in 0..40 {
        let from = format!("203.0.113.{stranger}");
        let guess = world.sign_in(EMAIL, "wrong horse", &from).await;
        stopped += u32::from(matches!(guess, Err(SignInError::TooManyAttempts { .. })));
    }
    assert_eq!(stopped, 11, "strangers try thirty times in all; the owner's first sign-in was one");
    assert!(world.sign_in(EMAIL, PASSWORD, "203.0.113.200").await.is_err(), "one more stranger");
    assert!(world.sign_in(EMAIL, PASSWORD, HOME).await.is_ok());
}

#[tokio::test]
async fn an_unknown_account_is_limited_just_as_a_known_one() {
    let world = World::new().await;
    for _ in 0..10 {
        let wrong = world.sign_in("nobody@example.com", PASSWORD, HOME).await;
        assert!(matches!(wrong, Err(SignInError::WrongPassword)), "{wrong:?}");
    }
    let stopped = world.sign_in("nobody@example.com", PASSWORD, HOME).await;
    assert!(matches!(stopped, Err(SignInError::TooManyAttempts { .. })), "{stopped:?}");
}

#[tokio::test]
async fn the_cookie_is_bound_to_this_host_and_hidden_from_scripts() {
    let world = World::new().await;
    let session = world.sign_in(EMAIL, PASSWORD, HOME).await.unwrap();
    let cookie = session.set_cookie();
    let (first, attributes) = cookie.expose().split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Lax");
    let id = first.strip_prefix("__Host-sluicegate=").unwrap();
    assert_eq!(id.len(), 43);
    assert!(!format!("{session:?}").contains(id));
}

#[tokio::test]
async fn a_new_password_ends_the_sessions_that_the_old_one_began() {
    let world = World::new().await;
    let cookie = world.session().await;
    let hash = crate::ground::secret::Secret::new("$argon2id$".to_owned());
    world.records.set_password_hash(world.organization, world.account, &hash).await.unwrap();
    world.catch_up().await;
    assert!(matches!(world.get(&[("cookie", &cookie)]).await, Err(IdentityError::NotValid)));
}
