//! What another process (the command line) changes in the records takes effect here.

use std::time::Duration;

use super::world::{EMAIL, World};
use crate::catalog::Role;
use crate::identity::IdentityError;

#[tokio::test]
async fn a_token_revoked_by_another_process_stops_working_once_noticed() {
    let world = World::new().await;
    let token = world.token(world.account, None).await;
    let held = world.get(&[("authorization", &token)]).await.unwrap();
    let other = world.other_process().await;
    let id = other.tokens(world.organization).await.unwrap()[0].id;
    other.revoke_token(world.organization, id).await.unwrap();
    world.catch_up().await;
    assert!(matches!(world.get(&[("authorization", &token)]).await, Err(IdentityError::NotValid)));
    assert!(matches!(world.schemes.again(&held).await, Err(IdentityError::NotValid)));
}

#[tokio::test]
async fn the_watch_notices_by_itself_and_the_catalogue_comes_first() {
    let world = World::new().await;
    let watch = world.schemes.parts.watch.clone();
    let mut generations = watch.catalog().generation().watch();
    generations.mark_unchanged();
    let task = tokio::spawn(watch.clone().run());
    let other = world.other_process().await;
    let (workspace, project) = ("w".parse().unwrap(), "p".parse().unwrap());
    other.create_workspace(world.organization, &workspace, "").await.unwrap();
    other.create_project(world.organization, &workspace, &project, "").await.unwrap();
    // Whoever sees the generation of the last change sees its catalogue too.
    let noticed = async {
        while watch.catalog().current().project(world.organization, &project).is_none() {
            generations.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), noticed).await.unwrap();
    task.abort();
}

#[tokio::test]
async fn every_kind_of_change_to_a_person_is_seen_at_once_after_it_is_noticed() {
    let world = World::new().await;
    let (cookie, token) = (world.session().await, world.token(world.account, None).await);
    let other = world.other_process().await;
    let role = async || {
        let identity = world.get(&[("authorization", &token)]).await.unwrap();
        identity.person().unwrap().organization_role()
    };
    assert_eq!(role().await, Some(Role::Manager));
    let (organization, account) = (world.organization, world.account);
    other.set_organization_role(organization, account, None).await.unwrap();
    assert_eq!(role().await, Some(Role::Manager), "not noticed yet: one generation, one answer");
    world.catch_up().await;
    assert_eq!(role().await, None);

    other.end_sessions_of(organization, account).await.unwrap();
    world.catch_up().await;
    assert!(world.get(&[("cookie", &cookie)]).await.is_err());
    assert_eq!(role().await, None, "the token goes on");

    other.disable_account(organization, account).await.unwrap();
    world.catch_up().await;
    assert!(world.get(&[("authorization", &token)]).await.is_err());
    other.enable_account(organization, account).await.unwrap();
    world.catch_up().await;
    let back = world.get(&[("authorization", &token)]).await.unwrap();
    assert_eq!(back.person().unwrap().email(), EMAIL, "what did not hold before may hold again");
}
