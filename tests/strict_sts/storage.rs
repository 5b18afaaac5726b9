//! What STS issued is worth what it says, at the S3 and until it ends.

use reqwest::Method;
use sluicegate::ground::clock::{Clock, SignedDuration};

use crate::support::account::Policy;
use crate::world::{BUCKET, Keys, World, signed_headers};

/// Alice's keys as an annotator, with this session policy.
async fn annotator(world: &World, policy: Option<&str>) -> Keys {
    let policy = policy.map(|policy| ("Policy", policy));
    world.present_for("annotator", policy.as_slice()).await.keys()
}

#[tokio::test]
async fn a_role_reads_writes_and_lists_its_prefix_and_nothing_else() {
    let world = World::new();
    let keys = annotator(&world, None).await;
    let read = world.read(&keys, "cats/one.txt").await;
    assert_eq!((read.status, read.text.as_str()), (200, "cats/one.txt"));
    let put = world.s3(&keys, Method::PUT, "/media/cats/three%20four.txt", "new").await;
    assert_eq!(put.status, 200, "{}", put.text);
    assert_eq!(world.s3.bytes(BUCKET, "cats/three four.txt").unwrap(), "new");
    let list = async |query: &str| {
        world.s3(&keys, Method::GET, &format!("/media?list-type=2{query}"), "").await
    };
    let listed = list("&prefix=cats%2F").await;
    assert_eq!(listed.status, 200, "{}", listed.text);
    assert!(listed.text.contains("cats/one.txt") && !listed.text.contains("dogs"));

    let denied = 403;
    world.read(&keys, "dogs/one.txt").await.refused(denied, "AccessDenied", "");
    world.s3(&keys, Method::GET, "/other/cats/one.txt", "").await.refused(
        denied,
        "AccessDenied",
        "",
    );
    let put = world.s3(&keys, Method::PUT, "/media/dogs/two.txt", "evil").await;
    put.refused(denied, "AccessDenied", "");
    assert!(world.s3.bytes(BUCKET, "dogs/two.txt").is_none());
    let deleted = world.s3(&keys, Method::DELETE, "/media/cats/one.txt", "").await;
    deleted.refused(denied, "AccessDenied", "");
    for query in ["", "&prefix=", "&prefix=dogs%2F", "&prefix=cat"] {
        list(query).await.refused(denied, "AccessDenied", "");
    }
    world.s3(&keys, Method::GET, "/", "").await.refused(denied, "AccessDenied", "");
    assert_eq!(world.s3(&keys, Method::HEAD, "/media/dogs/one.txt", "").await.status, denied);
    assert_eq!(world.s3(&keys, Method::HEAD, "/media/cats/one.txt", "").await.status, 200);
}

#[tokio::test]
async fn a_missing_key_is_told_only_to_who_may_list_the_bucket() {
    let world = World::new();
    let keys = annotator(&world, None).await;
    world.read(&keys, "cats/none.txt").await.refused(403, "AccessDenied", "");
    let bucket = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:Get*","s3:ListBucket"],
        "Resource":["arn:aws:s3:::media","arn:aws:s3:::media/*"]}}"#;
    let world = World::with(|account| {
        let trust = account.role(&account.role_arn("annotator")).unwrap().trust.clone();
        account.with_role_of("reader", trust, bucket, 3600)
    });
    let [role, provider] = [world.account.role_arn("reader"), world.account.provider_arn("idp")];
    let claims = world.claims().for_roles(&[(&role, &provider)], "alice");
    let posted = crate::world::idp().posted(&claims, crate::support::assertion::Signed::Response);
    let keys = world.ask(&world.form("reader", &posted), &[]).await.keys();
    world.read(&keys, "cats/none.txt").await.refused(404, "NoSuchKey", "");
}

