//! A page that stays open for longer than what its session came with: renewed while nobody notices, or said so, once.

use serde_json::Value;
use sluicegate::ground::clock::SignedDuration;

use super::film::Film;
use super::{illustrated, sessions, sign_in, status, within};
use crate::support::browser::{Browser, ENTER};
use crate::support::company::world::{ANNOTATOR, World};
use crate::support::company::{Company, entries};
use crate::support::s3::Record;
use crate::support::sts::{Code, Fault};

/// The picture of the first project, once it is drawn.
const PICTURE: &str = "const one = document.querySelector('[data-project=scans] img'); \
    return one && one.naturalWidth > 0 && new URL(one.src).pathname";

/// As the large providers' are, so that a frame may be known there.
fn company(credentials: SignedDuration) -> Company {
    let company = Company::with(|_, setup| setup.cross_site_cookies = true);
    company.world.sts.shorten(Some(credentials));
    company
}

async fn account(browser: &Browser) -> Value {
    browser.run("return fetch('/-/api/account').then((answer) => answer.json())").await
}

/// The film's requests at the S3.
fn of_film(company: &Company) -> Vec<Record> {
    let all = company.world.s3.records().into_iter();
    all.filter(|record| record.target.contains("film.webm")).collect()
}

/// What the picture's requests at the S3 were signed with.
fn keys_of_picture(company: &Company) -> Vec<Option<String>> {
    let all = company.world.s3.records().into_iter();
    let of_picture = all.filter(|record| record.target.contains("cells.png"));
    of_picture.map(|record| record.access_key_id).collect()
}

/// It runs, and goes on running.
async fn runs(company: &Company, browser: &Browser) {
    let now = "return document.querySelector('video')?.currentTime";
    let now = browser.run(now).await;
    let later = format!(
        "const it = document.querySelector('video'); if (!it || it.error) return 'gone'; \
         return !it.paused && !it.ended && it.currentTime > {now} + 0.5 && 'runs'"
    );
    let found = browser.until("a film that runs", &later).await;
    assert_eq!(
        found,
        "runs",
        "behind second {now}: {:#?}\n{:#?}\n{}",
        of_film(company),
        browser.requests().await,
        company.site.log()
    );
}

/// Jumps to this second, and sees that piece: the S3 is asked for it with the key that comes back.
async fn jump(company: &Company, browser: &Browser, second: u32) -> String {
    let before = of_film(company).len();
    let jump = format!("document.querySelector('video').currentTime = {second}");
    browser.run(&jump).await;
    let record = within(60, "a further piece of the film", async || {
        of_film(company).into_iter().nth(before)
    });
    let record = record.await;
    assert_eq!(record.status, 206, "{record:?}");
    let range = record.range.unwrap();
    assert!(range.starts_with("bytes=") && range != "bytes=0-", "{range}");
    let there = format!(
        "const it = document.querySelector('video'); return !it.seeking && it.currentTime > {second}"
    );
    browser.until("the picture of that second", &there).await;
    runs(company, browser).await;
    record.access_key_id.unwrap()
}

