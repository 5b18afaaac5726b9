//! Hostile settings, each a named file: every fault with its place and its remedy in one report, and no value of a
//! secret in any of them. Snapshots hold the reports.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sluicegate::settings::{self, Environment, ROWS, Report};

const SEAL: (&str, &str) = ("SEAL", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
const SOUND: &str = "\
[listen]
hosts = [\"gw.example.com\"]
clear_text = { address = \"127.0.0.1:8080\", mode = \"serve\" }
[seal]
key = { env = \"SEAL\" }
";

fn environment() -> Environment {
    Environment::of([SEAL, ("CANARY", "canary-in-the-environment")])
}

fn report(text: &str, environment: &Environment) -> Report {
    settings::load_text(Path::new("s.toml"), text, environment).unwrap_err()
}

#[test]
fn every_fault_of_a_hostile_file_is_reported_with_its_place() {
    let folder = Path::new("tests/settings");
    // Git keeps no key and no mode: the file that everybody may read is made here.
    fs::write(folder.join("open.key"), "canary-in-a-file\n").unwrap();
    fs::set_permissions(folder.join("open.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() > 10, "the hostile files are not where they should be");
    for file in files {
        let report = settings::load(std::slice::from_ref(&file), &environment()).unwrap_err();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let rendered = report.render(false);
        let debug = format!("{report:?}");
        for (form, text) in [("lines", &report.to_string()), ("drawn", &rendered)] {
            assert!(!text.contains("canary"), "{name}, {form}: a value is shown:\n{text}");
        }
        assert!(!debug.contains("canary-in"), "{name}: a secret was kept");
        insta::assert_snapshot!(name, rendered);
    }
}

#[test]
fn sound_settings_are_read_and_defaults_stand_in() {
    let loaded = settings::load_text(Path::new("etc/s.toml"), SOUND, &environment()).unwrap();
    let settings = loaded.settings;
    assert_eq!(settings.listener.address.to_string(), "0.0.0.0:8443");
    assert_eq!(settings.records, Path::new("etc/sluicegate.sqlite"));
    assert_eq!(settings.audit.folder, Path::new("etc/audit"));
    assert_eq!(settings.listener.limits.max_streams, 128);
    assert!(settings.credential.sources.is_empty());
    let shown = format!("{settings:?}");
    assert!(!shown.contains(SEAL.1) && !shown.contains("canary"), "{shown}");
}

#[test]
fn the_environment_wins_in_any_case_and_lists_may_have_commas() {
    let environment = Environment::of([
        SEAL,
        ("SLUICEGATE_LISTEN__ADDRESS", "127.0.0.1:1"),
        ("sluicegate_listen__HOSTS", "a.example.com, b.example.com:8443"),
        ("SLUICEGATE_LIMITS__HEAD_SECONDS", "3"),
        ("SLUICEGATE_OUTBOUND__ALLOW_PRIVATE", "[\"127.0.0.1:9000\"]"),
        ("SLUICEGATE_CREDENTIALS__CLOUD__KIND", "chain"),
        ("SLUICEGATE_SEAL__KEY", "{ env = \"SEAL\" }"),
        ("SLUICEGATE_URL", "not a setting: it has no section"),
    ]);
    let text = SOUND.replace("SEAL", "NOT_THERE");
    let settings = settings::load_text(Path::new("s.toml"), &text, &environment).unwrap().settings;
    assert_eq!(settings.listener.address.to_string(), "127.0.0.1:1");
    let hosts: Vec<_> = settings.listener.hosts.iter().map(|host| host.name()).collect();
    assert_eq!(hosts, ["a.example.com", "b.example.com"]);
    assert_eq!(settings.listener.limits.head.as_secs(), 3);
    assert_eq!(settings.outbound.allow_private.len(), 1);
    assert_eq!(settings.credential.sources.len(), 1);
}

#[test]
fn faults_of_the_environment_name_the_variable_and_show_no_value() {
    let environment = Environment::of([
        SEAL,
        ("SLUICEGATE_LISTEN__ADRESS", "canary-1"),
        ("SLUICEGATE_LIMITS__HEAD_SECONDS", "canary-2"),
        ("SLUICEGATE_SEAL__KEY", "canary-3"),
        ("SLUICEGATE_LISTEN__HOSTS", ""),
        ("SLUICEGATE_NOWHERE__KEY", "canary-4"),
        ("SLUICEGATE_LISTEN__", "canary-5"),
    ]);
    let report = report(SOUND, &environment).to_string();
    assert!(!report.contains("canary"), "{report}");
    insta::assert_snapshot!("environment", report);
}

#[test]
fn a_variable_that_was_nearly_a_setting_is_a_fault_and_so_are_two_for_one_key() {
    let environment = Environment::of([
        SEAL,
        ("SLUICEGATE_LISTEN_ADDRESS", "canary-1"),
        ("SLUICEGATE_SIGN_IN_ATTEMPTS_PER_MINUTE", "canary-2"),
        ("SLUICEGATE_AUDIT__FOLDER", "canary-3"),
        ("SLUICEGATE_AUDIT__FOLDER__BELOW", "canary-4"),
        ("SLUICEGATE_LOG__LEVEL", "info"),
        ("sluicegate_log__level", "info"),
        // What the demo prints, and a shell exports.
        ("SLUICEGATE_OPERATIONS_URL", "http://127.0.0.1:1"),
    ]);
    let report = report(SOUND, &environment);
    let told: Vec<_> = report.faults().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 4, "{told:#?}");
    for words in ["SLUICEGATE_LISTEN__ADDRESS", "SLUICEGATE_SIGN_IN__ATTEMPTS_PER_MINUTE"] {
        assert!(told.iter().any(|one| one.contains(words)), "{words} is not in {told:#?}");
    }
    assert!(!report.to_string().contains("canary"), "{report}");
}

#[test]
fn a_variable_that_is_no_text_is_a_fault() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sluicegate"))
        .args(["check", "--config", "none.toml"])
        .current_dir(folder.path())
        .env("SLUICEGATE_LOG__LEVEL", std::ffi::OsStr::from_bytes(b"\xff"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn what_stands_before_an_at_sign_is_never_shown() {
    let text = format!(
        "{SOUND}[outbound]\nallow_private = [\"user:canary@10.0.0.1\"]\n[credentials.base]\nkind = \"chain\"\n\
         [credentials.lab]\nkind = \"assume-role\"\nsource = \"base\"\nregion = \"eu-central-1\"\n\
         role_arn = \"arn:aws:iam::111122223333:role/lab\"\nsts_endpoint = \"https://user:canary@sts.example\"\n\
         [operations]\naddress = \"user:canary@127.0.0.1:9464\"\n"
    );
    let report = report(&text, &environment());
    assert_eq!(report.faults().len(), 3, "{report}");
    assert!(!report.to_string().contains("canary"), "{report}");
}

#[test]
fn one_address_cannot_serve_tls_and_clear_text() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["chain.pem", "key.pem"] {
        fs::write(folder.path().join(file), "x").unwrap();
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(folder.path().join(file), mode).unwrap();
    }
    let file = folder.path().join("s.toml");
    let text = "[listen]\naddress = \"127.0.0.1:8443\"\nhosts = [\"localhost\"]\n\
                certificates = [{ chain = \"chain.pem\", key = \"key.pem\" }]\n\
                clear_text = { address = \"0.0.0.0:8443\" }\n[seal]\nkey = { env = \"SEAL\" }\n";
    fs::write(&file, text).unwrap();
    let report = settings::load(&[file], &environment()).unwrap_err();
    assert_eq!(report.faults().len(), 1, "{report}");
    assert!(report.to_string().contains("is the address of listen.address too"), "{report}");
}

#[test]
fn later_files_win_key_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a.toml"), folder.path().join("deep/b.toml"));
    fs::create_dir(folder.path().join("deep")).unwrap();
    fs::write(&first, format!("{SOUND}[records]\nfile = \"one\"\n[sessions]\nidle_minutes = 5\n"))
        .unwrap();
    fs::write(&second, "[records]\nfile = \"two\"\n[sessions]\nabsolute_hours = 2\n").unwrap();
    let settings = settings::load(&[first, second], &environment()).unwrap().settings;
    assert_eq!(settings.records, folder.path().join("deep/two"));
    assert_eq!(settings.identity.idle.as_secs(), 300);
    assert_eq!(settings.identity.absolute.as_secs(), 7200);
}

#[test]
fn what_only_a_restart_takes_up_is_named() {
    let load = |text: &str| settings::load_text(Path::new("s.toml"), text, &environment()).unwrap();
    let old = load(SOUND);
    let changed = format!("{SOUND}[limits]\nhead_seconds = 11\n[log]\nlevel = \"debug\"\n");
    assert_eq!(old.need_restart(&load(&changed)), ["limits.head_seconds"]);
    assert!(old.need_restart(&load(&format!("{SOUND}[limits]\nhead_seconds = 10\n"))).is_empty());
}

#[test]
fn the_example_is_sound_and_shows_every_key() {
    let example = fs::read_to_string("deploy/sluicegate.example.toml").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tls")).unwrap();
    for (file, content) in [
        ("tls/chain.pem", "x"),
        ("tls/key.pem", "x"),
        ("ca.pem", "x"),
        ("lab.id", "x"),
        ("lab.secret", "x"),
        ("seal.key", SEAL.1),
    ] {
        let file = folder.path().join(file);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let path = folder.path().join("sluicegate.toml");
    fs::write(&path, &example).unwrap();
    let loaded = settings::load(&[path], &Environment::default());
    assert!(loaded.is_ok(), "{}", loaded.unwrap_err());
    for row in ROWS {
        let lines = example.lines().map(|line| line.trim_start_matches("# "));
        let shown = lines.filter(|line| line.starts_with(&format!("{} = ", row.name))).count();
        assert!(shown > 0, "the example does not show {}", row.path());
    }
}
