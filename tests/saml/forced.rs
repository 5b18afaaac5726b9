//! `force_sign_in`: people prove who they are whenever a session begins, however it is asked for. Only what goes on does without.

use reqwest::StatusCode;
use sluicegate::ground::clock::SignedDuration;

use crate::company::{Browser, entries};
use crate::forge::{Forge, asked};
use crate::support::assertion::Signed;

const ALICE: &str = "alice@example.com";

fn forge(more: &str) -> Forge {
    Forge::with(|draft| draft.saml.push_str(&format!("force_sign_in = true\n{more}")))
}

/// Whether somebody is in who proved himself to the identity provider so many minutes ago.
async fn is_in(
    forge: &Forge,
    browser: Browser<'_>,
    query: &str,
    (who, minutes): (&str, i64),
) -> bool {
    let way = forge.depart_with(browser, query).await;
    let mut claims = forge.claims(who, &["annotators"], Some(&way.request));
    claims.authenticated -= SignedDuration::from_mins(minutes);
    way.post(&forge.idp.posted(&claims, Signed::Both)).await.status == StatusCode::SEE_OTHER
}

#[tokio::test]
async fn nobody_begins_a_session_by_calling_it_a_renewal() {
    let forge = forge("");
    let fresh = || Browser::at(&forge.site, "https://idp.example.com");
    for query in ["", "?renew=try", "?renew=window", "?renew=anew"] {
        let xml = asked(&fresh().depart(query).await);
        assert!(
            xml.contains("ForceAuthn=\"true\"") && !xml.contains("IsPassive=\"true\""),
            "{xml}"
        );
        assert!(!is_in(&forge, fresh(), query, (ALICE, 420)).await, "{query}");
    }
    // With a cookie that nobody gave, it is the same.
    let answer = fresh()
        .ask(
            reqwest::Method::GET,
            "/-/saml/acme/sign-in?renew=try",
            &[("cookie", "__Host-sluicegate=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")],
        )
        .await;
    assert!(asked(answer.header("location")).contains("ForceAuthn=\"true\""));
}

#[tokio::test]
async fn a_session_that_lasts_is_renewed_unasked_and_nobody_elses_begins_so() {
    let forge = forge("");
    let alice = forge.sign_in(ALICE, &["annotators"]).await;
    let xml = asked(&alice.depart("?renew=try").await);
    assert!(!xml.contains("ForceAuthn=\"true\"") && xml.contains("IsPassive=\"true\""), "{xml}");
    let way = forge.depart_with(alice, "?renew=try").await;
    let mut claims = forge.claims("bob@example.com", &["annotators"], Some(&way.request));
    claims.authenticated -= SignedDuration::from_mins(420);
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
    let last = entries(&forge.site, "AcceptAssertion", 2).pop().unwrap();
    assert_eq!(last["sign_in"], "bob@example.com", "{last}");
    assert!(last["reason"].as_str().unwrap().contains("somebody else came"), "{last}");
    let account = way.browser.get("/-/api/account").await.json();
    assert_eq!(account["email"], ALICE, "hers goes on");
    assert!(is_in(&forge, way.browser, "?renew=try", (ALICE, 420)).await);
}

#[tokio::test]
async fn what_nobody_asked_for_counts_while_the_proof_is_fresh() {
    let forge = forge("unsolicited = \"accepted\"");
    for (minutes, waits, expected) in [
        (420, false, StatusCode::FORBIDDEN),
        (420, true, StatusCode::FORBIDDEN),
        (0, false, StatusCode::SEE_OTHER),
        (0, true, StatusCode::SEE_OTHER),
    ] {
        let mut claims = forge.claims(ALICE, &["annotators"], None);
        claims.authenticated -= SignedDuration::from_mins(minutes);
        let posted = forge.idp.posted(&claims, Signed::Both);
        let answer = if waits {
            forge.depart("").await.post(&posted).await
        } else {
            let browser = Browser::at(&forge.site, "https://idp.example.com");
            let fields = [("SAMLResponse".to_owned(), posted)];
            browser.post_to(&forge.site.url("/-/saml/acme/acs"), &fields).await
        };
        assert_eq!(answer.status, expected, "{minutes} {waits}: {}", answer.text());
    }
}
