//! Label Studio's own menu leads to pages that work, and out.

use super::{sign_in, with_words, world};

const MENU: &str = "document.querySelector('[class*=userpic]')";

#[tokio::test(flavor = "multi_thread")]
async fn the_menu_leads_to_the_account_and_out() {
    let world = world().await;
    // Query and all, he comes back to where he wanted to go.
    let path = "/projects/?page=1&page_size=30";
    let browser = sign_in(world, &world.reviewer.email, path).await;
    let menu = format!("return !!({MENU})");
    browser.until("the menu", &menu).await;
    browser.click(MENU).await;
    let account = with_words("a", "Account & Settings");
    browser.until("the account's entry", &format!("return !!({account})")).await;
    browser.click(&account).await;
    let there = "return location.pathname === '/user/account/personal-info' && document.body.innerText.includes('E-mail')";
    browser.until("the account page", there).await;
    let words = browser.run("return document.body.innerText").await;
    assert!(!words.as_str().unwrap().contains("Token"), "no token of Label Studio's: {words}");

    browser.until("the menu", &menu).await;
    browser.click(MENU).await;
    let out = with_words("a", "Log Out");
    browser.until("the way out", &format!("return !!({out})")).await;
    browser.click(&out).await;
    browser.until("our own page", "return location.pathname === '/-/'").await;
    // A mere link signed nobody out: the button does.
    let still = "return fetch('/-/api/account').then((answer) => answer.status)";
    assert_eq!(browser.run(still).await, 200);
    browser.click(&with_words("button", "Sign out")).await;
    browser.until("the sign-in page", "return location.pathname === '/-/sign-in'").await;
    assert_eq!(browser.run(still).await, 401);
    browser.open(&world.site.url("/projects/")).await;
    browser.until("the sign-in page", "return location.pathname === '/-/sign-in'").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_told_in_words_and_leads_home() {
    let world = world().await;
    let browser = sign_in(world, &world.alice.email, "/-/").await;
    let path = format!("/projects/{}/settings", world.cats.number);
    browser.open(&world.site.url(&path)).await;
    let words = browser.run("return document.body.innerText").await;
    assert!(words.as_str().unwrap().contains("You may not do this."), "{words}");
    browser.screens("refused").await;
    browser.click(&with_words("a", "Your projects")).await;
    browser.until("home", "return location.pathname === '/-/'").await;
    browser.quit().await;
}
