//! Who comes from the identity provider, and what that opens: with both roles, with one, with none, and with nothing.

use std::collections::BTreeMap;

use super::{depart, home, illustrated, prove, sessions, sign_in, status, tells_nothing};
use crate::support::browser::{Browser, ENTER};
use crate::support::company::world::{ADMIN, ANNOTATOR, INSIDE, Reach};
use crate::support::company::{Company, Draft, entries};
use crate::support::s3::Record;

/// Names of the pictures that are really drawn, by project; nothing until all of the page's are.
const DRAWN: &str = "const all = [...document.querySelectorAll('.media img')]; \
    return all.length > 0 && all.every((one) => one.naturalWidth > 0) && \
    Object.fromEntries(all.map((one) => [one.closest('.storage').dataset.project, one.alt]))";

/// What the S3 was asked for in this bucket.
fn records(company: &Company, reach: Reach) -> Vec<Record> {
    let bucket = format!("/{}", reach.bucket);
    let all = company.world.s3.records().into_iter();
    all.filter(|record| record.target.starts_with(&bucket)).collect()
}

/// The one key that all of these came with, under this role.
#[track_caller]
fn key(company: &Company, reach: Reach) -> String {
    let records = records(company, reach);
    let mut keys = BTreeMap::new();
    for record in records {
        assert!(record.status < 300, "{record:?}");
        assert_eq!(record.role, Some(company.world.account.role_arn(reach.role)), "{record:?}");
        assert_eq!(record.session.as_deref(), Some("alice@example.com"));
        keys.insert(record.access_key_id.clone().unwrap(), record);
    }
    assert_eq!(keys.len(), 1, "{keys:#?}");
    keys.into_keys().next().unwrap()
}

