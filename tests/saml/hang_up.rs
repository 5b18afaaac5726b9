//! Who hangs up while he is being signed in is signed in all the same, and the audit says so: who came, by which assertion, what
//! his account became, and which credentials were had.

use serde_json::json;

use crate::company::entries;
use crate::forge::{Forge, Way};
use crate::support::assertion::{Claims, Signed};

const ALICE: &str = "alice@example.com";

/// Posts the answer, and resets the stream while STS is being asked. The next request on the same connection makes sure that the
/// gateway knows.
async fn hung_up(forge: &Forge, way: &Way<'_>, claims: &Claims) {
    let arrived = forge.sts.calls().len();
    let held = forge.sts.hold();
    let request = way.request_to_post(&forge.idp.posted(claims, Signed::Both));
    let posting = tokio::spawn(async move { request.send().await.map(|it| it.status()) });
    forge.sts.until_arrived(arrived + 1).await;
    posting.abort();
    assert!(posting.await.unwrap_err().is_cancelled());
    way.browser.get("/-/assets/style.css").await;
    drop(held);
}

#[tokio::test]
async fn a_first_sign_in_is_told() {
    let forge = Forge::start();
    let way = forge.depart("").await;
    let claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
    hung_up(&forge, &way, &claims).await;
    let [entry] = &entries(&forge.site, "AcceptAssertion", 1)[..] else { panic!() };
    assert_eq!(entry["sign_in"], ALICE, "{entry}");
    assert_eq!(entry["assertion"], json!(claims.assertion_id));
    assert_eq!(entry["changes"][0], "account made");
    let list = forge.site.run(&["session", "list", "--json"]);
    assert!(list.contains(ALICE), "the session is there, and ends like any other: {list}");
}

#[tokio::test]
async fn a_renewal_by_which_somebody_gains_something_is_told() {
    const LEDGERS: &str = "/-/objects/ledgers/media/inside.txt";
    let forge = Forge::start();
    let alice = forge.sign_in(ALICE, &["annotators"]).await;
    assert_eq!(alice.get(LEDGERS).await.status, 404);
    let way = forge.depart_with(alice, "?renew=try").await;
    let claims = forge.claims(ALICE, &["annotators", "admins"], Some(&way.request));
    hung_up(&forge, &way, &claims).await;
    let entry = entries(&forge.site, "AcceptAssertion", 2).pop().unwrap();
    assert_eq!(
        (&entry["sign_in"], &entry["signed_in_by"]),
        (&json!(ALICE), &json!("saml-renewal"))
    );
    assert_eq!(entry["changes"], json!(["role manager in project ledgers"]), "{entry}");
    assert_eq!(entry["credentials"].as_array().map(Vec::len), Some(2), "{entry}");
    assert_eq!(way.browser.get(LEDGERS).await.status, 200, "what she has is what is told");
}
