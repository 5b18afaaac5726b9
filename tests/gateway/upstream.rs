//! Upstreams that fail in every way: the client gets the right status or a broken stream, never a clean short 200.

use std::io::Read as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::support::scripted::{Scripted, hang_up, reset, say};
use crate::support::{Person, Site, peer};

const OBJECT: &str = "/-/objects/scans/media/x.bin";
const HEAD: &str = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Type: image/png\r\n";

fn install(port: u16) -> (Site, Person) {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let address = format!("127.0.0.1:{port}");
    let mut site = Site::prepare(
        "connect_seconds = 2\nanswer_seconds = 1\nstall_seconds = 1\n[credentials.default]\nkind = \"static\"\n\
         access_key_id = { file = \"id\" }\nsecret_access_key = { file = \"secret\" }\n",
        &[&address],
        "",
    );
    site.secret("id", "AKIAEXAMPLEEXAMPLE");
    site.secret("secret", "example-secret-example-secret");
    let place = format!(
        "--bucket b --prefix p/ --region eu-central-1 --endpoint http://{address} --addressing path"
    );
    let reader = site.person("acme", "reader@example.com", "owner");
    site.project("acme", "scans", &place);
    site.start();
    (site, reader)
}

fn before(
    script: impl Fn(usize, &str, &mut TcpStream) + Send + Sync + 'static,
) -> (Site, Person, Scripted) {
    let upstream = Scripted::start(script);
    let (site, reader) = install(upstream.port);
    (site, reader, upstream)
}

async fn refused(site: &Site, reader: &Person, status: StatusCode, code: &str) {
    let answer = site.get(OBJECT, Some(reader)).await;
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text());
}

/// The answer begins well and must not end well.
async fn breaks_off(site: &Site, reader: &Person) {
    let asked = site.client().get(site.url(OBJECT)).bearer_auth(&reader.token);
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.bytes().await;
    assert!(body.is_err(), "a clean end after {} bytes", body.unwrap().len());
}

#[tokio::test]
async fn a_refused_connection_is_503() {
    let (site, reader) = install(peer::free_port());
    refused(&site, &reader, StatusCode::SERVICE_UNAVAILABLE, "storage-unavailable").await;
}

#[tokio::test]
async fn a_connection_that_is_closed_before_the_answer_is_502() {
    let (site, reader, _upstream) = before(|_, _, socket| hang_up(socket));
    refused(&site, &reader, StatusCode::BAD_GATEWAY, "storage-fault").await;
}

#[tokio::test]
async fn an_upstream_that_says_nothing_is_504_in_time() {
    let (site, reader, _upstream) = before(|_, _, _| ());
    let begin = Instant::now();
    refused(&site, &reader, StatusCode::GATEWAY_TIMEOUT, "storage-timeout").await;
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_storm_of_5xx_is_503_and_does_not_pile_up() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let (site, reader, _upstream) = before(move |_, _, socket| {
        counted.fetch_add(1, Ordering::SeqCst);
        say(socket, "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n");
    });
    // One client connection, so that one thread of the gateway, with its one budget, asks for all.
    let client = site.client();
    for _ in 0..60 {
        let answer = client.get(site.url(OBJECT)).bearer_auth(&reader.token).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.text().await.unwrap().contains("storage-unavailable"));
    }
    // A tenth more, and the five that may be repeated at the start.
    let asked = asked.load(Ordering::SeqCst);
    assert!((60..=60 + 6 + 5).contains(&asked), "the upstream was asked {asked} times");
}

#[tokio::test]
async fn a_reset_before_the_answer_is_502_and_one_within_it_breaks_off() {
    let (site, reader, _upstream) = before(|_, _, socket| reset(socket));
    refused(&site, &reader, StatusCode::BAD_GATEWAY, "storage-fault").await;
    let (site, reader, _upstream) = before(|_, _, socket| {
        say(socket, &format!("{HEAD}Content-Length: 1000\r\n\r\nonly this"));
        reset(socket);
    });
    breaks_off(&site, &reader).await;
}

#[tokio::test]
async fn a_truncated_answer_breaks_off() {
    let (site, reader, _upstream) = before(|_, _, socket| {
        say(socket, &format!("{HEAD}Content-Length: 1000\r\n\r\nonly this"));
        hang_up(socket);
    });
    breaks_off(&site, &reader).await;
}

#[tokio::test]
async fn an_answer_that_stalls_breaks_off() {
    let (site, reader, _upstream) = before(|_, _, socket| {
        say(socket, &format!("{HEAD}Content-Length: 1000\r\n\r\nonly this"));
        // Open until the gateway goes.
        drop(socket.read(&mut [0]));
    });
    breaks_off(&site, &reader).await;
}

#[tokio::test]
async fn an_answer_with_two_lengths_is_502() {
    let (site, reader, _upstream) = before(|_, _, socket| {
        say(socket, &format!("{HEAD}Content-Length: 4\r\nContent-Length: 9\r\n\r\nfour"));
    });
    refused(&site, &reader, StatusCode::BAD_GATEWAY, "storage-fault").await;
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_502() {
    let (site, reader, _upstream) = before(|_, _, socket| {
        say(socket, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
    });
    refused(&site, &reader, StatusCode::BAD_GATEWAY, "storage-fault").await;
}

#[tokio::test]
async fn a_connection_with_garbage_after_the_body_is_not_used_again() {
    let (site, reader, upstream) = before(|nth, _, socket| {
        let garbage =
            if nth == 0 { "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil" } else { "" };
        say(socket, &format!("{HEAD}Content-Length: 4\r\n\r\ngood{garbage}"));
    });
    // One client connection, so that one thread of the gateway, with its one pool, answers all.
    let client = site.client();
    for _ in 0..4 {
        let asked = client.get(site.url(OBJECT)).bearer_auth(&reader.token);
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.bytes().await.unwrap(), "good");
    }
    assert_eq!(upstream.connections(), 2, "the first is thrown away, the second is kept");
}

#[tokio::test]
async fn keys_that_one_bucket_does_not_know_still_open_the_others() {
    let (site, reader, upstream) = before(|_, head, socket| {
        if head.contains("/b/elsewhere/") {
            let body = "<Error><Code>InvalidAccessKeyId</Code></Error>";
            let length = body.len();
            say(socket, &format!("HTTP/1.1 403 No\r\nContent-Length: {length}\r\n\r\n{body}"));
        } else {
            say(socket, &format!("{HEAD}Content-Length: 4\r\n\r\ngood"));
        }
    });
    let place = format!(
        "--bucket b --prefix elsewhere/ --region eu-central-1 --endpoint http://127.0.0.1:{} \
         --addressing path",
        upstream.port
    );
    site.project("acme", "maps", &place);
    for _ in 0..5 {
        let mut ill = StatusCode::NOT_FOUND;
        // Until the new project is noticed.
        while ill == StatusCode::NOT_FOUND {
            ill = site.get("/-/objects/maps/media/x.bin", Some(&reader)).await.status;
        }
        assert_eq!(ill, StatusCode::SERVICE_UNAVAILABLE);
        let well = site.get(OBJECT, Some(&reader)).await;
        assert_eq!((well.status, well.text().as_str()), (StatusCode::OK, "good"));
    }
}
