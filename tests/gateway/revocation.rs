//! A grant is held: whoever loses the right loses the running download within a second, and never by a clean end.

use std::fs;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, Response, StatusCode};

use crate::support::scripted::{Scripted, say};
use crate::support::{Person, Site, peer, site::inside};

const OBJECT: &str = "/-/objects/films/media/long.bin";
const LENGTH: u64 = 64 * 1024 * 1024;
const BOUND: Duration = Duration::from_secs(1);

/// An upstream whose one object takes more than a minute to arrive.
fn dripping() -> Scripted {
    Scripted::start(|_, _, socket| {
        say(
            socket,
            &format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\nContent-Type: image/png\r\n\
                 ETag: \"drip\"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\n"
            ),
        );
        let drop = [b'd'; 8 * 1024];
        while std::io::Write::write_all(socket, &drop).is_ok() {
            std::thread::park_timeout(Duration::from_millis(10));
        }
    })
}

fn before_dripping(more: &str) -> (Site, Scripted) {
    let upstream = dripping();
    let address = format!("127.0.0.1:{}", upstream.port);
    let site = Site::prepare(
        "[credentials.default]\nkind = \"static\"\naccess_key_id = { file = \"id\" }\n\
         secret_access_key = { file = \"secret\" }\n",
        &[&address],
        more,
    );
    site.secret("id", "AKIADRIPDRIPDRIPDRIP");
    site.secret("secret", "a-secret-of-the-dripping-upstream");
    site.person("acme", "admin@example.com", "owner");
    let place = format!(
        "--bucket drips --prefix films/ --region eu-central-1 --endpoint http://{address} \
         --addressing path"
    );
    site.project("acme", "films", &place);
    (site, upstream)
}

/// An install shared by the tests that each take a right from one person of their own.
fn shared() -> &'static Site {
    static SITE: OnceLock<(Site, Scripted)> = OnceLock::new();
    let (site, _upstream) = SITE.get_or_init(|| {
        let (mut site, upstream) = before_dripping("");
        site.start();
        (site, upstream)
    });
    site
}

fn viewer(site: &Site, name: &str) -> Person {
    let email = format!("{name}@example.com");
    let person = site.person("acme", &email, "");
    site.member("acme", "films", &email, "annotator");
    person
}

/// A download that has begun and is still running.
struct Download {
    _client: Client,
    response: Response,
}

impl Download {
    async fn begin(site: &Site, client: Client, header: (&str, &str)) -> Self {
        let asked = client.get(site.url(OBJECT)).header(header.0, header.1).send().await.unwrap();
        assert_eq!(asked.status(), StatusCode::OK);
        assert_eq!(asked.content_length(), Some(LENGTH));
        let mut download = Self { _client: client, response: asked };
        download.goes_on().await;
        download
    }

    async fn of(site: &Site, person: &Person) -> Self {
        let bearer = format!("Bearer {}", person.token);
        Self::begin(site, site.client(), ("authorization", &bearer)).await
    }

    /// Reads for a while longer than what may lie in buffers.
    async fn goes_on(&mut self) {
        let until = Instant::now() + BOUND / 4;
        while Instant::now() < until {
            let chunk = self.next().await.expect("the download goes on");
            assert!(chunk.is_some(), "the download goes on");
        }
    }

    async fn next(&mut self) -> reqwest::Result<Option<bytes::Bytes>> {
        tokio::time::timeout(Duration::from_secs(20), self.response.chunk())
            .await
            .expect("neither bytes nor an end within 20 s")
    }

    /// Reads on until the end, which must be an error and come within the bound.
    async fn is_cut(mut self, since: Instant) {
        loop {
            let came = self.next().await;
            let after = since.elapsed();
            match came {
                Ok(Some(_)) => assert!(after < BOUND, "still running after {after:?}"),
                Ok(None) => panic!("a clean end after {after:?}"),
                Err(_) => {
                    assert!(after < BOUND, "cut only after {after:?}");
                    return;
                }
            }
        }
    }
}

