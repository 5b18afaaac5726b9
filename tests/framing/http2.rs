//! HTTP/2 through the h2 crate's client, which sends what it is told.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, StatusCode};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::server::Server;
use crate::tls::client_config;

const ROOT: &str = "https://gw.example.com/";

fn within<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), work).await.unwrap() })
}

async fn secured(server: &Server) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(server.https).await.unwrap();
    let connector = TlsConnector::from(client_config(rustls::ALL_VERSIONS, &[b"h2"]));
    let name = ServerName::try_from("gw.example.com").unwrap();
    connector.connect(name, tcp).await.unwrap()
}

async fn connect(server: &Server) -> SendRequest<Bytes> {
    let tls = secured(server).await;
    let (sender, connection) = h2::client::handshake(tls).await.unwrap();
    tokio::spawn(connection);
    sender.ready().await.unwrap()
}

async fn ask(
    sender: &SendRequest<Bytes>,
    request: Request<()>,
) -> Result<(StatusCode, String), h2::Error> {
    let mut sender = sender.clone().ready().await?;
    let (response, _) = sender.send_request(request, true)?;
    let (head, mut body) = response.await?.into_parts();
    let mut text = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        text.extend_from_slice(&data);
    }
    Ok((head.status, String::from_utf8(text).unwrap()))
}

fn get(uri: &str) -> http::request::Builder {
    Request::get(uri)
}

#[test]
fn requests_run_side_by_side() {
    let server = Server::start();
    within(async {
        let sender = connect(&server).await;
        let asked = (0..50).map(|n| {
            let sender = sender.clone();
            tokio::spawn(async move {
                ask(&sender, get(&format!("{ROOT}{n}")).body(()).unwrap()).await.unwrap()
            })
        });
        for (n, answer) in asked.collect::<Vec<_>>().into_iter().enumerate() {
            let (status, text) = answer.await.unwrap();
            assert_eq!(status, 200);
            assert!(text.starts_with(&format!("told GET /{n} host=gw.example.com ")), "{text}");
        }
    });
}

#[test]
fn faults_are_told_and_leave_the_connection_alone() {
    let server = Server::start();
    let cases = [
        (get("https://other.example.com/"), "MisdirectedHost"),
        (get(ROOT).header("host", "other.example.com"), "BadHost"),
        (get(ROOT).header("host", "gw.example.com").header("host", "gw.example.com"), "BadHost"),
        (get("https://gw.example.com/a\\b"), "BadTarget"),
        (get("https://gw.example.com/a%2Fb"), "BadTarget"),
        (Request::builder().method("TRACE").uri(ROOT), "BadMethod"),
        (get(ROOT).header("expect", "x"), "BadExpectation"),
        (get(ROOT).header("authorization", "a").header("authorization", "b"), "MalformedHead"),
    ];
    within(async {
        let sender = connect(&server).await;
        for (request, fault) in cases {
            let (status, text) = ask(&sender, request.body(()).unwrap()).await.unwrap();
            assert_eq!((status, text), (StatusCode::BAD_REQUEST, format!("fault {fault}\n")));
        }
        let many = (0..101).fold(get(ROOT), |request, n| request.header(format!("a{n}"), "b"));
        let (_, text) = ask(&sender, many.body(()).unwrap()).await.unwrap();
        assert_eq!(text, "fault HeadTooLarge\n");
        let large = get(ROOT).header("large", "a".repeat(40_000)).body(()).unwrap();
        let (_, text) = ask(&sender, large).await.unwrap();
        assert_eq!(text, "fault HeadTooLarge\n", "refused by us: h2 would leave no record");
        let (status, _) = ask(&sender, get(ROOT).body(()).unwrap()).await.unwrap();
        assert_eq!(status, 200);
    });
}

#[test]
fn connection_headers_and_wrong_lengths_are_refused() {
    let server = Server::start();
    within(async {
        let sender = connect(&server).await;
        for (name, value) in
            [("connection", "close"), ("transfer-encoding", "chunked"), ("te", "gzip")]
        {
            let refused = ask(&sender, get(ROOT).header(name, value).body(()).unwrap()).await;
            assert!(!matches!(refused, Ok((StatusCode::OK, _))), "{name}: {refused:?}");
        }
        // a Content-Length that the data does not keep
        let mut sender = connect(&server).await;
        let request = Request::post(ROOT).header("content-length", "5").body(()).unwrap();
        let (response, mut body) = sender.send_request(request, false).unwrap();
        body.send_data(Bytes::from_static(b"more than five"), true).unwrap();
        let told = match response.await {
            Ok(response) => {
                String::from_utf8_lossy(&response.into_body().data().await.unwrap().unwrap())
                    .into_owned()
            }
            Err(error) => error.to_string(),
        };
        assert!(!told.contains("14 bytes"), "{told}");
    });
}

#[test]
fn a_head_request_gets_a_length_and_no_body() {
    let server = Server::start();
    within(async {
        let mut sender = connect(&server).await;
        let request = Request::head(ROOT).body(()).unwrap();
        let (response, _) = sender.send_request(request, true).unwrap();
        let response = response.await.unwrap();
        assert!(response.headers()["content-length"].to_str().unwrap().parse::<u64>().unwrap() > 0);
        assert!(response.headers().contains_key("strict-transport-security"));
        assert!(response.into_body().data().await.is_none());
    });
}

/// One frame: RFC 9113, section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:method: POST`, `:scheme: https`, `:path: /`, `:authority: gw.example.com` (RFC 7541, appendix A).
const HEAD: &[u8] = b"\x83\x87\x84\x41\x0egw.example.com";

