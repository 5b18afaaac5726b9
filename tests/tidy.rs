//! The rules of the tree, as a test: direction of the stages, one door per outside crate, a header in every
//! file, the words of the design, and a story that stays on one screen.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test may panic, and its parts are its own"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Earlier first. A module may name those before it; those of one line may name each other.
const ORDER: &[&[&str]] = &[
    &["ground", "telemetry"],
    &["catalog"],
    &["outbound", "records"],
    &["listener"],
    &["request"],
    &["identity"],
    &["policy"],
    &["credential"],
    &["backend"],
    &["stream"],
    &["audit"],
    // Beside the stages: they may name everything, and each other.
    &["refusal", "sign_in", "admin", "gateway", "settings", "operations", "command", "demo"],
];

/// The folders that may import each outside crate. What is not listed is imported by anyone.
const DOORS: &[(&str, &[&str])] = &[
    ("argon2", &["identity"]),
    ("askama", &["admin", "sign_in"]),
    ("aws_lc_rs", &["ground", "credential", "identity", "policy", "audit"]),
    ("cedar_policy", &["policy"]),
    ("clap", &["command"]),
    ("governor", &["policy", "identity"]),
    ("h2", &["listener"]),
    ("hyper", &["listener", "outbound", "backend", "operations", "demo"]),
    ("indicatif", &["audit", "command"]),
    ("jiff", &["ground"]),
    ("miette", &["settings"]),
    ("moka", &["identity", "policy", "credential"]),
    ("pingora_limits", &["listener"]),
    ("prometheus_client", &["telemetry"]),
    ("quick_xml", &["backend", "credential"]),
    ("rcgen", &["demo"]),
    ("rpassword", &["command"]),
    ("rustls", &["listener", "outbound"]),
    ("s3s", &["demo"]),
    ("socket2", &["listener"]),
    ("sqlx", &["records"]),
    ("tokio_rustls", &["listener", "outbound"]),
    ("toml", &["settings", "catalog", "command"]),
    ("tracing_subscriber", &["telemetry"]),
];

struct Source {
    path: PathBuf,
    module: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 30, "the walk over src/ found too little");
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let inside = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
            let first = inside.components().nth(1).unwrap().as_os_str().to_str().unwrap();
            let module = first.trim_end_matches(".rs").to_owned();
            found.push(Source { path: inside.to_owned(), module, text });
        }
    }
}

impl Source {
    /// The code that ships: a stage's tests, in a folder or a file of their own, may use what they like.
    fn shipped(&self) -> String {
        let tests = self.path.iter().any(|part| part == "tests" || part == "tests.rs");
        if tests { String::new() } else { code(&self.text) }
    }
}

/// The code alone: no comments, no inline tests.
fn code(text: &str) -> String {
    let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
    shipped
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

fn modules_named(code: &str) -> Vec<String> {
    code.match_indices("crate::")
        .map(|(at, found)| {
            let rest = &code[at + found.len()..];
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect()
}

#[test]
fn a_stage_names_no_later_stage() {
    let rank: BTreeMap<&str, usize> = ORDER
        .iter()
        .enumerate()
        .flat_map(|(rank, group)| group.iter().map(move |module| (*module, rank)))
        .collect();
    let mut faults = Vec::new();
    for source in sources() {
        if matches!(source.module.as_str(), "lib" | "main") {
            continue;
        }
        let Some(own) = rank.get(source.module.as_str()) else {
            faults.push(format!("{}: not in the order of this test", source.path.display()));
            continue;
        };
        for named in modules_named(&source.shipped()) {
            match rank.get(named.as_str()) {
                Some(other) if other > own => {
                    faults.push(format!("{}: names the later {named}", source.path.display()));
                }
                _ => {}
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_outside_crate_has_its_door() {
    let mut faults = Vec::new();
    for source in sources() {
        let code = source.shipped();
        for (name, doors) in DOORS {
            let used = code.lines().any(|line| {
                let line = line.trim_start();
                line.starts_with(&format!("use {name}::"))
                    || line.starts_with(&format!("pub use {name}::"))
                    || line.contains(&format!(" {name}::"))
                    || line.contains(&format!("({name}::"))
                    || line.contains(&format!("<{name}::"))
            });
            if used && !doors.contains(&source.module.as_str()) {
                faults.push(format!("{}: imports {name}", source.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_that_serves_supposes_an_identity() {
    let may = [
        "src/identity/",
        "src/command/explain.rs",
        "src/command/check/",
        "src/policy/sample.rs",
        "src/stream/fixture.rs",
    ];
    let faults: Vec<_> = sources()
        .into_iter()
        .filter(|source| code(&source.text).contains("suppose"))
        .map(|source| source.path.display().to_string())
        .filter(|path| !may.iter().any(|one| path.starts_with(one)))
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no header: {silent:?}");
}

#[test]
fn the_words_are_those_of_the_design() {
    let banned = ["tenant", "authn", "authz", "Manager {", "Handler {", "Helper", "Util"];
    let mut faults = Vec::new();
    for source in sources() {
        let code = code(&source.text);
        for word in banned {
            if code.contains(word) {
                faults.push(format!("{}: {word}", source.path.display()));
            }
        }
        let file = source.path.file_stem().unwrap().to_str().unwrap().to_owned();
        if ["util", "utils", "helper", "helpers", "common", "misc", "manager"].contains(&&*file) {
            faults.push(format!("{}: says nothing by its name", source.path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_story_stays_on_one_screen() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gateway.rs");
    let lines = fs::read_to_string(path).unwrap().lines().count();
    assert!(lines <= 110, "gateway.rs has {lines} lines");
}

#[test]
fn nothing_is_left_to_do() {
    let mut faults = Vec::new();
    for source in sources() {
        for word in ["todo!(", "unimplemented!(", "TODO", "FIXME"] {
            if source.text.contains(word) {
                faults.push(format!("{}: {word}", source.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
