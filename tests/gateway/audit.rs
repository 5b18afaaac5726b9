//! What the audit is worth when the program is killed, when somebody asks it, and when somebody edits it.

use std::fs;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::site::inside;
use crate::support::{Moto, Person, Site};

const OBJECT: &str = "/-/objects/scans/media/watched.bin";

/// An install with one member and one stranger, before moto.
fn install() -> (Site, Person, Person) {
    let moto = Moto::shared();
    moto.put("watched/watched.bin", "image/png", &[7; 20_000]);
    let site = Site::before_moto(moto, "");
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
    let (mut site, reader, _) = install();
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
    assert!(after["records"].as_u64().unwrap() >= 100, "{after}");
    assert!(["holds", "torn-tail"].contains(&after["status"].as_str().unwrap()), "{after}");
    // What a client was given whole was on disk before.
    site.run(&["explain", &last]);
    site.start();
    assert_eq!(site.get(OBJECT, Some(&reader)).await.status, StatusCode::OK);
    site.signal("TERM");
    assert_eq!(site.ended().code(), Some(0));
    let again = verified(&site);
    assert_eq!((&again["status"], &again["unsigned"]), (&"holds".into(), &0.into()), "{again}");
    assert!(again["records"].as_u64() > after["records"].as_u64(), "{after} then {again}");
}

#[tokio::test]
async fn the_audit_tells_who_saw_what_and_why_not_and_shows_an_edit() {
    let (mut site, reader, stranger) = install();
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
