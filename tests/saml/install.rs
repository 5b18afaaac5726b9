//! What the operator sees of single sign-on: our metadata, what a start and a reload refuse, what is told before it hurts.

use std::fs;

use reqwest::StatusCode;
use sluicegate::ground::clock::{Clock, SignedDuration};

use crate::company::Browser;
use crate::forge::Forge;
use crate::support::site::{Site, inside};

async fn readiness(site: &Site) -> serde_json::Value {
    let url = format!("http://127.0.0.1:{}/readyz", site.operations);
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn metrics(site: &Site) -> String {
    let url = format!("http://127.0.0.1:{}/metrics", site.operations);
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

/// Waits until the settings have been taken up so often.
async fn reloaded(site: &Site, generation: u64) {
    let taken_up = async {
        while readiness(site).await["settings_generation"].as_u64() != Some(generation) {}
    };
    let limit = std::time::Duration::from_secs(20);
    tokio::time::timeout(limit, taken_up).await.expect("it is not taken up");
}

#[tokio::test]
async fn our_metadata_announce_what_an_identity_provider_needs_and_both_keys_of_a_rollover() {
    let forge = Forge::start();
    let answer = forge.site.get("/-/saml/acme/metadata", None).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/samlmetadata+xml");
    let text = answer.text();
    let document = roxmltree::Document::parse(&text).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("entityID"), Some(&*forge.site.url("/-/saml/acme/metadata")));
    let uses = |text: &str| {
        text.matches("use=\"signing\"").count() + text.matches("use=\"encryption\"").count()
    };
    assert_eq!(uses(&text), 2);
    for address in ["acs", "slo"] {
        assert!(text.contains(&forge.site.url(&format!("/-/saml/acme/{address}"))), "{text}");
    }
    let key = crate::company::Key::new();
    forge.site.secret("next.pem", &key.certificate_pem);
    forge.site.secret("next.key", &key.key_pem);
    let path = inside(&forge.site, "sluicegate.toml");
    let settings = fs::read_to_string(&path).unwrap();
    let both = settings.replace(
        "key = \"sp.key\" }]",
        "key = \"sp.key\" }, { certificate = \"next.pem\", key = \"next.key\" }]",
    );
    assert_ne!(both, settings);
    fs::write(&path, both).unwrap();
    reloaded(&forge.site, 2).await;
    assert_eq!(uses(&forge.site.get("/-/saml/acme/metadata", None).await.text()), 4);
}

#[tokio::test]
async fn without_a_key_that_it_may_sign_with_there_is_no_reload_and_no_start() {
    let forge = Forge::start();
    let path = inside(&forge.site, "idp.xml");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.replace("use=\"signing\"", "use=\"encryption\"")).unwrap();
    let refused = async {
        while !metrics(&forge.site).await.contains("settings_last_reload_successful 0") {}
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), refused)
        .await
        .expect("it is taken up");
    assert!(forge.site.log().contains("no certificate for signing"), "{}", forge.site.log());
    forge.sign_in("alice@example.com", &["annotators"]).await;
    let check = forge.site.try_run(&["check"], "");
    assert_eq!(check.status.code(), Some(1));
    let told = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(told.contains("saml.acme.metadata"), "{told}");
    let start = forge.site.try_run(&["serve"], "");
    assert_eq!(start.status.code(), Some(1), "{}", String::from_utf8_lossy(&start.stderr));
}

#[tokio::test]
async fn metadata_that_end_are_warned_of_and_then_sign_nobody_in() {
    let forge = Forge::start();
    assert_eq!(readiness(&forge.site).await["warnings"], serde_json::json!([]));
    let path = inside(&forge.site, "idp.xml");
    let good = fs::read_to_string(&path).unwrap();
    let end = Clock::system().now() + SignedDuration::from_secs(75);
    let ending =
        format!("<md:EntityDescriptor validUntil=\"{}\" ", end.strftime("%Y-%m-%dT%H:%M:%SZ"));
    fs::write(&path, good.replacen("<md:EntityDescriptor ", &ending, 1)).unwrap();
    reloaded(&forge.site, 2).await;
    let ready = readiness(&forge.site).await;
    let warning = ready["warnings"][0].as_str().unwrap();
    assert!(warning.contains("saml.acme") && ready["ready"] == true, "{ready}");
    let expected = format!(
        "saml_metadata_expiry_timestamp_seconds{{organization=\"acme\"}} {}",
        end.as_second()
    );
    assert!(metrics(&forge.site).await.contains(&expected), "{}", metrics(&forge.site).await);
    let check = forge.site.try_run(&["check"], "");
    assert!(String::from_utf8_lossy(&check.stdout).contains("metadata end on"), "{check:?}");
}

/// One organization's identity provider keeps nobody else out, and not those of its own who may come past it.
#[tokio::test]
async fn metadata_whose_time_is_over_stop_neither_a_start_nor_a_reload() {
    let mut forge = Forge::with(|draft| {
        draft.saml.push_str("sign_in = \"sso-only\"\nbreak_glass = [\"ann@example.com\"]");
    });
    forge.site.person("acme", "ann@example.com", "owner");
    let path = inside(&forge.site, "idp.xml");
    let good = fs::read_to_string(&path).unwrap();
    let over = "<md:EntityDescriptor validUntil=\"2026-01-01T00:00:00Z\" ";
    fs::write(&path, good.replacen("<md:EntityDescriptor ", over, 1)).unwrap();
    reloaded(&forge.site, 2).await;
    forge.site.signal("TERM");
    assert!(forge.site.ended().success());
    forge.site.start();
    let browser = Browser::at(&forge.site, "https://idp.example.com");
    let answer = browser.open("/-/saml/acme/sign-in");
    assert_eq!(answer.await.status, StatusCode::SERVICE_UNAVAILABLE);
    forge.site.sign_in("ann@example.com").await;
    let ready = readiness(&forge.site).await;
    assert!(ready["warnings"][0].as_str().unwrap().contains("saml.acme"), "{ready}");
    let check = forge.site.try_run(&["check"], "");
    assert_eq!(check.status.code(), Some(1), "a check tells it as a fault");
    let told = String::from_utf8_lossy(&check.stderr).into_owned();
    assert_eq!(told.matches("the document was valid until").count(), 1, "{told}");
    fs::write(&path, good).unwrap();
    reloaded(&forge.site, 2).await;
    forge.sign_in("alice@example.com", &["annotators"]).await;
}

#[tokio::test]
async fn a_change_of_mode_counts_from_the_reload_on_for_pages_and_passwords_alike() {
    let forge = Forge::with(|draft| draft.saml.push_str("sign_in = \"both\""));
    forge.site.person("acme", "ann@example.com", "");
    forge.site.sign_in("ann@example.com").await;
    let path = inside(&forge.site, "sluicegate.toml");
    let settings = fs::read_to_string(&path).unwrap();
    fs::write(&path, settings.replace("sign_in = \"both\"", "sign_in = \"sso-only\"")).unwrap();
    reloaded(&forge.site, 2).await;
    let page = Browser::at(&forge.site, "https://idp.example.com").open("/-/sign-in").await.text();
    assert!(page.contains("<details"), "{page}");
    let form = b"email=ann%40example.com&password=correct+horse+battery".to_vec();
    let origin = forge.site.url("");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", &*origin)];
    let answer = forge.site.send(reqwest::Method::POST, "/-/sign-in", None, &headers, form).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}
