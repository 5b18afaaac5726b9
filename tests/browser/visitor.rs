//! The gateway's own pages, in front of the real demo.

use crate::support::browser::{Browser, ENTER, TAB};
use crate::support::demo::Demo;

/// The sign-in page has the focus in the e-mail's field.
async fn sign_in(browser: &Browser, demo: &Demo) {
    browser.open(&demo.url("/-/")).await;
    browser.until("the sign-in page", "return location.pathname === '/-/sign-in'").await;
    browser.until("the focus", "return document.activeElement.id === 'email'").await;
    let (email, password) =
        (demo.value("DEMO_ANNOTATOR_EMAIL"), demo.value("DEMO_ANNOTATOR_PASSWORD"));
    browser.keys(&format!("{email}{TAB}{password}{ENTER}")).await;
    browser.until("the home page", "return location.pathname === '/-/'").await;
}

#[tokio::test]
async fn a_visitor_signs_in_sees_the_media_is_refused_and_signs_out() {
    let demo = Demo::start();
    let browser = Browser::start().await;
    browser.open(&demo.url("/-/")).await;
    browser.until("the sign-in page", "return location.pathname === '/-/sign-in'").await;
    browser.screens("sign-in").await;
    sign_in(&browser, &demo).await;
    let image = browser
        .until(
            "an image that is really drawn",
            "const all = [...document.querySelectorAll('.media img')]; \
             return all.length > 0 && all.every((one) => one.naturalWidth > 0) && all[0].src",
        )
        .await;
    let image = image.as_str().unwrap();
    assert!(image.starts_with(&demo.url("/-/m/")), "{image}");
    browser
        .until(
            "a sound that can be played",
            "return [...document.querySelectorAll('.media audio')].some((one) => one.duration > 0)",
        )
        .await;
    let foreign = browser.run("return document.body.innerHTML.includes('crossing.webm')").await;
    assert_eq!(foreign, false, "another project's keys are on the page");
    browser.run("document.querySelector('[data-trial=foreign]').focus()").await;
    browser.keys(ENTER).await;
    let told = "const row = document.querySelector('.trials tbody tr td code'); return row && row.textContent";
    assert_eq!(browser.until("the refusal", told).await, "404 not-found");
    browser.run("document.querySelector('[data-trial=upload]').focus()").await;
    browser.keys(ENTER).await;
    browser
        .until(
            "the second refusal",
            &told.replace("row.textContent", "row.textContent === '403 forbidden'"),
        )
        .await;
    let why = "document.querySelector('.trials tbody tr td button').click()";
    browser.run(why).await;
    let why = "const why = document.querySelector('#why'); return !why.hidden && why.textContent";
    let why = browser.until("the audit's words", why).await;
    assert!(why.as_str().unwrap().contains("annotator@example.com"), "{why}");
    browser.screens("home").await;
    browser.run("document.querySelector('form[action=\"/-/sign-out\"] button').focus()").await;
    browser.keys(ENTER).await;
    browser.until("the sign-in page again", "return location.pathname === '/-/sign-in'").await;
    let script = format!(
        "return fetch({image:?}, {{ cache: 'no-cache', mode: 'same-origin' }}).then((answer) => answer.status)"
    );
    assert_eq!(browser.run(&script).await, 401);
    browser.quit().await;
}

#[tokio::test]
async fn the_invited_chooses_a_password_and_is_in() {
    let demo = Demo::start();
    let project = demo.value("DEMO_OBJECT_PATH").split('/').nth(3).unwrap();
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_sluicegate"))
        .args(["invitation", "create", "--organization", "demo", "--project", project])
        .args(["--project-role", "annotator", "--config", demo.value("DEMO_CONFIG")])
        .output()
        .unwrap();
    let link = String::from_utf8(made.stdout).unwrap();
    let why = String::from_utf8_lossy(&made.stderr);
    let (_, code) = link.trim().split_once("/-/").unwrap_or_else(|| panic!("{link} {why}"));
    let browser = Browser::start().await;
    browser.open(&demo.url(&format!("/-/{code}"))).await;
    browser.until("the focus", "return document.activeElement.id === 'email'").await;
    browser.screens("invitation").await;
    // The e-mail is another's: he is told, and chooses another one.
    let taken = demo.value("DEMO_ANNOTATOR_EMAIL");
    browser.keys(&format!("{taken}{TAB}correct horse battery{ENTER}")).await;
    let told = "return document.querySelector('[role=alert]')?.textContent";
    let told = browser.until("the reason", told).await;
    assert!(told.as_str().unwrap().contains("already"), "{told}");
    let other = "document.querySelector('#email').value = 'invited@example.com'; \
                 document.querySelector('#password').focus()";
    browser.run(other).await;
    browser.keys(&format!("correct horse battery{ENTER}")).await;
    browser.until("the home page", "return location.pathname === '/-/'").await;
    let drawn = "const all = [...document.querySelectorAll('.media img')]; \
                 return all.length > 0 && all.every((one) => one.naturalWidth > 0)";
    browser.until("the media of his project", drawn).await;
    browser.quit().await;
}
