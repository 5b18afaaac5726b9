//! `AssumeRoleWithSAML`: what is asserted soundly is granted, and each way in which it may be unsound is refused by its own
//! error.

use sluicegate::ground::clock::{SignedDuration, Timestamp};

use crate::support::account::Account;
use crate::support::assertion::{
    Algorithm, Claims, Confirmation, IdentityProvider, Signed, base64,
};
use crate::support::sts::Outcome;
use crate::world::{Answer, BUCKET, RECIPIENT, World, idp, other_idp};

const ROLE: &str = "https://aws.amazon.com/SAML/Attributes/Role";
const SESSION_NAME: &str = "https://aws.amazon.com/SAML/Attributes/RoleSessionName";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/SAML/Attributes/SourceIdentity";
const TEAM: &str = "https://aws.amazon.com/SAML/Attributes/PrincipalTag:team";

#[tokio::test]
async fn a_sound_assertion_is_granted_whichever_parts_are_signed_and_the_answer_says_all() {
    let world = World::new();
    for signed in [Signed::Response, Signed::Assertion, Signed::Both] {
        let posted = idp().posted(&world.claims(), signed);
        let answer = world.ask(&world.form("annotator", &posted), &[]).await;
        let keys = answer.keys();
        assert!(keys.id.starts_with("ASIA") && keys.id.len() == 20, "{}", answer.text);
        let element = |name: &str| answer.element(name).unwrap();
        let arn = "arn:aws:sts::111122223333:assumed-role/annotator/alice@example.com";
        assert_eq!(element("Arn"), arn);
        assert!(element("AssumedRoleId").ends_with(":alice@example.com"));
        assert_eq!(element("Issuer"), idp().entity_id);
        assert_eq!(element("Audience"), RECIPIENT);
        assert_eq!(element("Subject"), "alice@example.com");
        assert_eq!(element("SubjectType"), "emailAddress");
        assert_eq!(element("NameQualifier").len(), 28);
        let hour = answer.expiration().duration_since(world.now()).as_secs();
        assert!((3598..=3600).contains(&hour), "{hour} s by default");
    }
    let root = world.present(&world.claims()).await.text;
    let root = root.split('>').next().unwrap();
    assert_eq!(
        root,
        "<AssumeRoleWithSAMLResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\""
    );
}

#[tokio::test]
async fn a_provider_that_signs_with_ecdsa_is_verified_too() {
    let world = World::new();
    let [role, provider] =
        [world.account.role_arn("elsewhere"), world.account.provider_arn("other")];
    let claims = Claims::new(&other_idp().entity_id, "bob", RECIPIENT, world.now())
        .for_roles(&[(&role, &provider)], "bob");
    for signed in [Signed::Response, Signed::Assertion, Signed::Both] {
        let mut claims = claims.clone();
        claims.assertion_id = format!("_{signed:?}");
        let form = world.form("elsewhere", &other_idp().posted(&claims, signed));
        world.ask(&form, &[("PrincipalArn", &provider)]).await.keys();
    }
}

#[test]
fn a_providers_metadata_holds_its_name_and_the_certificate_that_it_signs_with() {
    let text = other_idp().metadata("https://other.example.com/sso?a=b&c=d");
    let document = roxmltree::Document::parse(&text).unwrap();
    assert_eq!(document.root_element().attribute("entityID"), Some(&*other_idp().entity_id));
    let named =
        |name: &str| document.descendants().find(|node| node.tag_name().name() == name).unwrap();
    let pem: String =
        other_idp().certificate_pem.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(named("X509Certificate").text(), Some(pem.as_str()));
    let location = named("SingleSignOnService").attribute("Location");
    assert_eq!(location, Some("https://other.example.com/sso?a=b&c=d"));
}

/// Signed by `xmlsec1` itself: namespaces declared elsewhere, types, layout, an empty value and a nested one.
#[tokio::test]
async fn a_response_that_looks_as_other_programs_write_it_is_granted() {
    let world = World::new();
    let claims = world.claims();
    let second = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let template = include_str!("elsewhere.xml")
        .replace("ISSUER", &idp().entity_id)
        .replace("NOW", &second(world.now()))
        .replace("SOON", &second(world.now() + SignedDuration::from_mins(5)))
        .replace("RECIPIENT", RECIPIENT)
        .replace("PAIR", &claims.attributes[0].1[0]);
    let folder = tempfile::tempdir().unwrap();
    let [key, unsigned, signed] =
        ["key.pem", "unsigned.xml", "signed.xml"].map(|name| folder.path().join(name));
    std::fs::write(&key, &idp().key_pem).unwrap();
    std::fs::write(&unsigned, template).unwrap();
    let output = std::process::Command::new("xmlsec1")
        .args(["--sign", "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"])
        .arg("--privkey-pem")
        .arg(&key)
        .arg("--output")
        .args([&signed, &unsigned])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let posted = base64(&std::fs::read_to_string(signed).unwrap());
    let answer = world.ask(&world.form("annotator", &posted), &[]).await;
    answer.keys();
    assert_eq!(answer.element("SubjectType").as_deref(), Some("persistent"));
    assert_eq!(answer.element("Subject").as_deref(), Some("alice"));
}

