//! Nothing that leaves says what is behind: no bucket, endpoint, prefix, key id, secret or vendor header, on any route,
//! for anybody, whatever the storage answers.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use reqwest::{Client, Method};

use crate::support::scripted::{Scripted, hang_up, say};
use crate::support::{Moto, Person, Site, peer};

const BUCKET: &str = "hush-hush-bucket-5d1c";
const PREFIX: &str = "under-the-stairs/";
const KEY_ID: &str = "AKIAHUSHHUSHHUSHHUSH";
const SECRET: &str = "never/to/be/seen+by/anybody";
const TOLD: &str = "rack7.internal.example";
const SERVER: &str = "Cupboard/9.9";

/// What a request for a key that holds the word is answered by the talkative upstream.
const ANSWERS: [(&str, &str); 8] = [
    ("found", "200 OK"),
    ("crash", "500 Internal Server Error"),
    ("busy", "503 Slow Down"),
    ("denied", "403 Forbidden"),
    ("moved", "301 Moved Permanently"),
    ("absent", "404 Not Found"),
    ("skewed", "400 Bad Request"),
    ("stale", "412 Precondition Failed"),
];

/// What the gateway makes of it, for a read, and of two that break off.
const READS: [(&str, u16); 10] = [
    ("found", 200),
    ("crash", 503),
    ("busy", 503),
    ("denied", 502),
    ("moved", 502),
    ("absent", 404),
    ("skewed", 502),
    // No condition was sent, so a 412 is nonsense.
    ("stale", 502),
    ("gone", 502),
    ("babble", 502),
];

/// An upstream that tells everything it knows in each answer.
fn talkative() -> Scripted {
    Scripted::start(|_, head, socket| {
        let line = head.lines().next().unwrap();
        if line.contains("gone") {
            hang_up(socket);
        } else if line.contains("babble") {
            say(socket, &format!("{BUCKET} at {TOLD} speaks no HTTP\r\n\r\n"));
            hang_up(socket);
        } else {
            tell(head, socket);
        }
    })
}

/// The object that the talkative upstream has.
const PLAIN: &str = "plain";

/// What the head's condition or range makes of a 200: a status and which bytes, as a `Content-Range` names them.
fn judged(head: &str) -> (&'static str, Option<(usize, usize)>) {
    let head = head.to_lowercase();
    let field = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|value| value.trim().to_owned())
    };
    let same = |tags: String| tags == "*" || tags.contains("\"e\"");
    if field("if-match").is_some_and(|tags| !same(tags)) {
        return ("412 Precondition Failed", None);
    }
    if field("if-none-match").is_some_and(same) {
        return ("304 Not Modified", None);
    }
    let Some(range) = field("range") else { return ("200 OK", None) };
    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let end = PLAIN.len() - 1;
    let (first, last) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), last) => (first, last.unwrap_or(end).min(end)),
        (Err(_), last) => (PLAIN.len() - last.unwrap().min(PLAIN.len()), end),
    };
    if first > end {
        return ("416 Range Not Satisfiable", None);
    }
    ("206 Partial Content", Some((first, last)))
}