/// Sends all of this at once and reads to the connection's end: the error code of the server's goodbye.
fn goodbye(server: &Server, frames: &[u8]) -> Option<u32> {
    let config = client_config(rustls::ALL_VERSIONS, &[b"h2"]);
    let mut tls = crate::tls::connect(server, "gw.example.com", config).unwrap();
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &*frame(SETTINGS, 0, 0, &[])].concat();
    // The server may close before it has read everything.
    drop(tls.write_all(&preface).and_then(|()| tls.write_all(frames)));
    let mut heard = Vec::new();
    if let Err(error) = tls.read_to_end(&mut heard) {
        assert_ne!(error.kind(), ErrorKind::WouldBlock, "the connection was not ended");
    }
    let mut rest = heard.as_slice();
    while let [a, b, c, kind, _, _, _, _, _, after @ ..] = rest {
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap();
        let (payload, next) = after.split_at_checked(length)?;
        if *kind == GOAWAY {
            return payload.get(4..8).map(|code| u32::from_be_bytes(code.try_into().unwrap()));
        }
        rest = next;
    }
    None
}

#[test]
fn a_flood_ends_its_connection_and_nothing_else() {
    let server = Server::start();
    let streams = || (0..1000).map(|n| 2 * n + 1);
    let post = frame(HEADERS, END_HEADERS, 1, HEAD);
    let endless = frame(HEADERS, 0, 1, HEAD);
    let floods = [
        (
            "resets",
            streams()
                .flat_map(|stream| {
                    let cancel = frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
                    [frame(HEADERS, END_HEADERS, stream, HEAD), cancel].concat()
                })
                .collect(),
        ),
        ("continuations", [endless, frame(CONTINUATION, 0, 1, &[]).repeat(1000)].concat()),
        ("empty data", [post, frame(DATA, 0, 1, &[]).repeat(1000)].concat()),
        (
            "empty heads",
            streams()
                .flat_map(|stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &[]))
                .collect::<Vec<u8>>(),
        ),
    ];
    for (name, frames) in floods {
        let code = goodbye(&server, &frames);
        assert_eq!(code, Some(u32::from(h2::Reason::ENHANCE_YOUR_CALM)), "{name}");
    }
    within(async {
        let sender = connect(&server).await;
        assert_eq!(ask(&sender, get(ROOT).body(()).unwrap()).await.unwrap().0, 200);
    });
}

#[test]
fn a_drain_says_goodbye_and_lets_streams_end() {
    let server = Server::start();
    within(async {
        let mut sender = connect(&server).await;
        let request = Request::post(ROOT).body(()).unwrap();
        let (response, mut body) = sender.send_request(request, false).unwrap();
        body.send_data(Bytes::from_static(b"ab"), false).unwrap();
        // the stream is known to be open once another one was answered
        ask(&sender, get(ROOT).body(()).unwrap()).await.unwrap();
        server.drain.begin();
        while sender.clone().ready().await.is_ok()
            && ask(&sender, get(ROOT).body(()).unwrap()).await.is_ok()
        {}
        body.send_data(Bytes::from_static(b"cd"), true).unwrap();
        let mut body = response.await.unwrap().into_body();
        let text = body.data().await.unwrap().unwrap();
        assert!(text.ends_with(b"body=4 bytes, no trailers: true\n"), "{text:?}");
    });
}

#[test]
fn a_client_that_opens_no_window_is_cut_off() {
    let server = Server::with(|settings| settings.limits.stall = Duration::from_secs(1));
    within(async {
        let mut sender = connect(&server).await;
        let request = get("https://gw.example.com/-/endless").body(()).unwrap();
        let (response, _) = sender.send_request(request, true).unwrap();
        let mut body = response.await.unwrap().into_body();
        // takes the data and never gives capacity back
        let ended = loop {
            match body.data().await {
                Some(Ok(_)) => (),
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        };
        assert!(ended.is_some(), "an endless answer has no clean end");
    });
}

#[test]
fn an_upload_outlives_the_downloads_beside_it() {
    let server = Server::with(|settings| settings.limits.stall = Duration::from_secs(1));
    within(async {
        let mut sender = connect(&server).await;
        let request = Request::put(ROOT).body(()).unwrap();
        let (response, mut body) = sender.send_request(request, false).unwrap();
        ask(&sender, get(ROOT).body(()).unwrap()).await.unwrap();
        let mut beat = tokio::time::interval(Duration::from_millis(300));
        for _ in 0..12 {
            beat.tick().await;
            body.send_data(Bytes::from_static(b"a piece "), false).unwrap();
        }
        body.send_data(Bytes::new(), true).unwrap();
        let mut answer = response.await.unwrap().into_body();
        let told = answer.data().await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&told).contains("96 bytes"), "{told:?}");
    });
}

#[test]
fn a_head_that_never_ends_is_not_waited_for() {
    let server = Server::with(|settings| {
        settings.limits.head = Duration::from_secs(1);
        settings.limits.idle = Duration::from_secs(600);
    });
    within(async {
        let mut tls = secured(&server).await;
        tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let half_a_head = [0, 0, 100, 1, 4, 0, 0, 0, 1, 0x82];
        tls.write_all(&[&settings[..], &half_a_head].concat()).await.unwrap();
        // The end, after the goodbye, and within the half minute that this may take.
        tls.read_to_end(&mut Vec::new()).await.unwrap_or_default();
    });
}