#[tokio::test]
async fn odd_letters_survive_the_signature() {
    let world = World::new();
    let mut claims =
        world.claims().with("note", &["<a & \"b\" 'c'> \u{e9}\u{1f600}\r\n\t>", "]]>"]);
    claims.name = "O'Brien & <Söhne>".to_owned();
    claims.session_index = Some("a\"b\n<c>\t&\r'".to_owned());
    let posted = idp().posted(&claims, Signed::Both);
    let answer = world.ask(&world.form("annotator", &posted), &[]).await;
    answer.keys();
    assert_eq!(answer.element("Subject").unwrap(), claims.name);
}

#[tokio::test]
async fn a_signature_that_is_not_the_providers_is_an_invalid_token() {
    let world = World::new();
    let claims = world.claims();
    let stranger = IdentityProvider::new(&idp().entity_id, Algorithm::EcdsaSha256);
    let good = idp().respond(&claims, Signed::Assertion);
    let weak = good.replace("xmldsig-more#rsa-sha256", "xmldsig#rsa-sha1");
    let (before, signature) = good.split_once("<ds:Signature ").unwrap();
    let (signature, after) = signature.split_once("</ds:Signature>").unwrap();
    let moved = format!("{before}{after}").replace(
        "<samlp:Status>",
        &format!("<samlp:Extensions><ds:Signature {signature}</ds:Signature></samlp:Extensions><samlp:Status>"),
    );
    let of_response = idp().respond(&claims, Signed::Response);
    let (head, rest) = of_response.split_once("<ds:Signature ").unwrap();
    let (inside, tail) = rest.split_once("</ds:Signature>").unwrap();
    let displaced = format!("{head}{tail}")
        .replace("<saml:Subject>", &format!("<ds:Signature {inside}</ds:Signature><saml:Subject>"));
    let mut forged = claims.clone();
    forged.assertion_id = "_evil".to_owned();
    forged.name = "admin@example.com".to_owned();
    let evil = idp().respond(&forged, Signed::Neither);
    let (_, evil) = evil.split_once("<saml:Assertion").unwrap();
    let (evil, _) = evil.split_once("</saml:Assertion>").unwrap();
    let wrapped = good.replacen(
        "<saml:Assertion",
        &format!("<saml:Assertion{evil}</saml:Assertion><saml:Assertion"),
        1,
    );
    let both = idp().respond(&claims, Signed::Both);
    let cases = [
        ("unsigned", idp().respond(&claims, Signed::Neither), "nothing is signed"),
        ("a stranger's key", stranger.respond(&claims, Signed::Both), "signature is wrong"),
        ("another person", good.replace(">alice@", ">admin@"), "signature is wrong"),
        ("another person beside a good signature", both.replace("alice@", "eve@"), "is wrong"),
        (
            "the response changed, the assertion not",
            both.replacen("Version=\"2.0\"", "Consent=\"x\" Version=\"2.0\"", 1),
            "is wrong",
        ),
        ("SHA-1", weak, "an algorithm"),
        ("a signature elsewhere", moved, "strange place"),
        ("a signature of the response in the assertion", displaced, "over something else"),
        ("a wrapped assertion", wrapped, "several assertions"),
        ("a comment in a name", good.replace(">alice@", ">alice<!-- -->@"), "not one text"),
        ("a document type", format!("<!DOCTYPE a>{good}"), "could not be parsed"),
        ("no XML", "hello".to_owned(), "could not be parsed"),
    ];
    for (name, xml, words) in cases {
        let answer = world.ask(&world.form("annotator", &base64(&xml)), &[]).await;
        assert!(answer.text.contains(words), "{name}: {}", answer.text);
        answer.refused(400, "InvalidIdentityToken", "");
    }
    let answer = world.ask(&world.form("annotator", "*not base64*"), &[]).await;
    answer.refused(400, "InvalidIdentityToken", "base64");
    world.ask(&world.form("annotator", &base64(&good)), &[]).await.keys();
}

