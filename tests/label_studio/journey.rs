//! In a real browser: an annotator signs in, opens the Data Manager, labels an image that lies in S3, and submits.

use crate::support::browser::{Browser, ENTER, TAB};
use crate::support::site::PASSWORD;
use crate::world::World;

async fn sign_in(browser: &Browser, world: &World, email: &str, path: &str) {
    browser.open(&world.site.url(path)).await;
    browser.until("the sign-in page", "return location.pathname === '/-/sign-in'").await;
    browser.until("the focus", "return document.activeElement.id === 'email'").await;
    browser.keys(&format!("{email}{TAB}{PASSWORD}{ENTER}")).await;
    browser
        .until("the page that was asked for", &format!("return location.pathname === {path:?}"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annotator_labels_an_image_and_the_annotation_is_hers() {
    let world = tokio::task::spawn_blocking(World::shared).await.unwrap();
    let task = world.cats.tasks[0];
    let browser = Browser::start().await;
    let path = format!("/projects/{}/data", world.cats.number);
    sign_in(&browser, world, &world.alice.email, &path).await;
    let drawn = "const all = [...document.querySelectorAll('img')].filter((one) => one.src.includes('/-/m/')); \
                 return all.length > 0 && all.every((one) => one.naturalWidth > 0) && all.map((one) => one.src)";
    let drawn = browser.until("the images of the list", drawn).await;
    assert!(!drawn.to_string().contains("fileuri"), "{drawn}");
    browser.screens("data-manager").await;
    browser.open(&world.site.url(&format!("{path}?task={task}"))).await;
    browser
        .until(
            "the image on the canvas",
            "return document.querySelector('.konvajs-content canvas, canvas') !== null",
        )
        .await;
    browser
        .until(
            "the submit button",
            "return [...document.querySelectorAll('button')].some((one) => one.innerText.trim() === 'Submit' && !one.disabled)",
        )
        .await;
    browser.screens("labeling").await;
    browser
        .run("[...document.querySelectorAll('button')].find((one) => one.innerText.trim() === 'Submit').click()")
        .await;
    let annotations = || world.studio.ask("GET", &format!("/api/tasks/{task}/annotations/"), None);
    let by = wait_for(|| annotations()[0]["completed_by"].as_u64());
    let alice = world.site.get("/api/current-user/whoami", Some(&world.alice)).await.json();
    assert_eq!(alice["email"], "alice@example.com");
    assert_eq!(alice["id"], by);
    browser.quit().await;
}

fn wait_for<T>(get: impl Fn() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        if let Some(value) = get() {
            return value;
        }
        assert!(std::time::Instant::now() < deadline, "not within 20 s");
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
}
