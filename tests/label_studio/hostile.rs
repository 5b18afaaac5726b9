//! What somebody with a role tries in order to get further: names that come out of handles, other projects' credentials, tabs
//! and drafts that pass for tasks, filters that ask letter by letter. Each was possible once.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Person;
use crate::support::site::Answer;
use crate::support::world::{Home, World};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

async fn send(world: &World, who: &Person, (method, path): (Method, &str), body: &Value) -> Answer {
    world.site.send(method, path, Some(who), &JSON, body.to_string().into_bytes()).await
}

/// A new person with this role in a project.
fn somebody(world: &World, name: &str, home: &Home, role: &str) -> Person {
    let person = world.site.person("acme", &format!("{name}@hostile.example"), "");
    world.site.member("acme", &home.name, &person.email, role);
    person
}

fn storage_of(world: &World, number: u64) -> Value {
    world.studio.ask("GET", &format!("/api/storages/s3/{number}"), None)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_storage_is_reached_by_a_name_that_comes_out_of_a_handle_nor_by_its_number() {
    let world = tokio::task::spawn_blocking(World::shared).await.unwrap();
    let (own, other) = (world.fresh("Mine").await, world.fresh("Theirs").await);
    let mallory = somebody(world, "mallory", &own, "manager");
    let (path, before) =
        (format!("/api/storages/s3/{}", own.storage), storage_of(world, other.storage));
    for word in ["id", "project"] {
        let patched =
            send(world, &mallory, (Method::PATCH, &path), &json!({ "regex_filter": word })).await;
        assert_eq!(patched.status, StatusCode::OK, "{}", patched.text());
        let handle = patched.json()["regex_filter"].as_str().unwrap().to_owned();
        assert!(handle.starts_with("/-/m/"), "{handle}");
        let mut body = json!({ "project": own.number, "bucket": world.moto.bucket });
        body[&handle] = json!(if word == "id" { other.storage } else { other.number });
        for path in ["/api/storages/s3/validate", "/api/storages/s3/files", "/api/storages/s3/"] {
            let refused = send(world, &mallory, (Method::POST, path), &body).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}: {}", refused.text());
        }
        let task = format!("/api/tasks/{}/", own.tasks[0]);
        let mut moved = json!({});
        moved[&handle] = json!(other.number);
        let refused = send(world, &mallory, (Method::PATCH, &task), &moved).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text());
    }
    // Label Studio copies the credentials of the storage that a new one names.
    let copy = json!({ "project": own.number, "id": other.storage, "bucket": world.moto.bucket, "title": "x" });
    for path in ["/api/storages/s3/", "/api/storages/export/s3"] {
        let refused = send(world, &mallory, (Method::POST, path), &copy).await;
        assert_eq!(
            (refused.status, &*refused.code()),
            (StatusCode::BAD_REQUEST, "bad-body"),
            "{path}"
        );
    }
    let disk = json!({ "project": own.number, "path": world.studio.data.path(), "title": "x" });
    let refused = send(world, &mallory, (Method::POST, "/api/storages/localfiles/"), &disk).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    // Label Studio gives a machine learning backend the token of the person who made the project.
    let model = json!({ "project": own.number, "url": "http://127.0.0.1:9/", "title": "x" });
    let refused = send(world, &mallory, (Method::POST, "/api/ml/"), &model).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let task = world.studio.ask("GET", &format!("/api/tasks/{}/", own.tasks[0]), None);
    assert_eq!(
        (task["project"].as_u64(), storage_of(world, other.storage)),
        (Some(own.number), before)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_typed_himself_opens_nothing_and_tells_nothing() {
    let world = tokio::task::spawn_blocking(World::shared).await.unwrap();
    let home = world.fresh("Typed").await;
    let ann = somebody(world, "ann", &home, "annotator");
    let (number, task) = (home.number, home.tasks[0]);
    // `untold.png` lies under the storage's prefix, and no task refers to it.
    let secret = format!("s3://{}/cats/untold.png", world.moto.bucket);
    let tab = json!({ "project": number, "data": { "title": secret } });
    let made = send(world, &ann, (Method::POST, "/api/dm/views/"), &tab).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let shown = world
        .site
        .get(&format!("/api/dm/views/{}/?project={number}", made.json()["id"]), Some(&ann))
        .await;
    let handle = shown.json()["data"]["title"].as_str().unwrap().to_owned();
    assert!(handle.starts_with("/-/m/"), "{handle}");
    assert_eq!(world.site.get(&handle, Some(&ann)).await.status, StatusCode::NOT_FOUND);
    let raw = secret.replace(':', "%3A").replace('/', "%2F");
    let resolver = format!("/projects/{number}/resolve/?fileuri={raw}");
    assert_eq!(world.site.get(&resolver, Some(&ann)).await.status, StatusCode::NOT_FOUND);
    // A guess at how a location begins, sealed because it looks like one, is no word to compare with.
    let filter = |value: &str| {
        let item = json!({ "filter": "filter:tasks:data.image", "operator": "contains", "type": "String", "value": value });
        let query = json!({ "filters": { "conjunction": "and", "items": [item] } }).to_string();
        let query: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("/api/tasks/?project={number}&query={query}")
    };
    let guess = json!({ "result": [{ "type": "textarea", "value": { "text": [secret.get(..12)] } }], "lead_time": 1 });
    let draft =
        send(world, &ann, (Method::POST, &format!("/api/tasks/{task}/drafts")), &guess).await;
    let guessed = draft.json()["result"][0]["value"]["text"][0].as_str().unwrap().to_owned();
    assert!(guessed.starts_with("/-/m/"), "{}", draft.text());
    let refused = world.site.get(&filter(&guessed), Some(&ann)).await;
    assert_eq!((refused.status, &*refused.code()), (StatusCode::FORBIDDEN, "hidden-column"));
    // What a task shows may be looked for.
    let shown = world.site.get(&format!("/api/tasks/{task}/"), Some(&ann)).await.json();
    let image = shown["data"]["image"].as_str().unwrap();
    let found = world.site.get(&filter(image), Some(&ann)).await;
    assert_eq!(found.json()["tasks"][0]["id"], task, "{}", found.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_with_quotes_and_words_around_handles_leave_nothing_of_them_behind() {
    let world = tokio::task::spawn_blocking(World::shared).await.unwrap();
    let home = world.fresh("Quotes").await;
    let (number, key) = (home.number, "cats/O'Brien \"the `one`\" passport.png");
    world.moto.put(key, "image/png", include_bytes!("../support/picture.png"));
    let uri = format!("s3://{}/{key}", world.moto.bucket);
    let task = world.studio.ask(
        "POST",
        "/api/tasks/",
        Some(json!({ "project": number, "data": { "image": uri } })),
    );
    let ann = somebody(world, "quentin", &home, "annotator");
    let path = format!("/api/tasks/{}/", task["id"]);
    for path in [
        path.clone(),
        format!("{path}?resolve_uri=false"),
        format!("/api/projects/{number}/tasks/"),
    ] {
        let text = world.site.get(&path, Some(&ann)).await.text();
        assert!(!text.contains("passport") && !text.contains("Brien"), "{path}: {text}");
    }
    let shown = world.site.get(&path, Some(&ann)).await.json();
    let handle = shown["data"]["image"].as_str().unwrap();
    assert_eq!(world.site.get(handle, Some(&ann)).await.status, StatusCode::OK);
    // Among words it would be sealed again in part only.
    let result = json!({ "result": [{ "type": "textarea", "value": { "text": [format!("x {handle}")] } }], "lead_time": 1 });
    let draft = format!("/api/tasks/{}/drafts", task["id"]);
    let refused = send(world, &ann, (Method::POST, &draft), &result).await;
    assert_eq!((refused.status, &*refused.code()), (StatusCode::BAD_REQUEST, "foreign-handle"));
}