#[tokio::test]
async fn an_issuer_or_a_provider_that_is_another_is_an_invalid_token() {
    let world = World::new();
    let mut claims = world.claims();
    claims.assertion_issuer = Some("https://evil.example.com/".to_owned());
    world.present(&claims).await.refused(400, "InvalidIdentityToken", "Issuer not present");
    let mut claims = world.claims();
    claims.issuer = "https://evil.example.com/".to_owned();
    world.present(&claims).await.refused(400, "InvalidIdentityToken", "Issuer not present");
    let unknown = world.account.provider_arn("unknown");
    let answer = world.present_for("annotator", &[("PrincipalArn", &unknown)]).await;
    answer.refused(400, "InvalidIdentityToken", "Specified provider doesn't exist");
}

#[tokio::test]
async fn an_assertion_is_good_for_five_minutes_and_never_past_its_own_times() {
    let world = World::new();
    let late = SignedDuration::from_mins(5) + SignedDuration::from_secs(1);
    let mut old = world.claims();
    old.issued = world.now() - late;
    let five = "Token must be redeemed within 5 minutes of issuance";
    world.present(&old).await.refused(400, "ExpiredTokenException", five);

    let mut just = world.claims();
    just.issued = world.now() - SignedDuration::from_secs(295);
    world.present(&just).await.keys();

    let now = world.now();
    let expired: [fn(&mut Claims, _); 3] = [
        |claims, now| claims.not_on_or_after = Some(now),
        |claims, now| claims.confirmations[0].not_on_or_after = Some(now),
        |claims, now| claims.session_not_on_or_after = Some(now),
    ];
    for change in expired {
        let mut claims = world.claims();
        change(&mut claims, now);
        world.present(&claims).await.refused(400, "ExpiredTokenException", "has expired");
    }
    let mut early = world.claims();
    early.not_before = Some(now + SignedDuration::from_secs(2));
    world.present(&early).await.refused(400, "InvalidIdentityToken", "not yet valid");
    let mut ahead = world.claims();
    ahead.issued = now + SignedDuration::from_mins(2);
    world.present(&ahead).await.refused(400, "InvalidIdentityToken", "not yet valid");

    let kept = idp().posted(&world.claims(), Signed::Assertion);
    world.hand.advance(late);
    let answer = world.ask(&world.form("annotator", &kept), &[]).await;
    answer.refused(400, "ExpiredTokenException", five);
}

#[tokio::test]
async fn what_the_identity_provider_refused_is_a_rejected_claim() {
    let world = World::new();
    let mut claims = world.claims();
    claims.status = "urn:oasis:names:tc:SAML:2.0:status:Responder".to_owned();
    world.present(&claims).await.refused(403, "IDPRejectedClaim", "status:Responder");
}

#[tokio::test]
async fn the_audience_is_aws_within_every_restriction() {
    let world = World::new();
    let gateway = "https://gateway.example.com/-/saml/acme/metadata";
    let both = world.claims().for_audiences(&[gateway, "urn:amazon:webservices"]);
    world.present(&both).await.keys();
    let mut apart = world.claims().for_audiences(&["urn:amazon:webservices"]);
    apart.audiences.push(vec![gateway.to_owned()]);
    let mut none = world.claims();
    none.audiences.clear();
    for claims in [world.claims().for_audiences(&[gateway]), apart, none] {
        let answer = world.present(&claims).await;
        answer.refused(400, "InvalidIdentityToken", "required audience");
    }
}

#[tokio::test]
async fn only_what_the_trust_and_the_asserted_pair_agree_on_is_authorized() {
    let world = World::new();
    let denied = |answer: Answer| {
        answer.refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML");
    };
    let [annotator, admin] = ["annotator", "admin"].map(|name| world.account.role_arn(name));
    let [provider, other] = ["idp", "other"].map(|name| world.account.provider_arn(name));

    let mut misdirected = world.claims();
    misdirected.confirmations[0].recipient = Some("https://signin.aws.amazon.com/saml".to_owned());
    denied(world.present(&misdirected).await);
    // A second confirmation that is addressed rightly will do.
    let recipient = Confirmation {
        recipient: Some(RECIPIENT.to_owned()),
        ..misdirected.confirmations[0].clone()
    };
    misdirected.confirmations.push(recipient);
    world.present(&misdirected).await.keys();

    let only = |role: &str, provider: &str| world.claims().for_roles(&[(role, provider)], "alice");
    denied(world.present(&only(&admin, &provider)).await);
    denied(world.present(&only(&annotator, &other)).await);
    let mut none = world.claims();
    none.attributes.retain(|(name, _)| name != ROLE);
    denied(world.present(&none).await);
    // Either order, and space around the comma.
    let pair = format!(" {provider} , {annotator} ");
    world.present(&world.claims().with(ROLE, &[&pair])).await.keys();

    let missing = world.account.role_arn("missing");
    let form = world.form("missing", &idp().posted(&only(&missing, &provider), Signed::Both));
    denied(world.ask(&form, &[]).await);
    let elsewhere = world.account.role_arn("elsewhere");
    let form = world.form("elsewhere", &idp().posted(&only(&elsewhere, &provider), Signed::Both));
    denied(world.ask(&form, &[]).await);
    let program = world.account.role_arn("program");
    let form = world.form("program", &idp().posted(&only(&program, &provider), Signed::Both));
    denied(world.ask(&form, &[]).await);
}

