//! What an operator sees: readiness, metrics, reloads, the end, and `check`.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
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
fn check_finds_faults_of_settings_policies_and_certificates_at_once() {
    let more = "[policy]\nfolder = \"rules\"\nfolders = 1\n[limits]\nhead_seconds = \"ten\"\n";
    let site = Site::prepare(CREDENTIALS, &[], more);
    fs::write(inside(&site, "chain.pem"), "no certificate").unwrap();
    fs::create_dir(inside(&site, "rules")).unwrap();
    fs::write(inside(&site, "rules/wrong.cedar"), "permit(principal, action, resource)").unwrap();
    let output = site.try_run(&["check", "--json"], "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let faults = found["faults"].as_array().unwrap();
    let keys: Vec<_> = faults.iter().map(|fault| fault["key"].as_str().unwrap()).collect();
    for key in ["policy.folders", "limits.head_seconds", "policy", "listen.certificates"] {
        assert!(keys.contains(&key), "{key} is not in {found}");
    }
}

#[test]
fn a_file_that_a_failed_reload_named_is_watched_too() {
    let mut site = Site::prepare(CREDENTIALS, &[], "[policy]\nfolder = \"rules\"\n");
    fs::create_dir(inside(&site, "rules")).unwrap();
    fs::create_dir(inside(&site, "other")).unwrap();
    let pack = peer::root().join("policies/roles.cedar");
    fs::copy(&pack, inside(&site, "rules/roles.cedar")).unwrap();
    fs::write(inside(&site, "other/roles.cedar"), "permit(principal, action, resource)").unwrap();
    site.start();
    edit(&site, "\"rules\"", "\"other\"");
    eventually("the reload fails", &site, || {
        metric(&site, "sluicegate_settings_last_reload_successful") == 0
    });
    // Only the file that is at fault is mended; the settings themselves stay as they are.
    fs::copy(&pack, inside(&site, "other/roles.cedar")).unwrap();
    eventually("the reload works", &site, || metric(&site, "sluicegate_settings_generation") == 2);
}

#[test]
fn storages_are_held_against_the_settings_and_against_each_other() {
    const LAB: &str = "[credentials.lab]\nkind = \"chain\"\n";
    let site = Site::prepare(&format!("{CREDENTIALS}{LAB}"), &[], "");
    site.person("acme", "admin@example.com", "owner");
    for project in ["faces", "signs"] {
        site.run(&["project", "create", "--organization", "acme", "--name", project]);
    }
    let create = |project: &str, more: &str| {
        let verb = "storage create --organization acme --bucket media --region eu-central-1";
        let line = format!("{verb} --project {project} {more}");
        let output = site.try_run(&line.split_whitespace().collect::<Vec<_>>(), "");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = create("faces", "--name one --credential nowhere");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("[credentials.nowhere]"), "{told}");
    for place in [
        "--bucket b --region eu_1",
        "--bucket b --region r --endpoint https://a..b",
        "--bucket a/b --region r",
    ] {
        let line = format!("storage create --organization acme --project faces --name one {place}");
        let output = site.try_run(&line.split_whitespace().collect::<Vec<_>>(), "");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    let (code, told) = create("faces", "--name one --credential lab");
    assert!(code == Some(0) && !told.contains("lies within"), "{told}");
    let within = "acme/signs/two lies within storage acme/faces/one";
    let (code, told) = create("signs", "--name two --prefix below");
    assert!(code == Some(0) && told.contains(within), "{told}");
    edit(&site, LAB, "");
    fs::set_permissions(inside(&site, "records.sqlite"), fs::Permissions::from_mode(0o644))
        .unwrap();
    let output = site.try_run(&["check", "--json"], "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["faults"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["faults"][0]["key"], "storage acme/faces/one", "{found}");
    for remark in [within, "chmod 600"] {
        assert!(found["remarks"].to_string().contains(remark), "{remark} is not in {found}");
    }
}

#[test]
fn an_import_is_held_against_the_settings_too() {
    let site = Site::prepare(CREDENTIALS, &[], "");
    let storage = "bucket = 'media'\nregion = 'eu-central-1'\n";
    let above = format!("[organization.acme.workspace.w.project.p.storage.s]\n{storage}");
    let beside = format!("[organization.acme.workspace.w.project.q.storage.s]\n{storage}");
    fs::write(inside(&site, "c.toml"), format!("{above}credential = 'nowhere'\n")).unwrap();
    let import = ["catalog", "import", "c.toml"];
    let refused = site.try_run(&import, "");
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("c.toml:4:1") && told.contains("[credentials.nowhere]"), "{told}");
    fs::write(inside(&site, "c.toml"), format!("{above}{beside}")).unwrap();
    let done = site.try_run(&import, "");
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success() && told.contains("lies within"), "{told}");
}

#[test]
fn who_only_asks_does_not_bring_the_records_up_to_date() {
    let site = Site::prepare(CREDENTIALS, &[], "");
    let file = inside(&site, "records.sqlite");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let checked = site.try_run(&["check"], "");
    assert!(checked.status.success(), "{checked:?}");
    assert!(String::from_utf8(checked.stdout).unwrap().contains("wait for 5 migrations"));
    let explained =
        site.try_run(&["explain", "--as", "a@example.com", "--operation", "ShowHome"], "");
    assert_eq!(explained.status.code(), Some(1), "{explained:?}");
    assert!(String::from_utf8(explained.stderr).unwrap().contains("sluicegate serve"));
    assert_eq!(fs::read(&file).unwrap(), b"", "the records were written");
}

#[test]
fn a_role_is_taken_away_by_name_only_and_tokens_end_unless_told_otherwise() {
    let site = Site::prepare(CREDENTIALS, &[], "");
    site.person("acme", "ann@example.com", "owner");
    let role = ["account", "role", "--email", "ann@example.com"];
    assert_eq!(site.try_run(&role, "").status.code(), Some(2), "nothing says which role");
    assert!(site.run(&["account", "list", "--json"]).contains("\"role\":\"owner\""));
    site.run(&[&role[..], &["--role", "none"]].concat());
    assert!(site.run(&["account", "list", "--json"]).contains("\"role\":null"));
    site.token("ann@example.com", &["--expires", "never"]);
    let rows = site.run(&["token", "list", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&rows).unwrap();
    let ends: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| !row["expires"].is_null()).collect();
    assert!(ends.contains(&true) && ends.contains(&false), "{rows}");
}

#[test]
fn check_remarks_upon_clear_text_that_believes_no_proxy() {
    let site = Site::prepare(CREDENTIALS, &[], "");
    let port = peer::free_port();
    let clear = format!("clear_text = {{ address = \"127.0.0.1:{port}\", mode = \"serve\" }}");
    edit(&site, "threads = 2", &clear);
    let output = site.try_run(&["check"], "");
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("listen.trusted_proxies names nobody"), "{told}");
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
