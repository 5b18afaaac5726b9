//! How people get over to their users in Label Studio, and what happens when that way is broken: a token taken back, another
//! key, a user whom the gateway did not make, a right taken away.

use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::label_studio::{LabelStudio, OWNER_PASSWORD, bin};
use crate::support::site::{self, Answer};
use crate::support::world::{before, until, until_async};
use crate::support::{Moto, Person, Site};

const JSON: (&str, &str) = ("content-type", "application/json");
const WHOAMI: &str = "/api/current-user/whoami";

/// An install of its own, which a test may break.
struct Pair {
    studio: LabelStudio,
    site: Site,
    project: u64,
    name: String,
    task: u64,
}

impl Pair {
    /// `token` is what the gateway acts with; the legacy one where it is empty.
    fn make(personal: bool, more: &str) -> Self {
        let (studio, moto) = (LabelStudio::start(), Moto::shared());
        let project = studio.project("Bridges");
        let uri = format!("s3://{}/bridges/long.bin", moto.bucket);
        let task = studio.tasks(project, &[json!({ "image": uri })])[0];
        let mut site = before(&studio, moto);
        if personal {
            let token = studio.ask("POST", "/api/token/", None)["token"].clone();
            site.secret("studio-token", token.as_str().unwrap());
        }
        let file = site::inside(&site, "sluicegate.toml");
        std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + more).unwrap();
        site.run(&["organization", "create", "--name", "acme"]);
        site.start();
        let name = format!("bridges-{project}");
        until("the project is adopted", || {
            site.run(&["project", "list", "--organization", "acme"]).contains(&name)
        });
        let place = Site::moto_place(moto, "bridges/");
        let mut words = vec!["storage", "create", "--organization", "acme", "--project", &name];
        words.extend(["--name", "media"]);
        words.extend(place.split_whitespace());
        site.run(&words);
        Self { studio, site, project, name, task }
    }

    fn annotator(&self, email: &str) -> Person {
        let person = self.site.person("acme", email, "");
        self.site.member("acme", &self.name, email, "annotator");
        person
    }

    /// Another key from now on: every token that was signed before is void.
    fn other_key(&mut self) {
        self.studio.stop();
        let file = self.studio.data.path().join(".env");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("SECRET_KEY"), "{text}");
        std::fs::write(&file, "SECRET_KEY=another-key-of-quite-some-length-0123456789\n").unwrap();
        self.studio.restart();
    }

    /// What its database says.
    fn sql(&self, statement: &str) -> String {
        sql(&self.studio.data.path().join("label_studio.sqlite3"), statement)
    }

    fn tokens_of(&self, email: &str) -> String {
        self.sql(&format!(
            "SELECT count(*) FROM token_blacklist_outstandingtoken WHERE user_id = \
             (SELECT id FROM htx_user WHERE email = '{email}')"
        ))
    }

    async fn whoami(&self, person: &Person) -> Answer {
        self.site.get(WHOAMI, Some(person)).await
    }

    async fn annotate(&self, person: &Person) -> Answer {
        let path = format!("/api/tasks/{}/annotations/?project={}", self.task, self.project);
        let body = json!({ "result": [], "was_cancelled": false }).to_string().into_bytes();
        self.site.send(Method::POST, &path, Some(person), &[JSON], body).await
    }

    async fn sign_in(&self, email: &str) -> Answer {
        let form = format!("email={email}&password={}", OWNER_PASSWORD.replace(' ', "+"));
        let origin = self.site.url("");
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let headers = [kind, ("origin", &*origin)];
        self.site.send(Method::POST, "/-/sign-in", None, &headers, form.into_bytes()).await
    }
}

