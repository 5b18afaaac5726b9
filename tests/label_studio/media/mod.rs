//! Media of tasks: the bytes of objects in S3, of uploads and of local files, for those whom a task shows them to.

mod bound;
mod bytes;
mod film;
mod once;
mod scrub;

use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::label_studio::{LabelStudio, OWNER_TOKEN};
use crate::support::site::Answer;
use crate::support::world::knows_storage;
use crate::support::{Moto, Person, Site};
use film::Film;

/// A gateway of its own before the one Label Studio: two projects, and what their tasks refer to.
pub struct Gallery {
    pub studio: &'static LabelStudio,
    pub moto: &'static Moto,
    pub film: Film,
    pub site: Site,
    pub pictures: u64,
    pub others: u64,
    /// Of `pictures`.
    pub tasks: Tasks,
    /// Of `others`.
    pub foreign: u64,
    /// The address of a file that was uploaded into `pictures`.
    pub upload: String,
    pub mara: Person,
    pub ann: Person,
    pub ben: Person,
    /// For who changes tasks through the gateway, and for who counts what it asks: the first voids what the second counts on.
    pub quiet: tokio::sync::Mutex<()>,
}

/// A task for each thing that is tried; each refers to what it is called.
pub struct Tasks {
    pub object: u64,
    pub page: u64,
    pub drawing: u64,
    pub missing: u64,
    pub outside: u64,
    pub film: u64,
    pub local: u64,
}

/// What all pictures consist of: the picture itself, and enough behind it to cut ranges from.
pub fn picture() -> Vec<u8> {
    let tail = (0..100_000_u32).map(|n| u8::try_from(n * 7 % 251).unwrap());
    include_bytes!("../../support/picture.png").iter().copied().chain(tail).collect()
}

pub const PAGE: &[u8] = b"<script>parent.document.title = 'owned'</script>";
pub const DRAWING: &[u8] =
    b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";

impl Gallery {
    pub async fn shared() -> &'static Self {
        static ONE: OnceLock<Gallery> = OnceLock::new();
        tokio::task::spawn_blocking(|| ONE.get_or_init(Self::make)).await.unwrap()
    }

    fn make() -> Self {
        let (studio, moto, film) = (LabelStudio::shared(), Moto::shared(), Film::start());
        let (pictures, others) = (studio.project("Pictures"), studio.project("Others"));
        for (key, kind, bytes) in [
            ("pictures/one.png", "image/png", &*picture()),
            ("pictures/untold.png", "image/png", &*picture()),
            ("pictures/page.html", "text/html", PAGE),
            ("pictures/drawing.svg", "image/svg+xml", DRAWING),
            ("others/one.png", "image/png", &*picture()),
            ("elsewhere/one.png", "image/png", &*picture()),
        ] {
            moto.put(key, kind, bytes);
        }
        let tasks = tasks(studio, moto, pictures);
        let foreign = task(studio, others, &uri(moto, "others/one.png"));
        let uploaded = upload(studio, pictures, "photo.png", &picture());
        let uploaded = studio.ask("GET", &format!("/api/tasks/{uploaded}/"), None);
        let upload = data_of(&uploaded).to_owned();
        let mut site = before(studio, moto, &film);
        site.run(&["organization", "create", "--name", "acme"]);
        let person = |name: &str| site.person("acme", &format!("{name}@media.example.com"), "");
        let (mara, ann, ben) = (person("mara"), person("ann"), person("ben"));
        site.start();
        let (first, second) = (format!("pictures-{pictures}"), format!("others-{others}"));
        for name in [&first, &second] {
            adopted(&site, name);
        }
        place(&site, &first, "films", &film.place());
        place(&site, &second, "media", &Site::moto_place(moto, "others/"));
        place(&site, &first, "media", &Site::moto_place(moto, "pictures/"));
        site.member("acme", &first, &mara.email, "manager");
        site.member("acme", &first, &ann.email, "annotator");
        site.member("acme", &second, &ben.email, "annotator");
        // The last that was written: what was written before is known as well.
        knows_storage(&site, &mara, &first, "media");
        Self {
            studio,
            moto,
            film,
            site,
            pictures,
            others,
            tasks,
            foreign,
            upload,
            mara,
            ann,
            ben,
            quiet: tokio::sync::Mutex::default(),
        }
    }

    /// Where Label Studio would have this served, for a task.
    pub fn resolve(&self, task: u64, uri: &str) -> String {
        format!("/tasks/{task}/resolve/?fileuri={}", URL_SAFE.encode(uri))
    }

    pub fn object(&self) -> String {
        self.resolve(self.tasks.object, &self.uri("pictures/one.png"))
    }

    pub fn uri(&self, key: &str) -> String {
        uri(self.moto, key)
    }

    /// What stands for a task's image, as this person's page gets it.
    pub async fn handle(&self, who: &Person, task: u64) -> String {
        let answer = self.site.get(&format!("/api/tasks/{task}"), Some(who)).await;
        answer.json()["data"]["image"].as_str().unwrap_or_default().to_owned()
    }

    pub async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.site.ask(Method::GET, path, Some(&self.ann), headers).await
    }
}