#[tokio::test]
async fn a_session_policy_takes_away_and_never_gives() {
    let world = World::new();
    let one = Policy::of_prefix(BUCKET, "cats/one");
    let keys = annotator(&world, Some(&one)).await;
    assert_eq!(world.read(&keys, "cats/one.txt").await.status, 200);
    world.read(&keys, "cats/two.txt").await.refused(403, "AccessDenied", "");
    let dogs = Policy::of_prefix(BUCKET, "dogs/");
    let keys = annotator(&world, Some(&dogs)).await;
    for key in ["cats/one.txt", "dogs/one.txt"] {
        world.read(&keys, key).await.refused(403, "AccessDenied", "");
    }
    let deny = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:*","Resource":"*"},
        {"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::media/cats/t?o*"}]}"#;
    let keys = annotator(&world, Some(deny)).await;
    assert_eq!(world.read(&keys, "cats/one.txt").await.status, 200);
    world.read(&keys, "cats/two.txt").await.refused(403, "AccessDenied", "");
}

#[tokio::test]
async fn wildcards_that_are_written_as_variables_are_letters() {
    let world = World::new();
    world.s3.put(BUCKET, "cats/a*b", "text/plain", b"star");
    world.s3.put(BUCKET, "cats/axb", "text/plain", b"x");
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject",
        "Resource":"arn:aws:s3:::media/cats/a${*}b"}}"#;
    let keys = annotator(&world, Some(policy)).await;
    assert_eq!(world.read(&keys, "cats/a%2Ab").await.text, "star");
    world.read(&keys, "cats/axb").await.refused(403, "AccessDenied", "");
    let old = policy.replace("2012-10-17", "2008-10-17");
    let keys = annotator(&world, Some(&old)).await;
    world.read(&keys, "cats/a%2Ab").await.refused(403, "AccessDenied", "");
}

#[tokio::test]
async fn keys_end_when_they_were_said_to() {
    let world = World::new();
    let keys = world.present_for("annotator", &[("DurationSeconds", "900")]).await.keys();
    world.hand.advance(SignedDuration::from_secs(895));
    assert_eq!(world.read(&keys, "cats/one.txt").await.status, 200);
    world.hand.advance(SignedDuration::from_secs(5));
    world.read(&keys, "cats/one.txt").await.refused(400, "ExpiredToken", "has expired");
    // Shorter than can be asked for, for tests that have no clock of their own.
    world.sts.shorten(Some(SignedDuration::from_secs(1)));
    let answer = world.present_for("admin", &[]).await;
    assert!(answer.expiration() <= world.now() + SignedDuration::from_secs(1));
    assert_eq!(world.read(&answer.keys(), "dogs/one.txt").await.status, 200);
    world.hand.advance(SignedDuration::from_secs(1));
    world.read(&answer.keys(), "dogs/one.txt").await.refused(400, "ExpiredToken", "");
}

#[tokio::test]
async fn keys_without_their_own_signed_token_and_secret_are_worth_nothing() {
    let world = World::new();
    let (keys, other) = (annotator(&world, None).await, annotator(&world, None).await);
    let read = async |keys: Keys| world.read(&keys, "cats/one.txt").await;
    read(Keys { token: None, ..keys.clone() }).await.refused(403, "InvalidAccessKeyId", "");
    read(Keys { token: other.token.clone(), ..keys.clone() }).await.refused(
        400,
        "InvalidToken",
        "",
    );
    read(Keys { secret: other.secret.clone(), ..keys.clone() }).await.refused(
        403,
        "SignatureDoesNotMatch",
        "",
    );
    read(Keys { id: "ASIAUNKNOWNUNKNOWN00".to_owned(), ..keys.clone() }).await.refused(
        403,
        "InvalidAccessKeyId",
        "",
    );
    // The user who may assume a role has no permissions of his own.
    read(world.gateway()).await.refused(403, "AccessDenied", "");
    let with_token = Keys { token: keys.token.clone(), ..world.gateway() };
    read(with_token).await.refused(400, "InvalidToken", "");

    // A token that is sent, but not signed.
    let url = format!("{}/media/cats/one.txt", world.s3.url());
    let bare = Keys { token: None, ..keys.clone() };
    let now = Clock::system().now();
    let signed = signed_headers(&bare, (now, "eu-central-1", "s3"), ("GET", &url), "");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.get(&url).header("x-amz-security-token", keys.token.unwrap());
    for (name, value) in signed {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("<Code>InvalidAccessKeyId</Code>"), "{answer}");
    let anonymous = client.get(&url).send().await.unwrap();
    assert_eq!(anonymous.status(), 403);
}

