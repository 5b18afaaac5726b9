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
    let (mut site, reader) = install(30);
    site.start();
    let served = Arc::new(AtomicUsize::new(0));
    let mut readers = Vec::new();
    for _ in 0..8 {
        let (client, url) = (site.client(), site.url("/-/objects/scans/media/small.bin"));
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
    let mut taken = answer.chunk().await.unwrap().unwrap().len();
    let begin = Instant::now();
    site.signal("TERM");
    // Nothing more is taken: only the deadline ends this stream.
    let status = tokio::task::spawn_blocking(move || (site.ended(), site)).await.unwrap().0;
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
}
