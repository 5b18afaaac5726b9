//! Orders of the identity provider to sign somebody out: what they end, and what is told of it when there is no way to tell.

use reqwest::StatusCode;
use serde_json::json;
use sluicegate::ground::clock::{Clock, SignedDuration};

use crate::company::{Browser, Key, entries};
use crate::forge::Forge;
use crate::messages::Message;
use crate::support::site::Answer;

const ALICE: &str = "alice@example.com";

/// The address of an order to end all sessions of this person, which was given so many seconds ago.
fn order(forge: &Forge, person: &str, seconds: i64) -> String {
    let to = forge.site.url("/-/saml/acme/slo");
    let at = Clock::system().now() - SignedDuration::from_secs(seconds);
    let order = Message::sign_out_all(&to, &forge.idp.entity_id, person, at);
    let key = Key::read(&forge.idp.certificate_pem, &forge.idp.key_pem);
    order.at("/-/saml/acme/slo", None, Some(&key))
}

/// The identity provider ends all sessions of this person, and has not to be told so.
pub async fn sign_out_all(forge: &Forge, person: &str) -> Answer {
    Browser::at(&forge.site, "https://idp.example.com").open(&order(forge, person, 0)).await
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
    let nobody = Browser::at(&forge.site, "https://idp.example.com");
    // By a clock that may be a minute behind ours, it was given before she came.
    let earlier = order(&forge, ALICE, 90);
    let alice = forge.sign_in(ALICE, &["annotators"]).await;
    assert_eq!(nobody.open(&earlier).await.status, StatusCode::SEE_OTHER);
    assert!(lives(&alice).await);
    assert_eq!(nobody.open(&order(&forge, ALICE, 30)).await.status, StatusCode::SEE_OTHER);
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
