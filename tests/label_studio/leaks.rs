//! A crawl by everybody over every address of the catalogue, through a project that has raw locations wherever one can be
//! written, and through writes that are made to fail: nothing raw is in any answer, in no spelling.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use http::Method;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sluicegate::label_studio::Routes;

use crate::handles::data;
use crate::spellings::{found, readings};
use crate::support::label_studio::{LabelStudio, OWNER_TOKEN};
use crate::support::site::Answer;
use crate::support::world;
use crate::support::{Moto, Person, Site};

/// What the crawl goes through.
struct Rich {
    site: Site,
    near: u64,
    people: Vec<(&'static str, Person)>,
    /// Numbers to put into addresses, by the name that the catalogue has for them.
    samples: BTreeMap<&'static str, Vec<String>>,
    /// Words that nobody may read.
    secrets: Vec<String>,
    /// Words of the near project, and of the far one.
    of_near: Vec<String>,
    of_far: Vec<String>,
}

const PREFIX: &str = "prefix-under-which-it-lies";
/// In the near project's description and in the far one's.
const WHISKERS: &str = "Whiskers of the near one";
const FEATHERS: &str = "Feathers of the far one";

impl Rich {
    fn shared() -> &'static Self {
        static ONE: OnceLock<Rich> = OnceLock::new();
        ONE.get_or_init(Self::make)
    }

    #[expect(clippy::too_many_lines, reason = "one of everything")]
    fn make() -> Self {
        let (studio, moto) = (LabelStudio::shared(), Moto::shared());
        let near = project(studio, moto, WHISKERS);
        let far = project(studio, moto, FEATHERS);
        let near_things = fill(studio, moto, near);
        let far_things = fill(studio, moto, far);
        let mut site = world::before(studio, moto);
        for organization in ["acme", "globex"] {
            site.run(&["organization", "create", "--name", organization]);
        }
        let person = |name: &str| site.person("acme", &format!("{name}@crawl.example.com"), "");
        let owner = site.person("acme", "owner@crawl.example.com", "owner");
        let administrator = site.person("acme", "administrator@crawl.example.com", "administrator");
        let (manager, reviewer, annotator) =
            (person("manager"), person("reviewer"), person("annotator"));
        let (stranger, nobody) = (person("stranger"), person("nobody"));
        let outsider = site.person("globex", "outsider@crawl.example.com", "owner");
        site.start();
        let name = |number: u64| format!("-{number}");
        let listed = || site.run(&["project", "list", "--organization", "acme"]);
        world::until("all projects are adopted", || {
            [near, far].iter().all(|it| called(&listed(), &name(*it)).is_some())
        });
        let (of_near, of_far) =
            (called(&listed(), &name(near)).unwrap(), called(&listed(), &name(far)).unwrap());
        for (project, person, role) in [
            (&of_near, &manager, "manager"),
            (&of_near, &reviewer, "reviewer"),
            (&of_near, &annotator, "annotator"),
            (&of_far, &stranger, "annotator"),
        ] {
            site.member("acme", project, &person.email, role);
        }
        for project in [&of_near, &of_far] {
            world::store((&site, &owner), moto, project, PREFIX);
        }
        let mut samples = near_things;
        for (kind, numbers) in far_things {
            samples.entry(kind).or_default().extend(numbers);
        }
        let mut secrets = world::words(studio, moto);
        let named = [
            PREFIX,
            "some-other-bucket",
            "google-bucket",
            "container/k",
            "json-bucket",
            "percent-bucket",
            "entity-bucket",
        ];
        secrets.extend(named.map(str::to_owned));
        let people = vec![
            ("annotator", annotator),
            ("reviewer", reviewer),
            ("manager", manager),
            ("administrator", administrator),
            ("owner", owner),
            ("stranger", stranger),
            ("outsider", outsider),
            ("nobody", nobody),
        ];
        let words = |own: &str, names: &[&str]| {
            let names = names.iter().map(|name| format!("{name}@crawl.example.com"));
            names.chain([own.to_owned()]).collect()
        };
        Self {
            site,
            near,
            people,
            samples,
            secrets,
            of_near: words(WHISKERS, &["manager", "reviewer", "annotator"]),
            of_far: words(FEATHERS, &["stranger"]),
        }
    }
}

