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
    world.schemes.sign_out(&identity).await.unwrap();
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