fn tell(head: &str, socket: &mut TcpStream) {
    let line = head.lines().next().unwrap();
    let listing = line.contains("list-type");
    let chosen = ANSWERS.iter().find(|(word, _)| line.contains(word));
    let status = chosen.map_or("200 OK", |(_, status)| status);
    let (status, part) = if status == "200 OK" && !listing { judged(head) } else { (status, None) };
    let range = part.map_or_else(String::new, |(first, last)| {
        format!("Content-Range: bytes {first}-{last}/{}\r\n", PLAIN.len())
    });
    let body = match (status, listing) {
        ("200 OK", false) => PLAIN.to_owned(),
        ("206 Partial Content", _) => PLAIN[part.unwrap().0..=part.unwrap().1].to_owned(),
        ("304 Not Modified", _) => String::new(),
        ("200 OK", true) => format!(
            "<?xml version=\"1.0\"?><ListBucketResult><Name>{BUCKET}</Name><Prefix>{PREFIX}</Prefix>\
             <IsTruncated>false</IsTruncated><Contents><Key>{PREFIX}found.png</Key><Size>5</Size>\
             <Owner><ID>{KEY_ID}</ID></Owner></Contents></ListBucketResult>"
        ),
        (error, _) => format!(
            "<?xml version=\"1.0\"?><Error><Code>{}</Code><Message>{error}: {TOLD}</Message>\
             <BucketName>{BUCKET}</BucketName><Endpoint>{BUCKET}.{TOLD}</Endpoint>\
             <AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId><HostId>{TOLD}</HostId></Error>",
            code(error)
        ),
    };
    let sent = if line.starts_with("HEAD") { "" } else { &body };
    say(
        socket,
        &format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Type: image/png\r\nETag: \"e\"\r\n\
             Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\nServer: {SERVER}\r\n\
             x-amz-request-id: 4442587FB7D0A2F9\r\nx-amz-id-2: {TOLD}\r\n\
             x-amz-bucket-region: eu-central-1\r\nx-amz-meta-from: {BUCKET}\r\n\
             Via: 1.1 {TOLD}\r\nLocation: http://{BUCKET}.{TOLD}/{PREFIX}\r\n\
             Content-Location: /{BUCKET}/{PREFIX}\r\nLink: <http://{TOLD}>; rel=next\r\n\
             Set-Cookie: where={TOLD}\r\nx-forwarded-host: {TOLD}\r\nAlt-Svc: h2=\"{TOLD}:443\"\r\n\
             WWW-Authenticate: Basic realm=\"{TOLD}\"\r\nAccess-Control-Allow-Origin: *\r\n\
             {range}\r\n{sent}",
            body.len()
        ),
    );
}

fn code(status: &str) -> &str {
    match status.get(..3) {
        Some("301") => "PermanentRedirect",
        Some("403") => "AccessDenied",
        Some("404") => "NoSuchKey",
        Some("412") => "PreconditionFailed",
        Some("416") => "InvalidRange",
        Some("503") => "SlowDown",
        Some("500") => "InternalError",
        _ => "AuthorizationHeaderMalformed",
    }
}

/// Everyone who asks, one client, and the words that must not be heard.
struct Scan<'a> {
    site: &'a Site,
    client: Client,
    words: Vec<String>,
}

