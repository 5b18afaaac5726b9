//! The way back: what came out as a handle goes in as the raw location that it stands for, for whom it was made and for
//! nobody else; and filters tell nobody what handles hide.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::site::Answer;
use crate::support::world::World;
use crate::support::{Moto, Person, Site};

/// A location in every spelling that a task's data can have it in.
pub fn data(bucket: &str) -> Value {
    let uri = |key: &str| format!("s3://{bucket}/cats/{key}");
    json!({
        "image": uri("one.png"),
        "upper": format!("S3://{bucket}/cats/one.png"),
        "other": "s3://some-other-bucket/x y.png",
        "google": "gs://google-bucket/k",
        "azure": "azure-blob://container/k",
        "html": format!("<img src=\"{}\"><img src='{}'>", uri("one.png"), uri("two words.png")),
        "json": "{\"a\":\"s3:\\/\\/json-bucket\\/k\"}",
        "percent": "https://viewer.example.com/?u=s3%3A%2F%2Fpercent-bucket%2Fk%20l&x=1",
        "entity": "see s3:&#47;&#47;entity-bucket/k for it",
        "list": [uri("one.png"), { "deep": [uri("a,b.png"), 7, null] }],
        "signed": "https://cdn.example.com/k?X-Amz-Signature=abc",
        "local": "/data/local-files/?d=folder/x.png",
        "mention": format!("the bucket {bucket} is old"),
        "plain": "see https://example.com/a.png: it is 1/2 & \"more\" \\ é",
    })
}

async fn send(method: Method, path: &str, who: &Person, body: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    let body = body.to_string().into_bytes();
    World::shared().site.send(method, path, Some(who), &headers, body).await
}

async fn get(path: &str, who: &Person) -> Value {
    let answer = World::shared().site.get(path, Some(who)).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer.json()
}

/// A task with all of it; its number.
fn task(project: u64) -> u64 {
    let world = World::shared();
    let wish = json!({ "project": project, "data": data(world.moto.bucket) });
    world.studio.ask("POST", "/api/tasks/", Some(wish))["id"].as_u64().unwrap()
}

/// As Label Studio holds it.
fn raw(task: u64) -> Value {
    let path = format!("/api/tasks/{task}/?resolve_uri=false");
    World::shared().studio.ask("GET", &path, None)["data"].clone()
}

/// Asks with this filter in the query.
async fn filtered(who: &Person, item: Value, more: &str) -> Answer {
    let world = World::shared();
    let query = json!({ "filters": { "conjunction": "and", "items": [item] } }).to_string();
    let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let path = format!("/api/tasks?project={}&query={query}{more}", world.cats.number);
    world.site.get(&path, Some(who)).await
}

