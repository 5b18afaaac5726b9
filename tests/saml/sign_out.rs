//! Orders of the identity provider to sign somebody out: what they end, also of what comes later, and what is told of it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sluicegate::ground::clock::{Clock, SignedDuration};

use crate::company::{Browser, Key, entries};
use crate::forge::{Forge, Way};
use crate::messages::Message;
use crate::support::assertion::{Claims, Signed};
use crate::support::site::Answer;

const ALICE: &str = "alice@example.com";

/// The address of an order to end all sessions of this person, which was given so many seconds ago.
fn order(forge: &Forge, person: &str, seconds: i64) -> String {
    let to = forge.site.url("/-/saml/acme/slo");
    let at = Clock::system().now() - SignedDuration::from_secs(seconds);
    signed(forge, &Message::sign_out_all(&to, &forge.idp.entity_id, person, at))
}

/// The address of an order, given now, to end the session that has this index there.
fn order_of(forge: &Forge, person: &str, index: &str) -> String {
    let to = forge.site.url("/-/saml/acme/slo");
    signed(forge, &Message::sign_out(&to, &forge.idp.entity_id, person, index))
}

fn signed(forge: &Forge, order: &Message) -> String {
    let key = Key::read(&forge.idp.certificate_pem, &forge.idp.key_pem);
    order.at("/-/saml/acme/slo", None, Some(&key))
}

/// The identity provider ends all sessions of this person, and has not to be told so.
pub async fn sign_out_all(forge: &Forge, person: &str) -> Answer {
    Browser::at(&forge.site, "https://idp.example.com").open(&order(forge, person, 0)).await
}

/// An order arrives, from any browser, and is heard.
async fn arrives(forge: &Forge, order: &str) {
    let nobody = Browser::at(&forge.site, "https://idp.example.com");
    assert_eq!(nobody.open(order).await.status, StatusCode::SEE_OTHER);
}

/// Posts the answer; something happens while it is exchanged for credentials. Gives the status that the post had.
async fn post_meanwhile(
    forge: &Forge,
    way: &Way<'_>,
    claims: &Claims,
    meanwhile: impl AsyncFnOnce(),
) -> StatusCode {
    let before = forge.sts.calls().len();
    let held = forge.sts.hold();
    let request = way.request_to_post(&forge.idp.posted(claims, Signed::Both));
    let posting = tokio::spawn(async move { request.send().await.unwrap().status() });
    forge.sts.until_arrived(before + 1).await;
    meanwhile().await;
    drop(held);
    posting.await.unwrap()
}

/// The last of so many entries about answers: nobody was signed in by it for this reason, and the keys that were had are told.
#[track_caller]
fn refused_after_exchange(forge: &Forge, count: usize, reason: &str) {
    let entry: Value = entries(&forge.site, "AcceptAssertion", count).pop().unwrap();
    assert_eq!(entry["code"], "sign-in-refused", "{entry}");
    let told = entry["reason"].as_str().unwrap_or_default();
    assert!(told.contains(reason) && !told.contains("disabled"), "{entry}");
    assert_eq!(entry["sign_in"], ALICE, "{entry}");
    let had = entry["credentials"].as_array().map_or(0, Vec::len);
    assert_eq!(had, 1, "STS issued keys for her: {entry}");
}

async fn lives(browser: &Browser<'_>) -> bool {
    browser.get("/-/api/account").await.status == StatusCode::OK
}

#[tokio::test]
async fn people_are_out_though_the_identity_provider_cannot_be_told_so() {
    let forge = Forge::start();
    let [here, there] = [forge.sign_in(ALICE, &["annotators"]), forge.sign_in(ALICE, &["admins"])];
    let (here, there) = (here.await, there.await);
    let bob = forge.sign_in("bob@example.com", &["annotators"]).await;
    // Its metadata name no place for signing out.
    let nobody = Browser::at(&forge.site, "https://idp.example.com");
    let answer = nobody.open(&order(&forge, ALICE, 0)).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/-/sign-in"));
    assert_eq!([lives(&here).await, lives(&there).await, lives(&bob).await], [false, false, true]);
    let [entry] = &entries(&forge.site, "SingleLogout", 1)[..] else { panic!() };
    assert_eq!(entry["signed_out"], json!([ALICE]), "whose sessions they were, once: {entry}");
    assert_eq!(entry["status"], 303);
}

#[tokio::test]
async fn an_order_that_comes_again_ends_nothing_that_began_since() {
    let forge = Forge::start();
    let earlier = order(&forge, ALICE, 5);
    arrives(&forge, &earlier).await;
    // By an assertion that is younger than the order, by their clock.
    let alice = forge.sign_in(ALICE, &["annotators"]).await;
    arrives(&forge, &earlier).await;
    assert!(lives(&alice).await);
    arrives(&forge, &order(&forge, ALICE, 0)).await;
    assert!(!lives(&alice).await);
}

