//! What the audit is worth when the program is killed, when somebody asks it, and when somebody edits it.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::site::inside;
use crate::support::{Moto, Person, Site};

const OBJECT: &str = "/-/objects/scans/media/watched.bin";

/// An install with one member and one stranger, before moto.
fn install(durability: &str) -> (Site, Person, Person) {
    static PUT: OnceLock<()> = OnceLock::new();
    let moto = Moto::shared();
    PUT.get_or_init(|| {
        moto.put("watched/watched.bin", "image/png", &[7; 20_000]);
        moto.put("watched/large.bin", "image/png", &vec![8; 16 << 20]);
    });
    let audit = format!("[audit]\nfolder = \"audit\"\ndurability = \"{durability}\"\n");
    let site = Site::before_moto(moto, &audit);
    let reader = site.person("acme", "reader@example.com", "");
    site.project("acme", "scans", &Site::moto_place(moto, "watched/"));
    site.member("acme", "scans", "reader@example.com", "annotator");
    let stranger = site.person("elsewhere", "stranger@example.com", "owner");
    (site, reader, stranger)
}

fn verified(site: &Site) -> Value {
    serde_json::from_str(&site.run(&["audit", "verify", "--json"])).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_under_load_breaks_no_chain_and_a_restart_goes_on() {
    let (site, last, records) = killed_under_load("before-bytes").await;
    assert!(records >= 100, "{records}");
    // What a client was given whole was on disk before.
    site.run(&["explain", &last]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_under_load_breaks_no_chain_that_nobody_waited_for() {
    let (_site, _last, records) = killed_under_load("async").await;
    assert!(records > 1, "{records}");
}

/// Kills it under load and starts it again: the chain held and goes on. Gives the id of a request that was answered
/// whole before the kill, and how many records were on disk after it.
async fn killed_under_load(durability: &str) -> (Site, String, u64) {
    let (mut site, reader, _) = install(durability);
    site.start();
    let (client, url) = (site.client(), site.url(OBJECT));
    let mut readers = Vec::new();
    let (told, mut served) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..8 {
        let (client, url, token, told) =
            (client.clone(), url.clone(), reader.token.clone(), told.clone());
        readers.push(tokio::spawn(async move {
            while let Ok(answer) = client.get(&url).bearer_auth(&token).send().await {
                let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
                let whole = answer.bytes().await.is_ok_and(|bytes| bytes.len() == 20_000);
                if !whole || told.send(id).is_err() {
                    return;
                }
            }
        }));
    }
    let mut last = String::new();
    for _ in 0..100 {
        last = served.recv().await.unwrap();
    }
    site.signal("KILL");
    assert!(!site.ended().success());
    for reader in readers {
        reader.await.unwrap();
    }
    let after = verified(&site);
    assert!(["holds", "torn-tail"].contains(&after["status"].as_str().unwrap()), "{after}");
    site.start();
    assert_eq!(site.get(OBJECT, Some(&reader)).await.status, StatusCode::OK);
    site.signal("TERM");
    assert_eq!(site.ended().code(), Some(0));
    let again = verified(&site);
    assert_eq!((&again["status"], &again["unsigned"]), (&"holds".into(), &0.into()), "{again}");
    assert!(again["records"].as_u64() > after["records"].as_u64(), "{after} then {again}");
    (site, last, after["records"].as_u64().unwrap())
}

/// Which requests have an end in the audit, each as often as it has one.
fn ends(site: &Site) -> Vec<String> {
    let mut ids: Vec<String> = records(site)
        .iter()
        .filter(|record| ["request", "ended"].contains(&record["kind"].as_str().unwrap()))
        .map(|record| record["request"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

fn records(site: &Site) -> Vec<Value> {
    let files = fs::read_dir(inside(site, "audit")).unwrap().map(|file| file.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|suffix| suffix == "jsonl"))
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            // What is written just now may stand there in part.
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_has_exactly_one_entry_however_it_ends() {
    let (mut site, reader, stranger) = install("before-bytes");
    site.start();
    let id =
        |answer: &reqwest::Response| answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let (mut asked, mut aborted) = (Vec::new(), Vec::new());
    for client in [site.client(), site.http1_client()] {
        for (method, path, who, status) in [
            (Method::GET, OBJECT, Some(&reader), 200),
            (Method::HEAD, OBJECT, Some(&reader), 200),
            (Method::GET, "/-/objects/scans/media/absent", Some(&reader), 404),
            (Method::GET, OBJECT, Some(&stranger), 404),
            (Method::GET, OBJECT, None, 401),
            (Method::PUT, OBJECT, Some(&reader), 403),
            (Method::GET, "/-/api/account", Some(&reader), 200),
            (Method::GET, "/-/sign-in", None, 200),
            (Method::DELETE, "/-/sign-in", None, 405),
            (Method::GET, "/no/such/route", None, 404),
        ] {
            let mut request = client.request(method.clone(), site.url(path));
            if let Some(who) = who {
                request = request.bearer_auth(&who.token);
            }
            if method == Method::PUT {
                request = request.body("bytes");
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), status, "{method} {path}");
            asked.push(id(&answer));
            answer.bytes().await.unwrap();
        }
        // Over HTTP/2 a reset of the stream, over HTTP/1.1 the end of the connection.
        let large = site.url("/-/objects/scans/media/large.bin");
        let mut answer = client.get(large).bearer_auth(&reader.token).send().await.unwrap();
        answer.chunk().await.unwrap().unwrap();
        aborted.push(id(&answer));
    }
    for head in ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "nonsense\r\n\r\n"] {
        let (answer, _) = crate::support::raw::exchange(&site, head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        let answer = answer.to_lowercase();
        let id = answer.split_once("x-request-id: ").unwrap().1;
        asked.push(id.lines().next().unwrap().to_owned());
    }
    asked.extend(aborted.clone());
    asked.sort();
    let deadline = Instant::now() + Duration::from_secs(20);
    while ends(&site).len() < asked.len() {
        assert!(Instant::now() < deadline, "not all ended:\n{}", site.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    site.signal("TERM");
    assert_eq!(site.ended().code(), Some(0));
    assert_eq!(ends(&site), asked);
    for id in &aborted {
        let end = records(&site)
            .into_iter()
            .find(|one| one["kind"] == "ended" && one["request"] == id.as_str());
        assert_eq!(end.unwrap()["outcome"], "aborted");
    }
}

/// No file may grow past this from now on: what a full disk is to the one who writes.
fn no_file_past(site: &Site, bytes: &str) {
    let limit = format!("--fsize={bytes}:");
    let set = Command::new("prlimit").args(["--pid", &site.pid().to_string(), &limit]).status();
    assert!(set.unwrap().success());
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused_until_the_disk_takes_it_again() {
    let (mut site, reader, _) = install("before-bytes");
    // Without its signal, the limit is an error of the write.
    site.start_under(&["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    assert_eq!(site.get(OBJECT, Some(&reader)).await.status, StatusCode::OK);
    let segment = inside(&site, "audit/0000000001.jsonl");
    no_file_past(&site, &fs::metadata(segment).unwrap().len().to_string());
    let refused = site.get(OBJECT, Some(&reader)).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "try-later")
    );
    let ready = |site: &Site| {
        let url = format!("http://127.0.0.1:{}/readyz", site.operations);
        let client = site.client();
        async move {
            let answer = client.get(url).send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
        }
    };
    let (status, readiness) = ready(&site).await;
    assert_eq!((status, &readiness["checks"]["audit"]), (503, &false.into()), "{readiness}");
    let listing = site.get("/-/objects/scans/media/", Some(&reader)).await;
    assert_eq!(listing.status, StatusCode::SERVICE_UNAVAILABLE);

    no_file_past(&site, "unlimited");
    let deadline = Instant::now() + Duration::from_secs(20);
    while ready(&site).await.0 != 200 {
        assert!(Instant::now() < deadline, "not ready again:\n{}", site.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(site.get(OBJECT, Some(&reader)).await.status, StatusCode::OK);
    site.signal("TERM");
    assert_eq!(site.ended().code(), Some(0));
    assert_eq!(verified(&site)["status"], "holds");
    // What was refused meanwhile is recorded after all.
    let why = site.run(&["explain", refused.header("x-request-id"), "--json"]);
    assert!(why.contains("try-later"), "{why}");
}

#[tokio::test]
async fn the_audit_tells_who_saw_what_and_why_not_and_shows_an_edit() {
    let (mut site, reader, stranger) = install("before-bytes");
    site.start();
    let seen = site.get(OBJECT, Some(&reader)).await;
    assert_eq!(seen.status, StatusCode::OK);
    let refused = site.get(OBJECT, Some(&stranger)).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let (seen, refused) = (seen.header("x-request-id").to_owned(), refused.header("x-request-id"));
    // The last lines of a request may reach the disk after its answer did.
    let deadline = Instant::now() + Duration::from_secs(20);
    let who = loop {
        let who = site.run(&["audit", "who-saw", "scans/media/watched.bin", "--json"]);
        if who.contains(&seen) && who.contains("complete") {
            break who;
        }
        assert!(Instant::now() < deadline, "{seen} is not in\n{who}");
        std::thread::park_timeout(Duration::from_millis(50));
    };
    assert!(who.contains("reader@example.com"), "{who}");
    assert!(!who.contains("stranger@example.com"), "{who}");
    let what = site.run(&["audit", "what-saw", "reader@example.com", "--json"]);
    assert!(what.contains(&seen) && what.contains("watched.bin"), "{what}");
    let why = site.run(&["explain", refused, "--json"]);
    for word in ["stranger@example.com", "not-found", "refused"] {
        assert!(why.contains(word), "{word} is not in\n{why}");
    }
    site.signal("TERM");
    assert_eq!(site.ended().code(), Some(0));
    assert_eq!(verified(&site)["status"], "holds");
    edit(&site);
}

/// Puts another name into one record: the verifier names the line.
fn edit(site: &Site) {
    let mut segments: Vec<_> = fs::read_dir(inside(site, "audit"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            fs::read_to_string(path).is_ok_and(|text| text.contains("reader@example.com"))
        })
        .collect();
    let segment = segments.pop().unwrap();
    let text = fs::read_to_string(&segment).unwrap();
    let line = text.lines().position(|line| line.contains("reader@example.com")).unwrap() + 1;
    fs::write(&segment, text.replacen("reader@example.com", "nobody@example.com", 1)).unwrap();
    let output = site.try_run(&["audit", "verify"], "");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains(&format!("line {line} ")), "line {line} is not named in\n{told}");
}
