//! The identity provider itself, tried without a gateway: what it says is verified by two implementations, is worth what
//! it says at the STS, and it asks, answers and signs out as the tests of the gateway take for granted.

use std::fs;
use std::process::Command;
use std::time::Duration;

use roxmltree::{Document, Node};
use sluicegate::ground::clock::{Clock, SignedDuration, Timestamp};
use sluicegate::sign_in::saml::{self, Assertion, Expected, Refused};

use crate::messages::{ASSERTION, Message, PROTOCOL, Received};
use crate::support::assertion::base64;
use crate::support::company::Key;
use crate::support::idp::{Arrived, Encryption, Idp, Posted, ServiceProvider, Visit};
use crate::world::{ADMIN, ANNOTATOR, BESIDE, INSIDE, ROLE, Reach, World};

const ENTITY: &str = "https://gateway.example.com/-/saml/acme/metadata";
const ENDPOINT: &str = "https://gateway.example.com/-/saml/acme/acs";
const SIGN_OUT: &str = "https://gateway.example.com/-/saml/acme/slo";

fn gateway() -> ServiceProvider {
    ServiceProvider::new(ENTITY, ENDPOINT)
}

/// What the gateway's own verification makes of a document in answer to this request.
fn verified(idp: &Idp, xml: &str, request: Option<&str>) -> Result<Assertion, Refused> {
    let now = Clock::system().now();
    let provider = saml::IdentityProvider::read(&idp.metadata(), None, now).unwrap();
    let expected = Expected {
        entity_id: ENTITY,
        endpoint: ENDPOINT,
        request,
        contexts: &[],
        authenticated_since: None,
    };
    saml::verify(xml, &provider.trust, &expected, &[], now)
}

/// The only element of this name.
fn only<'a, 'i>(document: &'a Document<'i>, name: (&str, &str)) -> Node<'a, 'i> {
    let mut found = document.descendants().filter(|node| node.has_tag_name(name));
    let first = found.next().unwrap_or_else(|| panic!("no {name:?}"));
    assert!(found.next().is_none(), "several {name:?}");
    first
}

/// SimpleSAMLphp's page for what it does not take, whose status is as it happens, says this.
#[track_caller]
fn refused(arrived: &Arrived, words: &str) {
    assert!(matches!(arrived, Arrived::Page { text, .. } if text.contains(words)), "{arrived:?}");
}

const NOT_ITS_SIGNATURE: &str = "Unable to validate signature on query string";
const NO_SIGNATURE: &str = "no signature found on message";

