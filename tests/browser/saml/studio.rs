//! Through to Label Studio: who signs in at the identity provider works there, and its pages renew what he came with.

use std::os::unix::fs::PermissionsExt as _;

use super::{CELLS, sessions, sign_in, tells_nothing, within};
use crate::support::browser::{Browser, ENTER};
use crate::support::company::world::{ANNOTATOR, Reach};
use crate::support::company::{Behind, Company, Draft, entries, import};
use crate::support::label_studio::{LabelStudio, OWNER_PASSWORD, OWNER_TOKEN};
use crate::support::world::until;
use serde_json::{Value, json};
use sluicegate::ground::clock::SignedDuration;

const DRAWN: &str = "return [...document.querySelectorAll('img')].some((one) => \
                     one.src.includes('/-/m/') && one.naturalWidth > 0)";

/// A project of Label Studio's with a picture that lies within this reach, and what the company's groups are in it. Two gateways
/// that know nothing of each other are not to lead the same people to one Label Studio: each company has one of its own.
pub(super) fn company(studio: &LabelStudio, reach: Reach, groups: &str) -> (Company, u64) {
    let number = studio.project("Plates");
    let uri = format!("s3://{}/{}cells.png", reach.bucket, reach.prefix);
    studio.tasks(number, &[json!({ "image": uri })]);
    let token = studio.data.path().join("gateway.token");
    std::fs::write(&token, OWNER_TOKEN).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut company = Company::with(|draft, setup| {
        setup.cross_site_cookies = true;
        draft.settings = format!(
            "[label_studio]\nurl = {:?}\ntoken = {{ file = {token:?} }}\norganization = \"acme\"\n\
             local_files = {:?}\n",
            studio.url,
            studio.data.path().join("files")
        );
    });
    let world = &company.world;
    world.s3.put(reach.bucket, &format!("{}cells.png", reach.prefix), "image/png", CELLS);
    let site = &mut company.site;
    let name = format!("plates-{number}");
    until("the project is adopted", || {
        site.run(&["project", "list", "--organization", "acme"]).contains(&name)
    });
    site.signal("TERM");
    assert!(site.ended().success());
    let draft = Draft {
        groups: groups.to_owned(),
        catalogue: format!(
            "[organization.acme.workspace.label-studio.project.{name}.storage.media]\n\
             bucket = {:?}\nprefix = {:?}\nregion = \"eu-central-1\"\nendpoint = {:?}\n\
             addressing = \"path\"\ncredential = \"people\"\n",
            reach.bucket,
            reach.prefix,
            world.s3.url()
        ),
        ..Draft::default()
    };
    let behind = Behind { account: &world.account, sts: &world.sts, s3: &world.s3 };
    import(site, &draft.catalogue(behind));
    site.start();
    (company, number)
}

async fn ends(browser: &Browser) -> Value {
    let asked =
        "return fetch('/-/api/account').then((it) => it.json()).then((it) => it.renewal.ends)";
    browser.run(asked).await
}

#[tokio::test(flavor = "multi_thread")]
async fn alice_labels_in_label_studio_and_its_page_renews_her_access() {
    let groups = "[organization.acme.group.annotators]\n\
                  workspaces = { label-studio = \"annotator\" }\n";
    let begun = tokio::task::spawn_blocking(|| {
        let studio = LabelStudio::start();
        let (company, number) = company(&studio, ANNOTATOR, groups);
        (studio, company, number)
    });
    let (_studio, company, number) = begun.await.unwrap();
    company.world.sts.shorten(Some(SignedDuration::from_secs(60)));
    let browser = Browser::with_third_party_cookies().await;
    sign_in(&company, &browser, "alice").await;
    company.world.sts.shorten(None);
    let before = ends(&browser).await;
    browser.open(&company.site.url(&format!("/projects/{number}/data"))).await;
    browser.until("the picture in the list", DRAWN).await;
    browser.run("window.stays = 'here'").await;
    let renewed = within(90, "the renewal", async || {
        let now = ends(&browser).await;
        (now != before).then_some(now)
    });
    let renewed = renewed.await;
    assert!(renewed.as_str() > before.as_str(), "{before} {renewed}");
    assert_eq!(browser.run("return window.stays").await, "here", "the page was left");
    browser.screens("saml-label-studio").await;
    tells_nothing(&company, &browser).await;
    let entries = entries(&company.site, "AcceptAssertion", 2);
    assert_eq!(entries[1]["signed_in_by"], "saml-renewal", "{entries:#?}");
    assert_eq!(sessions(&company.site), 1);
    browser.quit().await;
}

/// Where people were before there was single sign-on, nobody is taken over by his e-mail, and nobody stands before a closed door.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_in_label_studio_before_says_its_password_once_and_is_that_user() {
    let groups = "[organization.acme.group.annotators]\n\
                  workspaces = { label-studio = \"annotator\" }\n";
    let begun = tokio::task::spawn_blocking(|| {
        let studio = LabelStudio::start();
        let user = studio.user("alice@example.com").number;
        let (company, number) = company(&studio, ANNOTATOR, groups);
        (studio, company, number, user)
    });
    let (_studio, company, number, user) = begun.await.unwrap();
    let browser = Browser::start().await;
    sign_in(&company, &browser, "alice").await;
    let page = format!("/projects/{number}/data");
    browser.open(&company.site.url(&page)).await;
    browser.until("the way to her user", "return location.pathname === '/-/label-studio'").await;
    browser.until("the focus", "return document.activeElement.id === 'password'").await;
    browser.screens("label-studio-user").await;
    browser.keys(&format!("not-the-password{ENTER}")).await;
    let told = "return document.querySelector('[role=alert]')?.innerText";
    let told = browser.until("why not", told).await;
    assert_eq!(told, "That is not the password of your user in Label Studio.");
    browser.until("the focus", "return document.activeElement.id === 'password'").await;
    browser.keys(&format!("{OWNER_PASSWORD}{ENTER}")).await;
    browser.until("the picture in the list", DRAWN).await;
    assert_eq!(browser.run("return location.pathname").await, page);
    let whoami = "return fetch('/api/current-user/whoami').then((it) => it.json())";
    let whoami = browser.run(whoami).await;
    assert_eq!((&whoami["id"], &whoami["email"]), (&json!(user), &json!("alice@example.com")));
    tells_nothing(&company, &browser).await;
    browser.quit().await;
}
