//! Signing in at the identity provider of one's organization, in a real browser: the real gateway, SimpleSAMLphp, and a
//! strict STS and S3 behind them.

mod arrival;
mod exports;
mod film;
mod leaving;
mod renewal;
mod studio;

use std::time::{Duration, Instant};

use crate::support::browser::{Browser, ENTER, TAB};
use crate::support::company::Company;
use crate::support::company::world::{ADMIN, ANNOTATOR};
use crate::support::site::Site;

const CELLS: &[u8] = include_bytes!("../../../src/demo/media/cells.png");
const DUSK: &[u8] = include_bytes!("../../../src/demo/media/dusk.png");

/// With a picture in each project.
fn illustrated(company: Company) -> Company {
    for (reach, name, bytes) in [(ANNOTATOR, "cells.png", CELLS), (ADMIN, "dusk.png", DUSK)] {
        let key = format!("{}{name}", reach.prefix);
        company.world.s3.put(reach.bucket, &key, "image/png", bytes);
    }
    company
}

/// Opens the home page while nobody is signed in, and goes to the identity provider, by keyboard.
async fn depart(company: &Company, browser: &Browser) {
    browser.open(&company.site.url("/-/")).await;
    browser.until("the sign-in page", "return location.pathname === '/-/sign-in'").await;
    browser.tab_to("#sso").await;
    browser.keys(ENTER).await;
}

/// Fills in the identity provider's form.
async fn prove(company: &Company, browser: &Browser, name: &str) {
    let form = format!(
        "return location.href.startsWith({:?}) && document.activeElement?.name === 'username'",
        company.world.idp.url
    );
    browser.until("the identity provider's form", &form).await;
    browser.keys(&format!("{name}{TAB}{name}-password{ENTER}")).await;
}

/// All the way, to the home page.
async fn sign_in(company: &Company, browser: &Browser, name: &str) {
    depart(company, browser).await;
    prove(company, browser, name).await;
    home(company, browser).await;
}

async fn home(company: &Company, browser: &Browser) {
    let home = company.site.url("/-/");
    browser.until("the home page", &format!("return location.href === {home:?}")).await;
}

/// The status that the page's own script is answered with.
async fn status(browser: &Browser, path: &str) -> u64 {
    let script = format!(
        "return fetch({path:?}, {{ cache: 'no-store', mode: 'same-origin' }}).then((answer) => answer.status)"
    );
    browser.run(&script).await.as_u64().unwrap()
}

/// Neither the page nor an address that was asked for tells where objects lie or what opens them.
async fn tells_nothing(company: &Company, browser: &Browser) {
    let world = &company.world;
    let mut secrets = vec![
        "s3://".to_owned(),
        "arn:aws".to_owned(),
        "X-Amz-".to_owned(),
        world.account.number.to_owned(),
        world.s3.address.clone(),
        world.sts.address.clone(),
    ];
    for reach in [ANNOTATOR, ADMIN] {
        secrets.extend([reach.bucket.to_owned(), reach.prefix.to_owned()]);
    }
    for key in world.s3.records().into_iter().filter_map(|record| record.access_key_id) {
        let session = world.account.session(&key).unwrap();
        secrets.extend([key, session.secret.clone(), session.token.clone()]);
    }
    let page = "return [document.documentElement.outerHTML, JSON.stringify({ ...localStorage }), \
                JSON.stringify({ ...sessionStorage }), document.cookie, \
                ...performance.getEntries().map((one) => one.name)].join('\\n')";
    let page = browser.run(page).await;
    let requests = browser.requests().await;
    assert!(!requests.is_empty(), "the browser's log is empty");
    let texts = requests.iter().map(|(url, _)| url.as_str()).chain([page.as_str().unwrap()]);
    for text in texts {
        let told = secrets.iter().find(|secret| text.contains(*secret));
        let around = told.and_then(|told| text.find(told)).map(|at| {
            let around = |byte: &u8| char::from(*byte);
            text.as_bytes()[at.saturating_sub(80)..]
                .iter()
                .take(200)
                .map(around)
                .collect::<String>()
        });
        assert_eq!(told, None, "{around:?}");
    }
    for (url, _) in &requests {
        let known = [&*company.site.url("/"), &world.idp.url, "data:", "chrome:", "blob:"];
        assert!(known.iter().any(|own| url.starts_with(own)), "asked for elsewhere: {url}");
    }
}

/// Waits for what comes to be so, within these seconds.
async fn within<T>(seconds: u64, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn sessions(site: &Site) -> usize {
    let list = site.run(&["session", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    list.as_array().unwrap().len()
}
