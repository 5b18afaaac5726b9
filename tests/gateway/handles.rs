//! Handles: one object's name for one session, good for the browser's cache and for nobody else.

use std::sync::OnceLock;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Moto, Person, Site};

/// One install before moto; the tests only read its records.
struct World {
    site: Site,
    annotator: Person,
    colleague: Person,
    stranger: Person,
}

const BYTES: &[u8] = b"a picture of a thing";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let moto = Moto::shared();
        for key in ["handles/thing.png", "handles/other.png", "closed/secret.png"] {
            moto.put(key, "image/png", BYTES);
        }
        let quota = "[policy]\nrequests_per_second = 10000\nburst = 100000\n\
                     [sign_in]\nattempts_per_minute = 600\n";
        let mut site = Site::before_moto(moto, quota);
        site.person("acme", "admin@example.com", "owner");
        site.project("acme", "scans", &Site::moto_place(moto, "handles/"));
        site.project("acme", "closed", &Site::moto_place(moto, "closed/"));
        let [annotator, colleague] =
            ["annotator@example.com", "colleague@example.com"].map(|email| {
                let person = site.person("acme", email, "");
                site.member("acme", "scans", email, "annotator");
                person
            });
        let stranger = site.person("elsewhere", "stranger@example.com", "owner");
        site.start();
        World { site, annotator, colleague, stranger }
    })
}

/// A proof of a person as the one header that carries it, with a connection of its own.
struct Proof {
    client: Client,
    header: (&'static str, String),
}

impl Proof {
    fn token(person: &Person) -> Self {
        let bearer = format!("Bearer {}", person.token);
        Self { client: world().site.client(), header: ("authorization", bearer) }
    }

    async fn session(person: &Person) -> Self {
        let cookie = world().site.sign_in(&person.email).await;
        Self { client: world().site.client(), header: ("cookie", cookie) }
    }

    async fn seal_all(&self, wanted: &Value) -> (StatusCode, Value) {
        let site = &world().site;
        let request = self.client.post(site.url("/-/api/handles"));
        let request = request.header(self.header.0, &self.header.1);
        let answer = request.header("origin", site.url("")).json(wanted).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// The address of this object of the project `scans`.
    async fn seal(&self, key: &str) -> String {
        let (status, sealed) = self.seal_all(&wanted("scans", key)).await;
        assert_eq!(status, StatusCode::OK, "{sealed}");
        let url = sealed["url"].as_str().unwrap();
        assert_eq!(Some(url), sealed["handle"].as_str().map(|it| format!("/-/m/{it}")).as_deref());
        url.to_owned()
    }

    async fn ask(&self, method: Method, url: &str, header: (&str, &str)) -> reqwest::Response {
        let request = self.client.request(method, world().site.url(url));
        let request = request.header(self.header.0, &self.header.1);
        request.header(header.0, header.1).send().await.unwrap()
    }

    async fn open(&self, url: &str) -> reqwest::Response {
        self.ask(Method::GET, url, ("accept", "*/*")).await
    }

    async fn opens(&self, url: &str) {
        let answer = self.open(url).await;
        assert_eq!(answer.status(), StatusCode::OK, "{url}");
        assert_eq!(answer.headers()["content-type"], "image/png");
        assert_eq!(answer.bytes().await.unwrap(), BYTES);
    }

    /// There is nothing here, told in the words of any other nothing.
    async fn does_not_open(&self, url: &str) {
        let answer = self.open(url).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{url}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "not-found", "{url}");
    }
}

fn wanted(project: &str, key: &str) -> Value {
    json!({ "project": project, "storage": "media", "key": key })
}

/// How many characters two texts have in common at their beginning.
fn common(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count()
}

#[tokio::test]
async fn a_handle_opens_for_the_token_and_the_session_that_sealed_it() {
    let world = world();
    for proof in [Proof::token(&world.annotator), Proof::session(&world.annotator).await] {
        let url = proof.seal("thing.png").await;
        proof.opens(&url).await;
        let part = proof.ask(Method::GET, &url, ("range", "bytes=2-8")).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.bytes().await.unwrap(), &BYTES[2..=8]);
        let head = proof.ask(Method::HEAD, &url, ("accept", "*/*")).await;
        assert_eq!(head.status(), StatusCode::OK);
        assert_eq!(head.headers()["content-length"], BYTES.len().to_string());
    }
}

#[tokio::test]
async fn what_the_browser_has_already_is_not_sent_again() {
    let proof = Proof::session(&world().annotator).await;
    let url = proof.seal("thing.png").await;
    let first = proof.open(&url).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let control = first.headers()["cache-control"].to_str().unwrap().to_owned();
    // Kept by this browser alone, and never shown without asking again.
    assert!(control.contains("private") && control.contains("no-cache"), "{control}");
    let again = proof.ask(Method::GET, &url, ("if-none-match", &tag)).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()["etag"], tag);
    assert!(again.bytes().await.unwrap().is_empty());
    let changed = proof.ask(Method::GET, &url, ("if-none-match", "\"another\"")).await;
    assert_eq!(changed.status(), StatusCode::OK);
    assert_eq!(changed.bytes().await.unwrap(), BYTES);
}