fn sql(file: &std::path::Path, statement: &str) -> String {
    let script = "import sqlite3, sys\nconnection = sqlite3.connect(sys.argv[1])\n\
                  rows = connection.execute(sys.argv[2]).fetchall()\nconnection.commit()\nprint(rows)";
    let python =
        Command::new(bin().join("python")).args(["-c", script]).arg(file).arg(statement).output();
    let output = python.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_of_label_studios_costs_nobody_a_request() {
    let (mut pair, alice) = blocking(|| {
        let pair = Pair::make(false, "");
        let alice = pair.annotator("alice@example.com");
        pair.studio.user("lea@example.com");
        (pair, alice)
    })
    .await;
    assert_eq!(pair.annotate(&alice).await.status, StatusCode::CREATED);
    let signed_in = pair.sign_in("lea@example.com").await;
    assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "{}", signed_in.text());
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    let lea = [("cookie", &*cookie)];
    assert_eq!(pair.site.ask(Method::GET, WHOAMI, None, &lea).await.status, StatusCode::OK);
    pair = blocking(move || {
        pair.other_key();
        pair
    })
    .await;
    // A change first: what was refused was not done, so it is done once.
    let annotated = pair.annotate(&alice).await;
    assert_eq!(annotated.status, StatusCode::CREATED, "{}\n{}", annotated.text(), pair.site.log());
    let list = format!("/api/tasks/{}/annotations/", pair.task);
    let annotations: Value = pair.studio.ask("GET", &list, None);
    assert_eq!(annotations.as_array().unwrap().len(), 2, "{annotations}");
    let page = [("accept", "text/html")];
    let page = pair.site.ask(Method::GET, "/projects/", Some(&alice), &page).await;
    assert_eq!(page.status, StatusCode::OK);
    // Of Lea's the gateway has no password: it says so, and she signs in once more.
    let asked = pair.site.ask(Method::GET, WHOAMI, None, &lea).await;
    assert_eq!(asked.status, StatusCode::CONFLICT, "{}", asked.text());
    assert!(!asked.text().contains("lea@"), "{}", asked.text());
    // The log is written by another thread.
    let told = || pair.site.log().contains("let him show once");
    tokio::task::block_in_place(|| until("the log names the remedy", told));
    assert_eq!(pair.sign_in("lea@example.com").await.status, StatusCode::SEE_OTHER);
    let asked = pair.site.ask(Method::GET, WHOAMI, None, &lea).await;
    assert_eq!(asked.json()["email"], "lea@example.com", "{}", asked.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_shown_although_the_access_token_is_void() {
    let (mut pair, owner) = blocking(|| {
        let pair = Pair::make(false, "");
        let owner = pair.site.person("acme", "olga@example.com", "owner");
        (pair, owner)
    })
    .await;
    assert_eq!(pair.whoami(&owner).await.status, StatusCode::OK);
    pair = blocking(move || {
        pair.other_key();
        pair
    })
    .await;
    // Pages send to the log-in page instead of saying 401.
    let page =
        pair.site.ask(Method::GET, "/projects/", Some(&owner), &[("accept", "text/html")]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    assert!(page.text().contains("APP_SETTINGS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_taken_back_is_made_anew() {
    let (mut pair, alice) = blocking(|| {
        let pair = Pair::make(false, "");
        let alice = pair.annotator("alice@example.com");
        (pair, alice)
    })
    .await;
    assert_eq!(pair.whoami(&alice).await.status, StatusCode::OK);
    assert_eq!(pair.tokens_of("alice@example.com"), "[(1,)]");
    // The access token that is kept outlives it by minutes, but not a restart of the gateway.
    pair.sql(
        "INSERT INTO token_blacklist_blacklistedtoken (blacklisted_at, token_id) \
         SELECT datetime('now'), id FROM token_blacklist_outstandingtoken",
    );
    pair = blocking(move || {
        pair.site.signal("TERM");
        assert!(pair.site.ended().success());
        pair.site.start();
        pair
    })
    .await;
    let who = pair.whoami(&alice).await;
    assert_eq!(who.json()["email"], "alice@example.com", "{}", who.text());
    assert_eq!(pair.tokens_of("alice@example.com"), "[(2,)]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_first_requests_make_one_user_and_one_token() {
    let (pair, alice) = blocking(|| {
        let pair = Pair::make(true, "");
        let alice = pair.annotator("alice@example.com");
        (pair, alice)
    })
    .await;
    let (url, client) = (pair.site.url(WHOAMI), pair.site.client());
    let asked = (0..100).map(|_| {
        let asked = client.get(&url).bearer_auth(&alice.token).send();
        tokio::spawn(async move { asked.await.unwrap().status() })
    });
    for asked in asked.collect::<Vec<_>>() {
        assert_eq!(asked.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(pair.tokens_of("alice@example.com"), "[(1,)]");
    let users = pair.sql("SELECT count(*) FROM htx_user WHERE email LIKE 'alice%'");
    assert_eq!(users, "[(1,)]");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_the_right_loses_it_at_once_and_in_the_middle_of_an_answer() {
    let (pair, alice) = blocking(|| {
        let pair = Pair::make(false, "");
        Moto::shared().put("bridges/long.bin", "image/png", &vec![7; 64 << 20]);
        let alice = pair.annotator("alice@example.com");
        (pair, alice)
    })
    .await;
    let path = format!("/api/tasks/{}/?project={}", pair.task, pair.project);
    let task = pair.site.get(&path, Some(&alice)).await.json();
    let media = task["data"]["image"].as_str().unwrap_or_else(|| panic!("{task}"));
    let client = pair.site.client();
    let asked = client.get(pair.site.url(media)).bearer_auth(&alice.token).send();
    let mut answer = asked.await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.chunk().await.unwrap().is_some());
    pair.site.run(&[
        "project",
        "member",
        "remove",
        "--organization",
        "acme",
        "--name",
        &pair.name,
        "--email",
        "alice@example.com",
    ]);
    let since = Instant::now();
    until_async("her project is gone", async || {
        pair.site.get(&path, Some(&alice)).await.status == StatusCode::NOT_FOUND
    })
    .await;
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    // What was on its way already may come; the end may not.
    let mut seen = 0;
    let end = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => seen += chunk.len(),
            end => break end,
        }
    };
    assert!(end.is_err(), "all {seen} bytes came");
    // A disabled account is nobody.
    assert_eq!(pair.whoami(&alice).await.status, StatusCode::OK);
    pair.site.run(&["account", "disable", "--email", "alice@example.com"]);
    let since = Instant::now();
    until_async("she is nobody", async || {
        pair.whoami(&alice).await.status == StatusCode::UNAUTHORIZED
    })
    .await;
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
}

/// As if it had been stopped between the user's sign-up there and the keeping of his token here.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_was_made_and_not_kept_is_found_again() {
    let (pair, alice) = blocking(|| {
        let pair = Pair::make(false, "");
        let alice = pair.annotator("alice@example.com");
        (pair, alice)
    })
    .await;
    let user = pair.whoami(&alice).await.json()["id"].clone();
    assert!(user.is_u64(), "{user}");
    let pair = blocking(move || {
        let mut pair = pair;
        pair.site.signal("TERM");
        assert!(pair.site.ended().success());
        let records = site::inside(&pair.site, "records.sqlite");
        let gone = sql(&records, "DELETE FROM label_studio_user RETURNING account");
        assert_ne!(gone, "[]");
        pair.site.start();
        pair
    })
    .await;
    let again = pair.whoami(&alice).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text());
    assert_eq!(again.json()["id"], user);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whom_the_gateway_did_not_make_is_not_taken_over() {
    let (pair, token) = blocking(|| {
        let pair = Pair::make(false, "");
        pair.studio.user("lea@example.com");
        let account = ["account", "create", "--email", "lea@example.com"];
        pair.site.run(&[&account[..], &["--organization", "acme", "--no-password"]].concat());
        let token = pair.site.token("lea@example.com", &[]);
        (pair, token)
    })
    .await;
    let asked = pair.whoami(&token).await;
    assert_eq!(asked.status, StatusCode::CONFLICT, "{}", asked.text());
    assert_eq!(asked.code(), "label-studio-user");
    for words in ["Label Studio has a user lea@example.com", "or sign in with it at the gateway"] {
        tokio::task::block_in_place(|| {
            until(words, || pair.site.log().contains(words));
        });
    }
    // The remedy, word for word.
    assert_eq!(pair.sign_in("lea@example.com").await.status, StatusCode::SEE_OTHER);
    let asked = pair.whoami(&token).await;
    assert_eq!(asked.json()["email"], "lea@example.com", "{}", asked.text());
    // A wrong password, of a real user and of nobody.
    for email in ["lea@example.com", "nobody@example.com"] {
        let form = format!("email={email}&password=not-the-password").into_bytes();
        let origin = pair.site.url("");
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let headers = [kind, ("origin", &*origin)];
        let asked = pair.site.send(Method::POST, "/-/sign-in", None, &headers, form);
        assert_eq!(asked.await.status, StatusCode::UNAUTHORIZED, "{email}");
    }
}

/// Whoever was there before: he has an account here with a way in of its own, which proves nothing in Label Studio.
#[tokio::test(flavor = "multi_thread")]
async fn who_knows_the_password_there_shows_once_that_the_user_is_he() {
    let (pair, number, lea) = blocking(|| {
        let pair = Pair::make(false, "passwords = \"refused\"\n");
        let number = pair.studio.user("lea@example.com").number;
        let lea = pair.annotator("lea@example.com");
        (pair, number, lea)
    })
    .await;
    assert_eq!(pair.whoami(&lea).await.code(), "label-studio-user");
    let html = [("accept", "text/html"), ("sec-fetch-mode", "navigate")];
    let led = pair.site.ask(Method::GET, "/projects/?page=1", Some(&lea), &html).await;
    let there = led.header("location").to_owned();
    assert_eq!(led.status, StatusCode::SEE_OTHER);
    assert_eq!(there, "/-/label-studio?return=%2Fprojects%2F%3Fpage%3D1");
    let page = pair.site.ask(Method::GET, &there, Some(&lea), &html).await.text();
    assert!(
        page.contains("lea@example.com") && page.contains("value=\"/projects/?page=1\""),
        "{page}"
    );
    let claim = async |who: Option<&Person>, origin: &str, password: &str| {
        let form = format!("password={password}&return=%2Fprojects%2F%3Fpage%3D1").into_bytes();
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let headers = [kind, ("origin", origin), ("accept", "text/html")];
        pair.site.send(Method::POST, "/-/label-studio", who, &headers, form).await
    };
    let (here, right) = (pair.site.url(""), OWNER_PASSWORD.replace(' ', "+"));
    assert_eq!(claim(None, &here, &right).await.status, StatusCode::UNAUTHORIZED);
    let wrong = claim(Some(&lea), &here, "not-the-password").await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    let text = wrong.text();
    assert!(
        text.contains("That is not the password of your user") && text.contains("<form"),
        "{text}"
    );
    assert_eq!(pair.whoami(&lea).await.code(), "label-studio-user");
    // Somebody else's password is none of his, whoever knows it.
    let bob = pair.annotator("bob@example.com");
    assert_eq!(pair.whoami(&bob).await.status, StatusCode::OK);
    assert_eq!(claim(Some(&bob), &here, &right).await.status, StatusCode::FORBIDDEN);
    let right = claim(Some(&lea), &here, &right).await;
    assert_eq!(
        (right.status, right.header("location")),
        (StatusCode::SEE_OTHER, "/projects/?page=1")
    );
    assert_eq!(pair.whoami(&lea).await.json()["id"], number);
    assert_eq!(pair.whoami(&bob).await.json()["email"], "bob@example.com");
    tokio::task::block_in_place(|| {
        until("all four are in the audit, and no password", || {
            let all = pair.site.run(&["audit", "tail", "--last", "500", "--json"]);
            assert!(!all.contains("not-the-password"), "{all}");
            all.lines().filter(|line| line.contains("\"ClaimLabelStudioUser\"")).count() == 4
        });
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_of_label_studios_open_nothing_where_they_are_refused() {
    let pair = blocking(|| {
        let pair = Pair::make(false, "passwords = \"refused\"\n");
        pair.studio.user("lea@example.com");
        pair
    })
    .await;
    assert_eq!(pair.sign_in("lea@example.com").await.status, StatusCode::UNAUTHORIZED);
    assert!(!pair.site.run(&["account", "list"]).contains("lea@example.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_was_deleted_in_label_studio_is_made_once_more() {
    let (pair, alice) = blocking(|| {
        let pair = Pair::make(false, "");
        let alice = pair.annotator("alice@example.com");
        (pair, alice)
    })
    .await;
    let number = pair.whoami(&alice).await.json()["id"].as_u64().unwrap();
    let path = format!("/api/users/{number}/");
    assert_eq!(pair.studio.try_ask("DELETE", &path, None).0, 204);
    let who = pair.whoami(&alice).await;
    assert_eq!(who.json()["email"], "alice@example.com", "{}\n{}", who.text(), pair.site.log());
    assert_ne!(who.json()["id"], number);
}
