//! Look-ups by Label Studio's own database: every kind of thing, in SQLite and in PostgreSQL, without a question to its API;
//! which is asked all the same when the database cannot say.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use reqwest::Method;
use serde_json::{Value, json};

use crate::relay::{Relay, Seen};
use crate::support::Person;
use crate::support::label_studio::{LabelStudio, Manner, USUAL};
use crate::support::postgres::Postgres;
use crate::support::world::World;
use crate::things::Things;

/// Addresses of one thing each, by the names that the catalogue has for them.
const OF_ONE: [(&str, &str); 12] = [
    ("task", "/api/tasks/{}/"),
    ("annotation", "/api/annotations/{}/"),
    ("draft", "/api/drafts/{}/"),
    ("prediction", "/api/predictions/{}/"),
    ("tab", "/api/dm/views/{}/"),
    ("storage", "/api/storages/s3/{}"),
    ("target", "/api/storages/export/s3/{}"),
    ("upload", "/api/import/file-upload/{}"),
    ("webhook", "/api/webhooks/{}/"),
    ("model", "/api/ml/{}"),
    ("link", "/api/label_links/{}/"),
    ("export", "/api/projects/{project}/exports/{}"),
];

/// A file of the gateway's that says where the database is.
fn settings(url: &str) -> String {
    format!("database = {{ file = {:?} }}\n", kept(url))
}

/// A secret is told by a file; this one outlives the test.
fn kept(url: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::Builder::new().prefix("database-").tempdir().unwrap().keep();
    let file = folder.join("url");
    std::fs::write(&file, url).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file
}

/// A gateway that looks things up in this database, and what it asks of Label Studio.
struct Watched {
    world: World,
    relay: Relay,
}

impl Watched {
    fn start(studio: &'static LabelStudio, url: &str, titles: [&str; 2], domain: &str) -> Self {
        let relay = Relay::start(&studio.address);
        let world = World::around(studio, (&relay.address, &settings(url)), titles, domain);
        Self { world, relay }
    }

    async fn status(&self, person: &Person, path: &str) -> u16 {
        self.world.site.get(path, Some(person)).await.status.as_u16()
    }

    /// What was asked about things since this was called last, by the gateway itself and for people.
    fn asked(&self) -> (Vec<String>, Vec<String>) {
        let stems = OF_ONE.map(|(_, path)| path.trim_end_matches('/').trim_end_matches("{}"));
        let of_things = |target: &str| {
            target.contains("/exports/") || stems.iter().any(|stem| target.starts_with(stem))
        };
        let all = self.relay.all().into_iter().filter(|one| of_things(one.target()));
        let (people, own): (Vec<_>, Vec<_>) = all.partition(Seen::is_of_a_person);
        let targets = |all: Vec<Seen>| all.iter().map(|one| one.target().to_owned()).collect();
        (targets(own), targets(people))
    }

    /// Each thing is its project's, and Label Studio is asked for nothing but what is forwarded to it.
    async fn knows_where_things_belong(&self, things: &Things) {
        let world = &self.world;
        for (name, path) in OF_ONE {
            let number = if name == "target" { things.target } else { things.numbers[name] };
            let path = path.replace("{project}", &world.cats.number.to_string());
            let path = path.replace("{}", &number.to_string());
            self.asked();
            assert_eq!(self.status(&world.bob, &path).await, 404, "{path}");
            assert_eq!(self.asked(), (vec![], vec![]), "{path}");
            assert_eq!(self.status(&world.manager, &path).await, 200, "{path}");
            assert_eq!(self.asked(), (vec![], vec![path]));
        }
        for number in ["999999", "18446744073709551615"] {
            assert_eq!(self.status(&world.bob, &format!("/api/tasks/{number}/")).await, 404);
        }
        assert_eq!(self.asked(), (vec![], vec![]));
    }

    /// An object is its task's; one that lies beside it, but in no task, is nobody's.
    async fn knows_what_tasks_refer_to(&self, things: &Things) {
        let world = &self.world;
        let media = |uri: &str| format!("/tasks/{}/resolve/?fileuri={uri}", world.cats.tasks[0]);
        let uri = String::from_utf8(URL_SAFE.decode(&things.fileuri).unwrap()).unwrap();
        let (own, other) =
            (media(&things.fileuri), media(&URL_SAFE.encode(uri.replace("one.png", "untold.png"))));
        self.asked();
        assert_eq!(self.status(&world.alice, &own).await, 200);
        assert_eq!(self.status(&world.alice, &other).await, 404);
        assert_eq!(self.status(&world.bob, &own).await, 404);
        assert_eq!(self.asked(), (vec![], vec![]));
    }