/// The number of the person's one row in this list.
fn number(site: &Site, list: &str, email: &str) -> String {
    let rows = site.run(&[list, "list", "--email", email, "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&rows).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
    rows[0]["number"].to_string()
}

fn over_http1(site: &Site) -> Client {
    Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(site.ca()).unwrap()])
        .no_proxy()
        .http1_only()
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_revoked_token_cuts_its_downloads_and_nobody_elses() {
    let site = shared();
    let (person, other) = (viewer(site, "token"), viewer(site, "bystander"));
    let mut bystander = Download::of(site, &other).await;
    let over_http2 = Download::of(site, &person).await;
    let bearer = format!("Bearer {}", person.token);
    let over_http1 = Download::begin(site, over_http1(site), ("authorization", &bearer)).await;
    site.run(&["token", "revoke", &number(site, "token", &person.email)]);
    let since = Instant::now();
    tokio::join!(over_http2.is_cut(since), over_http1.is_cut(since));
    bystander.goes_on().await;
    assert_eq!(site.get(OBJECT, Some(&person)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_ended_session_cuts_its_downloads() {
    let site = shared();
    let person = viewer(site, "session");
    let cookie = site.sign_in(&person.email).await;
    let mut by_token = Download::of(site, &person).await;
    let download = Download::begin(site, site.client(), ("cookie", &cookie)).await;
    site.run(&["session", "revoke", &number(site, "session", &person.email)]);
    download.is_cut(Instant::now()).await;
    // The token is another proof of the same person: it still holds.
    by_token.goes_on().await;
}

#[tokio::test]
async fn all_sessions_of_a_person_ended_cut_all_their_downloads() {
    let site = shared();
    let person = viewer(site, "sessions");
    let (one, two) = (site.sign_in(&person.email).await, site.sign_in(&person.email).await);
    let one = Download::begin(site, site.client(), ("cookie", &one)).await;
    let two = Download::begin(site, site.client(), ("cookie", &two)).await;
    site.run(&["session", "revoke", "--email", &person.email]);
    let since = Instant::now();
    tokio::join!(one.is_cut(since), two.is_cut(since));
}

#[tokio::test]
async fn signing_out_cuts_the_downloads_of_the_session() {
    let site = shared();
    let person = viewer(site, "sign-out");
    let cookie = site.sign_in(&person.email).await;
    let download = Download::begin(site, site.client(), ("cookie", &cookie)).await;
    let origin = site.url("");
    let headers = [("cookie", cookie.as_str()), ("origin", origin.as_str())];
    let out = site.send(Method::POST, "/-/sign-out", None, &headers, Vec::new()).await;
    let since = Instant::now();
    assert_eq!(out.status, StatusCode::SEE_OTHER, "{}", out.text());
    download.is_cut(since).await;
}

#[tokio::test]
async fn a_disabled_account_loses_its_downloads() {
    let site = shared();
    let person = viewer(site, "disabled");
    let cookie = site.sign_in(&person.email).await;
    let by_session = Download::begin(site, site.client(), ("cookie", &cookie)).await;
    let by_token = Download::of(site, &person).await;
    site.run(&["account", "disable", "--email", &person.email]);
    let since = Instant::now();
    tokio::join!(by_session.is_cut(since), by_token.is_cut(since));
}

#[tokio::test]
async fn a_removed_member_loses_the_downloads_of_the_project() {
    let site = shared();
    let person = viewer(site, "removed");
    let download = Download::of(site, &person).await;
    let mut verb = vec!["project", "member", "remove", "--organization", "acme"];
    verb.extend(["--name", "films", "--email", &person.email]);
    site.run(&verb);
    download.is_cut(Instant::now()).await;
    assert_eq!(site.get(OBJECT, Some(&person)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_changed_policy_cuts_whom_it_no_longer_permits() {
    cut_by_a_changed_policy(true).await;
}

#[tokio::test]
async fn a_changed_policy_cuts_also_when_no_signal_tells_of_it() {
    cut_by_a_changed_policy(false).await;
}

async fn cut_by_a_changed_policy(told: bool) {
    let (mut site, _upstream) = before_dripping("[policy]\nfolder = \"rules\"\n");
    fs::create_dir(inside(&site, "rules")).unwrap();
    let pack = peer::root().join("policies/roles.cedar");
    fs::copy(pack, inside(&site, "rules/roles.cedar")).unwrap();
    let (person, other) = (viewer(&site, "barred"), viewer(&site, "kept"));
    site.start();
    let mut bystander = Download::of(&site, &other).await;
    let download = Download::of(&site, &person).await;
    let rule = "@id(\"barred\")\nforbid (principal == Account::\"barred@example.com\", \
                action in [Action::\"ReadObject\"], resource);\n";
    fs::write(inside(&site, "rules/barred.cedar"), rule).unwrap();
    let since = Instant::now();
    if told {
        site.signal("HUP");
    }
    download.is_cut(since).await;
    bystander.goes_on().await;
}

/// What the gateway says to a browser with this cookie.
async fn account(site: &Site, cookie: &str) -> StatusCode {
    let headers = [("cookie", cookie)];
    site.send(Method::GET, "/-/api/account", None, &headers, Vec::new()).await.status
}

#[tokio::test]
async fn a_sign_out_ends_the_cookies_session_though_a_token_is_shown_too() {
    let site = shared();
    let bea = site.person("acme", "bea@example.com", "");
    let cookie = site.sign_in("bea@example.com").await;
    assert_eq!(account(site, &cookie).await, StatusCode::OK);
    let origin = site.url("");
    let headers = [("cookie", cookie.as_str()), ("origin", origin.as_str())];
    let answer = site.send(Method::POST, "/-/sign-out", Some(&bea), &headers, Vec::new()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    assert_eq!(account(site, &cookie).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn signing_in_again_ends_the_browsers_session_before() {
    let site = shared();
    site.person("acme", "cid@example.com", "");
    let (first, elsewhere) =
        (site.sign_in("cid@example.com").await, site.sign_in("cid@example.com").await);
    let second = site.sign_in_with("cid@example.com", &[("cookie", &first)]).await;
    assert_eq!(account(site, &first).await, StatusCode::UNAUTHORIZED);
    assert_eq!(account(site, &second).await, StatusCode::OK);
    assert_eq!(account(site, &elsewhere).await, StatusCode::OK, "another browser's");
}
