//! In a real browser, through the gateway: an annotator labels, a stranger finds nothing, a manager runs his project, and
//! everybody finds the way out.

mod annotator;
mod leaving;
mod manager;
mod stranger;

use std::time::{Duration, Instant};

use crate::support::browser::{Browser, ENTER, TAB};
use crate::support::site::PASSWORD;
use crate::support::world::{World, secrets};

/// The last visible element of this kind with exactly these words.
fn with_words(kind: &str, words: &str) -> String {
    format!(
        "[...document.querySelectorAll('{kind}')].filter((one) => \
         one.offsetParent !== null && one.innerText.trim() === '{words}').pop()"
    )
}

async fn world() -> &'static World {
    tokio::task::spawn_blocking(World::shared).await.unwrap()
}

/// Opens a page while nobody is signed in, signs in with the keyboard, and is on that page then.
async fn sign_in(world: &World, email: &str, path: &str) -> Browser {
    let browser = Browser::start().await;
    browser.open(&world.site.url(path)).await;
    browser.until("the sign-in page", "return location.pathname === '/-/sign-in'").await;
    browser.until("the focus", "return document.activeElement.id === 'email'").await;
    let words = "return document.body.innerText.includes('Label Studio')";
    browser.until("who may sign in here", words).await;
    browser.keys(&format!("{email}{TAB}{PASSWORD}{ENTER}")).await;
    let there = format!("return (location.pathname + location.search).startsWith({path:?})");
    browser.until("the page that was asked for", &there).await;
    browser
}

/// Nothing of the page's speaks of what lies behind the gateway, and nothing was asked for elsewhere.
async fn speaks_of_nothing(world: &World, browser: &Browser) {
    let all = "return [document.documentElement.outerHTML, JSON.stringify({ ...localStorage }), \
               JSON.stringify({ ...sessionStorage }), document.cookie, \
               ...performance.getEntries().map((one) => one.name)].join('\\n')";
    let all = browser.run(all).await;
    let all = all.as_str().unwrap();
    for secret in secrets(world) {
        let at = all.find(&secret);
        let around = at.map(|at| all.get(at.saturating_sub(80)..at + 80));
        assert_eq!(at, None, "{secret}: {around:?}");
    }
    let ours = world.site.url("/");
    for (url, _) in browser.requests().await {
        let inside = [&*ours, "blob:", "data:", "chrome:"].iter().any(|own| url.starts_with(own));
        assert!(inside, "asked for elsewhere: {url}");
    }
}

/// What its pages say of themselves without a gateway, too, when they are left while a list is being filled.
const OF_LABEL_STUDIO: [&str; 2] = ["'addNodeToCache'", "[mobx-state-tree] Cannot modify"];

/// No error in the console but of the one image that lies outside of its project's storages.
async fn is_content(browser: &Browser, page: &str) {
    for complaint in browser.complaints().await {
        let known = complaint.contains("/-/m/") && complaint.contains("404")
            || OF_LABEL_STUDIO.iter().any(|own| complaint.contains(own));
        assert!(known, "{page}: {complaint}");
    }
}

async fn wait_for<T>(what: &str, get: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = tokio::task::block_in_place(&get) {
            return value;
        }
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
