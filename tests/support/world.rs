//! One install for all tests of this binary: Label Studio with two projects, moto with their objects, the gateway in front
//! of both, and a person of each role.

use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::support::label_studio::{CONFIG, LabelStudio, OWNER_TOKEN};
use crate::support::{Moto, Person, Site};

/// Everything.
pub struct World {
    pub studio: &'static LabelStudio,
    pub moto: &'static Moto,
    pub site: Site,
    /// Where manager, reviewer and alice have their roles.
    pub cats: Home,
    /// Where bob is an annotator.
    pub birds: Home,
    pub owner: Person,
    pub administrator: Person,
    pub manager: Person,
    pub reviewer: Person,
    pub alice: Person,
    pub bob: Person,
    /// A member of the organization without a role anywhere.
    pub nobody: Person,
    /// The owner of another organization.
    pub outsider: Person,
}

/// Another site, whose scripts may read answers.
pub const LISTED: &str = "https://labels.example.com";

/// A project of Label Studio's.
pub struct Home {
    pub number: u64,
    /// In the gateway's catalogue.
    pub name: String,
    pub tasks: Vec<u64>,
    pub storage: u64,
}

impl Home {
    /// Under which its objects lie, if it is not a fresh one.
    fn prefix(&self) -> &str {
        self.name.split('-').next().unwrap()
    }
}

/// Words that nobody without the right to see locations may ever read.
pub fn secrets(world: &World) -> Vec<String> {
    words(world.studio, world.moto)
}

/// The same, of these.
pub fn words(studio: &LabelStudio, moto: &Moto) -> Vec<String> {
    let settings = std::fs::read_to_string(studio.data.path().join(".env")).unwrap();
    let key = settings.lines().find_map(|line| line.strip_prefix("SECRET_KEY=")).unwrap();
    [
        moto.bucket,
        &moto.address,
        &moto.access_key_id,
        &moto.secret_access_key,
        &studio.address,
        OWNER_TOKEN,
        key.trim_matches('\''),
        studio.data.path().to_str().unwrap(),
        env!("CARGO_MANIFEST_DIR"),
        "site-packages",
        "X-Amz-",
        "s3://",
        "S3://",
        "gs://",
        "azure-blob://",
        "czM6Ly",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect()
}

impl World {
    /// The one of this binary.
    pub fn shared() -> &'static Self {
        static ONE: OnceLock<World> = OnceLock::new();
        ONE.get_or_init(|| {
            Self::make(&LabelStudio::shared().address, ["Cats", "Birds"], "example.com")
        })
    }

    /// One more project for a test that changes it, made through the gateway by the owner; its storage is the cats'.
    pub async fn fresh(&self, title: &str) -> Home {
        let headers = [("content-type", "application/json")];
        let wish = json!({ "title": title, "label_config": CONFIG }).to_string().into_bytes();
        let made =
            self.site.send(Method::POST, "/api/projects/", Some(&self.owner), &headers, wish).await;
        let number = made.json()["id"].as_u64().unwrap();
        let home = fill(self.studio, self.moto, (title, number), self.cats.prefix());
        tokio::task::block_in_place(|| {
            store((&self.site, &self.owner), self.moto, &home.name, self.cats.prefix());
        });
        home
    }

    /// One whose gateway finds Label Studio at this address, with projects and people of its own.
    pub fn make(address: &str, titles: [&str; 2], domain: &str) -> Self {
        Self::around(LabelStudio::shared(), (address, ""), titles, domain)
    }

    /// The same around this Label Studio, which is found at this address; with more settings of it.
    pub fn around(
        studio: &'static LabelStudio,
        (address, more): (&str, &str),
        titles: [&str; 2],
        domain: &str,
    ) -> Self {
        let moto = Moto::shared();
        let [mut cats, mut birds] =
            titles.map(|title| home(studio, moto, title, &title.to_lowercase()));
        let mut site = before_with(address, (studio, moto), more);
        for organization in ["acme", "globex"] {
            site.run(&["organization", "create", "--name", organization]);
        }
        let named = |organization: &str, name: &str, role: &str| {
            site.person(organization, &format!("{name}@{domain}"), role)
        };
        let owner = named("acme", "olga", "owner");
        let administrator = named("acme", "ada", "administrator");
        let person = |name: &str| named("acme", name, "");
        let (manager, reviewer, nobody) = (person("mia"), person("rita"), person("nobody"));
        let (alice, bob) = (person("alice"), person("bob"));
        let outsider = named("globex", "eve", "owner");
        let listed = format!("SLUICEGATE_LISTEN__CORS_ORIGINS=[\"{LISTED}\"]");
        site.start_under(&["env", &listed]);
        for home in [&mut cats, &mut birds] {
            adopted(&site, home);
            store((&site, &owner), moto, &home.name, home.prefix());
        }
        for (person, role) in
            [(&manager, "manager"), (&reviewer, "reviewer"), (&alice, "annotator")]
        {
            site.member("acme", &cats.name, &person.email, role);
        }
        site.member("acme", &birds.name, &bob.email, "annotator");
        Self {
            studio,
            moto,
            site,
            cats,
            birds,
            owner,
            administrator,
            manager,
            reviewer,
            alice,
            bob,
            nobody,
            outsider,
        }
    }
}