#[tokio::test]
async fn a_film_runs_on_while_its_credentials_are_renewed_unseen() {
    // The page renews when a fifth of it is left, and the last 10 s are not used.
    let company = company(SignedDuration::from_secs(80));
    let film = Film::new(60, 512 * 1024);
    let key = format!("{}film.webm", ANNOTATOR.prefix);
    company.world.s3.put(ANNOTATOR.bucket, &key, "video/webm", &film.bytes);
    let browser = Browser::with_third_party_cookies().await;
    sign_in(&company, &browser, "alice").await;
    company.world.sts.shorten(None);
    let length = "const it = document.querySelector('video'); return it?.duration";
    let length = browser.until("a film", length).await;
    assert!((length.as_f64().unwrap() - f64::from(film.seconds)).abs() < 1.0, "{length}");
    let play = "const it = document.querySelector('video'); window.stays = it; it.muted = true; \
                it.scrollIntoView(); return it.play().then(() => true)";
    browser.run(play).await;
    runs(&company, &browser).await;
    let first = jump(&company, &browser, 100).await;
    assert_eq!(jump(&company, &browser, 30).await, first);
    let before = account(&browser).await;
    let calls = company.world.sts.calls().len();

    let renewed = within(100, "the renewal", async || {
        runs(&company, &browser).await;
        let now = account(&browser).await;
        (now["renewal"]["ends"] != before["renewal"]["ends"]).then_some(now)
    });
    let renewed = renewed.await;
    let when = "return Date.now() < Date.parse(arguments)";
    let left = when.replace("arguments", &before["renewal"]["ends"].to_string());
    assert_eq!(browser.run(&left).await, true, "ahead of the end");
    assert!(renewed["renewal"]["ends"].as_str() > before["renewal"]["ends"].as_str(), "{renewed}");
    assert!(company.world.sts.calls().len() > calls, "STS was not asked");
    runs(&company, &browser).await;
    let second = jump(&company, &browser, 140).await;
    assert_ne!(first, second, "the S3 still sees the first key");
    // What the page began with is over, and it goes on.
    within(60, "the end of the first credentials", async || {
        runs(&company, &browser).await;
        (browser.run(&left).await == false).then_some(())
    })
    .await;
    assert_eq!(jump(&company, &browser, 60).await, second);
    for record in of_film(&company) {
        assert!(record.status < 300, "{record:?}");
    }
    let there = "return window.stays === document.querySelector('video') && window.stays.error === null && \
                 document.querySelector('#sluicegate-renewal') === null && \
                 document.querySelector('iframe') === null && location.pathname";
    assert_eq!(browser.run(there).await, "/-/", "the page was left, or speaks of it");
    let entries = entries(&company.site, "AcceptAssertion", 2);
    assert_eq!(entries[1]["signed_in_by"], "saml-renewal", "{entries:#?}");
    assert_eq!(sessions(&company.site), 1);
    browser.quit().await;
}

#[tokio::test]
async fn without_an_identity_provider_the_page_says_so_once_and_stays() {
    let company = illustrated(company(SignedDuration::from_secs(20)));
    let browser = Browser::with_third_party_cookies().await;
    sign_in(&company, &browser, "alice").await;
    browser.run("window.stays = 'here'").await;
    entries(&company.site, "BeginSamlSignIn", 1);
    let Company { world, site } = company;
    let World { idp, .. } = world;
    drop(idp);
    let told = "return document.querySelector('#sluicegate-renewal')?.innerText";
    let told = browser.until("the words", told).await;
    let told = told.as_str().unwrap();
    assert!(told.contains("Your access lasts until"), "{told}");
    assert!(told.contains("Stay signed in"), "{told}");
    browser.screens("saml-renewal-failed").await;
    entries(&site, "BeginSamlSignIn", 2);
    // However much he does on the page, nobody asks again by himself.
    let button = "#sluicegate-renewal button";
    browser.tab_to(button).await;
    let home = "return window.stays === 'here' && location.pathname";
    assert_eq!(browser.run(home).await, "/-/", "the page was left");
    entries(&site, "BeginSamlSignIn", 2);
    assert_eq!(browser.windows().await, 1);
    browser.keys(ENTER).await;
    within(30, "a window of its own", async || (browser.windows().await == 2).then_some(())).await;
    entries(&site, "BeginSamlSignIn", 3);
    assert_eq!(browser.run(home).await, "/-/", "the page was left");
    // Opened anew, it tries once more.
    browser.open(&site.url("/-/")).await;
    let told = "return document.querySelector('[data-project=scans] .status').innerText\
                .includes('Your access to this has ended. Sign in again')";
    browser.until("what the page says of the media", told).await;
    let notice = "return document.querySelector('#sluicegate-renewal')?.innerText";
    browser.until("the words again", notice).await;
    entries(&site, "BeginSamlSignIn", 4);
    browser.quit().await;
}