#[tokio::test]
async fn names_and_tags_come_from_the_assertion() {
    let world = World::new();
    let long = "x".repeat(65);
    for name in ["a", "a b", "a/b", "ü@example.com", &long] {
        let answer = world.present(&world.claims().with(SESSION_NAME, &[name])).await;
        answer.refused(400, "InvalidIdentityToken", "RoleSessionName in AuthnResponse must match");
    }
    let mut unnamed = world.claims();
    unnamed.attributes.retain(|(name, _)| name != SESSION_NAME);
    let required = "RoleSessionName is required";
    world.present(&unnamed).await.refused(400, "InvalidIdentityToken", required);
    let answer = world.present(&world.claims().with(SOURCE_IDENTITY, &["aws:me"])).await;
    answer.refused(400, "InvalidIdentityToken", "Source Identity must match");

    // The trust must let them.
    for attribute in [SOURCE_IDENTITY, TEAM] {
        let answer = world.present(&world.claims().with(attribute, &["dogs"])).await;
        answer.refused(403, "AccessDenied", "");
    }
    let claims = world.claims().with(SOURCE_IDENTITY, &["alice"]).with(TEAM, &["dogs"]);
    let form = world.form("tagged", &idp().posted(&claims, Signed::Both));
    let answer = world.ask(&form, &[]).await;
    assert_eq!(answer.element("SourceIdentity").as_deref(), Some("alice"), "{}", answer.text);
    assert!(answer.element("PackedPolicySize").is_some(), "tags take room");
    // What the role may do depends on the tag.
    let keys = answer.keys();
    assert_eq!(world.read(&keys, "dogs/one.txt").await.text, "dogs/one.txt");
    world.read(&keys, "cats/one.txt").await.refused(403, "AccessDenied", "");
}

#[tokio::test]
async fn an_assertion_is_taken_once_for_each_role_and_policy_and_not_lost_by_a_refusal() {
    let world = World::new();
    let posted = idp().posted(&world.claims(), Signed::Assertion);
    let ask =
        async |role: &str, more: &[(&str, &str)]| world.ask(&world.form(role, &posted), more).await;
    let refused = ask("annotator", &[("DurationSeconds", "7200")]).await;
    refused.refused(400, "ValidationError", "DurationSeconds");
    let (one, other) = tokio::join!(ask("annotator", &[]), ask("annotator", &[]));
    let mut granted = [&one, &other].into_iter().filter(|answer| answer.status == 200);
    assert!(granted.next().is_some() && granted.next().is_none(), "{} {}", one.text, other.text);
    ask("annotator", &[]).await.refused(400, "InvalidIdentityToken", "redeemed");
    let policy = crate::support::account::Policy::of_prefix(BUCKET, "cats/");
    ask("annotator", &[("Policy", &policy)]).await.keys();
    let again = ask("annotator", &[("Policy", &policy)]).await;
    again.refused(400, "InvalidIdentityToken", "redeemed");
    ask("admin", &[]).await.keys();
}

#[tokio::test]
async fn the_duration_is_held_to_the_role_and_to_the_persons_session() {
    let world = World::new();
    let admin =
        async |seconds: &str| world.present_for("admin", &[("DurationSeconds", seconds)]).await;
    let exceeds = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    let answer = world.present_for("annotator", &[("DurationSeconds", "3601")]).await;
    answer.refused(400, "ValidationError", exceeds);
    admin("899").await.refused(400, "ValidationError", "greater than or equal to 900");
    admin("43201").await.refused(400, "ValidationError", "less than or equal to 43200");
    admin("an hour").await.refused(400, "ValidationError", "DurationSeconds");
    let lasts = |answer: Answer| answer.expiration().duration_since(world.now()).as_secs();
    let quarter = lasts(admin("900").await);
    assert!((898..=900).contains(&quarter), "{quarter}");
    // Past SessionNotOnOrAfter (in eight hours) is no error: it ends then.
    let shorter = lasts(admin("43200").await);
    assert!((28_798..=28_800).contains(&shorter), "{shorter}");
    let mut endless = world.claims();
    endless.session_not_on_or_after = None;
    let form = world.form("admin", &idp().posted(&endless, Signed::Both));
    let whole = lasts(world.ask(&form, &[("DurationSeconds", "43200")]).await);
    assert!((43_198..=43_200).contains(&whole), "{whole}");
}

