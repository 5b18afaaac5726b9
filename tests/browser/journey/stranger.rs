//! Bob, who has a role in another project only, looks for Alice's in his browser: by every address that he could think of.

use reqwest::Method;
use serde_json::{Value, json};

use super::{sign_in, speaks_of_nothing, world};
use crate::support::browser::Browser;

/// Words of the project that is not his.
const THEIRS: [&str; 3] = ["Cats", "cats/", "hers alone"];

/// Asks from within the page; status and text.
async fn fetch(browser: &Browser, method: &str, path: &str, body: Option<&Value>) -> (u64, String) {
    let body = body.map_or("null".to_owned(), |body| json!(body.to_string()).to_string());
    let script = format!(
        "const body = {body}; return fetch({path:?}, {{ method: {method:?}, body, \
         headers: body === null ? {{}} : {{ 'content-type': 'application/json' }} }}) \
         .then(async (answer) => [answer.status, await answer.text()])"
    );
    let got = browser.run(&script).await;
    (got[0].as_u64().unwrap(), got[1].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn who_has_no_role_in_a_project_finds_nothing_of_it() {
    let world = world().await;
    let (project, task, storage) = (world.cats.number, world.cats.tasks[1], world.cats.storage);
    let (own, own_task) = (world.birds.number, world.birds.tasks[0]);
    // Something of each kind that he could ask for.
    let path = format!("/api/tasks/{task}/annotations/");
    let result = json!({ "result": [{ "from_name": "label", "to_name": "image", "type": "choices",
        "value": { "choices": ["hers alone"] } }] });
    let headers = [("content-type", "application/json")];
    let body = result.to_string().into_bytes();
    let made = world.site.send(Method::POST, &path, Some(&world.alice), &headers, body).await;
    let annotation = made.json()["id"].as_u64().unwrap();
    let export = tokio::task::block_in_place(|| {
        let path = format!("/api/projects/{project}/exports/");
        world.studio.ask("POST", &path, Some(json!({})))["id"].as_u64().unwrap()
    });
    let seen = world.site.get(&format!("/api/tasks/{task}/"), Some(&world.alice)).await.json();
    let handle = seen["data"]["image"].as_str().unwrap().to_owned();
    let object = format!("/-/objects/{}/media/one.png", world.cats.name);

    let browser = sign_in(world, &world.bob.email, "/projects/").await;
    let listed =
        "return document.body.innerText.includes('Birds') && document.documentElement.outerHTML";
    let listed = browser.until("his own project", listed).await;
    assert!(!listed.to_string().contains("Cats"), "a list with a project that is not his");

    let get = |path: String| ("GET", path, None);
    let asked = [
        get(format!("/api/projects/{project}/")),
        get(format!("/api/projects/{project}/summary/")),
        get(format!("/api/projects/{project}/tasks/")),
        get(format!("/api/projects/{project}/next/")),
        get(format!("/api/tasks/?project={project}")),
        get(format!("/api/tasks/{task}/")),
        get(format!("/api/tasks/{task}/?project={own}")),
        get(format!("/api/tasks/{task}/annotations/")),
        get(format!("/api/annotations/{annotation}/")),
        get(format!("/api/dm/views/?project={project}")),
        get(format!("/api/dm/columns/?project={project}")),
        get(format!("/api/dm/project/?project={project}")),
        get(format!("/api/predictions/?project={project}")),
        get(format!("/api/projects/{project}/export?exportType=JSON")),
        get(format!("/api/projects/{project}/exports/")),
        get(format!("/api/projects/{project}/exports/{export}/download?exportType=JSON")),
        get(format!("/api/projects/{project}/export/files")),
        get(format!("/api/storages/?project={project}")),
        get(format!("/api/storages/s3/{storage}")),
        get(format!("/api/webhooks/?project={project}")),
        get(format!("/tasks/{task}/resolve/?fileuri=czM6Ly9hL2I")),
        get(format!("/projects/{project}/resolve/?fileuri=czM6Ly9hL2I")),
        get(format!("/data/upload/{project}/a.png")),
        get(handle),
        get(object),
        ("POST", format!("/api/tasks/{task}/annotations/"), Some(json!({ "result": [] }))),
        ("PATCH", format!("/api/tasks/{task}/"), Some(json!({ "project": own }))),
        ("POST", format!("/api/dm/actions/?id=next_task&project={project}"), Some(json!({}))),
        ("POST", format!("/api/storages/s3/{storage}/sync"), Some(json!({}))),
        // His own things, made to speak of the others'.
        (
            "POST",
            format!("/api/tasks/{own_task}/annotations/"),
            Some(json!({ "result": [], "project": project })),
        ),
        (
            "POST",
            format!("/api/tasks/{own_task}/annotations/"),
            Some(json!({ "result": [], "task": task })),
        ),
        (
            "POST",
            format!("/api/tasks/{own_task}/annotations/"),
            Some(json!({ "result": [], "parent_annotation": annotation })),
        ),
        ("POST", "/api/dm/views/".to_owned(), Some(json!({ "project": project, "data": {} }))),
        ("DELETE", format!("/api/projects/{project}/"), None),
    ];
    for (method, path, body) in &asked {
        let (status, text) = fetch(&browser, method, path, body.as_ref()).await;
        assert_eq!(status, 404, "{method} {path} {body:?}: {text}");
        let theirs = THEIRS.iter().find(|word| text.contains(**word));
        assert_eq!(theirs, None, "{method} {path}: {text}");
    }
    for path in ["/api/projects/?page_size=100", "/api/projects/counts/?page_size=100"] {
        let filtered = format!("{path}&ids={project}");
        for path in [path, &filtered] {
            let (status, text) = fetch(&browser, "GET", path, None).await;
            assert_eq!(status, 200, "{path}: {text}");
            let list: Value = serde_json::from_str(&text).unwrap();
            let ids: Vec<_> =
                list["results"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
            assert!(ids.iter().all(|id| **id == own), "{path}: {text}");
            assert_eq!(list["count"], ids.len(), "{path}");
        }
    }
    for path in
        ["", "data", "data?task=", "settings/", "settings/storage", "data/export", "data/import"]
    {
        let path = match path {
            "data?task=" => format!("/projects/{project}/data?task={task}"),
            path => format!("/projects/{project}/{path}"),
        };
        browser.open(&world.site.url(&path)).await;
        let words = browser.run("return document.body.innerText").await;
        let words = words.as_str().unwrap();
        assert!(words.contains("There is nothing here for you."), "{path}: {words}");
        assert!(THEIRS.iter().all(|word| !words.contains(word)), "{path}: {words}");
    }
    speaks_of_nothing(world, &browser).await;
    browser.quit().await;
}