#[tokio::test]
async fn an_identity_provider_of_the_same_site_renews_unseen_in_a_browser_as_it_comes() {
    let company = Company::with(|_, setup| {
        setup.cross_site_cookies = true;
        setup.host = "localhost";
    });
    let company = illustrated(company);
    company.world.sts.shorten(Some(SignedDuration::from_secs(20)));
    let browser = Browser::start().await;
    sign_in(&company, &browser, "alice").await;
    company.world.sts.shorten(None);
    let picture = browser.until("the picture", PICTURE).await;
    let before = account(&browser).await;
    // Whatever is said beside the page, however short, is kept.
    let stays = "window.stays = []; new MutationObserver(() => { \
                 const words = document.querySelector('#sluicegate-renewal')?.innerText; \
                 if (words) window.stays.push(words) }).observe(document, { childList: true, subtree: true })";
    browser.run(stays).await;

    let renewed = within(60, "the renewal", async || {
        let now = account(&browser).await;
        (now["renewal"]["ends"] != before["renewal"]["ends"]).then_some(now)
    });
    let renewed = renewed.await;
    assert!(renewed["renewal"]["ends"].as_str() > before["renewal"]["ends"].as_str(), "{renewed}");
    browser.until("the end of the frame", "return document.querySelector('iframe') === null").await;
    assert_eq!(status(&browser, picture.as_str().unwrap()).await, 200);
    let keys = keys_of_picture(&company);
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert_ne!(keys[0], keys[1], "the S3 still sees the first key");
    let there = "return { path: location.pathname, said: window.stays }";
    let there = browser.run(there).await;
    assert_eq!(there, serde_json::json!({ "path": "/-/", "said": [] }), "left, or spoken to");
    assert_eq!(browser.windows().await, 1);
    let entries = entries(&company.site, "AcceptAssertion", 2);
    assert_eq!(entries[1]["signed_in_by"], "saml-renewal", "{entries:#?}");
    assert_eq!(sessions(&company.site), 1);
    browser.quit().await;
}

#[tokio::test]
async fn where_the_frame_is_nobody_to_the_identity_provider_one_key_press_renews() {
    let company = illustrated(company(SignedDuration::from_secs(20)));
    // As browsers come: the identity provider's cookies do not go with a frame.
    let browser = Browser::start().await;
    sign_in(&company, &browser, "alice").await;
    company.world.sts.shorten(None);
    let picture = browser.until("the picture", PICTURE).await;
    let before = account(&browser).await;
    browser.run("window.stays = 'here'").await;
    browser.tab_to("#sluicegate-renewal button").await;
    assert_eq!(browser.windows().await, 1);
    browser.keys(ENTER).await;
    let gone = "return document.querySelector('#sluicegate-renewal') === null";
    browser.until("the end of the words", gone).await;
    within(30, "the end of the window", async || (browser.windows().await == 1).then_some(()))
        .await;
    let after = account(&browser).await;
    assert!(after["renewal"]["ends"].as_str() > before["renewal"]["ends"].as_str(), "{after}");
    assert_eq!(status(&browser, picture.as_str().unwrap()).await, 200);
    let keys = keys_of_picture(&company);
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert_ne!(keys[0], keys[1], "the S3 still sees the first key");
    assert_eq!(browser.run("return window.stays").await, "here", "the page was left");
    let entries = entries(&company.site, "AcceptAssertion", 3);
    assert_eq!(entries[1]["code"], "sign-in-refused", "not by itself: {entries:#?}");
    assert_eq!(entries[2]["signed_in_by"], "saml-renewal", "{entries:#?}");
    assert_eq!(sessions(&company.site), 1);
    browser.quit().await;
}

#[tokio::test]
async fn what_the_sts_does_not_give_anew_is_told_and_asked_for_once() {
    let company = illustrated(company(SignedDuration::from_secs(20)));
    let browser = Browser::with_third_party_cookies().await;
    sign_in(&company, &browser, "alice").await;
    company.world.sts.shorten(None);
    company.world.sts.fail_next(1, Fault::Refuse(Code::AccessDenied));
    let before = account(&browser).await;
    browser.run("window.stays = 'here'").await;
    let button = "#sluicegate-renewal button";
    browser.tab_to(button).await;
    let calls = company.world.sts.calls();
    assert_eq!(calls.len(), 4, "twice for each of two projects: {calls:#?}");
    entries(&company.site, "AcceptAssertion", 2);
    // Once more, and by hand: he is let in there without a word.
    browser.keys(ENTER).await;
    let gone = "return document.querySelector('#sluicegate-renewal') === null";
    browser.until("the end of the words", gone).await;
    within(30, "the end of the window", async || (browser.windows().await == 1).then_some(()))
        .await;
    let after = account(&browser).await;
    assert!(after["renewal"]["ends"].as_str() > before["renewal"]["ends"].as_str(), "{after}");
    let there = "return window.stays === 'here' && location.pathname";
    assert_eq!(browser.run(there).await, "/-/", "the page was left");
    entries(&company.site, "AcceptAssertion", 3);
    assert_eq!(sessions(&company.site), 1);
    browser.quit().await;
}
