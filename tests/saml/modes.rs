//! How people of an organization may come: at the identity provider, with a password, or both; and the glass that can be broken.

use reqwest::{Method, StatusCode};

use crate::company::{Browser, entries};
use crate::forge::Forge;
use crate::support::site::{Answer, PASSWORD};

pub async fn with_password(forge: &Forge, email: &str) -> Answer {
    let form =
        format!("email={}&password={}", email.replace('@', "%40"), PASSWORD.replace(' ', "+"));
    let origin = forge.site.url("");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", &*origin)];
    forge.site.send(Method::POST, "/-/sign-in", None, &headers, form.into_bytes()).await
}

#[tokio::test]
async fn with_sso_only_a_password_opens_nothing_but_to_those_who_may_break_the_glass_and_that_is_loud()
 {
    let forge = Forge::with(|draft| {
        draft.saml.push_str("sign_in = \"sso-only\"\nbreak_glass = [\"root@example.com\"]");
    });
    for email in ["ann@example.com", "root@example.com"] {
        forge.site.person("acme", email, "administrator");
    }
    let ann = with_password(&forge, "ann@example.com").await;
    let wrong = with_password(&forge, "nobody@example.com").await;
    assert_eq!(ann.status, StatusCode::UNAUTHORIZED);
    assert_eq!((wrong.status, wrong.code()), (ann.status, ann.code()), "one answer for both");
    let root = with_password(&forge, "root@example.com").await;
    assert_eq!(root.status, StatusCode::SEE_OTHER, "{}", root.text());
    let entries = entries(&forge.site, "SignIn", 3);
    assert!(
        entries[0]["reason"].as_str().unwrap().contains("identity provider only"),
        "{entries:#?}"
    );
    assert_eq!(entries[2]["signed_in_by"], "break-glass");
    assert!(forge.site.log().contains("BREAK GLASS"));
    let metrics = reqwest::get(format!("http://127.0.0.1:{}/metrics", forge.site.operations)).await;
    let metrics = metrics.unwrap().text().await.unwrap();
    assert!(metrics.contains("break_glass_sign_ins_total 1"), "{metrics}");
    let page = forge.site.get("/-/sign-in", None).await.text();
    assert!(page.contains("href=\"/-/saml/acme/sign-in?return=%2F-%2F\""), "{page}");
    assert!(page.contains("<details"), "{page}");
    forge.sign_in("ann@example.com", &["annotators"]).await;
}

#[tokio::test]
async fn native_only_knows_no_identity_provider_and_both_know_both() {
    let forge = Forge::with(|draft| draft.saml.push_str("sign_in = \"native-only\""));
    for path in ["metadata", "sign-in", "slo?SAMLRequest=x"] {
        let answer = forge.site.get(&format!("/-/saml/acme/{path}"), None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let page = forge.site.get("/-/sign-in", None).await.text();
    assert!(!page.contains("/-/saml/") && !page.contains("<details"), "{page}");
    forge.site.person("acme", "ann@example.com", "");
    assert_eq!(with_password(&forge, "ann@example.com").await.status, StatusCode::SEE_OTHER);

    let forge = Forge::start();
    forge.site.person("acme", "ann@example.com", "");
    assert_eq!(with_password(&forge, "ann@example.com").await.status, StatusCode::SEE_OTHER);
    forge.sign_in("ann@example.com", &["annotators"]).await;
    let page = forge.site.get("/-/sign-in", None).await.text();
    assert!(page.contains("/-/saml/acme/sign-in") && !page.contains("<details"), "{page}");
    // Whoever has none learns nothing of who has.
    let answer = forge.site.get("/-/saml/other/sign-in", None).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "not-found".to_owned()));
}

#[tokio::test]
async fn requests_ask_for_what_the_settings_say() {
    let forge = Forge::with(|draft| {
        draft.saml.push_str(
            "force_sign_in = true\nsign_in_contexts = [\"urn:oasis:names:tc:SAML:2.0:ac:classes:X509\"]",
        );
    });
    let browser = Browser::at(&forge.site, "https://idp.example.com");
    for (query, force, passive) in [
        ("", true, false),
        ("?renew=try", true, false),
        ("?renew=window", true, false),
        ("?renew=anew", true, false),
    ] {
        let xml = crate::forge::asked(&browser.depart(query).await);
        assert_eq!(xml.contains("ForceAuthn=\"true\""), force, "{query}: {xml}");
        assert_eq!(xml.contains("IsPassive=\"true\""), passive, "{query}: {xml}");
        assert!(xml.contains("Comparison=\"exact\"") && xml.contains("classes:X509<"), "{xml}");
    }
}