fn uri(moto: &Moto, key: &str) -> String {
    format!("s3://{}/{key}", moto.bucket)
}

fn before(studio: &LabelStudio, moto: &Moto, film: &Film) -> Site {
    let site = Site::prepare(
        "[credentials.default]\nkind = \"static\"\naccess_key_id = { file = \"id\" }\n\
         secret_access_key = { file = \"secret\" }\n",
        &[&moto.address, &studio.address, &film.address()],
        &format!(
            "[label_studio]\nurl = {:?}\ntoken = {{ file = \"studio-token\" }}\norganization = \"acme\"\n\
             local_files = {:?}\n[policy]\nrequests_per_second = 100000\nburst = 100000\n",
            studio.url,
            studio.data.path().join("files"),
        ),
    );
    site.secret("id", &moto.access_key_id);
    site.secret("secret", &moto.secret_access_key);
    site.secret("studio-token", OWNER_TOKEN);
    site
}

fn tasks(studio: &LabelStudio, moto: &Moto, project: u64) -> Tasks {
    let folder = studio.data.path().join("files/gallery");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("local.png"), picture()).unwrap();
    let storage = json!({ "project": project, "title": "local", "path": folder.to_str().unwrap() });
    studio.ask("POST", "/api/storages/localfiles/", Some(storage));
    let of = |key: &str| task(studio, project, &uri(moto, key));
    Tasks {
        object: of("pictures/one.png"),
        page: of("pictures/page.html"),
        drawing: of("pictures/drawing.svg"),
        missing: of("pictures/gone.png"),
        outside: of("elsewhere/one.png"),
        film: task(studio, project, Film::URI),
        local: task(studio, project, "/data/local-files/?d=gallery/local.png"),
    }
}

/// A task that refers to this.
fn task(studio: &LabelStudio, project: u64, image: &str) -> u64 {
    let wish = json!({ "project": project, "data": { "image": image } });
    studio.ask("POST", "/api/tasks/", Some(wish))["id"].as_u64().unwrap()
}

fn newest(studio: &LabelStudio, project: u64) -> u64 {
    let list = studio.ask("GET", &format!("/api/tasks/?project={project}&page_size=1000"), None);
    let numbers = list["tasks"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap());
    numbers.max().unwrap()
}

/// Uploads a file into the project, which makes a task of it.
fn upload(studio: &LabelStudio, project: u64, name: &str, bytes: &[u8]) -> u64 {
    let file = studio.data.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    let output = Command::new("curl")
        .args([
            "-sS",
            "--fail",
            "--noproxy",
            "*",
            "-H",
            &format!("authorization: Token {OWNER_TOKEN}"),
        ])
        .arg("-F")
        .arg(format!("file=@{}", file.display()))
        .arg(format!("{}/api/projects/{project}/import", studio.url))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    newest(studio, project)
}

/// Waits until the gateway has taken the project in.
pub fn adopted(site: &Site, name: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !site.run(&["project", "list", "--organization", "acme"]).contains(name) {
        assert!(Instant::now() < deadline, "{name} is not adopted:\n{}", site.log());
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

pub fn place(site: &Site, project: &str, name: &str, place: &str) {
    let mut words = vec!["storage", "create", "--organization", "acme", "--project", project];
    words.extend(["--name", name]);
    words.extend(place.split_whitespace());
    site.run(&words);
}

/// Asks again until the answer is as it should be: records that were just written hold within a second.
pub async fn until(wanted: u16, ask: impl AsyncFn() -> Answer) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = ask().await;
        if answer.status == wanted {
            return answer;
        }
        assert!(Instant::now() < deadline, "{} and not {wanted}: {}", answer.status, answer.text());
        tokio::task::yield_now().await;
    }
}

pub fn data_of(task: &Value) -> &str {
    task["data"]["image"].as_str().unwrap_or_default()
}
