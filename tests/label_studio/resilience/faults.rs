//! Answers that are none, each by its name.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};

use super::pretender::{Done, SECRET, answer, is_the_gateways};
use super::{Stage, TASKS};

const JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const FAULT: (StatusCode, &str) = (StatusCode::BAD_GATEWAY, "storage-fault");
const UNAVAILABLE: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "storage-unavailable");
const TIMEOUT: (StatusCode, &str) = (StatusCode::GATEWAY_TIMEOUT, "storage-timeout");

async fn stage() -> Stage {
    let stage = tokio::task::spawn_blocking(Stage::set).await.unwrap();
    stage.is_well("the start", TASKS).await;
    stage
}

fn refusals() -> Vec<(&'static str, String, (StatusCode, &'static str))> {
    let html = format!("<h1>Traceback</h1>/srv/{SECRET}/settings.py");
    let detail = format!("{{\"detail\":\"/srv/{SECRET}/views.py\"}}");
    let head = |more: &str| format!("{JSON}{more}\r\nContent-Length: 2\r\n\r\n{{}}");
    let redirect =
        |to: &str| format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    vec![
        ("nothing, and the end", String::new(), FAULT),
        ("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(), FAULT),
        ("a status of letters", "HTTP/1.1 OK fine\r\n\r\n".to_owned(), FAULT),
        ("half a head", "HTTP/1.1 200 OK\r\nContent-Ty".to_owned(), FAULT),
        ("a header of a megabyte", head(&format!("X-Long: {}", "a".repeat(1 << 20))), FAULT),
        ("ten thousand headers", head(&"X-Many: 1\r\n".repeat(10_000)), FAULT),
        ("two lengths", head("Content-Length: 9"), FAULT),
        ("a length and chunks", head("Transfer-Encoding: chunked"), FAULT),
        ("a page where JSON was expected", answer("200 OK", "text/html", &html), FAULT),
        ("no type", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_owned(), FAULT),
        ("JSON of an unknown form", answer("200 OK", "application/jsonp", "f({})"), FAULT),
        (
            "a 500 that tells",
            answer("500 Internal Server Error", "application/json", &detail),
            UNAVAILABLE,
        ),
        ("a page of a 500", answer("500 Internal Server Error", "text/html", &html), UNAVAILABLE),
        ("a 502 of a proxy before it", answer("502 Bad Gateway", "text/html", &html), UNAVAILABLE),
        ("a 503 that tells", answer("503 Unavailable", "text/plain", &html), UNAVAILABLE),
        (
            "a 404 that tells",
            answer("404 Not Found", "application/json", &detail),
            (StatusCode::NOT_FOUND, "not-found"),
        ),
        ("elsewhere", redirect(&format!("https://{SECRET}.example/")), FAULT),
        ("elsewhere, without a scheme", redirect(&format!("//{SECRET}.example/")), FAULT),
        ("elsewhere, by a backslash", redirect(&format!("/\\{SECRET}.example/")), FAULT),
        ("its log-in page", redirect("/user/login/?next=/"), UNAVAILABLE),
        ("not modified, and nobody asked", "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned(), FAULT),
        (
            "another protocol",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
                .to_owned(),
            FAULT,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_is_refused_and_told_apart() {
    let stage = stage().await;
    for (what, bytes, expected) in refusals() {
        stage.studio.says(bytes);
        stage.refused(what, TASKS, expected).await;
        stage.is_well(what, TASKS).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_goes_wrong_on_its_way_never_ends_well() {
    let stage = stage().await;
    let with_length =
        |length: usize, body: &str| format!("{JSON}Content-Length: {length}\r\n\r\n{body}");
    let whole = |body: &str| with_length(body.len(), body);
    for (what, bytes) in [
        ("cut short", with_length(1000, r#"{"tasks":[{"id":1"#)),
        (
            "chunks without an end",
            format!("{JSON}Transfer-Encoding: chunked\r\n\r\n9\r\n{{\"tasks\"\r\n"),
        ),
        ("a chunk of no length", format!("{JSON}Transfer-Encoding: chunked\r\n\r\nx\r\n")),
        ("JSON that breaks off", whole(r#"{"tasks":[{"id":1},"#)),
        (
            "JSON that breaks in the middle",
            whole(&format!(r#"{{"tasks":[{{"id":1}},<html>{SECRET}]}}"#)),
        ),
        ("two documents", whole("{}{}")),
        ("no UTF-8", format!("{JSON}Content-Length: 4\r\n\r\n\"\u{1}\"x")),
        ("too deep", whole(&"[".repeat(1000))),
        ("a text without end", whole(&format!("\"{}", "a".repeat(17 << 20)))),
        (
            "compressed, and nobody asked",
            format!("{JSON}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x08\x08"),
        ),
    ] {
        stage.studio.says(bytes);
        stage.breaks_off(what, TASKS).await;
        stage.is_well(what, TASKS).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_borne_as_long_as_the_settings_say() {
    let stage = stage().await;
    // Of a person's question.
    stage.studio.does(|head, _| if is_the_gateways(head) { Done::No } else { Done::Yes });
    stage.refused("silence", TASKS, TIMEOUT).await;
    stage.is_well("silence", TASKS).await;
    // Of a look-up of the gateway's own.
    stage.studio.does(|head, _| if is_the_gateways(head) { Done::Yes } else { Done::No });
    stage.refused("silence to a look-up", "/api/tasks/6", UNAVAILABLE).await;
    stage.is_well("silence to a look-up", "/api/tasks/5").await;
    // In the middle of an answer.
    stage.studio.does(|head, socket| {
        if is_the_gateways(head) {
            return Done::No;
        }
        drop(socket.write_all(format!("{JSON}Content-Length: 99\r\n\r\n[1,").as_bytes()));
        Done::Yes
    });
    stage.breaks_off("silence in the middle", TASKS).await;
    stage.is_well("silence in the middle", TASKS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_is_no_answer_permits_nothing() {
    let stage = stage().await;
    for (what, said) in [
        ("nothing", String::new()),
        ("no JSON", answer("200 OK", "application/json", "<html>")),
        ("another shape", answer("200 OK", "application/json", "\"6\"")),
        ("a project of letters", answer("200 OK", "application/json", r#"{"id":6,"project":"1"}"#)),
        ("a 500", answer("500 Oops", "application/json", &format!("{{\"detail\":\"{SECRET}\"}}"))),
        (
            "elsewhere",
            "HTTP/1.1 302 Found\r\nLocation: /api/tasks/5/\r\nContent-Length: 0\r\n\r\n".to_owned(),
        ),
        (
            "too long",
            answer("200 OK", "application/json", &format!("\"{}\"", "a".repeat(65 << 20))),
        ),
    ] {
        stage.studio.does(move |head, socket| {
            if !head.contains("/api/tasks/6/") {
                return Done::No;
            }
            assert!(is_the_gateways(head), "asked without knowing: {head}");
            drop(socket.write_all(said.as_bytes()));
            crate::support::scripted::hang_up(socket);
            Done::Yes
        });
        stage.refused(what, "/api/tasks/6", UNAVAILABLE).await;
        stage.is_well(what, "/api/tasks/5").await;
    }
    // No project at all: nothing that could be decided about.
    stage.studio.does(|head, socket| {
        if !head.contains("/api/tasks/6/") {
            return Done::No;
        }
        drop(socket.write_all(answer("200 OK", "application/json", r#"{"id":6}"#).as_bytes()));
        Done::Yes
    });
    stage.refused("no project", "/api/tasks/6", (StatusCode::NOT_FOUND, "not-found")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_its_headers_comes_through() {
    let stage = stage().await;
    let more = format!(
        "Set-Cookie: sessionid={SECRET}\r\nAccess-Control-Allow-Origin: *\r\nServer: {SECRET}\r\nX-Secret: {SECRET}\r\n\
         Via: {SECRET}\r\nX-Frame-Options: ALLOWALL\r\nContent-Security-Policy: {SECRET}\r\nETag: \"{SECRET}\"\r\n\
         Link: <http://{SECRET}/>\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    stage.studio.says(format!("{JSON}{more}"));
    let answer = stage.ask(TASKS).await;
    assert_eq!((answer.status, &*answer.text()), (StatusCode::OK, "{}"));
    assert_eq!(answer.header("cache-control"), "private, no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_read_no_faster_than_it_is_taken() {
    let stage = stage().await;
    let gone = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&gone);
    stage.studio.does(move |head, socket| {
        if is_the_gateways(head) {
            return Done::No;
        }
        drop(
            socket.write_all(
                format!("{JSON}Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n").as_bytes(),
            ),
        );
        let piece = format!("10000\r\n{}\r\n", "1234567,".repeat(8192));
        while socket.write_all(piece.as_bytes()).is_ok() {}
        told.store(true, Ordering::SeqCst);
        Done::Yes
    });
    let asked = stage.site.client().get(stage.site.url(TASKS)).bearer_auth(&stage.ann.token);
    let mut answer = asked.send().await.unwrap();
    let mut taken = 0;
    while taken < 4 << 20 {
        taken += answer.chunk().await.unwrap().unwrap().len();
    }
    drop(answer);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !gone.load(Ordering::SeqCst) {
        assert!(Instant::now() < deadline, "it is still being read");
        tokio::task::yield_now().await;
    }
    stage.is_well("an answer without end", TASKS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_files_that_are_none_are_not_shown_and_not_kept() {
    let stage = stage().await;
    let html = |body: &str| answer("200 OK", "text/html", body);
    let (page, file) = ("/projects/1/data", "/react-app/main.js");
    let all = [
        ("a page of JSON", page, answer("200 OK", "application/json", "{}")),
        ("a page without end", page, html(&"a".repeat(3 << 20))),
        ("a page that is cut short", page, html("<html>").replace("Length: 6", "Length: 600")),
        ("a file that is a page", file, html("<script>")),
        (
            "a file that is cut short",
            file,
            answer("200 OK", "text/javascript", "let a").replace("Length: 5", "Length: 50"),
        ),
        ("a file of 40 MiB", file, answer("200 OK", "text/javascript", &"a".repeat(40 << 20))),
        (
            "a compressed file",
            file,
            answer("200 OK", "text/javascript\r\nContent-Encoding: br", "let a"),
        ),
    ];
    for (nth, (what, path, bytes)) in all.into_iter().enumerate() {
        // Another name each time: a file that is well is kept.
        let path = if path == file { format!("{file}?v=12{nth}") } else { path.to_owned() };
        stage.studio.says(bytes);
        stage.refused(what, &path, FAULT).await;
        stage.is_well(what, &path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_not_answered_is_not_repeated() {
    let stage = stage().await;
    let written = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&written);
    stage.studio.does(move |head, socket| {
        if is_the_gateways(head) || !head.starts_with("PATCH ") {
            return Done::No;
        }
        counted.fetch_add(1, Ordering::SeqCst);
        crate::support::scripted::hang_up(socket);
        Done::Yes
    });
    let json = [("content-type", "application/json")];
    let patch =
        stage.site.send(Method::PATCH, "/api/tasks/5/", Some(&stage.ann), &json, b"{}".to_vec());
    let refused = patch.await;
    assert_eq!((refused.status, &*refused.code()), FAULT);
    assert_eq!(written.load(Ordering::SeqCst), 1);
    stage.is_well("a write", TASKS).await;
}
