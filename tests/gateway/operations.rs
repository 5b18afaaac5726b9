//! What an operator sees: readiness, metrics, reloads, the end, and `check`.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::scripted::{Scripted, say};
use crate::support::{Person, Site, peer, site::inside};

const CREDENTIALS: &str = "[credentials.default]\nkind = \"chain\"\n";

/// Asks the operations address.
fn ask(site: &Site, path: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(("127.0.0.1", site.operations)).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: o\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn metric(site: &Site, name: &str) -> i64 {
    let (_, page) = ask(site, "/metrics");
    let line = page.lines().find(|line| line.starts_with(&format!("{name} ")));
    let line = line.unwrap_or_else(|| panic!("{name} is not in\n{page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn eventually(what: &str, site: &Site, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}\n{}", site.log());
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn edit(site: &Site, from: &str, to: &str) {
    let file = inside(site, "sluicegate.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from} is not in the settings");
    fs::write(file, text.replace(from, to)).unwrap();
}

#[tokio::test]
async fn a_gateway_tells_that_it_is_ready_and_what_it_did() {
    let mut site = Site::prepare(CREDENTIALS, &[], "");
    site.start();
    let (status, readiness) = ask(&site, "/readyz");
    let readiness: serde_json::Value = serde_json::from_str(&readiness).unwrap();
    assert_eq!(status, 200, "{readiness}");
    assert_eq!(readiness["ready"], true);
    assert_eq!(readiness["settings_generation"], 1);
    assert_eq!(ask(&site, "/livez").0, 200);
    assert_eq!(ask(&site, "/nothing").0, 404);
    assert_eq!(site.get("/-/api/account", None).await.status, 401);
    let refused = "sluicegate_refusals_total{code=\"not-signed-in\"}";
    eventually("the refusal is counted", &site, || metric(&site, refused) == 1);
    eventually("nothing is in flight", &site, || {
        metric(&site, "sluicegate_requests_in_flight") == 0
    });
    assert_eq!(metric(&site, "sluicegate_settings_generation"), 1);
    let (_, page) = ask(&site, "/metrics");
    assert!(
        page.contains("sluicegate_tls_certificate_expiry_timestamp_seconds{certificate=\"1\"}")
    );
    assert!(page.ends_with("# EOF\n"), "{page}");
}

#[test]
fn wrong_settings_leave_the_old_in_force_and_right_ones_are_taken_up() {
    let mut site = Site::prepare(CREDENTIALS, &[], "");
    site.start();
    edit(&site, "level = \"info\"", "level = \"loud\"");
    site.signal("HUP");
    eventually("the reload fails", &site, || {
        metric(&site, "sluicegate_settings_last_reload_successful") == 0
    });
    assert_eq!(metric(&site, "sluicegate_settings_generation"), 1);
    assert_eq!(ask(&site, "/readyz").0, 200);
    assert!(site.log().contains("the old ones stay"), "{}", site.log());
    // Nobody sends a signal now: the changed file is enough.
    edit(&site, "level = \"loud\"", "level = \"debug\"\n[limits]\nhead_seconds = 11");
    eventually("the reload works", &site, || metric(&site, "sluicegate_settings_generation") == 2);
    assert_eq!(metric(&site, "sluicegate_settings_last_reload_successful"), 1);
    eventually("what needs a restart is named", &site, || {
        site.log().contains("limits.head_seconds")
    });
}

#[test]
fn told_to_stop_it_is_not_ready_first_and_then_ends_well() {
    let mut site = Site::prepare(CREDENTIALS, &[], "");
    edit(&site, "[operations]", "[operations]\ndrain_delay_seconds = 600");
    site.start();
    site.signal("TERM");
    eventually("it says that it is not ready", &site, || ask(&site, "/readyz").0 == 503);
    let (_, readiness) = ask(&site, "/readyz");
    assert!(readiness.contains("\"not_stopping\":false"), "{readiness}");
    assert!(readiness.contains("\"records\":true"), "{readiness}");
    // Whoever asks twice does not wait for the delay.
    site.signal("INT");
    assert_eq!(site.ended().code(), Some(0), "{}", site.log());
    let verified = site.try_run(&["audit", "verify"], "");
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn a_start_with_faults_tells_all_of_them_and_does_not_happen() {
    let site = Site::prepare(CREDENTIALS, &[], "[polcy]\nburst = 1\n");
    edit(&site, "threads = 2", "threads = \"two\"");
    let output = site.try_run(&["serve"], "");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    for word in ["2 faults", "listen.threads", "did you mean policy?", "sluicegate.toml:"] {
        assert!(told.contains(word), "{word} is not in\n{told}");
    }
    assert!(!inside(&site, "records.sqlite").exists(), "nothing may have been touched");
}

#[test]
fn check_finds_faults_of_policies_and_certificates_at_once() {
    let site = Site::prepare(CREDENTIALS, &[], "[policy]\nfolder = \"rules\"\n");
    let other = tempfile::tempdir().unwrap();
    let made = Command::new(peer::root().join("certs/make"))
        .arg(other.path())
        .arg("other.example.com")
        .output()
        .unwrap();
    assert!(made.status.success());
    fs::copy(other.path().join("chain.pem"), inside(&site, "chain.pem")).unwrap();
    fs::create_dir(inside(&site, "rules")).unwrap();
    fs::write(inside(&site, "rules/wrong.cedar"), "permit(principal, action, resource)").unwrap();
    let output = site.try_run(&["check", "--json"], "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["sound"], false);
    let faults = found["faults"].as_array().unwrap();
    let keys: Vec<_> = faults.iter().map(|fault| fault["key"].as_str().unwrap()).collect();
    assert!(keys.contains(&"policy") && keys.contains(&"listen.certificates"), "{found}");
    let names = faults.iter().any(|fault| fault["what"].as_str().unwrap().contains("localhost"));
    assert!(names, "the host that no certificate covers is not named: {found}");
    let drawn = String::from_utf8(site.try_run(&["check"], "").stderr).unwrap();
    assert!(drawn.contains("wrong.cedar"), "{drawn}");
}

#[test]
fn check_finds_nothing_in_a_sound_install() {
    let site = Site::prepare(CREDENTIALS, &[], "");
    let output = site.try_run(&["check"], "");
    assert!(output.status.success(), "{output:?}");
    assert!(!inside(&site, "records.sqlite").exists(), "a check makes nothing");
}

#[tokio::test]
async fn logs_carry_the_request_and_neither_logs_nor_metrics_a_person_or_a_key() {
    let upstream = Scripted::start(|_, _, socket| {
        say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: \"a\"\r\n\r\ngood");
    });
    let mut site = before(&upstream, "");
    let reader = site.person("acme", "rosalind@example.com", "owner");
    let place = place(&upstream);
    site.project("acme", "nebula", &place);
    site.start();
    let mut ids = Vec::new();
    for (path, who, status) in [
        ("/-/objects/nebula/media/andromeda.png", Some(&reader), 200),
        ("/-/objects/nebula/media/andromeda.png", None, 401),
        ("/-/objects/absent/media/andromeda.png", Some(&reader), 404),
        ("/-/objects/nebula/media/andromeda%00.png", Some(&reader), 400),
    ] {
        let answer = site.get(path, who).await;
        assert_eq!(answer.status, status, "{path}");
        ids.push(answer.header("x-request-id").to_owned());
    }
    let lines = || -> Vec<serde_json::Value> {
        site.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    for id in &ids {
        eventually("the request is logged", &site, || {
            lines().iter().any(|line| line.to_string().contains(&format!("\"{id}\"")))
        });
    }
    let (_, metrics) = ask(&site, "/metrics");
    for word in ["rosalind", "andromeda", "nebula", "acme", reader.token.as_str(), "/-/"] {
        assert!(!metrics.contains(word), "{word} is in\n{metrics}");
        assert!(!site.log().contains(word), "{word} is in\n{}", site.log());
    }
}

/// An install before this upstream, with static keys.
fn before(upstream: &Scripted, more: &str) -> Site {
    let site = Site::prepare(
        "[credentials.default]\nkind = \"static\"\naccess_key_id = { file = \"id\" }\n\
         secret_access_key = { file = \"secret\" }\nsession_token = { file = \"session\" }\n",
        &[&format!("127.0.0.1:{}", upstream.port)],
        more,
    );
    site.secret("id", "AKIACANARYCANARYCANA");
    site.secret("secret", "canary/secret+access-key");
    site.secret("session", "canary-session-token");
    site
}

fn place(upstream: &Scripted) -> String {
    format!(
        "--bucket b --prefix p/ --region eu-central-1 --endpoint http://127.0.0.1:{} --addressing path",
        upstream.port
    )
}

/// R26: every secret that the gateway knows or is told is looked for in everything that it tells, at its most talkative.
#[tokio::test]
async fn no_secret_is_told_even_when_everything_is_logged() {
    let signatures = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&signatures);
    let upstream = Scripted::start(move |_, head, socket| {
        let signature = head.split_once("Signature=").map(|(_, rest)| rest[..64].to_owned());
        seen.lock().unwrap().extend(signature);
        let broken = head.contains("broken");
        let status = if broken { "403 Forbidden" } else { "200 OK" };
        say(socket, &format!("HTTP/1.1 {status}\r\nContent-Length: 4\r\nETag: \"a\"\r\n\r\ngood"));
    });
    let mut site = before(&upstream, "[log]\nlevel = \"trace\"\n");
    let person = site.person("acme", "owner@example.com", "owner");
    site.project("acme", "scans", &place(&upstream));
    let key_log = inside(&site, "tls-keys");
    site.start_under(&["env", &format!("SSLKEYLOGFILE={}", key_log.display()), "RUST_LOG=trace"]);

    let cookie = site.sign_in("owner@example.com").await;
    let wrong = Person { email: String::new(), token: format!("sgt_{}", "canary".repeat(8)) };
    let seal = br#"{"project":"scans","storage":"media","key":"x.png"}"#.to_vec();
    let json = [("content-type", "application/json")];
    let mut told = String::new();
    for answer in [
        site.get("/-/objects/scans/media/x.png", Some(&person)).await,
        site.get("/-/objects/scans/media/broken.png", Some(&person)).await,
        site.get("/-/objects/scans/media/x.png", Some(&wrong)).await,
        site.ask(Method::GET, "/-/api/account", None, &[("cookie", &cookie)]).await,
        site.send(Method::POST, "/-/api/handles", Some(&person), &json, seal).await,
        site.ask(Method::GET, "/-/", None, &[("cookie", &cookie)]).await,
    ] {
        told += &format!("{:?}\n{}\n", answer.headers, answer.text());
    }
    for path in ["/metrics", "/readyz"] {
        told += &ask(&site, path).1;
    }
    told += &String::from_utf8_lossy(&fs::read(format!("/proc/{}/cmdline", site.pid())).unwrap());
    site.signal("TERM");
    assert!(site.ended().success(), "{}", site.log());
    told += &site.log();
    assert!(told.contains("\"message\":\"request\""), "nothing is scanned when nothing is logged");
    assert!(!key_log.exists(), "the keys of connections are nobody's");

    let session = cookie.split_once('=').unwrap().1.to_owned();
    let mut secrets: Vec<String> = [
        "canary/secret+access-key",
        "canary-session-token",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "correct horse battery",
        "correct+horse+battery",
    ]
    .map(str::to_owned)
    .to_vec();
    secrets.extend([person.token, wrong.token, session]);
    secrets.extend(signatures.lock().unwrap().iter().cloned());
    assert!(secrets.len() >= 10, "the upstream saw no signature");
    for secret in secrets {
        let line = told.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret} is told");
    }
}