/// Some identity providers send their answer by a form. The person is out already, whatever it says.
#[tokio::test]
async fn an_answer_that_comes_by_a_form_leads_to_the_sign_in_page_and_is_believed_nothing() {
    let forge = Forge::start();
    let alice = forge.sign_in(ALICE, &["annotators"]).await;
    let url = forge.site.url("/-/saml/acme/slo");
    let post = async |fields: &[(&str, &str)]| {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Browser::at(&forge.site, "https://idp.example.com").post_to(&url, &fields).await
    };
    let answer = post(&[("SAMLResponse", "PGEvPg=="), ("RelayState", "there")]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/-/sign-in"));
    // An order is none when it comes so.
    let answer = post(&[("SAMLRequest", "PGEvPg==")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    assert!(lives(&alice).await);
}

#[tokio::test]
async fn an_identity_provider_whose_clock_is_behind_signs_people_out_as_well() {
    let forge = Forge::start();
    const BEHIND: i64 = 180;
    let way = forge.depart("").await;
    let mut claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
    claims.issued -= SignedDuration::from_secs(BEHIND);
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    assert!(lives(&way.browser).await);
    arrives(&forge, &order(&forge, ALICE, BEHIND)).await;
    assert!(!lives(&way.browser).await, "given after she signed in, by the same clock");
}

#[tokio::test]
async fn an_order_holds_for_assertions_that_come_after_it() {
    let forge = Forge::start();
    let way = forge.depart("").await;
    let mut claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
    claims.issued -= SignedDuration::from_secs(2);
    arrives(&forge, &order(&forge, ALICE, 0)).await;
    // Somebody else's order, and hers of another session there, are not about it.
    arrives(&forge, &order(&forge, "bob@example.com", 0)).await;
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
    assert!(!lives(&way.browser).await);
    refused_after_exchange(&forge, 1, "the identity provider signed him out meanwhile");

    // Whoever signs in there anew comes in.
    let way = forge.depart("").await;
    let mut claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
    claims.issued += SignedDuration::from_secs(5);
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    assert!(lives(&way.browser).await);
}

#[tokio::test]
async fn an_order_of_one_session_there_holds_for_its_assertions_and_for_no_others() {
    let forge = Forge::start();
    let [one, other] = [forge.depart("").await, forge.depart("").await];
    let [named, spared] = [&one, &other].map(|way| {
        let mut claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
        claims.session_index = Some(format!("_of{}", way.request));
        claims.issued -= SignedDuration::from_secs(2);
        claims
    });
    arrives(&forge, &order_of(&forge, ALICE, named.session_index.as_deref().unwrap())).await;
    let refused = one.post(&forge.idp.posted(&named, Signed::Both)).await;
    assert_eq!((refused.status, lives(&one.browser).await), (StatusCode::FORBIDDEN, false));
    let answer = other.post(&forge.idp.posted(&spared, Signed::Both)).await;
    assert_eq!((answer.status, lives(&other.browser).await), (StatusCode::SEE_OTHER, true));
}

#[tokio::test]
async fn an_order_that_comes_while_credentials_are_had_lets_nobody_in() {
    let forge = Forge::start();
    let way = forge.depart("").await;
    let mut claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
    claims.issued -= SignedDuration::from_secs(2);
    let status = post_meanwhile(&forge, &way, &claims, async || {
        arrives(&forge, &order(&forge, ALICE, 0)).await;
    });
    assert_eq!(status.await, StatusCode::FORBIDDEN);
    assert!(!lives(&way.browser).await, "she signed out there after the assertion was issued");
    refused_after_exchange(&forge, 1, "the identity provider signed him out meanwhile");
    let list: Value =
        serde_json::from_str(&forge.site.run(&["session", "list", "--json"])).unwrap();
    assert_eq!(list, json!([]));
}

#[tokio::test]
async fn an_order_of_the_session_that_a_renewal_is_of_ends_what_was_to_go_on() {
    let forge = Forge::start();
    let alice = forge.sign_in(ALICE, &["annotators"]).await;
    let way = forge.depart_with(alice, "?renew=unseen").await;
    let mut claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
    claims.session_index = Some("_another".to_owned());
    claims.issued -= SignedDuration::from_secs(2);
    let status = post_meanwhile(&forge, &way, &claims, async || {
        arrives(&forge, &order_of(&forge, ALICE, "_another")).await;
        assert!(lives(&way.browser).await, "what she has is of another session there so far");
    });
    assert_eq!(status.await, StatusCode::FORBIDDEN);
    assert!(!lives(&way.browser).await);
    refused_after_exchange(&forge, 2, "the identity provider signed him out meanwhile");
}

#[tokio::test]
async fn a_session_that_ends_while_credentials_are_had_for_it_is_told_so_with_them() {
    let forge = Forge::start();
    let alice = forge.sign_in(ALICE, &["annotators"]).await;
    let way = forge.depart_with(alice, "?renew=try").await;
    let claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
    let status = post_meanwhile(&forge, &way, &claims, async || {
        let origin = forge.site.url("");
        way.browser.ask(Method::POST, "/-/sign-out", &[("origin", &origin)]).await;
    });
    assert_eq!(status.await, StatusCode::FORBIDDEN);
    assert!(!lives(&way.browser).await);
    refused_after_exchange(&forge, 2, "the session ended meanwhile");
}