async fn words(browser: &Browser) -> String {
    browser.run("return document.body.innerText").await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn alice_signs_in_by_keyboard_and_sees_both_projects_by_two_keys() {
    let company = illustrated(Company::start());
    let browser = Browser::start().await;
    browser.open(&company.site.url("/-/")).await;
    browser.until("the sign-in page", "return location.pathname === '/-/sign-in'").await;
    let words = "return document.querySelector('#sso').innerText";
    assert_eq!(browser.run(words).await, "Sign in at your organization");
    browser.tab_to("#sso").await;
    browser.screens("saml-sign-in").await;
    browser.keys(ENTER).await;
    prove(&company, &browser, "alice").await;
    home(&company, &browser).await;
    let drawn = browser.until("the pictures of both projects", DRAWN).await;
    assert_eq!(drawn["scans"], "cells.png");
    assert_eq!(drawn["ledgers"], "dusk.png");
    browser.screens("saml-home").await;
    let keys = [ANNOTATOR, ADMIN].map(|reach| key(&company, reach));
    assert_ne!(keys[0], keys[1], "one key for both");
    tells_nothing(&company, &browser).await;
    let ours = company.site.url("/");
    let complaints = browser.complaints().await.into_iter();
    let complaints: Vec<_> = complaints.filter(|one| one.contains(&ours)).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    browser.quit().await;
}

#[tokio::test]
async fn bob_finds_nothing_of_the_other_project() {
    let company = illustrated(Company::start());
    let browser = Browser::start().await;
    sign_in(&company, &browser, "bob").await;
    let drawn = browser.until("the picture of his project", DRAWN).await;
    assert_eq!(drawn, serde_json::json!({ "scans": "cells.png" }));
    let html = browser.run("return document.documentElement.outerHTML").await;
    assert!(!html.as_str().unwrap().contains("ledgers"), "{html}");
    for path in [
        format!("/-/objects/ledgers/media/{INSIDE}"),
        "/-/objects/ledgers/media/dusk.png".to_owned(),
        "/-/objects/ledgers/media/?limit=1".to_owned(),
    ] {
        assert_eq!(status(&browser, &path).await, 404, "{path}");
    }
    assert_eq!(records(&company, ADMIN), [], "by policy: S3 is not even asked");
    assert_eq!(status(&browser, &format!("/-/objects/scans/media/{INSIDE}")).await, 200);
    tells_nothing(&company, &browser).await;
    browser.quit().await;
}

#[tokio::test]
async fn where_no_policy_keeps_bob_out_s3_does() {
    let rules = tempfile::tempdir().unwrap();
    let schema = include_str!("../../../policies/schema.cedarschema");
    std::fs::write(rules.path().join("schema.cedarschema"), schema).unwrap();
    let everything = "@id(\"everything\") permit (principal, action, resource);";
    std::fs::write(rules.path().join("everything.cedar"), everything).unwrap();
    let company = illustrated(Company::with(|draft: &mut Draft, _| {
        draft.settings = format!("[policy]\nfolder = {:?}\n", rules.path());
        draft.groups = "[organization.acme.group.annotators]\n\
             projects = { scans = \"annotator\", ledgers = \"annotator\" }\n"
            .to_owned();
    }));
    let browser = Browser::start().await;
    sign_in(&company, &browser, "bob").await;
    browser.until("the picture of his project", DRAWN).await;
    let path = format!("/-/objects/ledgers/media/{INSIDE}");
    let asked = format!(
        "return fetch({path:?}).then(async (answer) => [answer.status, await answer.text()])"
    );
    let answer = browser.run(&asked).await;
    assert!([403, 502].map(Some).contains(&answer[0].as_u64()), "{answer}");
    let text = answer[1].as_str().unwrap();
    for hidden in [ADMIN.prefix, ADMIN.bucket, "AccessDenied", "arn:aws", "<Error>"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    let refused = records(&company, ADMIN);
    assert!(refused.iter().any(|record| record.target.ends_with(INSIDE)), "{refused:#?}");
    for record in refused {
        assert_eq!((record.status, record.code.as_deref()), (403, Some("AccessDenied")));
        assert_eq!(record.role, Some(company.world.account.role_arn(ANNOTATOR.role)));
        assert_eq!(record.session.as_deref(), Some("bob@example.com"));
    }
    browser.screens("saml-refused-by-the-storage").await;
    tells_nothing(&company, &browser).await;
    browser.quit().await;
}

#[tokio::test]
async fn a_stranger_is_told_so_and_has_no_session() {
    let company = Company::start();
    let browser = Browser::start().await;
    depart(&company, &browser).await;
    prove(&company, &browser, "stranger").await;
    let told = "return document.body.innerText.includes('nobody has given you a role here')";
    browser.until("the words", told).await;
    let text = words(&browser).await;
    assert!(text.contains("ask an administrator"), "{text}");
    browser.screens("saml-no-role").await;
    let cookies = browser.cookies().await;
    assert!(!cookies.iter().any(|name| name == "__Host-sluicegate"), "{cookies:?}");
    assert_eq!(sessions(&company.site), 0);
    let entries = entries(&company.site, "AcceptAssertion", 1);
    assert_eq!(entries[0]["code"], "no-role", "{entries:#?}");
    tells_nothing(&company, &browser).await;
    // The identity provider knows him, so that it would bring him here again: he may be somebody else.
    browser.tab_to("a[href*='renew=anew']").await;
    browser.keys(ENTER).await;
    prove(&company, &browser, "alice").await;
    home(&company, &browser).await;
    assert_eq!(sessions(&company.site), 1);
    browser.quit().await;
}

#[tokio::test]
async fn carol_is_told_what_does_not_open_and_goes_on_by_keyboard() {
    let company = illustrated(Company::start());
    let browser = Browser::start().await;
    depart(&company, &browser).await;
    prove(&company, &browser, "carol").await;
    let told = "return document.querySelector('.told li')?.innerText";
    let told = browser.until("what does not open", told).await;
    assert!(told.as_str().unwrap().contains("scans"), "{told}");
    let focus = "return document.activeElement?.innerText === 'Continue'";
    browser.until("the focus on the way on", focus).await;
    browser.screens("saml-not-opened").await;
    tells_nothing(&company, &browser).await;
    browser.keys(ENTER).await;
    home(&company, &browser).await;
    let text = words(&browser).await;
    assert!(text.contains("No storage of this project is shown here."), "{text}");
    browser.screens("saml-not-opened-home").await;
    assert_eq!(company.world.s3.records(), []);
    browser.quit().await;
}

#[tokio::test]
async fn where_there_are_several_organizations_he_names_his() {
    let company = illustrated(Company::with(|draft: &mut Draft, _| {
        draft.settings =
            "[saml.globex]\nbase_url = \"https://localhost\"\nmetadata = \"idp.xml\"\n\
             keys = [{ certificate = \"sp.pem\", key = \"sp.key\" }]\n"
                .to_owned();
        draft.catalogue = "[organization.globex]\ntitle = \"Globex\"\n".to_owned();
    }));
    let browser = Browser::start().await;
    browser.open(&company.site.url("/-/")).await;
    browser.until("the sign-in page", "return location.pathname === '/-/sign-in'").await;
    let html = browser.run("return document.documentElement.outerHTML").await;
    let html = html.as_str().unwrap();
    assert!(!html.contains("acme") && !html.contains("globex"), "it tells whose it is: {html}");
    browser.tab_to("#organization").await;
    browser.screens("saml-several").await;
    browser.keys(&format!("acme{ENTER}")).await;
    prove(&company, &browser, "alice").await;
    home(&company, &browser).await;
    browser.until("the pictures of both projects", DRAWN).await;
    browser.quit().await;
}