#[tokio::test]
async fn parameters_out_of_their_limits_are_validation_errors() {
    let world = World::new();
    let invalid = async |more: &[(&str, &str)], words: &str| {
        let answer = world.present_for("annotator", more).await;
        answer.refused(400, "ValidationError", words);
    };
    invalid(&[("RoleArn", "short")], "at 'roleArn'").await;
    invalid(&[("PrincipalArn", &"x".repeat(2049))], "at 'principalArn'").await;
    invalid(&[("SAMLAssertion", "abc")], "greater than or equal to 4").await;
    invalid(&[("SAMLAssertion", &"A".repeat(100_001))], "less than or equal to 100000").await;
    invalid(&[("Policy", "")], "at 'policy'").await;
    invalid(&[("Policy", &"x".repeat(2049))], "less than or equal to 2048").await;
    invalid(&[("Policy", "{\"\u{2713}\":1}")], "regular expression").await;
    invalid(&[("RoleSessionName", "alice")], "Unexpected parameter").await;
    let mut form = world.form("annotator", "AAAA");
    form.remove(2);
    world.ask(&form, &[]).await.refused(400, "ValidationError", "Value null at 'roleArn'");
    world.ask(&form, &[("Action", "Assume")]).await.refused(400, "InvalidAction", "Assume");
    world.ask(&form, &[("Version", "2012-10-17")]).await.refused(400, "InvalidAction", "");
}

#[tokio::test]
async fn a_policy_must_be_one_and_must_fit() {
    let world = World::new();
    let malformed = [
        "{",
        "[]",
        "{}",
        r#"{"Version":"2012-10-17"}"#,
        r#"{"Version":"2020","Statement":[]}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"s3:*"}}"#,
        r#"{"Statement":{"Effect":"Perhaps","Action":"s3:*","Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"media/*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Near":{"a:b":"c"}}}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"},"More":1}"#,
    ];
    for policy in malformed {
        let answer = world.present_for("annotator", &[("Policy", policy)]).await;
        answer.refused(400, "MalformedPolicyDocument", "");
    }
    let policy = crate::support::account::Policy::of_prefix(BUCKET, "cats/");
    let answer = world.present_for("annotator", &[("Policy", &policy)]).await;
    let percent: usize = answer.element("PackedPolicySize").unwrap().parse().unwrap();
    assert!((10..60).contains(&percent), "{percent} % of {} characters", policy.len());

    let tight = World::with(|mut account: Account| {
        account.packed_at_most = 100;
        account
    });
    let answer = tight.present_for("annotator", &[("Policy", &policy)]).await;
    answer.refused(400, "PackedPolicyTooLarge", "% of allotted space");
}

#[tokio::test]
async fn a_region_may_be_switched_off() {
    let world = World::with(|mut account: Account| {
        account.region_disabled = true;
        account
    });
    let answer = world.present(&world.claims()).await;
    answer.refused(403, "RegionDisabledException", "not activated in this region");
}

#[tokio::test]
async fn every_call_is_recorded_with_what_was_asked_and_who_came() {
    let world = World::new();
    let policy = crate::support::account::Policy::of_prefix(BUCKET, "cats/");
    let more = [("Policy", policy.as_str()), ("DurationSeconds", "900")];
    let keys = world.present_for("annotator", &more).await.keys();
    world.present_for("annotator", &[("DurationSeconds", "7200")]).await;
    let calls = world.sts.calls();
    let [granted, refused] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!(granted.action, "AssumeRoleWithSAML");
    assert_eq!(granted.role, world.account.role_arn("annotator"));
    assert_eq!(granted.principal, Some(world.account.provider_arn("idp")));
    assert_eq!(granted.seconds.as_deref(), Some("900"));
    assert_eq!(granted.policy, Some(policy.clone()));
    assert_eq!(granted.session.as_deref(), Some("alice@example.com"));
    assert_eq!(granted.person.as_deref(), Some("alice@example.com"));
    assert_eq!(granted.outcome, Outcome::Issued(keys.id));
    assert_eq!(refused.outcome, Outcome::Refused(crate::support::sts::Code::ValidationError));
    assert_eq!(refused.person, None);
}