fn item(column: &str, operator: &str, value: impl Into<Value>) -> Value {
    json!({ "filter": format!("filter:tasks:{column}"), "operator": operator, "type": "String", "value": value.into() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_goes_back_as_it_came_is_as_it_was() {
    let world = World::shared();
    let task = task(world.cats.number);
    let before = raw(task);
    assert_eq!(before, data(world.moto.bucket));
    for resolve in ["", "?resolve_uri=false"] {
        let path = format!("/api/tasks/{task}/{resolve}");
        let seen = get(&path, &world.manager).await["data"].clone();
        for name in [
            "image", "upper", "other", "google", "azure", "html", "json", "percent", "entity",
            "signed", "local", "mention",
        ] {
            assert!(seen[name].to_string().contains("/-/m/"), "{name}: {}", seen[name]);
        }
        assert_eq!(seen["plain"], before["plain"]);
        let body = json!({ "data": seen });
        let answer =
            send(Method::PATCH, &format!("/api/tasks/{task}/"), &world.manager, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(raw(task), before, "{resolve}");
    }
    // With escapes that no client needs.
    let seen = get(&format!("/api/tasks/{task}/"), &world.manager).await["data"].clone();
    let body = json!({ "data": seen }).to_string().replace("/-/m/", "\\u002f\\u002d\\/m/");
    let headers = [("content-type", "application/json")];
    let path = format!("/api/tasks/{task}/");
    let answer = world
        .site
        .send(Method::PATCH, &path, Some(&world.manager), &headers, body.into_bytes())
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(raw(task), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_exported_is_imported_with_the_same_locations() {
    let world = World::shared();
    let project = world.cats.number;
    let task = task(project);
    let path = format!(
        "/api/projects/{project}/export?exportType=JSON&download_all_tasks=true&ids[]={task}"
    );
    let exported = world.site.get(&path, Some(&world.manager)).await;
    assert_eq!(exported.status, StatusCode::OK, "{}", exported.text());
    let seen = exported.json()[0]["data"].clone();
    assert!(!exported.text().contains("s3:"), "{}", exported.text());

    let path = format!("/api/projects/{project}/import?return_task_ids=true");
    let body = json!([{ "data": seen }]);
    let answer = send(Method::POST, &path, &world.manager, &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(raw(answer.json()["task_ids"][0].as_u64().unwrap()), data(world.moto.bucket));

    let handle = seen["list"][1]["deep"][0].as_str().unwrap();
    let image = seen["image"].as_str().unwrap();
    let csv = format!("image,note\n{image},plain\n{handle},\"see \"\"{image}\"\"\"\n");
    let tsv = csv.replace(',', "\t");
    let bucket = world.moto.bucket;
    let of_table = [
        json!({ "image": format!("s3://{bucket}/cats/one.png"), "note": "plain" }),
        json!({ "image": format!("s3://{bucket}/cats/a,b.png"), "note": format!("see \"s3://{bucket}/cats/one.png\"") }),
    ];
    for (name, content, expected) in [
        ("tasks.json", body.to_string(), vec![data(bucket)]),
        ("tasks.csv", csv, of_table.to_vec()),
        ("tasks.tsv", tsv, of_table.to_vec()),
    ] {
        let form = format!(
            "--xyz\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nplain\r\n--xyz\r\nContent-Disposition: form-data; \
             name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n{content}\r\n--xyz--\r\n"
        );
        let headers = [("content-type", "multipart/form-data; boundary=xyz")];
        let answer = world
            .site
            .send(Method::POST, &path, Some(&world.manager), &headers, form.into_bytes())
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{name}: {}", answer.text());
        let made = answer.json()["task_ids"].clone();
        let made: Vec<_> =
            made.as_array().unwrap().iter().map(|it| raw(it.as_u64().unwrap())).collect();
        assert_eq!(made, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_of_another_session_person_or_project_is_refused() {
    let world = World::shared();
    let (cat, bird) = (world.cats.tasks[0], world.birds.tasks[0]);
    let handle = async |task: u64, who: &Person| {
        get(&format!("/api/tasks/{task}/"), who).await["data"]["image"].as_str().unwrap().to_owned()
    };
    let before = raw(cat);
    let of_manager = handle(cat, &world.manager).await;
    let of_alice = handle(cat, &world.alice).await;
    let again = world.site.token(&world.manager.email, &[]);
    let of_other_token = handle(cat, &again).await;
    let of_birds = handle(bird, &world.owner).await;
    let altered = if of_manager.ends_with('A') { "B" } else { "A" };
    let altered = format!("{}{altered}", &of_manager[..of_manager.len() - 1]);
    assert_eq!(handle(cat, &world.manager).await, of_manager, "stable within a token");
    for (who, handle) in [
        (&world.manager, &of_alice),
        (&world.manager, &of_other_token),
        (&world.manager, &altered),
        (&world.owner, &of_birds),
        (&world.owner, &of_manager),
    ] {
        let body = json!({ "data": { "image": handle } });
        let answer = send(Method::PATCH, &format!("/api/tasks/{cat}/"), who, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, "foreign-handle"),
            "{handle}"
        );
        let answer = filtered(who, item("data.image", "equal", handle.as_str()), "").await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, "foreign-handle"),
            "{handle}"
        );
    }
    assert_eq!(raw(cat), before);
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn filters_take_handles_and_are_no_oracle_of_what_they_hide() {
    let world = World::shared();
    let (project, task) = (world.cats.number, world.cats.tasks[0]);
    let piece = &world.moto.bucket[..4];
    self::task(project);
    for who in [&world.alice, &world.reviewer, &world.manager, &world.owner] {
        for hidden in [
            item("data.image", "contains", piece),
            item("data.image", "contains", "plainly not there"),
            item("data.image", "regex", "^s3"),
            item("data.image", "equal", format!("s3://{}/cats/one.png", world.moto.bucket)),
            item("data.image", "less", "s4"),
            item("data.image", "in", json!({ "min": "s3://a", "max": "s3://z" })),
            item(
                "data.image",
                "in_list",
                json!([format!("s3://{}/cats/one.png", world.moto.bucket)]),
            ),
            item("-data.image", "contains", piece),
            item("data.image__startswith", "equal", "s3"),
            item("data.more", "contains", piece),
            item("data.html", "contains", "img"),
            item("storage_filename", "contains", "cats"),
            json!({ "filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": 0,
                "child_filter": item("data.image", "contains", piece) }),
        ] {
            let answer = filtered(who, hidden.clone(), "").await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (403, "hidden-column"),
                "{hidden}"
            );
        }
        let seen = get(&format!("/api/tasks/{task}/"), who).await["data"]["image"].clone();
        for open in [
            item("data.image", "equal", seen.clone()),
            item("data.image", "contains", seen.clone()),
            json!({ "filter": "filter:tasks:id", "operator": "equal", "type": "Number", "value": task }),
        ] {
            let answer = filtered(who, open.clone(), "").await;
            assert_eq!(answer.status, StatusCode::OK, "{open}: {}", answer.text());
            let tasks = answer.json()["tasks"].clone();
            let tasks = tasks.as_array().unwrap();
            assert!(tasks.iter().any(|it| it["id"] == task), "{open}: {tasks:?}");
            for other in tasks {
                assert_eq!(raw(other["id"].as_u64().unwrap())["image"], raw(task)["image"]);
            }
        }
        // Text and links of the web are no secret.
        let text = filtered(who, item("data.plain", "contains", "it is 1/2"), "").await;
        assert_eq!(text.status, StatusCode::OK, "{}", text.text());
        assert!(text.json()["total"].as_u64().unwrap() > 0, "{}", text.text());
        let empty = filtered(who, item("data.image", "empty", "false"), "").await;
        assert!(empty.status == StatusCode::OK && empty.json()["total"].as_u64().unwrap() > 0);
    }
    // Label Studio decodes the query twice: so does the gateway.
    let query = json!({ "filters": { "conjunction": "and", "items": [item("data.image", "contains", piece)] } });
    let once: String = form_urlencoded::byte_serialize(query.to_string().as_bytes()).collect();
    let twice: String =
        form_urlencoded::byte_serialize(once.replace('+', "%20").as_bytes()).collect();
    let answer = world
        .site
        .get(&format!("/api/tasks?project={project}&query={twice}"), Some(&world.alice))
        .await;
    assert_eq!(answer.code(), "hidden-column");
    for broken in ["%7B", "x", "%7B%22a%22:1,%22a%22:2%7D", "%25ff"] {
        let answer = world
            .site
            .get(&format!("/api/tasks?project={project}&query={broken}"), Some(&world.alice))
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, "bad-query"),
            "{broken}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_in_tabs_and_actions_are_judged_alike() {
    let world = World::shared();
    let project = world.cats.number;
    let raw_filters =
        json!({ "conjunction": "and", "items": [item("data.image", "contains", "s3")] });
    let group = json!({ "conjunction": "and", "filters": [{ "column": "filter:tasks:data.image", "operator": "contains", "type": "String", "value": "s3" }] });
    for (who, path, body) in [
        (
            &world.manager,
            "/api/dm/views/".to_owned(),
            json!({ "project": project, "data": { "filters": raw_filters } }),
        ),
        (
            &world.manager,
            "/api/dm/views/".to_owned(),
            json!({ "project": project, "data": {}, "filter_group": group }),
        ),
        (
            &world.alice,
            format!("/api/dm/actions?id=next_task&project={project}"),
            json!({ "filters": raw_filters }),
        ),
        (
            &world.manager,
            format!("/api/dm/actions?id=delete_tasks&project={project}"),
            json!({ "filters": raw_filters, "selectedItems": { "all": true, "excluded": [] } }),
        ),
    ] {
        let answer = send(Method::POST, &path, who, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (403, "hidden-column"),
            "{path} {body}"
        );
    }
    let seen =
        get(&format!("/api/tasks/{}/", world.cats.tasks[0]), &world.manager).await["data"]["image"]
            .clone();
    let filters =
        json!({ "conjunction": "and", "items": [item("data.image", "equal", seen.clone())] });
    let body = json!({ "project": project, "data": { "title": "By handle", "filters": filters } });
    let made = send(Method::POST, "/api/dm/views/", &world.manager, &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let tab = made.json()["id"].as_u64().unwrap();
    let value = |tab: &Value| {
        tab["data"]["filters"]["items"]
            .as_array()
            .or_else(|| tab["data"]["filters"]["filters"].as_array())
            .unwrap_or_else(|| panic!("{tab}"))[0]["value"]
            .clone()
    };
    let held = world.studio.ask("GET", &format!("/api/dm/views/{tab}/"), None);
    assert_eq!(value(&held), format!("s3://{}/cats/one.png", world.moto.bucket));
    assert_eq!(value(&get(&format!("/api/dm/views/{tab}"), &world.manager).await), seen);
    let listed = get(&format!("/api/tasks?project={project}&view={tab}"), &world.manager).await;
    assert!(listed["total"].as_u64().unwrap() > 0, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_see_locations_gets_them_raw_and_filters_by_them() {
    let world = World::shared();
    let site = seeing(world);
    let (mona, anna) = &site.1;
    let (project, task) = (world.cats.number, world.cats.tasks[0]);
    let uri = format!("s3://{}/cats/one.png", world.moto.bucket);
    let path = format!("/api/tasks/{task}/?resolve_uri=false");
    assert_eq!(site.0.get(&path, Some(mona)).await.json()["data"]["image"], uri);
    assert!(
        site.0.get(&path, Some(anna)).await.json()["data"]["image"]
            .as_str()
            .unwrap()
            .starts_with("/-/m/")
    );
    let query = json!({ "filters": { "conjunction": "and", "items": [item("data.image", "contains", &uri[..9])] } });
    let query: String = form_urlencoded::byte_serialize(query.to_string().as_bytes()).collect();
    let path = format!("/api/tasks?project={project}&query={query}");
    let listed = site.0.get(&path, Some(mona)).await;
    assert!(listed.json()["total"].as_u64().unwrap() > 0, "{}", listed.text());
    assert_eq!(site.0.get(&path, Some(anna)).await.code(), "hidden-column");
    for format in ["JSON", "JSON_MIN", "CSV"] {
        let path =
            format!("/api/projects/{project}/export?exportType={format}&download_all_tasks=true");
        let exported = site.0.get(&path, Some(mona)).await;
        assert!(
            exported.text().replace("\\/", "/").contains(&uri),
            "{format}: {}",
            exported.text()
        );
    }
}

/// A gateway before the same Label Studio whose managers see locations; a manager and an annotator of the first project.
fn seeing(world: &World) -> (Site, (Person, Person)) {
    let mut site = crate::support::world::before_with(
        &world.studio.address,
        (world.studio, Moto::shared()),
        "[policy]\nfolder = \"rules\"\n",
    );
    let rules = site.folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    let policies = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    for name in ["roles.cedar", "examples/managers-see-locations.cedar"] {
        let to = rules.join(name.rsplit('/').next().unwrap());
        std::fs::copy(policies.join(name), to).unwrap();
    }
    site.run(&["organization", "create", "--name", "acme"]);
    let people =
        (site.person("acme", "mona@example.com", ""), site.person("acme", "anna@example.com", ""));
    site.start();
    crate::support::world::until("all projects are adopted", || {
        site.run(&["project", "list", "--organization", "acme"]).contains(&world.cats.name)
    });
    site.member("acme", &world.cats.name, &people.0.email, "manager");
    site.member("acme", &world.cats.name, &people.1.email, "annotator");
    (site, people)
}
