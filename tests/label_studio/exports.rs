//! Exports in every form that Label Studio has: rewritten, archives too, with nothing raw in them; or withheld by a code.

use std::io::{Cursor, Read};

use reqwest::StatusCode;
use serde_json::json;

use crate::spellings::found;
use crate::support::world::{World, secrets};

/// A task of the first project with a box on its image.
fn annotated(world: &World) -> u64 {
    let image = format!("s3://{}/cats/one.png", world.moto.bucket);
    let wish = json!({ "project": world.cats.number, "data": { "image": image, "more": [image] } });
    let task = world.studio.ask("POST", "/api/tasks/", Some(wish))["id"].as_u64().unwrap();
    let result = json!([{ "id": "r1", "type": "rectanglelabels", "from_name": "label", "to_name": "image",
        "original_width": 100, "original_height": 50, "image_rotation": 0,
        "value": { "x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["Cat"] },
        "meta": { "text": [format!("like {image}")] } }]);
    world.studio.ask(
        "POST",
        &format!("/api/tasks/{task}/annotations/"),
        Some(json!({ "result": result })),
    );
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_leaves_without_a_raw_location() {
    let world = World::shared();
    let (project, task) = (world.cats.number, annotated(world));
    let secrets = secrets(world);
    let formats = world
        .site
        .get(&format!("/api/projects/{project}/export/formats"), Some(&world.manager))
        .await;
    let formats = formats.json();
    let names: Vec<_> = formats
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect();
    for name in ["JSON", "JSON_MIN", "CSV", "TSV", "COCO", "YOLO", "VOC"] {
        assert!(names.iter().any(|it| it == name), "{name}: {names:?}");
    }
    let mut with_handles = Vec::new();
    for name in &names {
        for more in ["", "&download_resources=true"] {
            let path =
                format!("/api/projects/{project}/export?exportType={name}&ids[]={task}{more}");
            let answer = world.site.get(&path, Some(&world.manager)).await;
            assert_eq!(found(&answer.body, &secrets), Vec::<String>::new(), "{path}");
            let headers = format!("{:?}", answer.headers);
            assert_eq!(found(headers.as_bytes(), &secrets), Vec::<String>::new(), "{path}");
            let raw = world.studio.try_ask("GET", &path, None).0;
            if raw == 200 && name != "CONLL2003" {
                assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
            }
            if crate::spellings::readings(&answer.body).iter().any(|text| text.contains("/-/m/")) {
                with_handles.push(name.clone());
            }
        }
    }
    for name in ["JSON", "JSON_MIN", "CSV", "TSV", "COCO"] {
        assert!(with_handles.iter().any(|it| it == name), "{name} has no handle: {with_handles:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_whole_after_it_was_rewritten() {
    let world = World::shared();
    let task = annotated(world);
    let project = world.cats.number;
    let path = format!("/api/projects/{project}/export?exportType=COCO&ids[]={task}");
    let answer = world.site.get(&path, Some(&world.manager)).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/zip"));
    assert!(answer.header("filename").ends_with(".zip"), "{:?}", answer.headers);
    let mut archive = zip::ZipArchive::new(Cursor::new(&answer.body)).unwrap();
    let mut coco = String::new();
    archive.by_name("result.json").unwrap().read_to_string(&mut coco).unwrap();
    let coco: serde_json::Value = serde_json::from_str(&coco).unwrap();
    assert_eq!(coco["annotations"].as_array().unwrap().len(), 1);
    let file = coco["images"][0]["file_name"].as_str().unwrap();
    assert!(file.starts_with("/-/m/"), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_rewritten_too() {
    let world = World::shared();
    annotated(world);
    let (project, secrets) = (world.cats.number, secrets(world));
    let path = format!("/api/projects/{project}/exports");
    let headers = [("content-type", "application/json")];
    let body = json!({ "title": "snapshot" }).to_string().into_bytes();
    let made =
        world.site.send(reqwest::Method::POST, &path, Some(&world.manager), &headers, body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let number = made.json()["id"].as_u64().unwrap();
    for (format, handles) in [
        ("", true),
        ("?exportType=JSON", true),
        ("?exportType=JSON_MIN", true),
        ("?exportType=CSV", true),
        ("?exportType=COCO", true),
        ("?exportType=YOLO", false),
    ] {
        let answer = world
            .site
            .get(&format!("{path}/{number}/download{format}"), Some(&world.manager))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{format}: {}", answer.text());
        assert_eq!(found(&answer.body, &secrets), Vec::<String>::new(), "{format}");
        if handles {
            let readings = crate::spellings::readings(&answer.body);
            assert!(readings.iter().any(|text| text.contains("/-/m/")), "{format}: {readings:?}");
        }
        let answer =
            world.site.get(&format!("{path}/{number}/download{format}"), Some(&world.alice)).await;
        assert_eq!(answer.code(), "forbidden", "{format}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tears_locations_apart_is_withheld() {
    let world = World::shared();
    let path = format!(
        "/api/projects/{}/export?exportType=CONLL2003&download_all_tasks=true",
        world.cats.number
    );
    assert_eq!(world.studio.try_ask("GET", &path, None).0, 200);
    let answer = world.site.get(&path, Some(&world.manager)).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "export-withheld"));
}

/// Those of forms that do not say of which task they are, too.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_export_refers_to_opens() {
    let world = World::shared();
    let home = world.fresh("Exported").await;
    let (project, task) = (home.number, home.tasks[0]);
    let wish = json!({ "result": [] });
    world.studio.ask("POST", &format!("/api/tasks/{task}/annotations/"), Some(wish));
    for format in ["JSON", "JSON_MIN", "CSV", "COCO"] {
        let path = format!("/api/projects/{project}/export?exportType={format}&ids[]={task}");
        let answer = world.site.get(&path, Some(&world.owner)).await;
        assert_eq!(answer.status, StatusCode::OK, "{format}: {}", answer.text());
        let readings = crate::spellings::readings(&answer.body).join("\n");
        let (_, handle) = readings.split_once("/-/m/").unwrap_or_else(|| panic!("{format}"));
        let is_of_it = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let handle = &handle[..handle.find(|c| !is_of_it(c)).unwrap_or(handle.len())];
        let opened = world.site.get(&format!("/-/m/{handle}"), Some(&world.owner)).await;
        assert_eq!(
            (opened.status, opened.header("content-type")),
            (StatusCode::OK, "image/png"),
            "{format}"
        );
    }
}