/// The name in the catalogue that ends so.
fn called(listed: &str, end: &str) -> Option<String> {
    listed.split_whitespace().find(|word| word.ends_with(end)).map(str::to_owned)
}

/// A URI of an object in the project's storage.
fn uri(moto: &Moto) -> String {
    format!("s3://{}/{PREFIX}/one.png", moto.bucket)
}

/// A project that has locations in everything that describes it.
fn project(studio: &LabelStudio, moto: &Moto, title: &str) -> u64 {
    let uri = uri(moto);
    let config = format!(
        "<View><Header value=\"like {uri}\"/><Image name=\"image\" value=\"$image\"/><RectangleLabels name=\"label\" toName=\"image\">\
         <Label value=\"Cat\"/></RectangleLabels><TextArea name=\"words\" toName=\"image\"/></View>"
    );
    let wish = json!({
        "title": title, "label_config": config, "description": format!("{title}: {uri} in {}", moto.bucket),
        "expert_instruction": format!("<p>See <img src='{uri}'> and {}</p>", uri.replace('/', "&#47;")),
        "color": "#ff0000", "show_instruction": true,
    });
    studio.ask("POST", "/api/projects/", Some(wish))["id"].as_u64().unwrap()
}

/// Fills it with one of everything that has a number; these numbers.
#[expect(clippy::too_many_lines, reason = "one of everything")]
fn fill(studio: &LabelStudio, moto: &Moto, project: u64) -> BTreeMap<&'static str, Vec<String>> {
    let uri = uri(moto);
    let mut all = BTreeMap::from([("project", vec![project.to_string()])]);
    let post = |path: &str, body: Value| {
        studio.ask("POST", path, Some(body))["id"].as_u64().unwrap().to_string()
    };
    moto.put(&format!("{PREFIX}/one.png"), "image/png", include_bytes!("../support/picture.png"));
    let import = studio.storage(project, moto, PREFIX);
    let broken = json!({ "project": project, "title": format!("of {uri}"), "bucket": moto.bucket, "prefix": PREFIX,
        "regex_filter": format!("{PREFIX}/.*"), "s3_endpoint": moto.endpoint, "aws_access_key_id": moto.access_key_id,
        "aws_secret_access_key": moto.secret_access_key, "use_blob_urls": false });
    let broken = post("/api/storages/s3/", broken);
    // Its objects are no tasks: the sync fails, with a traceback.
    drop(studio.try_ask("POST", &format!("/api/storages/s3/{broken}/sync"), Some(json!({}))));
    let export = json!({ "project": project, "title": "out", "bucket": moto.bucket, "prefix": format!("{PREFIX}/out"),
        "s3_endpoint": moto.endpoint, "aws_access_key_id": moto.access_key_id, "aws_secret_access_key": moto.secret_access_key });
    let export = post("/api/storages/export/s3", export);
    let folder = studio.data.path().join("files").join(project.to_string());
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("local.png"), include_bytes!("../support/picture.png")).unwrap();
    let local =
        json!({ "project": project, "title": "local", "path": folder, "use_blob_urls": true });
    let local = post("/api/storages/localfiles/", local);
    drop(studio.try_ask(
        "POST",
        &format!("/api/storages/localfiles/{local}/sync"),
        Some(json!({})),
    ));
    all.insert("storage", vec![import.to_string(), broken, export, local]);

    let text = data(moto.bucket).to_string().replace("/cats/", &format!("/{PREFIX}/"));
    let data: Value = serde_json::from_str(&text).unwrap();
    let task =
        post("/api/tasks/", json!({ "project": project, "data": data, "meta": { "from": uri } }));
    let plain = post("/api/tasks/", json!({ "project": project, "data": { "image": uri } }));
    let result = json!([
        { "id": "r1", "type": "rectanglelabels", "from_name": "label", "to_name": "image", "original_width": 100, "original_height": 50,
          "value": { "x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["Cat"] }, "meta": { "text": [uri] } },
        { "id": "r2", "type": "textarea", "from_name": "words", "to_name": "image", "value": { "text": [format!("as in {uri}"), data] } },
    ]);
    let annotate =
        |task: &str| post(&format!("/api/tasks/{task}/annotations/"), json!({ "result": result }));
    all.insert("annotation", vec![annotate(&task), annotate(&plain)]);
    all.insert(
        "draft",
        vec![post(&format!("/api/tasks/{task}/drafts"), json!({ "result": result }))],
    );
    let predicted =
        json!({ "task": task.parse::<u64>().unwrap(), "result": result, "model_version": uri });
    all.insert("prediction", vec![post("/api/predictions/", predicted)]);
    all.insert("task", vec![task, plain]);
    let filters = json!({ "conjunction": "and", "items": [{ "filter": "filter:tasks:data.image", "operator": "contains", "type": "String", "value": uri }] });
    all.insert(
        "tab",
        vec![post(
            "/api/dm/views/",
            json!({ "project": project, "data": { "title": uri, "filters": filters } }),
        )],
    );
    let hook = json!({ "project": project, "url": format!("https://hooks.example.com/?to={uri}"), "is_active": false, "headers": { "X-From": uri } });
    all.insert("webhook", vec![post("/api/webhooks/", hook)]);
    let label =
        json!([{ "project": project, "value": ["Cat"], "title": uri, "from_name": "label" }]);
    drop(studio.try_ask("POST", "/api/labels/", Some(label)));
    let links = studio.ask("GET", &format!("/api/label_links/?project={project}"), None);
    let links = links["results"].as_array().unwrap().iter().map(|it| it["id"].to_string());
    all.insert("link", links.collect());
    all.insert(
        "export",
        vec![post(&format!("/api/projects/{project}/exports/"), json!({ "title": uri }))],
    );
    let form = [("image", format!("image\n{uri}\n"))];
    let uploaded = upload(studio, project, &form[0].1);
    all.insert("upload", vec![uploaded.0]);
    all.insert("file", vec![uploaded.1]);
    all
}

/// Uploads a table past the gateway; the number of the upload, and its name.
fn upload(studio: &LabelStudio, project: u64, table: &str) -> (String, String) {
    let file = studio.data.path().join("table.csv");
    std::fs::write(&file, table).unwrap();
    let done = std::process::Command::new("curl")
        .args(["-sS", "--noproxy", "*", "-H", &format!("authorization: Token {OWNER_TOKEN}")])
        .args(["-F", &format!("file=@{}", file.display())])
        .arg(format!("{}/api/projects/{project}/import", studio.url))
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    let number = said["file_upload_ids"][0].to_string();
    let known = studio.ask("GET", &format!("/api/import/file-upload/{number}"), None);
    let name = known["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    (number, name)
}

/// Every address of the catalogue with every number in it.
#[expect(clippy::too_many_lines, reason = "a table")]
fn addresses(rich: &Rich) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let routes = Routes::built_in().unwrap();
    for row in routes.rows() {
        let mut filled = vec![String::new()];
        for name in row.text.split('/').skip(1) {
            let of = name.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            let given: Vec<String> = match of {
                None => vec![name.to_owned()],
                Some("user") => vec!["1".to_owned(), "2".to_owned(), "3".to_owned()],
                Some("type") => {
                    ["s3", "gcs", "azure", "redis", "localfiles"].map(str::to_owned).to_vec()
                }
                Some("any") => vec!["main.js".to_owned()],
                Some("model" | "n") => vec!["1".to_owned()],
                Some(kind) => {
                    rich.samples.get(kind).unwrap_or_else(|| panic!("no sample of {kind}")).clone()
                }
            };
            filled = filled
                .iter()
                .flat_map(|start| given.iter().map(move |name| format!("{start}/{name}")))
                .collect();
        }
        all.extend(filled);
    }
    let more: Vec<String> = rich.samples["project"]
        .iter()
        .flat_map(|project| {
            let of = format!("project={project}");
            let tasks = [
                "&fields=all",
                "&resolve_uri=false",
                "&fields=all&resolve_uri=false&page_size=100",
                "&query=%7B%22ordering%22:%5B%22tasks:data.image%22%5D%7D",
            ];
            let lists = [
                "/api/predictions/",
                "/api/dm/views/",
                "/api/dm/columns/",
                "/api/dm/project/",
                "/api/dm/actions/",
                "/api/webhooks/",
                "/api/label_links/",
                "/api/ml/",
                "/api/users/",
                "/api/storages/",
                "/api/storages/export",
                "/api/storages/s3/",
                "/api/storages/localfiles/",
                "/api/storages/export/s3",
            ];
            let exports = [
                "JSON",
                "JSON_MIN",
                "CSV",
                "TSV",
                "CSV_OLD",
                "COCO",
                "YOLO",
                "VOC",
                "YOLO_OBB",
                "COCO_WITH_IMAGES",
                "YOLO_WITH_IMAGES",
                "CONLL2003",
                "BRUSH_TO_PNG",
                "BRUSH_TO_NUMPY",
                "ASR_MANIFEST",
                "S3://x",
            ];
            let tasks = tasks
                .map(|more| format!("/api/tasks/?{of}{more}"))
                .into_iter()
                .chain([format!("/api/tasks/?{of}")]);
            let lists = lists.map(|path| format!("{path}?{of}"));
            let exports = exports.map(|kind| {
                format!("/api/projects/{project}/export?exportType={kind}&download_all_tasks=true")
            });
            let snapshot = &rich.samples["export"];
            let snapshots: Vec<_> = snapshot
                .iter()
                .flat_map(|n| {
                    [
                        "",
                        "?exportType=JSON_MIN",
                        "?exportType=CSV",
                        "?exportType=COCO",
                        "?exportType=s3",
                    ]
                    .map(|more| format!("/api/projects/{project}/exports/{n}/download{more}"))
                })
                .collect();
            tasks.chain(lists).chain(exports).chain(snapshots).collect::<Vec<_>>()
        })
        .collect();
    all.extend(more);
    for task in &rich.samples["task"] {
        all.insert(format!("/api/tasks/{task}/?resolve_uri=false"));
        all.insert(format!("/tasks/{task}/resolve/?fileuri=czM6Ly9odXNoL3g="));
        all.insert(format!("/tasks/{task}/presign/?fileuri=s3%3A%2F%2Fhush%2Fx"));
    }
    all.extend(
        [
            "/api/projects/?include=title,description,label_config",
            "/api/organizations/1/memberships?contributed_to_projects=true&page_size=100",
        ]
        .map(str::to_owned),
    );
    all
}

/// What of an answer may not be there for this person.
fn leaks(rich: &Rich, role: &str, answer: &Answer) -> Vec<String> {
    let mut secrets = rich.secrets.clone();
    if !["owner", "administrator", "stranger"].contains(&role) {
        secrets.extend(rich.of_far.clone());
    }
    if ["stranger", "outsider", "nobody"].contains(&role) {
        secrets.extend(rich.of_near.clone());
    }
    let headers = format!("{:?}", answer.headers);
    let mut all = found(headers.as_bytes(), &secrets);
    if !["image/png", "text/css", "text/javascript"]
        .iter()
        .any(|it| answer.header("content-type").starts_with(it))
    {
        all.extend(found(&answer.body, &secrets));
    }
    all
}

/// Addresses in an answer that somebody might follow.
fn links(rich: &Rich, answer: &Answer) -> BTreeSet<String> {
    let origin = rich.site.url("");
    let texts = readings(&answer.body);
    let words = texts
        .iter()
        .flat_map(|text| text.split(|c: char| c.is_whitespace() || "\"'<>()[]{},\\".contains(c)));
    let paths = words.map(|word| word.strip_prefix(&origin).unwrap_or(word));
    let known = ["/-/m/", "/data/", "/tasks/", "/projects/", "/api/"];
    let paths =
        paths.filter(|path| known.iter().any(|start| path.starts_with(start)) && path.len() < 6000);
    paths
        .filter(|path| path.bytes().all(|byte| (0x21..0x7f).contains(&byte)))
        .take(200)
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_finds_anything_raw_by_any_address() {
    let rich = Rich::shared();
    let all: Vec<String> = addresses(rich).into_iter().collect();
    let mut faults = Vec::new();
    for (role, person) in &rich.people {
        let (seen, found) = crawl(rich, role, person, all.clone()).await;
        eprintln!("{role}: {seen:?}");
        // Otherwise nothing was shown.
        let least = match *role {
            "owner" | "administrator" | "manager" => 100,
            "outsider" => 0,
            _ => 20,
        };
        assert!(seen.get(&200).copied().unwrap_or_default() >= least, "{role}: {seen:?}");
        faults.extend(found);
    }
    faults.sort();
    assert!(faults.is_empty(), "{} leaks:\n{}", faults.len(), faults.join("\n"));
}

/// Asks for all of them and for some of what the answers point to: how often there was which status, and what was found.
async fn crawl(
    rich: &'static Rich,
    role: &'static str,
    person: &Person,
    mut left: Vec<String>,
) -> (BTreeMap<u16, usize>, Vec<String>) {
    let (mut known, mut seen, mut faults) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
    let client = rich.site.client();
    while !left.is_empty() {
        let mut asked = tokio::task::JoinSet::new();
        // Exports of one project at the same time trip over Label Studio's own files.
        let alone = left.last().is_some_and(|path| path.contains("/export"));
        let many = if alone { 1 } else { 8 };
        for path in left.drain(left.len().saturating_sub(many)..) {
            let request = client.get(rich.site.url(&path)).bearer_auth(&person.token);
            asked.spawn(async move {
                let answer = request.send().await.unwrap();
                let (status, headers) = (answer.status(), answer.headers().clone());
                let answer =
                    Answer { status, headers, body: answer.bytes().await.unwrap().to_vec() };
                let leaks = leaks(rich, role, &answer);
                (path, answer, leaks)
            });
        }
        while let Some(done) = asked.join_next().await {
            let (path, answer, leaks) = done.unwrap();
            *seen.entry(answer.status.as_u16()).or_default() += 1;
            let short: String = path.chars().take(120).collect();
            faults.extend(
                leaks.iter().map(|leak| format!("{role} {} {short}: {leak}", answer.status)),
            );
            let shows =
                answer.status == StatusCode::OK && answer.header("content-type").contains("json");
            for link in links(rich, &answer) {
                if shows && known.len() < 100 && known.insert(link.clone()) {
                    left.push(link);
                }
            }
        }
    }
    (seen, faults)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn nothing_raw_comes_back_from_writes_that_fail() {
    let rich = Rich::shared();
    let moto = Moto::shared();
    let (near, uri) = (rich.near, uri(moto));
    let task = &rich.samples["task"][0];
    let number: u64 = task.parse().unwrap();
    let storage = &rich.samples["storage"];
    let keys = json!({ "aws_access_key_id": moto.access_key_id, "aws_secret_access_key": moto.secret_access_key, "s3_endpoint": moto.endpoint });
    let s3 = |more: Value| {
        let mut all = keys.clone();
        all["project"] = near.into();
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    let region = json!([{ "id": "r", "from_name": uri, "to_name": uri, "type": uri, "value": { "x": uri } }]);
    let writes = [
        ("POST", format!("/api/projects/{near}/import"), json!([{ "data": uri }])),
        (
            "POST",
            format!("/api/projects/{near}/import"),
            json!([{ "data": { "image": uri }, "annotations": [{ "result": uri }] }]),
        ),
        (
            "POST",
            format!("/api/projects/{near}/import"),
            json!([{ "data": { "image": uri }, "predictions": [{ "result": region }] }]),
        ),
        ("POST", format!("/api/projects/{near}/import"), json!({ "image": uri })),
        (
            "POST",
            format!("/api/projects/{near}/import/predictions"),
            json!([{ "task": number, "result": region, "score": uri }]),
        ),
        (
            "POST",
            format!("/api/projects/{near}/reimport"),
            json!({ "file_upload_ids": [uri], "files_as_tasks_list": uri }),
        ),
        ("POST", format!("/api/projects/{near}/tasks/bulk/"), json!([{ "data": uri }])),
        ("POST", "/api/tasks/".to_owned(), json!({ "project": near, "data": uri })),
        ("PATCH", format!("/api/tasks/{task}/"), json!({ "data": uri, "meta": uri })),
        ("POST", format!("/api/tasks/{task}/annotations"), json!({ "result": uri })),
        (
            "POST",
            format!("/api/tasks/{task}/annotations"),
            json!({ "result": region, "lead_time": uri }),
        ),
        ("POST", format!("/api/tasks/{task}/drafts"), json!({ "result": uri, "lead_time": uri })),
        (
            "POST",
            "/api/predictions/".to_owned(),
            json!({ "task": number, "result": region, "score": uri }),
        ),
        (
            "POST",
            "/api/predictions/".to_owned(),
            json!({ "task": number, "result": region, "model_version": uri }),
        ),
        (
            "PATCH",
            format!("/api/projects/{near}/"),
            json!({ "label_config": format!("<View {uri}") }),
        ),
        ("PATCH", format!("/api/projects/{near}/"), json!({ "title": uri.repeat(9) })),
        ("PATCH", format!("/api/projects/{near}/"), json!({ "color": uri, "sampling": uri })),
        (
            "POST",
            "/api/projects/validate/".to_owned(),
            json!({ "label_config": format!("<View><Image name=\"{uri}\"/></View>") }),
        ),
        (
            "POST",
            format!("/api/projects/{near}/validate/"),
            json!({ "label_config": format!("<View><Choices name='a' toName='{uri}'/></View>") }),
        ),
        (
            "POST",
            format!("/api/projects/{near}/sample-task/"),
            json!({ "label_config": format!("<View><Image name='a' value='{uri}'/></View>") }),
        ),
        (
            "POST",
            "/api/storages/s3/".to_owned(),
            s3(json!({ "bucket": "there-is-no-such-bucket", "prefix": PREFIX })),
        ),
        (
            "POST",
            "/api/storages/s3/validate".to_owned(),
            s3(json!({ "bucket": moto.bucket, "prefix": "nothing/here" })),
        ),
        (
            "POST",
            "/api/storages/s3/validate".to_owned(),
            s3(json!({ "bucket": moto.bucket, "prefix": PREFIX })),
        ),
        (
            "POST",
            "/api/storages/s3/validate".to_owned(),
            s3(json!({ "bucket": moto.bucket, "aws_secret_access_key": "wrong" })),
        ),
        (
            "POST",
            "/api/storages/s3/validate".to_owned(),
            s3(json!({ "bucket": moto.bucket, "s3_endpoint": "http://127.0.0.1:1" })),
        ),
        (
            "POST",
            "/api/storages/s3/files".to_owned(),
            s3(json!({ "bucket": moto.bucket, "prefix": PREFIX, "limit": 10 })),
        ),
        (
            "POST",
            "/api/storages/s3/".to_owned(),
            s3(json!({ "bucket": moto.bucket, "prefix": PREFIX, "title": uri })),
        ),
        ("POST", format!("/api/storages/s3/{}/sync", storage[0]), json!({})),
        ("POST", format!("/api/storages/s3/{}/sync", storage[1]), json!({})),
        (
            "PATCH",
            format!("/api/storages/s3/{}", storage[1]),
            json!({ "regex_filter": format!("{PREFIX}/("), "presign_ttl": uri }),
        ),
        ("POST", format!("/api/storages/export/s3/{}/sync", storage[2]), json!({})),
        (
            "POST",
            "/api/storages/export/s3/validate".to_owned(),
            s3(json!({ "bucket": "there-is-no-such-bucket" })),
        ),
        (
            "POST",
            "/api/storages/localfiles/".to_owned(),
            json!({ "project": near, "path": "/etc" }),
        ),
        (
            "POST",
            "/api/storages/localfiles/validate".to_owned(),
            json!({ "project": near, "path": "/nowhere" }),
        ),
        ("POST", format!("/api/storages/localfiles/{}/sync", storage[3]), json!({})),
        (
            "POST",
            "/api/storages/gcs/validate".to_owned(),
            json!({ "project": near, "bucket": "b", "google_application_credentials": format!("{{\"type\":\"{uri}\"}}") }),
        ),
        (
            "POST",
            "/api/storages/azure/validate".to_owned(),
            json!({ "project": near, "container": "c", "account_name": "a/b", "account_key": "eA==" }),
        ),
        (
            "POST",
            "/api/storages/redis/validate".to_owned(),
            json!({ "project": near, "host": "127.0.0.1", "port": "1", "path": uri }),
        ),
        ("POST", "/api/ml/".to_owned(), json!({ "project": near, "url": moto.endpoint })),
        ("POST", "/api/webhooks/".to_owned(), json!({ "project": near, "url": uri })),
        (
            "POST",
            "/api/dm/views/".to_owned(),
            json!({ "project": near, "data": { "filters": uri } }),
        ),
        (
            "POST",
            format!("/api/dm/actions?id=next_task&project={near}"),
            json!({ "selectedItems": uri }),
        ),
        (
            "POST",
            format!("/api/dm/actions?id=add_data_field&project={near}"),
            json!({ "selectedItems": { "all": false, "included": [number] }, "name": "n", "value": uri, "value_type": uri }),
        ),
        (
            "POST",
            format!("/api/dm/actions?id=rename_labels&project={near}"),
            json!({ "old_label_name": uri, "new_label_name": uri, "control_tag": uri }),
        ),
        (
            "POST",
            format!("/api/projects/{near}/exports/"),
            json!({ "title": uri, "task_filter_options": { "view": uri } }),
        ),
        (
            "POST",
            format!("/api/projects/{near}/exports/{}/convert", rich.samples["export"][0]),
            json!({ "export_type": uri }),
        ),
        (
            "POST",
            "/api/label_links/".to_owned(),
            json!({ "project": near, "label": uri, "from_name": uri }),
        ),
        (
            "POST",
            "/api/labels/bulk".to_owned(),
            json!({ "project": near, "old_label": uri, "new_label": uri }),
        ),
        (
            "POST",
            format!("/api/fsm/entities/task/{task}/transition/"),
            json!({ "transition": uri }),
        ),
    ];
    let mut faults = Vec::new();
    for (role, person) in &rich.people {
        let mut seen = BTreeMap::<u16, usize>::new();
        for (method, path, body) in &writes {
            let headers = [("content-type", "application/json")];
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = rich
                .site
                .send(method, path, Some(person), &headers, body.to_string().into_bytes())
                .await;
            *seen.entry(answer.status.as_u16()).or_default() += 1;
            faults.extend(
                leaks(rich, role, &answer)
                    .into_iter()
                    .map(|leak| format!("{role} {} {path} {body}: {leak}", answer.status)),
            );
        }
        eprintln!("{role}: {seen:?}");
    }
    for (name, content) in [
        ("x.json", format!("[{{\"data\": \"{uri}\"")),
        ("x.csv", format!("a\n\"{uri}")),
        ("x.html", uri.clone()),
    ] {
        let form = format!(
            "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{content}\r\n--xyz--\r\n"
        );
        let headers = [("content-type", "multipart/form-data; boundary=xyz")];
        let (role, manager) = &rich.people[2];
        let path = format!("/api/projects/{near}/import");
        let answer =
            rich.site.send(Method::POST, &path, Some(manager), &headers, form.into_bytes()).await;
        faults.extend(
            leaks(rich, role, &answer)
                .into_iter()
                .map(|leak| format!("{} {name}: {leak}", answer.status)),
        );
    }
    faults.sort();
    assert!(faults.is_empty(), "{} leaks:\n{}", faults.len(), faults.join("\n"));
}