/// A gateway in front of them, with nothing in its records.
pub fn before(studio: &LabelStudio, moto: &Moto) -> Site {
    before_at(&studio.address, studio, moto)
}

/// The same, which finds Label Studio at this address.
pub fn before_at(address: &str, studio: &LabelStudio, moto: &Moto) -> Site {
    before_with(address, (studio, moto), "")
}

/// The same, with more settings.
pub fn before_with(address: &str, (studio, moto): (&LabelStudio, &Moto), more: &str) -> Site {
    let site = Site::prepare(
        "[credentials.default]\nkind = \"static\"\naccess_key_id = { file = \"id\" }\n\
         secret_access_key = { file = \"secret\" }\n",
        &[&moto.address, address],
        &format!(
            "[label_studio]\nurl = {:?}\ntoken = {{ file = \"studio-token\" }}\norganization = \"acme\"\n\
             local_files = {:?}\n{more}",
            format!("http://{address}"),
            studio.data.path().join("files")
        ),
    );
    site.secret("id", &moto.access_key_id);
    site.secret("secret", &moto.secret_access_key);
    site.secret("studio-token", OWNER_TOKEN);
    site
}

/// A project with an image, one more in a list, a text with two, and one that lies outside of its storage's prefix.
fn home(studio: &LabelStudio, moto: &Moto, title: &str, prefix: &str) -> Home {
    let image = include_bytes!("picture.png");
    for key in [
        format!("{prefix}/one.png"),
        format!("{prefix}/two words.png"),
        format!("{prefix}/untold.png"),
    ] {
        moto.put(&key, "image/png", image);
    }
    fill(studio, moto, (title, studio.project(title)), prefix)
}

/// Puts a storage and tasks into it.
fn fill(studio: &LabelStudio, moto: &Moto, (title, number): (&str, u64), prefix: &str) -> Home {
    let storage = studio.storage(number, moto, prefix);
    let uri = |key: &str| format!("s3://{}/{prefix}/{key}", moto.bucket);
    let html = format!("<img src=\"{}\"><img src='{}'>", uri("one.png"), uri("two words.png"));
    let tasks = studio.tasks(
        number,
        &[
            json!({ "image": uri("one.png") }),
            json!({ "image": uri("two words.png"), "more": [uri("one.png")], "html": html }),
            json!({ "image": format!("s3://{}/elsewhere/secret.png", moto.bucket) }),
        ],
    );
    Home { number, name: format!("{}-{number}", title.to_lowercase()), tasks, storage }
}

fn adopted(site: &Site, home: &Home) {
    until(&format!("{} is adopted", home.name), || {
        site.run(&["project", "list", "--organization", "acme"]).contains(&home.name)
    });
}

/// Waits for what must come to be so.
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "not so after 30 s: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// The same, on a test's runtime.
pub async fn until_async(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "not so after 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Gives a project of the gateway's a storage below this prefix, and waits until it is known.
pub fn store((site, owner): (&Site, &Person), moto: &Moto, project: &str, prefix: &str) {
    let mut arguments = vec![
        "storage",
        "create",
        "--organization",
        "acme",
        "--project",
        project,
        "--name",
        "media",
    ];
    let place = Site::moto_place(moto, &format!("{prefix}/"));
    arguments.extend(place.split_whitespace());
    site.run(&arguments);
    knows_storage(site, owner, project, "media");
}

/// Waits until the running gateway has taken in a storage that was just written into its records, which it does within a
/// second; `person` may list its keys. By curl, so that tests of any runtime may call it.
pub fn knows_storage(site: &Site, person: &Person, project: &str, storage: &str) {
    let url = site.url(&format!("/-/objects/{project}/{storage}/?limit=1"));
    let is_listed = || {
        let asked = Command::new("curl")
            .args(["-sk", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}"])
            .args(["-H", &format!("authorization: Bearer {}", person.token), &url])
            .output()
            .unwrap();
        asked.stdout == b"200"
    };
    until(&format!("{project}/{storage} is known"), is_listed);
}