#[tokio::test]
async fn the_record_says_who_did_what() {
    let world = World::new();
    let (alice, admin) =
        (annotator(&world, None).await, world.present_for("admin", &[]).await.keys());
    world.read(&alice, "cats/one.txt").await;
    world.read(&alice, "dogs/one.txt").await;
    world.read(&admin, "dogs/one.txt").await;
    let wrong = Keys { secret: "wrong".to_owned(), ..alice.clone() };
    world.read(&wrong, "cats/one.txt").await;
    let records = world.s3.records();
    let said: Vec<_> =
        records.iter().map(|one| (one.target.as_str(), one.status, one.code.as_deref())).collect();
    assert_eq!(
        said,
        [
            ("/media/cats/one.txt", 200, None),
            ("/media/dogs/one.txt", 403, Some("AccessDenied")),
            ("/media/dogs/one.txt", 200, None),
            ("/media/cats/one.txt", 403, Some("SignatureDoesNotMatch")),
        ]
    );
    let ids: Vec<_> = records.iter().map(|one| one.access_key_id.clone().unwrap()).collect();
    assert_eq!(ids, [alice.id.clone(), alice.id.clone(), admin.id, alice.id]);
    assert_eq!(records[2].role, Some(world.account.role_arn("admin")));
    assert_eq!(records[2].session.as_deref(), Some("alice@example.com"));
}

#[tokio::test]
async fn a_listing_goes_by_pages_and_folders() {
    let world = World::new();
    let keys = world.present_for("admin", &[]).await.keys();
    for number in 0..5 {
        world.s3.put(BUCKET, &format!("cats/deep/{number}"), "text/plain", b"");
    }
    let folded =
        world.s3(&keys, Method::GET, "/media?list-type=2&prefix=cats%2F&delimiter=%2F", "").await;
    assert_eq!(folded.text.matches("<CommonPrefixes>").count(), 1, "{}", folded.text);
    assert_eq!(folded.element("KeyCount").as_deref(), Some("3"), "{}", folded.text);
    let mut found = 0;
    let mut next = String::new();
    loop {
        let target = format!("/media?{next}list-type=2&max-keys=3&prefix=cats%2F");
        let page = world.s3(&keys, Method::GET, &target, "").await;
        found += page.text.matches("<Contents>").count();
        match page.element("NextContinuationToken") {
            Some(token) => next = format!("continuation-token={}&", token.replace('/', "%2F")),
            None => break,
        }
    }
    assert_eq!(found, 7);
}

#[tokio::test]
async fn what_is_behind_a_tap_leaves_as_the_tap_lets_it_and_who_goes_away_is_counted() {
    let world = World::new();
    let keys = annotator(&world, None).await;
    let tap = world.s3.put_behind_tap(BUCKET, "cats/film", "video/webm", b"abcdef");
    let url = format!("{}/{BUCKET}/cats/film", world.s3.url());
    let signed =
        signed_headers(&keys, (Clock::system().now(), "eu-central-1", "s3"), ("GET", &url), "");
    let begin = async || {
        let mut request = reqwest::Client::builder().no_proxy().build().unwrap().get(&url);
        for (name, value) in &signed {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    };
    let (mut whole, mut left) = (begin().await, begin().await);
    for piece in ["ab", "cde"] {
        tap.let_out(piece.len());
        for reader in [&mut whole, &mut left] {
            assert_eq!(reader.chunk().await.unwrap().unwrap(), piece);
        }
    }
    assert_eq!(tap.cut(), 0);
    drop(left);
    let lost = async {
        while tap.cut() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), lost).await.unwrap();
    tap.let_out(100);
    assert_eq!(whole.text().await.unwrap(), "f");
    assert_eq!(tap.cut(), 1);
}
