//! What Label Studio keeps itself, uploads and files of its disk, is a project's own: whoever may import tasks elsewhere can
//! write any address into them, and gets nothing by it.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::Person;
use crate::support::world::{Home, World};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// A file in a folder of its own, which is a storage of this project.
fn local_storage(world: &World, home: &Home, name: &str) -> String {
    let folder = world.studio.data.path().join("files").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("scan one.png"), include_bytes!("../support/picture.png")).unwrap();
    let wish =
        json!({ "project": home.number, "title": "disk", "path": folder, "use_blob_urls": true });
    world.studio.ask("POST", "/api/storages/localfiles/", Some(wish));
    format!("/data/local-files/?d={name}/scan%20one.png")
}

async fn import(world: &World, who: &Person, home: &Home, image: &str) -> u64 {
    let task = json!({ "project": home.number, "data": { "image": image } }).to_string();
    let made =
        world.site.send(Method::POST, "/api/tasks/", Some(who), &JSON, task.into_bytes()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["id"].as_u64().unwrap()
}

async fn image(world: &World, who: &Person, task: u64) -> String {
    let shown = world.site.get(&format!("/api/tasks/{task}/"), Some(who)).await.json();
    shown["data"]["image"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_disk_is_read_by_its_own_project_and_by_no_other() {
    let world = tokio::task::spawn_blocking(World::shared).await.unwrap();
    let (own, other) = (world.fresh("Disk").await, world.fresh("Beside").await);
    for (home, role) in [(&own, "annotator"), (&other, "manager")] {
        world.site.member("acme", &home.name, &world.nobody.email, role);
    }
    let address = local_storage(world, &own, "disk");
    local_storage(world, &other, "beside");
    let task = import(world, &world.owner, &own, &address).await;
    let handle = image(world, &world.nobody, task).await;
    assert!(handle.starts_with("/-/m/"), "{handle}");
    let read = world.site.get(&handle, Some(&world.nobody)).await;
    assert_eq!((read.status, read.header("content-type")), (StatusCode::OK, "image/png"));
    assert_eq!(read.body, include_bytes!("../support/picture.png"));
    assert_eq!(world.site.get(&address, Some(&world.nobody)).await.status, StatusCode::NOT_FOUND);
    // The same address in a task of another project, whoever wrote it there.
    let hostile = [
        address.clone(),
        address.replace("?d=", "?d=/"),
        address.replace("?d=", "?d=beside/../"),
        address.replace("?d=", "?d=beside%2F..%2F"),
        format!("{address}&d=disk/scan%20one.png"),
        "/data/local-files/../../api/current-user/token".to_owned(),
    ];
    for address in hostile {
        let task = import(world, &world.nobody, &other, &address).await;
        let handle = image(world, &world.nobody, task).await;
        let read = world.site.get(&handle, Some(&world.nobody)).await;
        assert_eq!(read.status, StatusCode::NOT_FOUND, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_read_by_its_own_project_and_by_no_other() {
    let world = tokio::task::spawn_blocking(World::shared).await.unwrap();
    let (own, other) = (world.fresh("Uploads").await, world.fresh("Uploads-beside").await);
    world.site.member("acme", &other.name, &world.nobody.email, "manager");
    let form = reqwest::multipart::Form::new().part(
        "file",
        reqwest::multipart::Part::bytes(include_bytes!("../support/picture.png").to_vec())
            .file_name("Möwe.png")
            .mime_str("image/png")
            .unwrap(),
    );
    let path = format!("/api/projects/{}/import", own.number);
    let sent = world.site.client().post(world.site.url(&path)).bearer_auth(&world.owner.token);
    let sent = sent.multipart(form).send().await.unwrap();
    assert_eq!(sent.status(), StatusCode::CREATED);
    let all =
        world.studio.ask("GET", &format!("/api/tasks/?project={}&page_size=100", own.number), None);
    let mut uploads =
        all["tasks"].as_array().unwrap().iter().filter_map(|task| task["data"]["image"].as_str());
    let upload = uploads.rfind(|it| it.starts_with("/data/upload/")).unwrap().to_owned();
    // No answer of the gateway's has shown it yet: one look-up finds the task.
    let read = world.site.get(&upload, Some(&world.owner)).await;
    assert_eq!(read.status, StatusCode::OK, "{upload}: {}", read.text());
    assert_eq!(read.body, include_bytes!("../support/picture.png"));
    assert_eq!(world.site.get(&upload, Some(&world.nobody)).await.status, StatusCode::NOT_FOUND);
    let task = import(world, &world.nobody, &other, &upload).await;
    let shown = image(world, &world.nobody, task).await;
    assert_eq!(
        world.site.get(&shown, Some(&world.nobody)).await.status,
        StatusCode::NOT_FOUND,
        "{shown}"
    );
    // Nor by a storage whose settings name it.
    let raw = upload.replace("%C3%B6", "ö");
    world.moto.put(&raw, "image/png", b"x");
    let wish = json!({
        "project": other.number, "title": "odd", "bucket": world.moto.bucket, "prefix": raw, "presign": false,
        "s3_endpoint": world.moto.endpoint, "region_name": "eu-central-1",
        "aws_access_key_id": world.moto.access_key_id, "aws_secret_access_key": world.moto.secret_access_key,
    });
    let storage = world.studio.ask("POST", "/api/storages/s3/", Some(wish))["id"].as_u64().unwrap();
    let path = format!("/api/storages/s3/{storage}");
    let told = world.site.get(&path, Some(&world.nobody)).await;
    let named =
        told.json()["prefix"].as_str().unwrap_or_else(|| panic!("{}", told.text())).to_owned();
    assert_eq!(
        world.site.get(&named, Some(&world.nobody)).await.status,
        StatusCode::NOT_FOUND,
        "{named}"
    );
}