/// The STS takes this response for each role, and the S3 holds each set of keys to its own prefix.
async fn is_worth_both_roles(world: &World, response: &str) {
    for (mine, other) in [(ANNOTATOR, ADMIN), (ADMIN, ANNOTATOR)] {
        let answer = world.exchange_text(mine.role, response).await;
        assert_eq!(answer.element("Subject").as_deref(), Some("alice@example.com"), "{answer:?}");
        let keys = answer.keys();
        let inside = |reach: Reach| format!("{}{INSIDE}", reach.prefix);
        let read = world.read(&keys, mine.bucket, &inside(mine)).await;
        assert_eq!((read.status, read.text), (200, inside(mine)));
        world.read(&keys, mine.bucket, BESIDE).await.refused(403, "AccessDenied", "");
        world.read(&keys, other.bucket, &inside(other)).await.refused(403, "AccessDenied", "");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_signs_alice_in_and_is_worth_both_of_her_roles() {
    let world = World::new(vec![gateway()]);
    let posted = Visit::new(&world.idp).unsolicited("alice", ENTITY).await;
    assert_eq!(posted.endpoint, ENDPOINT);
    let assertion = verified(&world.idp, &posted.xml(), None).unwrap();
    assert_eq!(assertion.issuer, world.idp.entity_id());
    assert_eq!(assertion.name_id, "alice@example.com");
    assert_eq!(assertion.attributes["groups"], ["annotators", "admins"]);
    let provider = world.account.provider_arn("idp");
    let pair = |reach: Reach| format!("{},{provider}", world.account.role_arn(reach.role));
    assert_eq!(assertion.attributes[ROLE], [pair(ANNOTATOR), pair(ADMIN)]);

    let xml = posted.xml();
    let document = Document::parse(&xml).unwrap();
    let restriction = only(&document, (ASSERTION, "AudienceRestriction"));
    let audiences = restriction.children().filter_map(|node| node.text()).map(str::trim);
    let audiences: Vec<_> = audiences.filter(|text| !text.is_empty()).collect();
    assert_eq!(audiences, [ENTITY, "urn:amazon:webservices"], "one restriction, either will do");

    is_worth_both_roles(&world, posted.response()).await;
    let again = world.exchange(ANNOTATOR.role, &posted).await;
    again.refused(400, "InvalidIdentityToken", "redeemed");
}

#[tokio::test]
async fn whichever_part_is_signed_gateway_and_sts_take_it_and_what_nobody_signed_neither_takes() {
    let world = World::new(vec![gateway()]);
    for (response, assertion) in [(true, false), (false, true), (false, false)] {
        world.idp.change(|setup| {
            setup.service_providers[0].sign_response = response;
            setup.service_providers[0].sign_assertion = assertion;
        });
        let posted = Visit::new(&world.idp).unsolicited("bob", ENTITY).await;
        let verified = verified(&world.idp, &posted.xml(), None);
        let exchanged = world.exchange(ANNOTATOR.role, &posted).await;
        if response || assertion {
            assert_eq!(verified.unwrap().name_id, "bob@example.com");
            exchanged.keys();
        } else {
            assert!(matches!(verified, Err(Refused::Closed(_))), "{verified:?}");
            exchanged.refused(400, "InvalidIdentityToken", "nothing is signed");
        }
    }
}

#[tokio::test]
async fn the_roles_that_are_not_asserted_are_not_issued() {
    let world = World::new(vec![gateway()]);
    for (name, roles) in [("bob", Some(1)), ("carol", None), ("stranger", None)] {
        let posted = Visit::new(&world.idp).unsolicited(name, ENTITY).await;
        let assertion = verified(&world.idp, &posted.xml(), None).unwrap();
        assert_eq!(assertion.name_id, format!("{name}@example.com"));
        assert_eq!(assertion.attributes.get(ROLE).map(Vec::len), roles, "{name}");
        assert_eq!(assertion.attributes.contains_key("groups"), name != "stranger");
        let answer = world.exchange(ADMIN.role, &posted).await;
        if name == "stranger" {
            answer.refused(400, "InvalidIdentityToken", "RoleSessionName");
        } else {
            answer.refused(403, "AccessDenied", "");
        }
    }
}

#[tokio::test]
async fn an_assertion_is_encrypted_as_the_service_provider_wants_it() {
    let key = Key::new();
    let mut encrypted = gateway();
    encrypted.certificates = vec![key.certificate_pem.clone()];
    let world = World::new(vec![encrypted]);
    let modes = [
        (Encryption::Aes128Cbc, "http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
        (Encryption::Aes128Gcm, "http://www.w3.org/2009/xmlenc11#aes128-gcm"),
        (Encryption::Aes256Gcm, "http://www.w3.org/2009/xmlenc11#aes256-gcm"),
    ];
    for (encryption, algorithm) in modes {
        world.idp.change(|setup| setup.service_providers[0].encryption = Some(encryption));
        let posted = Visit::new(&world.idp).unsolicited("alice", ENTITY).await;
        let xml = posted.xml();
        let document = Document::parse(&xml).unwrap();
        assert!(!document.descendants().any(|node| node.has_tag_name((ASSERTION, "Assertion"))));
        let methods =
            document.descendants().filter(|one| one.tag_name().name() == "EncryptionMethod");
        let methods: Vec<_> = methods.filter_map(|one| one.attribute("Algorithm")).collect();
        assert_eq!(methods, [algorithm, "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"]);
        assert!(!xml.contains("alice@example.com"), "it is not in clear beside");
        // The response's own signature is over what was encrypted: the assertion's is what is left.
        let response = base64(&decrypted(&xml, &key));
        let assertion = verified(&world.idp, &saml::decode(&response).unwrap(), None).unwrap();
        assert_eq!(assertion.name_id, "alice@example.com");
        is_worth_both_roles(&world, &response).await;
    }
}

/// The same response with its assertion in clear, by `xmlsec1`, and without the response's signature.
fn decrypted(xml: &str, key: &Key) -> String {
    let folder = tempfile::tempdir().unwrap();
    let [document, pem] = ["response.xml", "key.pem"].map(|name| folder.path().join(name));
    fs::write(&document, xml).unwrap();
    fs::write(&pem, &key.key_pem).unwrap();
    let mut command = Command::new("xmlsec1");
    command.arg("--decrypt").arg("--privkey-pem").args([&pem, &document]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "xmlsec1: {said}");
    let clear = String::from_utf8(output.stdout).unwrap();
    let tree = Document::parse(&clear).unwrap();
    let text = |node: Node<'_, '_>| clear[node.range()].to_owned();
    let wrapper = only(&tree, (ASSERTION, "EncryptedAssertion"));
    let assertion = text(only(&tree, (ASSERTION, "Assertion")));
    let signature = wrapper.prev_siblings().find(|one| one.tag_name().name() == "Signature");
    clear.replace(&text(wrapper), &assertion).replace(&text(signature.unwrap()), "")
}

#[tokio::test]
async fn a_session_has_an_end_that_counts_from_the_password() {
    let world = World::with(vec![gateway()], |setup| {
        setup.session_seconds = 3_000;
        setup.assertion_seconds = 120;
    });
    let before = Timestamp::from_second(Clock::system().now().as_second()).unwrap();
    let visit = Visit::new(&world.idp);
    let request = Message::sign_in(&world.idp.sign_in_url(), ENTITY, false);
    let url = request.at(&world.idp.sign_in_url(), Some("here"), None);
    let first = visit.sign_in("alice", &url).await;
    assert_eq!(first.field("RelayState"), Some("here"));
    let after = Clock::system().now();
    let first = verified(&world.idp, &first.xml(), Some(&request.id)).unwrap();
    let ends = first.session_not_on_or_after.unwrap() - SignedDuration::from_secs(3_000);
    assert!(before <= ends && ends <= after, "{before} {ends} {after}");
    let good = first.not_on_or_after - SignedDuration::from_secs(120);
    assert!(before <= good && good <= after, "{before} {good} {after}");

    let silent = Message::sign_in(&world.idp.sign_in_url(), ENTITY, true);
    let again = visit.passive(&silent.at(&world.idp.sign_in_url(), None, None)).await;
    let again = verified(&world.idp, &again.xml(), Some(&silent.id)).unwrap();
    assert_eq!(again.name_id, "alice@example.com");
    assert_ne!(again.id, first.id);
    assert_eq!(again.session_not_on_or_after, first.session_not_on_or_after);
}

#[tokio::test]
async fn who_may_not_be_asked_and_has_no_session_is_answered_so() {
    let world = World::new(vec![gateway()]);
    let request = Message::sign_in(&world.idp.sign_in_url(), ENTITY, true);
    let url = request.at(&world.idp.sign_in_url(), Some("here"), None);
    let posted = Visit::new(&world.idp).passive(&url).await;
    assert_eq!((&*posted.endpoint, posted.field("RelayState")), (ENDPOINT, Some("here")));
    let xml = posted.xml();
    let document = Document::parse(&xml).unwrap();
    assert_eq!(document.root_element().attribute("InResponseTo"), Some(&*request.id));
    let codes = document.descendants().filter(|one| one.has_tag_name((PROTOCOL, "StatusCode")));
    let codes: Vec<_> = codes.filter_map(|one| one.attribute("Value")).collect();
    let status = "urn:oasis:names:tc:SAML:2.0:status:";
    assert_eq!(codes, [format!("{status}Responder"), format!("{status}NoPassive")]);
    world.exchange(ANNOTATOR.role, &posted).await.refused(403, "IDPRejectedClaim", "Responder");
}

#[tokio::test]
async fn a_wrong_password_is_asked_for_again_and_a_changed_attribute_counts_from_the_next_sign_in()
{
    let world = World::new(vec![gateway()]);
    let url = world.idp.sign_in_url();
    let request = || Message::sign_in(&url, ENTITY, false).at(&url, None, None);
    let visit = Visit::new(&world.idp);
    let wrong = visit.try_password("bob", "alice-password", &request()).await;
    assert!(matches!(wrong, Arrived::SignIn(_)), "{wrong:?}");
    let groups = |posted: &Posted| posted.xml().contains("reviewers");
    assert!(!groups(&visit.sign_in("bob", &request()).await));
    world.idp.change(|setup| {
        let bob = setup.people.get_mut("bob").unwrap();
        bob.attributes.insert("groups".to_owned(), vec!["reviewers".to_owned()]);
    });
    assert!(!groups(&visit.passive(&request()).await), "his session has what he came with");
    assert!(groups(&Visit::new(&world.idp).sign_in("bob", &request()).await));
}

#[tokio::test]
async fn requests_that_must_be_signed_are_answered_when_one_of_the_keys_has_signed_them() {
    let [old, new, foreign] = [Key::new(), Key::new(), Key::new()];
    let mut strict = gateway();
    strict.certificates = [&old, &new].map(|one| one.certificate_pem.clone()).to_vec();
    strict.signed_requests = true;
    let world = World::new(vec![strict]);
    assert!(world.idp.metadata().contains("WantAuthnRequestsSigned=\"true\""));
    let url = world.idp.sign_in_url();
    for (key, fault) in [
        (Some(&old), None),
        (Some(&new), None),
        (Some(&foreign), Some(NOT_ITS_SIGNATURE)),
        (None, Some(NO_SIGNATURE)),
    ] {
        let request = Message::sign_in(&url, ENTITY, false);
        let arrived = Visit::new(&world.idp).go(&request.at(&url, Some("here"), key)).await;
        match fault {
            None => assert!(matches!(arrived, Arrived::SignIn(_)), "{arrived:?}"),
            Some(words) => refused(&arrived, words),
        }
    }
}

/// Somebody who is signed in at a service provider that takes part in signing out, and his session's index.
async fn signed_in(world: &World, key: &Key) -> (Visit, String) {
    let visit = Visit::new(&world.idp);
    let url = world.idp.sign_in_url();
    let request = Message::sign_in(&url, ENTITY, false);
    let posted = visit.sign_in("alice", &request.at(&url, None, Some(key))).await;
    let assertion = verified(&world.idp, &posted.xml(), Some(&request.id)).unwrap();
    (visit, assertion.session_index.unwrap())
}

/// Whether a session lives, as an answer to a passive request tells.
async fn lives(world: &World, visit: &Visit) -> bool {
    let url = world.idp.sign_in_url();
    let posted = visit.passive(&Message::sign_in(&url, ENTITY, true).at(&url, None, None)).await;
    posted.xml().contains("status:Success")
}

fn with_sign_out(key: &Key) -> World {
    let mut gateway = gateway();
    gateway.certificates = vec![key.certificate_pem.clone()];
    gateway.sign_out = Some(SIGN_OUT.to_owned());
    World::new(vec![gateway])
}

#[tokio::test]
async fn a_service_provider_signs_somebody_out_and_is_told_so() {
    let (key, foreign) = (Key::new(), Key::new());
    let world = with_sign_out(&key);
    let (visit, session) = signed_in(&world, &key).await;
    assert!(lives(&world, &visit).await);
    let url = world.idp.sign_out_url();
    let request = Message::sign_out(&url, ENTITY, "alice@example.com", &session);
    for (key, words) in [(None, NO_SIGNATURE), (Some(&foreign), NOT_ITS_SIGNATURE)] {
        refused(&visit.go(&request.at(&url, None, key)).await, words);
        assert!(lives(&world, &visit).await, "an order that anybody may have written");
    }
    let answer = visit.go(&request.at(&url, Some("there"), Some(&key))).await.left();
    let answer = Received::read(&answer, "SAMLResponse", &world.idp.certificate());
    assert_eq!((&*answer.to, answer.relay_state.as_deref()), (SIGN_OUT, Some("there")));
    let document = Document::parse(&answer.xml).unwrap();
    assert!(document.root_element().has_tag_name((PROTOCOL, "LogoutResponse")));
    assert_eq!(document.root_element().attribute("InResponseTo"), Some(&*request.id));
    let code = only(&document, (PROTOCOL, "StatusCode")).attribute("Value");
    assert_eq!(code, Some("urn:oasis:names:tc:SAML:2.0:status:Success"));
    assert!(!lives(&world, &visit).await);
}

#[tokio::test]
async fn who_signs_out_at_the_identity_provider_is_signed_out_everywhere() {
    let key = Key::new();
    let world = with_sign_out(&key);
    let (visit, session) = signed_in(&world, &key).await;
    let order = visit.sign_out("https://elsewhere.example.com/bye").await;
    let order = Received::read(&order, "SAMLRequest", &world.idp.certificate());
    assert_eq!(order.to, SIGN_OUT);
    let document = Document::parse(&order.xml).unwrap();
    assert!(document.root_element().has_tag_name((PROTOCOL, "LogoutRequest")));
    assert_eq!(only(&document, (ASSERTION, "NameID")).text(), Some("alice@example.com"));
    assert_eq!(only(&document, (PROTOCOL, "SessionIndex")).text(), Some(&*session));
    let url = world.idp.sign_out_url();
    let id = document.root_element().attribute("ID").unwrap();
    let done = Message::signed_out(&url, ENTITY, id);
    let state = order.relay_state.as_deref();
    let back = visit.go(&done.at(&url, state, Some(&key))).await.left();
    assert_eq!(back, "https://elsewhere.example.com/bye");
    assert!(!lives(&world, &visit).await);
}

#[tokio::test]
async fn cookies_are_for_its_own_pages_or_for_frames_of_others_too() {
    for cross_site in [false, true] {
        let world = World::with(vec![gateway()], |setup| setup.cross_site_cookies = cross_site);
        let visit = Visit::new(&world.idp);
        let posted = visit.unsolicited("alice", ENTITY).await;
        verified(&world.idp, &posted.xml(), None).unwrap();
        assert!(lives(&world, &visit).await);
        let sessions = visit.cookies().into_iter().filter(|one| one.starts_with("SimpleSAML"));
        let sessions: Vec<_> = sessions.filter(|one| !one.contains("deleted")).collect();
        assert!(!sessions.is_empty());
        for cookie in sessions {
            let text = cookie.to_ascii_lowercase();
            assert_eq!(text.contains("secure"), cross_site, "{cookie}");
            assert_eq!(text.contains("samesite=none"), cross_site, "{cookie}");
            assert!(cross_site || !text.contains("samesite"), "{cookie}");
        }
    }
}

#[test]
fn nothing_of_it_is_left_when_the_test_is_through() {
    let world = World::new(vec![gateway()]);
    let folder = world.idp.folder.path().to_owned();
    let address = world.idp.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let connects = || {
        let address = address.parse().unwrap();
        std::net::TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_ok()
    };
    assert!(connects());
    drop(world);
    assert!(!connects() && !folder.exists());
}
