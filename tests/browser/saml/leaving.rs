//! Out by the button: here, and at the identity provider.

use super::{home, illustrated, prove, sessions, sign_in, status};
use crate::support::browser::{Browser, ENTER};
use crate::support::company::Company;

#[tokio::test]
async fn who_signs_out_is_signed_out_on_both_sides() {
    let company = illustrated(Company::start());
    let browser = Browser::start().await;
    sign_in(&company, &browser, "alice").await;
    let image = "const one = document.querySelector('.media img'); \
                 return one && one.naturalWidth > 0 && new URL(one.src).pathname";
    let image = browser.until("a picture", image).await;
    let image = image.as_str().unwrap();
    assert_eq!(status(&browser, image).await, 200);
    browser.tab_to("form[action='/-/sign-out'] button").await;
    browser.keys(ENTER).await;
    let there = format!("return location.href.startsWith({:?})", company.site.url("/-/sign-in"));
    browser.until("the sign-in page", &there).await;
    assert_eq!(status(&browser, image).await, 401);
    assert_eq!(status(&browser, "/-/api/account").await, 401);
    assert_eq!(sessions(&company.site), 0);
    let cookies = browser.cookies().await;
    assert!(!cookies.iter().any(|name| name == "__Host-sluicegate"), "{cookies:?}");
    // The identity provider asks who he is again, and lets him in again.
    browser.tab_to("#sso").await;
    browser.keys(ENTER).await;
    prove(&company, &browser, "alice").await;
    home(&company, &browser).await;
    assert_eq!(sessions(&company.site), 1);
    browser.quit().await;
}
