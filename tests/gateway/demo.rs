//! What the demo prints is true: a stranger to the project can try each promise with a plain client.

use std::process::Command;
use std::sync::OnceLock;

use reqwest::{Client, StatusCode, Version};

use crate::support::Demo;

fn demo() -> &'static Demo {
    static DEMO: OnceLock<Demo> = OnceLock::new();
    DEMO.get_or_init(Demo::start)
}

fn client() -> Client {
    demo().client().build().unwrap()
}

fn object() -> String {
    demo().url(demo().value("DEMO_OBJECT_PATH"))
}

fn digest(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn whole(client: &Client) -> Vec<u8> {
    let asked = client.get(object()).bearer_auth(demo().value("DEMO_ANNOTATOR_TOKEN"));
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.bytes().await.unwrap().to_vec()
}

#[test]
fn the_demo_prints_its_keys_and_keeps_to_its_arguments() {
    let demo = demo();
    let names = [
        "DEMO_ADMIN_EMAIL",
        "DEMO_ADMIN_PASSWORD",
        "DEMO_ANNOTATOR_EMAIL",
        "DEMO_ANNOTATOR_PASSWORD",
        "DEMO_ANNOTATOR_TOKEN",
        "DEMO_AUDIT",
        "DEMO_CONFIG",
        "DEMO_OBJECT_PATH",
        "DEMO_OBJECT_SHA256",
        "DEMO_STRANGER_TOKEN",
        "SLUICEGATE_CA",
        "SLUICEGATE_OPERATIONS_URL",
        "SLUICEGATE_URL",
    ];
    assert_eq!(demo.names(), names);
    let [listen, operations] = &demo.addresses;
    let port = listen.rsplit(':').next().unwrap();
    assert_eq!(demo.value("SLUICEGATE_URL"), format!("https://localhost:{port}"));
    assert_eq!(demo.value("SLUICEGATE_OPERATIONS_URL"), format!("http://{operations}"));
    let state = demo.folder.path().join("state");
    for name in ["SLUICEGATE_CA", "DEMO_CONFIG", "DEMO_AUDIT"] {
        let path = std::path::Path::new(demo.value(name));
        assert!(path.starts_with(&state) && path.exists(), "{name}: {}", path.display());
    }
    assert!(state.join("records.sqlite").exists());
}

#[tokio::test]
async fn the_demo_is_ready_when_it_prints() {
    let ready = format!("{}/readyz", demo().value("SLUICEGATE_OPERATIONS_URL"));
    let answer = client().get(ready).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
}

#[tokio::test]
async fn the_annotator_gets_the_object_with_the_printed_digest() {
    let bytes = whole(&client()).await;
    assert_eq!(digest(&bytes), demo().value("DEMO_OBJECT_SHA256"));
}

#[tokio::test]
async fn nobody_gets_401_and_the_stranger_404() {
    let nobody = client().get(object()).send().await.unwrap();
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    let token = demo().value("DEMO_STRANGER_TOKEN");
    let stranger = client().get(object()).bearer_auth(token).send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_suffix_range_gives_exactly_the_last_100_bytes() {
    let client = client();
    let bytes = whole(&client).await;
    let asked = client.get(object()).bearer_auth(demo().value("DEMO_ANNOTATOR_TOKEN"));
    let answer = asked.header("range", "bytes=-100").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(answer.bytes().await.unwrap(), bytes[bytes.len() - 100..]);
}

#[tokio::test]
async fn a_navigation_without_a_session_goes_to_the_sign_in_page() {
    let answer = client().get(object()).header("accept", "text/html").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(location.starts_with("/-/sign-in"), "{location}");
}

#[tokio::test]
async fn a_refused_upload_shows_its_403_over_both_protocols_and_at_every_size() {
    for version in [Version::HTTP_2, Version::HTTP_11] {
        let builder = match version {
            Version::HTTP_11 => demo().client().http1_only(),
            _ => demo().client(),
        };
        let client = builder.build().unwrap();
        for size in [16, 2 << 20] {
            for attempt in 0..20 {
                let asked = client
                    .put(object())
                    .bearer_auth(demo().value("DEMO_ANNOTATOR_TOKEN"))
                    .body(vec![b'x'; size]);
                let what = format!("attempt {attempt}, {version:?}, {size} bytes");
                let answer = asked.send().await.unwrap_or_else(|fault| panic!("{what}: {fault:?}"));
                assert_eq!(answer.version(), version, "{what}");
                assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{what}");
                let text = answer.text().await.unwrap_or_else(|fault| panic!("{what}: {fault:?}"));
                assert!(text.contains("\"forbidden\""), "{what}: {text}");
            }
        }
    }
}

#[test]
fn a_second_demo_in_the_same_folder_is_refused_and_the_first_goes_on() {
    let state = demo().folder.path().join("state");
    let key = std::fs::read(state.join("key.pem")).unwrap();
    let second = Command::new(env!("CARGO_BIN_EXE_sluicegate"))
        .args(["demo", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--state"])
        .arg(&state)
        .output()
        .unwrap();
    let told = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{told}");
    assert!(told.contains("another demo runs in") && told.contains("--state"), "{told}");
    assert_eq!(std::fs::read(state.join("key.pem")).unwrap(), key);
}

/// Unlike our own client, curl gives an answer up when its stream is reset while it still sends.
#[test]
fn curl_sees_the_403_of_a_refused_upload_over_both_protocols() {
    // curl 7.88 itself gives up a long HTTP/2 upload that is answered early, now and then: our own client tries that.
    let [body, short] = ["upload", "short"].map(|name| demo().folder.path().join(name));
    std::fs::write(&body, vec![b'x'; 2 << 20]).unwrap();
    std::fs::write(&short, b"x").unwrap();
    let bearer = format!("Authorization: Bearer {}", demo().value("DEMO_ANNOTATOR_TOKEN"));
    for (protocol, body) in [("--http1.1", &body), ("--http1.1", &short), ("--http2", &short)] {
        for attempt in 0..20 {
            let output = Command::new("curl")
                .args([
                    "--silent",
                    "--show-error",
                    "--noproxy",
                    "*",
                    protocol,
                    "--output",
                    "/dev/null",
                ])
                .args(["--cacert", demo().value("SLUICEGATE_CA"), "--header", &bearer])
                .args(["--write-out", "%{http_code}", "--upload-file"])
                .arg(body)
                .arg(object())
                .output()
                .unwrap();
            assert!(output.status.success(), "attempt {attempt}, {protocol}: {output:?}");
            assert_eq!(output.stdout, b"403", "attempt {attempt}, {protocol}");
        }
    }
}
