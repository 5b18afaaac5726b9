//! Told to stop under load: what was accepted is finished, what is slow has a deadline, and the end is a good one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::support::{Moto, Person, Site};

const SMALL: usize = 30_000;
const LARGE: usize = 32 << 20;

fn install(drain_seconds: u32) -> (Site, Person) {
    static PUT: OnceLock<()> = OnceLock::new();
    let moto = Moto::shared();
    PUT.get_or_init(|| {
        moto.put("drain/small.bin", "image/png", &[5; SMALL]);
        moto.put("drain/large.bin", "image/png", &vec![6; LARGE]);
    });
    let limits = format!("[limits]\ndrain_seconds = {drain_seconds}\n");
    let site = Site::before_moto(moto, &limits);
    let reader = site.person("acme", "reader@example.com", "owner");
    site.project("acme", "scans", &Site::moto_place(moto, "drain/"));
    (site, reader)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_that_was_accepted_fails_while_it_stops() {
    load_while_it_stops(Site::client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_on_a_connection_that_was_kept_alive_fails_while_it_stops() {
    load_while_it_stops(Site::http1_client).await;
}

async fn load_while_it_stops(client: fn(&Site) -> reqwest::Client) {
    let (mut site, reader) = install(30);
    site.start();
    let served = Arc::new(AtomicUsize::new(0));
    let mut readers = Vec::new();
    for _ in 0..8 {
        let (client, url) = (client(&site), site.url("/-/objects/scans/media/small.bin"));
        let (token, served) = (reader.token.clone(), Arc::clone(&served));
        readers.push(tokio::spawn(async move {
            loop {
                match client.get(&url).bearer_auth(&token).send().await {
                    Ok(answer) => {
                        assert_eq!(answer.status(), StatusCode::OK);
                        let bytes = answer.bytes().await;
                        assert_eq!(bytes.map(|bytes| bytes.len()).ok(), Some(SMALL));
                        served.fetch_add(1, Ordering::SeqCst);
                    }
                    // The port is closed: this one was never accepted.
                    Err(fault) if fault.is_connect() => return,
                    Err(fault) => panic!("an accepted request failed: {fault:?}"),
                }
            }
        }));
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while served.load(Ordering::SeqCst) < 100 {
        assert!(Instant::now() < deadline, "too slow:\n{}", site.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    site.signal("TERM");
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(site.ended().code(), Some(0), "{}", site.log());
}

#[tokio::test]
async fn a_stream_that_runs_on_is_cut_at_the_deadline_and_the_end_is_a_good_one() {
    let (mut site, reader) = install(2);
    site.start();
    let url = site.url("/-/objects/scans/media/large.bin");
    let client = site.client();
    let mut answer = client.get(&url).bearer_auth(&reader.token).send().await.unwrap();
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let mut taken = answer.chunk().await.unwrap().unwrap().len();
    let begin = Instant::now();
    site.signal("TERM");
    // Nothing more is taken: only the deadline ends this stream.
    let (status, site) = tokio::task::spawn_blocking(move || (site.ended(), site)).await.unwrap();
    let took = begin.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took >= Duration::from_secs(2), "cut after {took:?}, before its deadline");
    assert!(took < Duration::from_secs(15), "ended only after {took:?}");
    loop {
        match answer.chunk().await {
            Ok(Some(bytes)) => taken += bytes.len(),
            Ok(None) => panic!("a cut stream ended as if it were whole, after {taken} bytes"),
            Err(_) => break,
        }
    }
    assert!(taken < LARGE);
    let entry = site.run(&["explain", &id, "--json"]);
    assert!(entry.contains("\"stopped\""), "{entry}");
}

#[tokio::test]
async fn told_to_stop_again_it_cuts_what_runs_and_the_audit_has_its_end() {
    let (mut site, reader) = install(600);
    site.start();
    let mut running = Vec::new();
    for client in [site.client(), site.http1_client()] {
        let url = site.url("/-/objects/scans/media/large.bin");
        running.push(client.get(&url).bearer_auth(&reader.token).send().await.unwrap());
    }
    site.signal("TERM");
    let deadline = Instant::now() + Duration::from_secs(20);
    // The drain has begun when nobody is let in any more.
    while std::net::TcpStream::connect(("127.0.0.1", site.port)).is_ok() {
        assert!(Instant::now() < deadline, "still accepts:\n{}", site.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    site.signal("TERM");
    let (status, site) = tokio::task::spawn_blocking(move || (site.ended(), site)).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", site.log());
    for answer in running {
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let entry = site.run(&["explain", &id, "--json"]);
        let entry: serde_json::Value = serde_json::from_str(&entry).unwrap();
        assert_eq!(entry["request"]["outcome"], "stopped", "{entry}");
        assert!(answer.bytes().await.is_err(), "a cut stream ended as if it were whole");
    }
    let verified: serde_json::Value =
        serde_json::from_str(&site.run(&["audit", "verify", "--json"])).unwrap();
    assert_eq!((&verified["status"], &verified["unsigned"]), (&"holds".into(), &0.into()));
    assert!(!site.log().contains("after the audit's end"), "{}", site.log());
}