/// A header of a request.
type Field = (&'static str, String);

/// How an answer came out: its status, its request's id, its body.
struct Heard {
    status: u16,
    id: String,
    body: String,
}

impl<'a> Scan<'a> {
    fn new(site: &'a Site, more: &[&str]) -> Self {
        let mut words = vec!["x-amz", "amazons3", "amazonaws", "eu-central-1"];
        words.extend(more);
        let words = words.iter().map(|word| word.to_lowercase()).collect();
        Self { site, client: site.client(), words }
    }

    async fn ask(&self, method: &Method, path: &str, who: &[Field], body: &str) -> Heard {
        let mut request = self.client.request(method.clone(), self.site.url(path));
        for (name, value) in who {
            request = request.header(*name, value);
        }
        if *method == Method::PUT || !body.is_empty() {
            request = request.body(body.to_owned());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let mut said = String::new();
        for (name, value) in answer.headers() {
            said += &format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
        }
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let body = String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned();
        said += &body;
        let said = said.to_lowercase();
        for word in &self.words {
            assert!(!said.contains(word), "{method} {path} ({status}) tells {word}:\n{said}");
        }
        Heard { status, id, body }
    }
}

/// Every address that exists, and some that do not; `objects` come with each storage.
fn paths(objects: &[&str]) -> Vec<String> {
    let mut paths: Vec<String> = objects.iter().map(|path| (*path).to_owned()).collect();
    for path in [
        "/",
        "/-/",
        "/-/?x=1",
        "/-/assets/style.css",
        "/-/assets/none.css",
        "/-/sign-in",
        "/-/sign-in?return=%2F-%2F",
        "/-/sign-in?return=https://elsewhere.example",
        "/-/sign-out",
        "/-/api/account",
        "/-/api/handles",
        "/-/api/requests/0123456789abcdef0123456789abcdef",
        "/-/api/requests/1",
        "/-/m/AAAA",
        "/-/objects/none/media/x",
        "/-/objects/scans/none/x",
        "/-/objects/scans/media/%00",
        "/-/objects/scans/media/?limit=0",
    ] {
        paths.push(path.to_owned());
    }
    paths
}

/// What shows that one is this person: a token, and a session.
async fn proofs(site: &Site, person: &Person) -> [Field; 2] {
    [bearer(&person.token), ("cookie", site.sign_in(&person.email).await)]
}

fn bearer(token: &str) -> Field {
    ("authorization", format!("Bearer {token}"))
}

async fn all_routes_for_all(scan: &Scan<'_>, people: &[Person], objects: &[&str]) {
    let methods = [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE];
    let seal = r#"{"project":"scans","storage":"media","key":"found.png"}"#;
    let mut everybody = vec![vec![], vec![bearer("sgt_no-such-token")]];
    for person in people {
        everybody.extend(proofs(scan.site, person).await.map(|proof| vec![proof]));
    }
    let mut statuses = BTreeMap::new();
    for who in &everybody {
        for path in paths(objects) {
            for method in &methods {
                let body = if *method == Method::POST { seal } else { "" };
                let heard = scan.ask(method, &path, who, body).await;
                *statuses.entry(heard.status).or_insert(0) += 1;
            }
        }
    }
    // Otherwise nothing much was scanned.
    for status in [200, 303, 400, 401, 403, 404, 405] {
        assert!(statuses.contains_key(&status), "no answer was a {status}: {statuses:?}");
    }
}

fn people(site: &Site) -> [Person; 3] {
    let owner = site.person("acme", "owner@example.com", "owner");
    let annotator = site.person("acme", "annotator@example.com", "");
    let stranger = site.person("elsewhere", "stranger@example.com", "owner");
    [owner, annotator, stranger]
}

const QUOTA: &str = "[policy]\nrequests_per_second = 10000\nburst = 100000\n";

/// An install before the talkative upstream (project `scans`) and before nobody (project `dead`).
fn before_talkative() -> (Site, [Person; 3], Vec<String>, Scripted) {
    let upstream = talkative();
    let live = format!("127.0.0.1:{}", upstream.port);
    let dead = format!("127.0.0.1:{}", peer::free_port());
    let mut site = Site::prepare(
        "[credentials.default]\nkind = \"static\"\naccess_key_id = { file = \"id\" }\n\
         secret_access_key = { file = \"secret\" }\n",
        &[&live, &dead],
        QUOTA,
    );
    site.secret("id", KEY_ID);
    site.secret("secret", SECRET);
    let people = people(&site);
    for (project, address) in [("scans", &live), ("dead", &dead)] {
        let place = format!(
            "--bucket {BUCKET} --prefix {PREFIX} --region eu-central-1 \
             --endpoint http://{address} --addressing path"
        );
        site.project("acme", project, &place);
        site.member("acme", project, "annotator@example.com", "annotator");
    }
    site.start();
    let mut words = vec![live, dead];
    let fixed = [BUCKET, PREFIX.trim_end_matches('/'), KEY_ID, SECRET, TOLD, SERVER, "cupboard"];
    words.extend(fixed.map(str::to_owned));
    (site, people, words, upstream)
}

#[tokio::test]
async fn no_route_tells_anybody_what_is_behind() {
    let (site, people, words, _upstream) = before_talkative();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let scan = Scan::new(&site, &words);
    let objects = ["/-/objects/scans/media/found.png", "/-/objects/scans/media/"];
    all_routes_for_all(&scan, &people, &objects).await;
}

#[tokio::test]
async fn no_failure_of_the_storage_tells_what_is_behind_and_no_explanation_does() {
    let (site, [owner, ..], words, _upstream) = before_talkative();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let scan = Scan::new(&site, &words);
    let owner = &[bearer(&owner.token)];
    let mut heard = Vec::new();
    for (word, status) in READS {
        let key = format!("/-/objects/scans/media/{word}.png");
        let read = scan.ask(&Method::GET, &key, owner, "").await;
        assert_eq!(read.status, status, "{word}: {}", read.body);
        heard.push(read);
        heard.push(scan.ask(&Method::HEAD, &key, owner, "").await);
        heard.push(scan.ask(&Method::PUT, &key, owner, "new bytes").await);
        let list = format!("/-/objects/scans/media/?prefix={word}");
        heard.push(scan.ask(&Method::GET, &list, owner, "").await);
    }
    for path in ["/-/objects/dead/media/x", "/-/objects/dead/media/"] {
        let read = scan.ask(&Method::GET, path, owner, "").await;
        assert_eq!(read.status, 503, "{path}: {}", read.body);
        heard.push(read);
    }
    heard.push(scan.ask(&Method::PUT, "/-/objects/dead/media/x", owner, "bytes").await);
    for one in &heard {
        let path = format!("/-/api/requests/{}", one.id);
        let deadline = Instant::now() + Duration::from_secs(20);
        // The entry is there when the answer has ended, a moment after it was read.
        while scan.ask(&Method::GET, &path, owner, "").await.status != 200 {
            assert!(Instant::now() < deadline, "{} was never explained", one.id);
        }
    }
}

/// Headers, and what a read of an object of five bytes with the entity tag `"e"` then is.
const ROUNDS: [(&[(&str, &str)], u16); 9] = [
    (&[("range", "bytes=1-2")], 206),
    (&[("range", "bytes=-2")], 206),
    (&[("range", "bytes=0-0,2-2")], 206),
    (&[("range", "bytes=0-0,9-")], 206),
    (&[("range", "bytes=9-")], 416),
    (&[("range", "bytes=9-9,10-")], 416),
    (&[("if-none-match", "\"e\"")], 304),
    (&[("if-match", "\"other\"")], 412),
    (&[("if-match", "\"e\""), ("range", "bytes=-1")], 206),
];

#[tokio::test]
async fn no_handle_range_or_condition_tells_what_is_behind() {
    let (site, [owner, ..], words, _upstream) = before_talkative();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let scan = Scan::new(&site, &words);
    for proof in proofs(&site, &owner).await {
        let who = [proof, ("origin", site.url("")), ("content-type", "application/json".into())];
        for (word, status) in READS {
            let wanted =
                format!("{{\"project\":\"scans\",\"storage\":\"media\",\"key\":\"{word}.png\"}}");
            let sealed = scan.ask(&Method::POST, "/-/api/handles", &who, &wanted).await;
            let sealed: serde_json::Value = serde_json::from_str(&sealed.body).unwrap();
            let handle = sealed["url"].as_str().unwrap();
            let read = scan.ask(&Method::GET, handle, &who[..1], "").await;
            assert_eq!(read.status, status, "{word} by its handle: {}", read.body);
            scan.ask(&Method::HEAD, handle, &who[..1], "").await;
            if word == "found" {
                rounds(&scan, handle, &who[0]).await;
                rounds(&scan, "/-/objects/scans/media/found.png", &who[0]).await;
            }
        }
    }
}

async fn rounds(scan: &Scan<'_>, path: &str, who: &Field) {
    for (headers, status) in ROUNDS {
        let mut fields = vec![who.clone()];
        fields.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let heard = scan.ask(&Method::GET, path, &fields, "").await;
        assert_eq!(heard.status, status, "{path} with {headers:?}: {}", heard.body);
    }
}

#[tokio::test]
async fn nothing_of_a_real_store_is_told_either() {
    let moto = Moto::shared();
    moto.put("behind-the-mirror/found.png", "image/png", b"a picture");
    let mut site = Site::before_moto(moto, QUOTA);
    let people = people(&site);
    site.project("acme", "scans", &Site::moto_place(moto, "behind-the-mirror/"));
    site.member("acme", "scans", "annotator@example.com", "annotator");
    site.start();
    let words = [
        moto.bucket,
        &moto.address,
        &moto.access_key_id,
        &moto.secret_access_key,
        "behind-the-mirror",
        "werkzeug",
    ];
    let scan = Scan::new(&site, &words);
    let objects = [
        "/-/objects/scans/media/found.png",
        "/-/objects/scans/media/absent.png",
        "/-/objects/scans/media/",
    ];
    let owner = &[bearer(&people[0].token)];
    let listed = scan.ask(&Method::GET, "/-/objects/scans/media/", owner, "").await;
    assert!(listed.body.contains("found.png"), "{}", listed.body);
    all_routes_for_all(&scan, &people, &objects).await;
}
