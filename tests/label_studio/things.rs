//! One thing of each kind that Label Studio has, in a project: what its addresses can name.

use std::collections::BTreeMap;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::label_studio::OWNER_TOKEN;
use crate::support::world::{Home, World};
use crate::support::{Person, peer};

/// The numbers of a project's things, by the names that the catalogue has for them.
pub struct Things {
    pub numbers: BTreeMap<&'static str, u64>,
    /// The storage target's number: `{storage}` of an address with `export`.
    pub target: u64,
    /// The name of an uploaded file, which a task refers to.
    pub file: String,
    /// What `fileuri` is for the image of the first task.
    pub fileuri: String,
}

/// An annotation, a draft and a tab of somebody's own.
#[derive(Clone, Copy)]
pub struct Work {
    pub annotation: u64,
    pub draft: u64,
    pub tab: u64,
}

fn number(made: &Value) -> u64 {
    made["id"].as_u64().unwrap_or_else(|| panic!("no number: {made}"))
}

impl Things {
    /// Made by the owner of the install, past the gateway.
    pub fn of(world: &World, home: &Home) -> Self {
        Self::with_model(world, home, model(world, home))
    }

    /// The same with a machine learning backend that somebody has put there.
    pub fn with_model(world: &World, home: &Home, model: u64) -> Self {
        let studio = world.studio;
        let make = |path: &str, wish: Value| number(&studio.ask("POST", path, Some(wish)));
        let (project, task) = (home.number, home.tasks[0]);
        let prefix = home.name.split('-').next().unwrap();
        let mut numbers = BTreeMap::from([("project", project), ("task", task)]);
        numbers.insert("storage", home.storage);
        let path = format!("/api/tasks/{task}/annotations/");
        numbers.insert("annotation", make(&path, json!({ "result": [] })));
        numbers
            .insert("draft", make(&format!("/api/tasks/{task}/drafts"), json!({ "result": [] })));
        let wish =
            json!({ "task": task, "project": project, "result": [], "model_version": "one" });
        numbers.insert("prediction", make("/api/predictions/", wish));
        let wish = json!({ "project": project, "data": { "title": "A tab" } });
        numbers.insert("tab", make("/api/dm/views/", wish));
        let label = json!([{ "project": project, "from_name": "label", "value": ["Lynx"], "title": format!("Lynx {project}") }]);
        studio.ask("POST", "/api/labels/", Some(label));
        let links = studio.ask("GET", &format!("/api/label_links/?project={project}"), None);
        numbers.insert("link", number(&links["results"][0]));
        // Afterwards: Label Studio fails to tell of a label where somebody wants to hear of it.
        let wish = json!({ "project": project, "url": "http://127.0.0.1:9/" });
        numbers.insert("webhook", make("/api/webhooks/", wish));
        numbers.insert("export", make(&format!("/api/projects/{project}/exports/"), json!({})));
        numbers.insert("model", model);
        let moto = world.moto;
        let target = make(
            "/api/storages/export/s3",
            json!({
                "project": project, "bucket": moto.bucket, "prefix": format!("{prefix}-out"),
                "s3_endpoint": moto.endpoint, "region_name": "eu-central-1",
                "aws_access_key_id": moto.access_key_id, "aws_secret_access_key": moto.secret_access_key,
            }),
        );
        upload(world, project);
        let uploads =
            studio.ask("GET", &format!("/api/projects/{project}/file-uploads?all=true"), None);
        numbers.insert("upload", number(&uploads[0]));
        let file = uploads[0]["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let fileuri = URL_SAFE.encode(format!("s3://{}/{prefix}/one.png", moto.bucket));
        Self { numbers, target, file, fileuri }
    }
}

/// What this person makes through the gateway, in this project and this task of it.
pub async fn work_of(world: &World, person: &Person, (project, task): (u64, u64)) -> Work {
    let make = async |path: String, wish: Value| {
        let headers = [("content-type", "application/json")];
        let body = wish.to_string().into_bytes();
        let made = world.site.send(Method::POST, &path, Some(person), &headers, body).await;
        number(&made.json())
    };
    let result = json!({ "result": [] });
    Work {
        annotation: make(format!("/api/tasks/{task}/annotations/"), result.clone()).await,
        draft: make(format!("/api/tasks/{task}/drafts"), result).await,
        tab: make("/api/dm/views/".to_owned(), json!({ "project": project, "data": {} })).await,
    }
}

/// A picture that becomes a task.
fn upload(world: &World, project: u64) {
    let uploaded = Command::new("curl")
        .args(["-sSf", "--noproxy", "*", "-o", "/dev/null"])
        .args(["-H", &format!("authorization: Token {OWNER_TOKEN}")])
        .args([
            "-F",
            &format!("file=@{}", peer::root().join("tests/support/picture.png").display()),
        ])
        .arg(format!("{}/api/projects/{project}/import", world.studio.url))
        .status();
    assert!(uploaded.unwrap().success(), "no upload");
}

/// A machine learning backend, of which Label Studio would make none that does not answer: put into its database.
fn model(world: &World, home: &Home) -> u64 {
    let project = home.number;
    let script = "import sqlite3, sys\n\
        base = sqlite3.connect(sys.argv[1], timeout=30)\n\
        kinds = {'varchar': '', 'text': '', 'bool': 0, 'real': 1, 'integer': 0, 'datetime': '2026-01-01 00:00:00'}\n\
        row = {'project_id': int(sys.argv[2]), 'url': 'http://127.0.0.1:9/', 'state': 'DI', 'title': 'A model'}\n\
        for _, name, kind, needed, _, key in base.execute('pragma table_info(ml_mlbackend)'):\n\
        \x20   if needed and not key: row.setdefault(name, kinds[kind.split('(')[0].lower()])\n\
        marks = ','.join('?' * len(row))\n\
        made = base.execute(f'insert into ml_mlbackend ({\",\".join(row)}) values ({marks})', list(row.values()))\n\
        base.commit()\n\
        print(made.lastrowid)\n";
    let output = Command::new(peer::root().join(".cache/peers/label-studio/bin/python"))
        .args(["-c", script])
        .arg(world.studio.data.path().join("label_studio.sqlite3"))
        .arg(project.to_string())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}
