//! What a request that shows one proof, two, or a bad one is taken for.

use http::Method;

use super::world::{EMAIL, PASSWORD, World};
use crate::ground::clock::SignedDuration;
use crate::identity::{Identity, IdentityError, Proof};

const STRANGE_TOKEN: &str = "Bearer sgt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const STRANGE_COOKIE: &str = "__Host-sluicegate=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const LEGACY: &str = "Token 5ca1ab1e00c0ffee00ba5eba1100f00d00facade";
const JWT: &str = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoiMSJ9.c2ln";

type Headers<'a> = &'a [(&'a str, &'a str)];

fn name(result: &Result<Identity, IdentityError>) -> String {
    match result {
        Ok(identity) => match identity.person().map(|person| (person.email(), person.proof())) {
            None => "nobody".to_owned(),
            Some((email, Proof::Session(_))) => format!("{email} by session"),
            Some((email, Proof::Token(_))) => format!("{email} by token"),
            Some((email, Proof::LabelStudio(_))) => format!("{email} by Label Studio"),
        },
        Err(error) => format!("{error:?}"),
    }
}

#[tokio::test]
async fn every_combination_of_proofs_is_one_person_or_an_error() {
    let world = World::new().await;
    let bob = world.account("bob@example.com", None).await;
    let (session, other) = (world.session().await, world.session().await);
    let (ann, bob) = (world.token(world.account, None).await, world.token(bob, None).await);
    let twice = format!("{session}; a=b; {other}");
    let (cookie, authorization) = ("cookie", "authorization");
    let cases: &[(&str, Headers<'_>, &str)] = &[
        ("nothing", &[], "nobody"),
        ("another cookie", &[(cookie, "a=b")], "nobody"),
        ("session", &[(cookie, &session)], "ann@example.com by session"),
        ("token", &[(authorization, &ann)], "ann@example.com by token"),
        ("both", &[(cookie, &session), (authorization, &ann)], "ann@example.com by token"),
        ("two people", &[(cookie, &session), (authorization, &bob)], "TwoPeople"),
        ("two cookies in one", &[(cookie, &twice)], "TwoSessions"),
        ("two cookie headers", &[(cookie, &session), (cookie, &session)], "TwoSessions"),
        ("unknown token", &[(authorization, STRANGE_TOKEN)], "NotValid"),
        ("unknown session", &[(cookie, STRANGE_COOKIE)], "NotValid"),
        (
            "a good session does not excuse a bad token",
            &[(cookie, &session), (authorization, STRANGE_TOKEN)],
            "NotValid",
        ),
        (
            "a good token does not excuse a bad session",
            &[(cookie, STRANGE_COOKIE), (authorization, &ann)],
            "NotValid",
        ),
        ("basic", &[(authorization, "Basic YTpi")], "BadAuthorization"),
        ("Label Studio's, where there is none", &[(authorization, LEGACY)], "BadAuthorization"),
        ("its other kind", &[(authorization, JWT)], "BadAuthorization"),
        ("its, besides a session", &[(cookie, &session), (authorization, JWT)], "BadAuthorization"),
        ("two tokens", &[(authorization, &ann), (authorization, &ann)], "BadAuthorization"),
    ];
    for (what, headers, expected) in cases {
        // Twice: the second time everything comes out of the caches.
        for round in ["first", "again"] {
            assert_eq!(name(&world.get(headers).await), *expected, "{what}, {round}");
        }
    }
}

#[tokio::test]
async fn a_stale_cookie_locks_nobody_out_of_what_is_anybodys() {
    let world = World::new().await;
    let session = world.session().await;
    let twice = format!("{session}; {session}");
    for (what, cookie, expected) in [
        ("unknown", STRANGE_COOKIE, "nobody"),
        ("malformed", "__Host-sluicegate=x", "nobody"),
        ("doubled", twice.as_str(), "nobody"),
        ("good", session.as_str(), "ann@example.com by session"),
    ] {
        let page = world.ask(Method::GET, true, &[("cookie", cookie)]).await;
        assert_eq!(name(&page), expected, "{what}");
        let posted = world.ask(Method::POST, true, &[("cookie", cookie)]).await;
        assert_eq!(name(&posted), expected, "{what}, posted");
    }
    let token = world.ask(Method::GET, true, &[("authorization", STRANGE_TOKEN)]).await;
    assert_eq!(name(&token), "NotValid", "only what browsers send by themselves is forgiven");
}

#[tokio::test]
async fn a_change_by_session_must_come_from_our_own_pages() {
    let world = World::new().await;
    let session = world.session().await;
    let token = world.token(world.account, None).await;
    let (ours, theirs) = ("https://gw.example.com:8443", "https://evil.example.com");
    let cases: &[(&str, Method, bool, Headers<'_>, &str)] = &[
        ("silent change", Method::POST, false, &[("cookie", &session)], "CrossOrigin"),
        ("silent write", Method::PUT, false, &[("cookie", &session)], "CrossOrigin"),
        ("silent read", Method::GET, false, &[("cookie", &session)], "ann@example.com by session"),
        (
            "ours",
            Method::POST,
            false,
            &[("cookie", &session), ("origin", ours)],
            "ann@example.com by session",
        ),
        (
            "theirs, though the session is good",
            Method::POST,
            false,
            &[("cookie", &session), ("origin", theirs)],
            "CrossOrigin",
        ),
        (
            "theirs, with a token",
            Method::POST,
            false,
            &[("authorization", &token), ("origin", theirs)],
            "ann@example.com by token",
        ),
        ("sign-in from nowhere", Method::POST, true, &[], "nobody"),
        ("sign-in from elsewhere", Method::POST, true, &[("origin", theirs)], "CrossOrigin"),
        (
            "sign-in from a sibling",
            Method::POST,
            true,
            &[("sec-fetch-site", "same-site")],
            "CrossOrigin",
        ),
        ("sign-in from us", Method::POST, true, &[("origin", ours)], "nobody"),
        ("nobody changes", Method::POST, false, &[], "nobody"),
    ];
    for (what, method, public, headers, expected) in cases {
        let asked = world.ask(method.clone(), *public, headers).await;
        assert_eq!(name(&asked), *expected, "{what}");
    }
}

#[tokio::test]
async fn a_token_expires_at_its_instant() {
    let world = World::new().await;
    let now = world.schemes.parts.clock.now();
    let expires = now.checked_add(SignedDuration::from_mins(5)).unwrap();
    let token = world.token(world.account, Some(expires)).await;
    let before = world.get(&[("authorization", &token)]).await.unwrap();
    assert_eq!(before.person().unwrap().valid_until(), expires);
    world.minutes(5);
    assert_eq!(name(&world.get(&[("authorization", &token)]).await), "NotValid");
    assert!(world.schemes.again(&before).await.is_err());
}

#[tokio::test]
async fn a_hundred_parallel_misses_end_in_one_person() {
    let world = World::new().await;
    let cookie = world.session().await;
    let cookie = cookie.as_str();
    let local = tokio::task::LocalSet::new();
    let world = std::rc::Rc::new(world);
    let people = local
        .run_until(async {
            let all: Vec<_> = (0..100)
                .map(|_| {
                    let (world, cookie) = (std::rc::Rc::clone(&world), cookie.to_owned());
                    tokio::task::spawn_local(async move { world.get(&[("cookie", &cookie)]).await })
                })
                .collect();
            let mut people = Vec::new();
            for one in all {
                people.push(one.await.unwrap().unwrap().0.unwrap());
            }
            people
        })
        .await;
    // One Person, shared: had two of them read the records, there would be two.
    assert!(people.iter().all(|one| std::sync::Arc::ptr_eq(one, &people[0])));
}

#[tokio::test]
async fn handles_of_two_sessions_of_one_person_have_different_keys() {
    let world = World::new().await;
    let (one, other) = (world.session().await, world.session().await);
    let token = world.token(world.account, None).await;
    let mut sealed = Vec::new();
    for headers in
        [[("cookie", one.as_str())], [("cookie", other.as_str())], [("authorization", &token)]]
    {
        let identity = world.get(&headers).await.unwrap();
        let key = identity.person().unwrap().handle_key();
        assert_eq!(key.seal(b"", b"object"), key.seal(b"", b"object"));
        sealed.push(key.seal(b"", b"object"));
    }
    world.catch_up().await;
    world.schemes.parts.watch.catalog().generation().advance();
    let later = world.get(&[("cookie", &one)]).await.unwrap();
    let key = later.person().unwrap().handle_key();
    assert_eq!(key.seal(b"", b"object"), sealed[0], "the same session, in any generation");
    sealed.sort();
    sealed.dedup();
    assert_eq!(sealed.len(), 3);
    let signed_in_again = world.sign_in(EMAIL, PASSWORD, "192.0.2.1").await;
    assert!(signed_in_again.is_ok());
}