    async fn follows_what_moves(&self) {
        let world = &self.world;
        let birds = world.birds.number;
        // What a prediction says of its project can disagree with its task, which counts.
        let wish = json!({ "task": world.cats.tasks[1], "project": birds, "result": [] });
        let torn = world.studio.ask("POST", "/api/predictions/", Some(wish));
        let torn = format!("/api/predictions/{}/", torn["id"]);
        assert_eq!(self.status(&world.bob, &torn).await, 404);
        assert_eq!(self.status(&world.alice, &torn).await, 200);
        let moved = format!("/api/tasks/{}/", world.cats.tasks[0]);
        assert_eq!(self.status(&world.bob, &moved).await, 404);
        let headers = [("content-type", "application/json")];
        let body = json!({ "project": birds }).to_string().into_bytes();
        let write = format!("{moved}?project={}", world.cats.number);
        let answer =
            world.site.send(Method::PATCH, &write, Some(&world.owner), &headers, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(self.status(&world.bob, &moved).await, 200);
        assert_eq!(self.status(&world.alice, &moved).await, 404);
    }

    async fn knows_all(&self, things: &Things) {
        self.knows_where_things_belong(things).await;
        self.knows_what_tasks_refer_to(things).await;
        self.follows_what_moves().await;
    }

    fn checked(&self) -> String {
        let output = self.world.site.try_run(&["check", "--online", "--json"], "");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let json: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
        assert!(!said.contains("sslkey") && !said.contains("nowhere/label_studio"), "{said}");
        json.to_string()
    }

    fn says_that_the_database_is_away(&self) -> bool {
        self.world.site.log().contains("Label Studio's database does not answer")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_found_in_sqlite() {
    let made = tokio::task::spawn_blocking(|| {
        let studio = LabelStudio::shared();
        let url = format!("sqlite://{}", studio.data.path().join("label_studio.sqlite3").display());
        let watched = Watched::start(studio, &url, ["Newts", "Quails"], "rows.example");
        let things = Things::of(&watched.world, &watched.world.cats);
        (watched, things)
    });
    let (watched, things) = made.await.unwrap();
    watched.knows_all(&things).await;
    let check = tokio::task::block_in_place(|| watched.checked());
    assert!(check.contains("its database answers, and is only read"), "{check}");
}

/// With a machine learning backend, which Label Studio itself would not make of an address where nobody answers.
const MODEL: &str = "INSERT INTO ml_mlbackend (id, project_id, url, state, title, is_interactive, timeout, auto_update, \
                     auth_method, created_at, updated_at, extra_params) VALUES (77, {project}, 'http://127.0.0.1:9/', 'DI', \
                     'A model', false, 1, false, 'NONE', now(), now(), 'null')";

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_found_in_postgresql_by_a_user_who_may_only_read() {
    let made = tokio::task::spawn_blocking(|| {
        let postgres = Postgres::start();
        postgres.sql("postgres", "CREATE USER labels SUPERUSER PASSWORD 'labels'");
        postgres.sql("postgres", "CREATE DATABASE labels OWNER labels");
        let studio = on(&postgres);
        postgres.sql("postgres", "CREATE USER reader");
        postgres.permit("labels", "deploy/label-studio-reader.sql", "reader");
        let url = postgres.url("reader", "labels");
        let watched = Watched::start(studio, &url, ["Toads", "Geese"], "postgres.example");
        let project = watched.world.cats.number.to_string();
        postgres.sql("labels", &MODEL.replace("{project}", &project));
        let things = Things::with_model(&watched.world, &watched.world.cats, 77);
        (postgres, watched, things)
    });
    let (postgres, watched, things) = made.await.unwrap();
    watched.knows_all(&things).await;
    for (statement, words) in [
        ("SELECT 1", "its database answers, and is only read"),
        ("GRANT SELECT ON authtoken_token TO reader", "may read the tokens"),
        ("GRANT UPDATE ON task TO reader", "may change Label Studio's tables"),
        ("REVOKE ALL ON webhook FROM reader", "permission denied for table webhook"),
        ("REVOKE ALL ON task FROM reader", "permission denied for table task"),
    ] {
        postgres.sql("labels", statement);
        let check = tokio::task::block_in_place(|| watched.checked());
        assert!(check.contains(words), "{words}: {check}");
        let told = check.contains("label-studio-reader.sql");
        assert_eq!(told, statement != "SELECT 1", "{check}");
    }
    // What the database does not say, the API does.
    let world = &watched.world;
    let path = format!("/api/tasks/{}/", world.birds.tasks[1]);
    watched.asked();
    assert_eq!(watched.status(&world.alice, &path).await, 404);
    assert_eq!(watched.status(&world.bob, &path).await, 200);
    let (own, people) = watched.asked();
    assert!(own[0].contains("include=id,project"), "{own:?}");
    assert_eq!(people, [path]);
    assert!(watched.says_that_the_database_is_away());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_done_without() {
    let made = tokio::task::spawn_blocking(|| {
        let url = "sqlite:///nowhere/label_studio.sqlite3";
        Watched::start(LabelStudio::shared(), url, ["Voles", "Wrens"], "nowhere.example")
    });
    let watched = made.await.unwrap();
    let path = format!("/api/tasks/{}/", watched.world.cats.tasks[0]);
    assert_eq!(watched.status(&watched.world.bob, &path).await, 404);
    assert_eq!(watched.status(&watched.world.alice, &path).await, 200);
    assert!(watched.says_that_the_database_is_away());
    let check = tokio::task::block_in_place(|| watched.checked());
    assert!(check.contains("unable to open database file"), "{check}");
    assert!(check.contains("the API is asked then"), "{check}");
}

/// A Label Studio that keeps its things there.
fn on(postgres: &Postgres) -> &'static LabelStudio {
    let port: &'static str = postgres.port.to_string().leak();
    let environment = vec![
        ("DJANGO_DB", "default"),
        ("POSTGRE_HOST", "127.0.0.1"),
        ("POSTGRE_PORT", port),
        ("POSTGRE_NAME", "labels"),
        ("POSTGRE_USER", "labels"),
        ("POSTGRE_PASSWORD", "labels"),
    ];
    Box::leak(Box::new(LabelStudio::start_in(Manner { environment: environment.leak(), ..USUAL })))
}
