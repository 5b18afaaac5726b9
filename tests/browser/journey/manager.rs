//! The manager of a project opens all of its pages, imports a file and exports, by hand.

use reqwest::Method;

use super::{is_content, sign_in, speaks_of_nothing, wait_for, with_words, world};
use crate::support::Person;
use crate::support::browser::Browser;
use crate::support::world::World;

/// Requests that were refused, but for images that lie outside of the project's storages.
async fn refused(browser: &Browser) -> Vec<(String, Option<u64>)> {
    let all = browser.requests().await.into_iter();
    let refused = all.filter(|(_, status)| status.is_some_and(|status| status >= 400));
    refused.filter(|(url, _)| !url.contains("/-/m/")).collect()
}

/// Each page, until it shows these words of its own; nothing that it asks for is refused, and it complains of nothing.
async fn tour(world: &World, who: &Person, number: u64, pages: &[(&str, &str)]) {
    let number = number.to_string();
    let browser = sign_in(world, &who.email, "/projects/").await;
    for (path, words) in pages {
        let path = path.replace("{project}", &number);
        browser.open(&world.site.url(&path)).await;
        let shown = format!("return document.body.innerText.includes({words:?})");
        browser.until(&path, &shown).await;
        // What it asks for is all answered.
        browser.until("a page at rest", "return document.readyState === 'complete'").await;
        speaks_of_nothing(world, &browser).await;
        assert_eq!(refused(&browser).await, [], "{path}");
        is_content(&browser, &path).await;
    }
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managers_pages_open_without_a_complaint() {
    let world = world().await;
    let pages = [
        ("/", "Recent Projects"),
        ("/projects/", "Cats"),
        ("/projects/{project}/data", "Label All Tasks"),
        ("/projects/{project}/settings", "Project Name"),
        ("/projects/{project}/settings/labeling", "Labeling Interface"),
        ("/projects/{project}/settings/annotation", "Annotation Settings"),
        ("/projects/{project}/settings/ml", "connect your first model"),
        ("/projects/{project}/settings/predictions", "Predictions"),
        ("/projects/{project}/settings/storage", "Source Cloud Storage"),
        ("/projects/{project}/settings/webhooks", "Webhooks"),
        ("/projects/{project}/settings/danger-zone", "Delete Project"),
        ("/user/account/personal-info", "Personal Info"),
        ("/user/account/hotkeys", "Hotkeys"),
        ("/models", "Create a Model"),
    ];
    // One of its own: what other tests annotate does not fit every configuration, which Label Studio says.
    let home = world.fresh("Toured").await;
    world.site.member("acme", &home.name, &world.manager.email, "manager");
    tour(world, &world.manager, home.number, &pages).await;
    // The organization is the owner's.
    tour(world, &world.owner, home.number, &[("/organization", &world.manager.email)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_imports_a_file_and_exports() {
    let world = world().await;
    let home = world.fresh("Imports").await;
    world.site.member("acme", &home.name, &world.manager.email, "manager");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tasks.json");
    let tasks = serde_json::json!([{ "image": format!("s3://{}/cats/one.png", world.moto.bucket), "by": "hand" }]);
    std::fs::write(&file, tasks.to_string()).unwrap();
    let path = format!("/projects/{}/data/import", home.number);
    let browser = sign_in(world, &world.manager.email, &path).await;
    browser.until("the field", "return document.querySelector('input[type=file]') !== null").await;
    let behind = "return document.body.innerText.includes('Tasks: 3 / 3')";
    browser.until("the list behind it", behind).await;
    browser.give_file(&file).await;
    let uploaded = r"return /upload\/\d+\/\w+-tasks.json/.test(document.body.innerText)";
    browser.until("the uploaded file", uploaded).await;
    browser.click(&with_words("button", "Import")).await;
    let list = format!("/api/tasks/?project={}&fields=all&page_size=100", home.number);
    let imported = wait_for("the imported task", || {
        let tasks = world.studio.ask("GET", &list, None)["tasks"].take();
        tasks.as_array()?.iter().find(|task| task["data"]["by"] == "hand").cloned()
    });
    let imported = imported.await;
    browser.until("the list", "return !location.pathname.includes('import')").await;
    is_content(&browser, "import").await;

    // An export holds what is annotated.
    let path = format!("/api/tasks/{}/annotations/", imported["id"]);
    let headers = [("content-type", "application/json")];
    let body = b"{\"result\":[]}".to_vec();
    world.site.send(Method::POST, &path, Some(&world.manager), &headers, body).await;
    browser.download_into(folder.path()).await;
    let path = format!("/projects/{}/data/export", home.number);
    browser.open(&world.site.url(&path)).await;
    let button = "[...document.querySelectorAll('button')].filter((one) => one.innerText.trim() === 'Export').pop()";
    let formats = "return document.body.innerText.includes('JSON-MIN')";
    browser.until("the formats", formats).await;
    browser.click(button).await;
    let exported = wait_for("the export", || {
        let names = std::fs::read_dir(folder.path()).unwrap();
        let mut paths = names.map(|entry| entry.unwrap().path());
        let path = paths.find(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("project-") && name.ends_with(".json")
        });
        std::fs::read_to_string(path?).ok()
    });
    let exported = exported.await;
    let tasks: serde_json::Value = serde_json::from_str(&exported).unwrap();
    assert_eq!(tasks.as_array().unwrap().len(), 1, "{exported}");
    let image = tasks[0]["data"]["image"].as_str().unwrap();
    assert!(image.starts_with("/-/m/"), "{image}");
    for secret in crate::support::world::secrets(world) {
        assert!(!exported.contains(&secret), "{secret} in the export");
    }
    speaks_of_nothing(world, &browser).await;
    is_content(&browser, "export").await;
    browser.quit().await;
}
