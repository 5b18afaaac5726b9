//! `AssumeRole`: who signs is known by his signature, and what he says of the session is held to the documented limits.

use sluicegate::ground::clock::SignedDuration;

use crate::support::sts::{Outcome, REGION};
use crate::world::{BUCKET, Keys, World, signed_headers};

#[tokio::test]
async fn a_signed_call_is_granted_with_all_that_a_session_carries() {
    let world = World::new();
    let policy = crate::support::account::Policy::of_prefix(BUCKET, "dogs/");
    let more = [
        ("DurationSeconds", "900"),
        ("SourceIdentity", "alice@example.com"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "dogs and cats"),
        ("Tags.member.2.Key", "empty"),
        ("Tags.member.2.Value", ""),
        ("Policy", policy.as_str()),
    ];
    let answer = world.assume(&world.gateway(), "program", &more).await;
    let keys = answer.keys();
    let lasts = answer.expiration().duration_since(world.now()).as_secs();
    assert!((898..=900).contains(&lasts), "{lasts}");
    assert_eq!(answer.element("SourceIdentity").as_deref(), Some("alice@example.com"));
    let arn = "arn:aws:sts::111122223333:assumed-role/program/alice@example.com";
    assert_eq!(answer.element("Arn").as_deref(), Some(arn));
    assert_eq!(world.read(&keys, "dogs/one.txt").await.text, "dogs/one.txt");
    world.read(&keys, "cats/one.txt").await.refused(403, "AccessDenied", "");

    let [call] = world.sts.calls().try_into().unwrap();
    assert_eq!(call.action, "AssumeRole");
    assert_eq!(call.principal, Some(world.gateway().id));
    assert_eq!(call.source_identity.as_deref(), Some("alice@example.com"));
    assert_eq!(call.tags[0], ("team".to_owned(), "dogs and cats".to_owned()));
    assert_eq!(call.outcome, Outcome::Issued(keys.id));
}

#[tokio::test]
async fn a_wrong_signature_is_refused() {
    let world = World::new();
    let good = world.gateway();
    let ask = async |keys: &Keys| world.assume(keys, "program", &[]).await;
    let wrong = Keys { secret: "x".repeat(40), ..good.clone() };
    ask(&wrong).await.refused(403, "SignatureDoesNotMatch", "we calculated");
    let unknown = Keys { id: "AKIAUNKNOWNUNKNOWN00".to_owned(), ..good.clone() };
    ask(&unknown).await.refused(403, "InvalidClientTokenId", "");
    let with_token = Keys { token: Some("token".to_owned()), ..good.clone() };
    ask(&with_token).await.refused(403, "InvalidClientTokenId", "");
    let session = ask(&good).await.keys();
    ask(&session).await.refused(403, "InvalidClientTokenId", "");
    let form = [("Action", "AssumeRole"), ("Version", "2011-06-15")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    world.ask(&form, &[]).await.refused(403, "MissingAuthenticationToken", "");
}

#[tokio::test]
async fn a_signature_is_for_one_body_one_place_and_one_quarter_of_an_hour() {
    let world = World::new();
    let url = format!("{}/", world.sts.url());
    let body = format!(
        "Action=AssumeRole&Version=2011-06-15&RoleArn={}&RoleSessionName=alice",
        world.account.role_arn("program")
    );
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |service: &str, region: &str, ago: i64, sent: &str, without: &str| {
        let time = world.now() - SignedDuration::from_secs(ago);
        let signed =
            signed_headers(&world.gateway(), (time, region, service), ("POST", &url), &body);
        let mut request = client.post(&url).body(sent.to_owned());
        for (name, value) in signed.into_iter().filter(|(name, _)| name != without) {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, text) = send("sts", REGION, 0, &body, "").await;
    assert_eq!(status, 200, "{text}");
    let other = body.replace("alice", "admin");
    for (service, region, ago, sent, without, words) in [
        ("sts", REGION, 0, &other, "", "we calculated"),
        ("sts", REGION, 0, &body, "x-amz-date", "x-amz-date"),
        ("sts", REGION, 901, &body, "", "Signature expired"),
        ("sts", REGION, -901, &body, "", "Signature expired"),
        ("s3", REGION, 0, &body, "", "scoped"),
        ("sts", "us-east-1", 0, &body, "", "scoped"),
    ] {
        let (status, text) = send(service, region, ago, sent, without).await;
        let refused = status == 403 && text.contains("<Code>SignatureDoesNotMatch</Code>");
        assert!(refused && text.contains(words), "{service} {region} {ago} {without}: {text}");
    }
}

#[tokio::test]
async fn only_whom_the_trust_names_is_authorized() {
    let world = World::new();
    let denied = "is not authorized to perform: sts:AssumeRole on resource";
    let (gateway, nobody) = (world.gateway(), world.keys_of("nobody"));
    for (keys, role) in
        [(&nobody, "program"), (&gateway, "annotator"), (&gateway, "missing"), (&gateway, "named")]
    {
        world.assume(keys, role, &[]).await.refused(403, "AccessDenied", denied);
    }
    let named = world.assume(&gateway, "named", &[("ExternalId", "acme-2")]).await;
    named.refused(403, "AccessDenied", denied);
    let more = [("ExternalId", "acme-1"), ("SourceIdentity", "alice")];
    world.assume(&gateway, "named", &more).await.refused(403, "AccessDenied", denied);
    let more =
        [("ExternalId", "acme-1"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "dogs")];
    world.assume(&gateway, "named", &more).await.refused(403, "AccessDenied", denied);
    world.assume(&gateway, "named", &[("ExternalId", "acme-1")]).await.keys();
}

#[tokio::test]
async fn what_is_said_of_the_session_keeps_to_its_limits() {
    let world = World::new();
    let long = "x".repeat(65);
    let invalid: [(&str, &[(&str, &str)]); 10] = [
        ("'roleSessionName'", &[("RoleSessionName", "a")]),
        ("less than or equal to 64", &[("RoleSessionName", &long)]),
        ("regular expression", &[("RoleSessionName", "alice smith")]),
        ("'sourceIdentity'", &[("SourceIdentity", "a/b")]),
        ("'externalId'", &[("ExternalId", "a")]),
        ("MaxSessionDuration", &[("DurationSeconds", "3601")]),
        ("greater than or equal to 900", &[("DurationSeconds", "1")]),
        ("aws:", &[("Tags.member.1.Key", "aws:team"), ("Tags.member.1.Value", "x")]),
        ("tags.member.1.Value", &[("Tags.member.1.Key", "team")]),
        ("Unexpected parameter", &[("SAMLAssertion", "AAAA")]),
    ];
    for (words, more) in invalid {
        let answer = world.assume(&world.gateway(), "program", more).await;
        answer.refused(400, "ValidationError", words);
    }
    let doubled = [
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "x"),
        ("Tags.member.2.Key", "Team"),
        ("Tags.member.2.Value", "y"),
    ];
    let answer = world.assume(&world.gateway(), "program", &doubled).await;
    answer.refused(400, "ValidationError", "Invalid tag key Team");
    let answer = world.assume(&world.gateway(), "program", &[("Policy", "{}")]).await;
    answer.refused(400, "MalformedPolicyDocument", "");
}
