//! Label Studio's own tokens: shut out by default; where the settings accept them, each is its holder, and nothing more.

use std::process::Command;
use std::sync::OnceLock;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::label_studio::{LabelStudio, OWNER_PASSWORD, User, bin};
use crate::support::site::{self, Answer};
use crate::support::world::{World, before};
use crate::support::{Moto, Person, Site};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A gateway that accepts them, in front of the shared install.
struct Open {
    studio: &'static LabelStudio,
    site: Site,
    /// In which nobody but whom a test puts there has a role.
    project: u64,
    name: String,
}

impl Open {
    fn shared() -> &'static Self {
        static ONE: OnceLock<Open> = OnceLock::new();
        ONE.get_or_init(|| Self::make("tokens = \"accepted\"\n"))
    }

    fn make(more: &str) -> Self {
        let (studio, moto) = (LabelStudio::shared(), Moto::shared());
        let project = studio.project("Tokens");
        let mut site = before(studio, moto);
        let file = site::inside(&site, "sluicegate.toml");
        let settings = std::fs::read_to_string(&file).unwrap() + more;
        std::fs::write(&file, settings).unwrap();
        for organization in ["acme", "globex"] {
            site.run(&["organization", "create", "--name", organization]);
        }
        site.start();
        let open = Self { studio, site, project, name: format!("tokens-{project}") };
        crate::support::world::until("the project is adopted", || {
            open.site.run(&["project", "list", "--organization", "acme"]).contains(&open.name)
        });
        open
    }

    async fn ask(&self, method: Method, path: &str, authorization: &str) -> Answer {
        self.site.ask(method, path, None, &[("authorization", authorization)]).await
    }

    async fn whoami(&self, authorization: &str) -> Answer {
        self.ask(Method::GET, "/api/current-user/whoami", authorization).await
    }

    async fn refresh(&self, personal: &str) -> Answer {
        let body = json!({ "refresh": personal }).to_string().into_bytes();
        self.site.send(Method::POST, "/api/token/refresh/", None, &[JSON], body).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

async fn open_and(email: &'static str) -> (&'static Open, User) {
    blocking(move || {
        let open = Open::shared();
        (open, open.studio.user(email))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_they_open_nothing() {
    let world = blocking(World::shared).await;
    let (user, personal, access) = blocking(|| {
        let user = world.studio.user("refused@example.com");
        let personal = world.studio.personal(&user);
        let access = world.studio.access(&personal).unwrap();
        (user, personal, access)
    })
    .await;
    for authorization in [format!("Token {}", user.legacy), format!("Bearer {access}")] {
        let headers = [("authorization", &*authorization)];
        let asked = world.site.ask(Method::GET, "/api/current-user/whoami", None, &headers).await;
        assert_eq!(asked.status, StatusCode::UNAUTHORIZED, "{authorization}");
    }
    let body = json!({ "refresh": personal }).to_string().into_bytes();
    for path in ["/api/token/refresh/", "/api/token/refresh"] {
        let asked = world.site.send(Method::POST, path, None, &[JSON], body.clone()).await;
        assert_eq!(asked.status, StatusCode::NOT_FOUND, "{}", asked.text());
    }
    let accounts = blocking(|| world.site.run(&["account", "list"])).await;
    assert!(!accounts.contains("refused@example.com"), "{accounts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_the_three_is_its_holder_under_the_same_policy() {
    let (open, user) = open_and("tina@example.com").await;
    let (legacy, personal) = (format!("Token {}", user.legacy), open.studio.personal(&user));
    let refreshed = open.refresh(&personal).await;
    assert_eq!(refreshed.status, StatusCode::OK, "{}", refreshed.text());
    let access = format!("Bearer {}", refreshed.json()["access"].as_str().unwrap());
    let list = format!("/api/tasks/?project={}", open.project);
    for authorization in [&legacy, &access] {
        let who = open.whoami(authorization).await;
        assert_eq!(who.status, StatusCode::OK, "{}", who.text());
        assert_eq!(who.json()["email"], "tina@example.com");
        assert_eq!(who.json()["id"], user.number);
        // Label Studio itself would show it to every one of its users.
        assert_eq!(open.ask(Method::GET, &list, authorization).await.status, StatusCode::NOT_FOUND);
        let projects = open.ask(Method::GET, "/api/projects/", authorization).await.json();
        assert_eq!(projects["count"], 0, "{projects}");
    }
    // The account that she got is like any other.
    blocking(|| open.site.member("acme", &open.name, "tina@example.com", "annotator")).await;
    for authorization in [&legacy, &access] {
        crate::support::world::until_async("the role holds", async || {
            open.ask(Method::GET, &list, authorization).await.status == StatusCode::OK
        })
        .await;
        let path = format!("/api/projects/{}/", open.project);
        let refused = open.ask(Method::DELETE, &path, authorization).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let account = open.ask(Method::GET, "/-/api/account", &legacy).await.json();
    assert_eq!(account["signed_in_by"], "label-studio-token");
    // What she made herself goes on.
    assert!(blocking(move || open.studio.access(&personal)).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_label_studio_does_not_take_opens_nothing_and_its_other_token_routes_stay_shut() {
    let (open, user) = open_and("tom@example.com").await;
    let personal = open.studio.personal(&user);
    let access = open.studio.access(&personal).unwrap();
    let (head, rest) = access.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let other: String = signature.chars().rev().collect();
    for (what, authorization) in [
        ("a refresh token", format!("Bearer {personal}")),
        ("another signature", format!("Bearer {head}.{claims}.{other}")),
        ("no signature", format!("Bearer eyJhbGciOiJub25lIn0.{claims}.{signature}")),
        ("an invented one", format!("Token {}", "0".repeat(40))),
        ("the wrong scheme", format!("Token {access}")),
        ("a legacy one as Bearer", format!("Bearer {}", user.legacy)),
    ] {
        let asked = open.whoami(&authorization).await;
        assert_eq!(asked.status, StatusCode::UNAUTHORIZED, "{what}: {}", asked.text());
    }
    for refresh in [&access, "", "x", &format!("{head}.{claims}.{other}")] {
        assert_eq!(open.refresh(refresh).await.status, StatusCode::UNAUTHORIZED, "{refresh}");
    }
    let legacy = format!("Token {}", user.legacy);
    for (method, path) in [
        (Method::GET, "/api/token/"),
        (Method::POST, "/api/token/"),
        (Method::POST, "/api/token/rotate/"),
        (Method::POST, "/api/token/blacklist/"),
        (Method::GET, "/api/token/refresh/"),
        (Method::POST, "/api/token//refresh/"),
        (Method::POST, "/api/token/refresh/x"),
        (Method::GET, "/api/current-user/token"),
        (Method::POST, "/api/current-user/reset-token/"),
    ] {
        let asked = open.ask(method, path, &legacy).await;
        assert_eq!(asked.status, StatusCode::NOT_FOUND, "{path}: {}", asked.text());
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("refresh={personal}").into_bytes();
    let asked = open.site.send(Method::POST, "/api/token/refresh/", None, &form, body).await;
    assert_eq!(asked.status, StatusCode::BAD_REQUEST, "{}", asked.text());
    // What is not Authorization is nothing.
    let key = [("x-api-key", &*user.legacy)];
    let asked = open.site.ask(Method::GET, "/api/current-user/whoami", None, &key).await;
    assert_eq!(asked.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_come_does_not_come_by_them_either() {
    let (open, user) = open_and("dora@example.com").await;
    let personal = open.studio.personal(&user);
    let legacy = format!("Token {}", user.legacy);
    assert_eq!(open.whoami(&legacy).await.status, StatusCode::OK);
    blocking(|| open.site.run(&["account", "disable", "--email", "dora@example.com"])).await;
    crate::support::world::until_async("she is disabled", async || {
        open.whoami(&legacy).await.status == StatusCode::UNAUTHORIZED
    })
    .await;
    assert_eq!(open.refresh(&personal).await.status, StatusCode::UNAUTHORIZED);
    let access = open.studio.access(&personal).unwrap();
    assert_eq!(open.whoami(&format!("Bearer {access}")).await.status, StatusCode::UNAUTHORIZED);
    blocking(|| open.site.run(&["account", "enable", "--email", "dora@example.com"])).await;
    crate::support::world::until_async("she is let in again", async || {
        open.whoami(&legacy).await.status == StatusCode::OK
    })
    .await;
    // An account of this e-mail belongs to somebody else.
    let user = blocking(|| {
        open.site.person("globex", "gus@example.com", "owner");
        open.studio.user("gus@example.com")
    })
    .await;
    let asked = open.whoami(&format!("Token {}", user.legacy)).await;
    assert_eq!(asked.status, StatusCode::UNAUTHORIZED, "{}", asked.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_in_one_request_are_a_fault_and_an_api_key_besides_is_nothing() {
    let (open, user) = open_and("una@example.com").await;
    let legacy = format!("Token {}", user.legacy);
    blocking(|| open.site.person("acme", "vic@example.com", "")).await;
    let cookie = open.site.sign_in("vic@example.com").await;
    let both = [("authorization", &*legacy), ("cookie", &*cookie)];
    let asked = open.site.ask(Method::GET, "/-/api/account", None, &both).await;
    assert_eq!((asked.status, &*asked.code()), (StatusCode::BAD_REQUEST, "two-people"));
    let other = blocking(|| open.studio.user("wim@example.com")).await;
    let both = [("authorization", &*legacy), ("x-api-key", &*other.legacy)];
    let asked = open.site.ask(Method::GET, "/api/current-user/whoami", None, &both).await;
    assert_eq!(asked.json()["email"], "una@example.com", "{}", asked.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_with_the_password_there_leaves_a_known_token_as_it_is() {
    let (open, user) = open_and("xena@example.com").await;
    let personal = open.studio.personal(&user);
    assert_eq!(open.refresh(&personal).await.status, StatusCode::OK);
    let form = format!("email=xena%40example.com&password={}", OWNER_PASSWORD.replace(' ', "+"));
    let origin = open.site.url("");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", &*origin)];
    let signed_in =
        open.site.send(Method::POST, "/-/sign-in", None, &headers, form.into_bytes()).await;
    assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "{}", signed_in.text());
    assert!(blocking(move || open.studio.access(&personal)).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn inventing_them_is_bounded_and_who_is_known_goes_on() {
    let bounded =
        blocking(|| Open::make("tokens = \"accepted\"\n[sign_in]\nattempts_per_minute = 1\n"))
            .await;
    let user = blocking(|| LabelStudio::shared().user("yve@example.com")).await;
    let legacy = format!("Token {}", user.legacy);
    assert_eq!(bounded.whoami(&legacy).await.status, StatusCode::OK);
    let mut answers = Vec::new();
    for number in 0..11 {
        answers.push(bounded.whoami(&format!("Token {number:040x}")).await);
    }
    let refused = answers.pop().unwrap();
    assert!(answers.iter().all(|it| it.status == StatusCode::UNAUTHORIZED), "{answers:?}");
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.text());
    assert_eq!(refused.header("retry-after"), "6");
    // One that is known to be none costs nothing.
    let again = bounded.whoami(&format!("Token {:040x}", 0)).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    assert_eq!(bounded.refresh("x.y.z").await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(bounded.whoami(&legacy).await.status, StatusCode::OK);
}

/// What people run today, with nothing changed but the address.
const SDK: &str = "
import os, sys
from label_studio_sdk import LabelStudio
client = LabelStudio(base_url=os.environ['URL'], api_key=os.environ['KEY'])
print(client.users.whoami().email)
print([project.id for project in client.projects.list()])
";

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_works_unchanged_with_each_kind_of_key() {
    let (open, user) = open_and("zoe@example.com").await;
    let personal = open.studio.personal(&user);
    blocking(|| {
        open.site.run(&[
            "account",
            "create",
            "--email",
            "zoe@example.com",
            "--organization",
            "acme",
            "--no-password",
        ]);
        open.site.member("acme", &open.name, "zoe@example.com", "annotator");
    })
    .await;
    for (kind, key) in [
        ("legacy", user.legacy),
        ("personal", personal),
        ("ours", blocking(|| open.site.token("zoe@example.com", &[])).await.token),
    ] {
        let ca = site::inside(&open.site, "ca.pem");
        let url = open.site.url("");
        let output = blocking(move || {
            Command::new(bin().join("python"))
                .args(["-c", SDK])
                .env("URL", url)
                .env("KEY", key)
                .env("SSL_CERT_FILE", ca)
                .env("NO_PROXY", "*")
                .output()
                .unwrap()
        })
        .await;
        let said = String::from_utf8_lossy(&output.stdout);
        let expected = format!("zoe@example.com\n[{}]\n", open.project);
        assert_eq!(said, expected, "{kind}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Of a person of the gateway's, for whom nothing changes.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_the_gateway_go_on() {
    let open = blocking(Open::shared).await;
    let person: Person = blocking(|| open.site.person("acme", "abe@example.com", "")).await;
    let who = open.site.get("/api/current-user/whoami", Some(&person)).await;
    assert_eq!(who.json()["email"], "abe@example.com", "{}", who.text());
}

/// Each user has one personal token at most: whoever made himself one must not lose it because he comes through the gateway.
#[tokio::test(flavor = "multi_thread")]
async fn a_personal_token_that_the_gateway_never_saw_stays_good() {
    let (open, user) = open_and("ned@example.com").await;
    let personal = open.studio.personal(&user);
    let legacy = format!("Token {}", user.legacy);
    let access = format!("Bearer {}", open.studio.access(&personal).unwrap());
    for authorization in [&legacy, &access, &legacy] {
        let who = open.whoami(authorization).await;
        assert_eq!(who.json()["email"], "ned@example.com", "{}", who.text());
    }
    assert!(blocking(move || open.studio.access(&personal)).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_a_password_of_its_own_is_led_by_no_e_mail() {
    let (open, user) = open_and("boss@example.com").await;
    let personal = open.studio.personal(&user);
    // Somebody has the account of this e-mail here, by a password that he chose.
    blocking(|| drop(open.site.person("acme", "boss@example.com", "manager"))).await;
    let asked = open.whoami(&format!("Token {}", user.legacy)).await;
    assert_eq!(asked.status, StatusCode::UNAUTHORIZED, "{}", asked.text());
    let refreshed = open.refresh(&personal).await;
    assert_eq!(refreshed.status, StatusCode::UNAUTHORIZED, "{}", refreshed.text());
    assert!(
        blocking(move || open.studio.access(&personal)).await.is_some(),
        "nothing was taken from him"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_comes_in_the_wrong_shape_is_written_down_nowhere() {
    let (open, user) = open_and("shape@example.com").await;
    let personal = open.studio.personal(&user);
    for body in [
        json!(personal),
        json!([personal]),
        json!({ "refresh": [personal] }),
        json!({ personal.as_str(): 1 }),
    ] {
        let body = body.to_string().into_bytes();
        let refused =
            open.site.send(Method::POST, "/api/token/refresh/", None, &[JSON], body).await;
        assert_eq!((refused.status, &*refused.code()), (StatusCode::BAD_REQUEST, "bad-body"));
        assert!(!refused.text().contains(&personal));
    }
    let audit = blocking(|| open.site.run(&["audit", "tail", "--last", "500", "--json"])).await;
    assert!(audit.contains("is not {\\\"refresh\\\": TOKEN}"), "{audit}");
    assert!(!audit.contains(&personal) && !open.site.log().contains(&personal));
}