#[tokio::test]
async fn nobody_else_opens_a_handle_even_with_its_validator() {
    let world = world();
    let mine = Proof::session(&world.annotator).await;
    let url = mine.seal("thing.png").await;
    let first = mine.open(&url).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let others = [
        Proof::session(&world.annotator).await,
        Proof::token(&world.annotator),
        Proof::token(&world.site.token(&world.annotator.email, &[])),
        Proof::session(&world.colleague).await,
        Proof::token(&world.colleague),
        Proof::token(&world.stranger),
    ];
    for other in others {
        other.does_not_open(&url).await;
        let with_tag = other.ask(Method::GET, &url, ("if-none-match", &tag)).await;
        assert_eq!(with_tag.status(), StatusCode::NOT_FOUND);
    }
    let nobody = world.site.get(&url, None).await;
    assert_eq!(
        (nobody.status, nobody.code().as_str()),
        (StatusCode::UNAUTHORIZED, "not-signed-in")
    );
    mine.opens(&url).await;
}

#[tokio::test]
async fn no_changed_character_opens() {
    let proof = Proof::token(&world().annotator);
    let url = proof.seal("thing.png").await;
    let handle = url.strip_prefix("/-/m/").unwrap();
    let mut tried = 0;
    for (at, was) in handle.char_indices() {
        for other in ["A", "B", "-", "_", "9"] {
            if other != was.to_string() {
                let mut changed = handle.to_owned();
                changed.replace_range(at..=at, other);
                proof.does_not_open(&format!("/-/m/{changed}")).await;
                tried += 1;
            }
        }
    }
    assert!(tried > 4 * 64, "only {tried} were tried");
    for changed in [&handle[1..], &handle[..handle.len() - 1], &format!("{handle}A"), "A"] {
        proof.does_not_open(&format!("/-/m/{changed}")).await;
    }
    proof.opens(&url).await;
}

#[tokio::test]
async fn one_session_gets_the_same_handle_and_two_get_unlike_ones() {
    let world = world();
    let one = Proof::session(&world.annotator).await;
    let handle = one.seal("thing.png").await;
    assert_eq!(one.seal("thing.png").await, handle);
    let many = json!([wanted("scans", "other.png"), wanted("scans", "thing.png")]);
    let (status, many) = one.seal_all(&many).await;
    assert_eq!((status, many[1]["url"].as_str()), (StatusCode::OK, Some(handle.as_str())));
    let (route, beyond) = ("/-/m/".len(), 8);
    let neighbour = many[0]["url"].as_str().unwrap();
    assert!(common(neighbour, &handle) < route + beyond, "{neighbour}\n{handle}");
    // Keys of other lengths do not show by the handle's.
    assert_eq!(one.seal("no-such-but-quite-a-bit-longer.png").await.len(), handle.len());
    for other in [Proof::session(&world.annotator).await, Proof::token(&world.colleague)] {
        let unlike = other.seal("thing.png").await;
        assert_eq!(unlike.len(), handle.len());
        assert!(common(&unlike, &handle) < route + beyond, "{unlike}\n{handle}");
    }
}

#[tokio::test]
async fn nobody_seals_what_he_may_not_read() {
    let world = world();
    let annotator = Proof::token(&world.annotator);
    let mixed = json!([wanted("scans", "thing.png"), wanted("closed", "secret.png")]);
    for wish in [wanted("closed", "secret.png"), wanted("none", "secret.png"), mixed] {
        let (status, refusal) = annotator.seal_all(&wish).await;
        assert_eq!(
            (status, &refusal["code"]),
            (StatusCode::NOT_FOUND, &json!("not-found")),
            "{wish}"
        );
        assert!(refusal.get("handle").is_none() && !refusal.to_string().contains("/-/m/"));
    }
    let (status, _) = Proof::token(&world.stranger).seal_all(&wanted("scans", "thing.png")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_handle_ends_with_its_session() {
    let world = world();
    let proof = Proof::session(&world.colleague).await;
    let url = proof.seal("thing.png").await;
    proof.opens(&url).await;
    let origin = world.site.url("");
    let out = proof.ask(Method::POST, "/-/sign-out", ("origin", &origin)).await;
    assert_eq!(out.status(), StatusCode::SEE_OTHER);
    assert_eq!(proof.open(&url).await.status(), StatusCode::UNAUTHORIZED);
    Proof::session(&world.colleague).await.does_not_open(&url).await;
}
