//! The rules of the tree, as a test: direction of the stages, the doors of each outside crate, a type chain that only
//! its stages make, a header in every file, the words of the design, and a story that stays on one screen.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test may panic, and its parts are its own"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Earlier first. A module may name those before it; those of one line may name each other.
const ORDER: &[&[&str]] = &[
    &["ground", "telemetry"],
    &["catalog"],
    &["outbound", "records"],
    &["label_studio"],
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

/// Every dependency, and the folders (or files) of `src/` that import it: no other may, and each of these does.
const DOORS: &[(&str, &[&str])] = &[
    ("ahash", &["backend", "credential", "identity", "policy"]),
    (
        "arc_swap",
        &[
            "catalog",
            "credential",
            "identity",
            "label_studio",
            "listener",
            "outbound",
            "policy",
            "sign_in",
        ],
    ),
    ("argon2", &["identity"]),
    ("askama", &["admin", "sign_in"]),
    ("async_trait", &["demo"]),
    ("aws_lc_rs", &["audit", "credential", "ground", "identity", "sign_in"]),
    // Also sealed credentials of sessions, as the records keep them.
    (
        "base64",
        &[
            "backend",
            "credential",
            "demo",
            "identity",
            "label_studio",
            "policy",
            "settings",
            "sign_in",
        ],
    ),
    (
        "bytes",
        &[
            "admin",
            "backend",
            "command",
            "credential",
            "demo",
            "identity",
            "label_studio",
            "listener",
            "operations",
            "outbound",
            "policy",
            "refusal",
            "sign_in",
            "stream",
        ],
    ),
    ("cedar_policy", &["policy"]),
    ("clap", &["command"]),
    ("clap_complete", &["command"]),
    // In `sign_in`, messages of SAML by redirect.
    ("flate2", &["backend", "sign_in"]),
    ("form_urlencoded", &["credential", "label_studio", "sign_in"]),
    ("governor", &["policy"]),
    (
        "http",
        &[
            "admin",
            "audit",
            "backend",
            "command",
            "credential",
            "gateway",
            "identity",
            "label_studio",
            "listener",
            "operations",
            "outbound",
            "policy",
            "refusal",
            "request",
            "settings",
            "sign_in",
            "stream",
        ],
    ),
    ("http_body", &["backend", "listener", "stream"]),
    ("http_body_util", &["backend", "listener", "operations", "outbound"]),
    ("httpdate", &["backend", "command", "request"]),
    ("hyper", &["backend", "demo", "listener", "operations", "outbound"]),
    ("hyper_util", &["backend", "demo", "listener", "operations", "outbound"]),
    ("indicatif", &["command"]),
    ("jiff", &["ground"]),
    ("miette", &["settings"]),
    ("mimalloc", &["main"]),
    // Also the keys of sessions and people, which go when they have nothing to do.
    ("moka", &["backend", "credential", "identity", "label_studio", "policy"]),
    ("percent_encoding", &["backend", "ground", "label_studio", "refusal", "sign_in"]),
    ("pingora_limits", &["listener"]),
    ("prometheus_client", &["telemetry"]),
    ("quick_xml", &["backend", "credential"]),
    ("rcgen", &["demo"]),
    // Answers and metadata of identity providers, by one strict reader.
    ("roxmltree", &["sign_in"]),
    ("rpassword", &["command"]),
    ("rustls", &["listener", "outbound"]),
    ("rustls_native_certs", &["outbound"]),
    ("s3s", &["demo"]),
    // The signature engine, behind the gate.
    ("samael", &["sign_in"]),
    (
        "serde",
        &[
            "admin",
            "audit",
            "backend",
            "catalog",
            "command",
            "credential",
            "label_studio",
            "operations",
            "policy",
            "settings",
        ],
    ),
    (
        "serde_json",
        &[
            "admin",
            "audit",
            "backend",
            "command",
            "credential",
            "label_studio",
            "operations",
            "policy",
            "records",
            "refusal",
        ],
    ),
    ("socket2", &["listener", "outbound"]),
    ("sqlx", &["label_studio", "records"]),
    (
        "thiserror",
        &[
            "admin",
            "audit",
            "backend",
            "catalog",
            "command",
            "credential",
            "demo",
            "ground",
            "identity",
            "label_studio",
            "listener",
            "operations",
            "outbound",
            "policy",
            "records",
            "request",
            "sign_in",
            "stream",
        ],
    ),
    (
        "tokio",
        &[
            "admin",
            "audit",
            "backend",
            "command",
            "credential",
            "demo",
            "ground",
            "identity",
            "label_studio",
            "listener",
            "operations",
            "outbound",
            "records",
            "sign_in",
            "stream",
        ],
    ),
    ("tokio_rustls", &["listener", "outbound"]),
    ("toml", &["command", "settings"]),
    (
        "tracing",
        &[
            "admin",
            "audit",
            "backend",
            "command",
            "credential",
            "identity",
            "label_studio",
            "listener",
            "operations",
            "records",
            "request",
            "sign_in",
        ],
    ),
    ("tracing_subscriber", &["telemetry"]),
    ("zeroize", &["command", "credential", "ground", "listener", "settings", "sign_in"]),
    // Archives of exports.
    ("zip", &["backend"]),
];

/// What the type chain is made of, and the folder that alone may write one down.
const CHAIN: &[(&str, &str)] = &[
    ("Incoming", "src/listener/"),
    ("Operation", "src/request/"),
    ("Identity", "src/identity/"),
    ("Grant", "src/policy/"),
    ("Credential", "src/credential/"),
    ("Reply", "src/backend/"),
];

/// The ways to a link of the chain beside its stage's own, and who alone may go them.
const FENCED: &[(&str, &[&str])] = &[
    // Input for tests, fuzz targets and benchmarks, by the same rules as everybody's.
    ("for_tests", &["src/listener/incoming.rs"]),
    ("without_socket", &["src/listener/incoming.rs", "src/listener/validator.rs"]),
    // `check --online` lists as an owner would.
    ("trial_list", &["src/request/operation.rs", "src/command/check/online/storages.rs"]),
    // "What if this person asked?", which nothing that serves may say.
    (
        "suppose",
        &[
            "src/identity/mod.rs",
            "src/identity/suppose.rs",
            "src/command/explain.rs",
            "src/command/check/online/storages.rs",
        ],
    ),
    ("NOBODY", &["src/identity/person.rs", "src/identity/schemes.rs"]),
    // For tests of later stages.
    ("of_keys", &["src/credential/mod.rs"]),
    // Our own pages, under a grant.
    ("Reply::ours", &["src/admin/answer.rs", "src/backend/label_studio/ours.rs"]),
];

struct Source {
    path: String,
    /// The folder of `src/`, or the file that lies there by itself.
    module: String,
    text: String,
    /// What ships of it: no lines of comment, no tests. Empty for a file of tests.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = BTreeMap::new();
    collect(root, &root.join("src"), &mut texts);
    let mut tests = Vec::new();
    let mut found: Vec<Source> = texts
        .into_iter()
        .map(|(path, text)| {
            let (code, modules) = shipped(&text);
            let folder = path.rsplit_once('/').unwrap().0;
            tests.extend(
                modules
                    .iter()
                    .flat_map(|name| [format!("{folder}/{name}.rs"), format!("{folder}/{name}/")]),
            );
            let module = path.split('/').nth(1).unwrap().trim_end_matches(".rs").to_owned();
            Source { path, module, text, code }
        })
        .collect();
    for source in &mut found {
        if tests.iter().any(|test| source.path.starts_with(test)) {
            source.code.clear();
        }
    }
    let with_code = found.iter().filter(|source| !source.code.is_empty()).count();
    assert!(with_code > 150, "the walk over src/ found only {with_code} files");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.insert(inside, fs::read_to_string(&path).unwrap());
        }
    }
}

/// The code without lines of comment and without `#[cfg(test)] mod x { … }` and `#[cfg(test)] mod x;`; and the names of
/// the latter. Where rustfmt's indentation deceives it, it keeps too much.
fn shipped(text: &str) -> (String, Vec<&str>) {
    let mut code = String::new();
    let mut modules = Vec::new();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//")).peekable();
    while let Some(line) = lines.next() {
        let next = lines.peek().copied().unwrap_or_default();
        match (line.trim() == "#[cfg(test)]", test_module(next)) {
            (true, Some(name)) if next.ends_with(';') => {
                modules.push(name);
                lines.next();
            }
            (true, Some(_)) => {
                let indent = &next[..next.len() - next.trim_start().len()];
                let end = format!("{indent}}}");
                lines.by_ref().find(|line| *line == end);
            }
            _ => {
                code.push_str(line);
                code.push('\n');
            }
        }
    }
    (code, modules)
}

/// The module that this line opens or names.
fn test_module(line: &str) -> Option<&str> {
    let (visible, rest) = line.trim_start().split_once("mod ")?;
    let name = rest.trim_end_matches([';', ' ', '{']);
    (visible.is_empty() || visible.starts_with("pub")).then_some(name)
}

fn is_of_a_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Where `name` stands by itself: what is before it, and what follows.
fn places<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    code.match_indices(name).map(move |(at, _)| (&code[..at], &code[at + name.len()..])).filter(
        |(before, after)| !before.ends_with(is_of_a_name) && !after.starts_with(is_of_a_name),
    )
}

/// Whether this code reaches into the outside crate.
fn imports(code: &str, name: &str) -> bool {
    places(code, name).any(|(before, after)| {
        let path = after.starts_with("::") && (!before.ends_with("::") || before.ends_with(" ::"));
        let whole = before.ends_with("use ") && after.starts_with([';', ' ']);
        path || whole
    })
}

/// Whether this code writes a value (or a pattern) of the type down.
fn writes_down(code: &str, name: &str) -> bool {
    places(code, name).any(|(before, after)| {
        let declares = ["struct ", "impl ", "for ", "-> ", "-> &", "hyper::body::"];
        let after = after.strip_prefix(' ').unwrap_or(after);
        after.starts_with(['{', '(']) && !declares.iter().any(|word| before.ends_with(word))
    })
}

fn modules_named(code: &str) -> impl Iterator<Item = &str> {
    code.split("crate::").skip(1).map(|rest| rest.split(|c| !is_of_a_name(c)).next().unwrap())
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
            faults.push(format!("{}: not in the order of this test", source.path));
            continue;
        };
        for named in modules_named(&source.code) {
            match rank.get(named) {
                Some(other) if other > own => {
                    faults.push(format!("{}: names the later {named}", source.path));
                }
                _ => {}
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_outside_crate_has_its_doors() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let manifest: toml::Table = toml::from_str(&manifest.unwrap()).unwrap();
    let named = manifest["dependencies"].as_table().unwrap().keys();
    let named: BTreeSet<String> = named.map(|name| name.replace('-', "_")).collect();
    let listed: BTreeSet<String> = DOORS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(named, listed, "Cargo.toml and DOORS name different crates");
    let sources = sources();
    let mut faults = Vec::new();
    for (name, doors) in DOORS {
        let users = sources.iter().filter(|source| imports(&source.code, name));
        let used: BTreeSet<&str> = users.map(|source| source.module.as_str()).collect();
        let doors: BTreeSet<&str> = doors.iter().copied().collect();
        if used != doors {
            faults.push(format!("{name}: its doors are {doors:?}, but {used:?} import it"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_link_of_the_chain_is_written_down_outside_its_stage() {
    let sources = sources();
    let mut faults = Vec::new();
    for (name, home) in CHAIN {
        for source in &sources {
            if !source.path.starts_with(home) && writes_down(&source.code, name) {
                faults.push(format!("{}: writes down its own {name}", source.path));
            }
            faults.extend(too_open(source, name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The type's own declaration, when others than its stage could fill it in.
fn too_open(source: &Source, name: &str) -> Option<String> {
    let (_, declared) = source.code.split_once(&format!("pub struct {name}"))?;
    if declared.starts_with(is_of_a_name) {
        return None;
    }
    let end = if declared.starts_with('(') { ";" } else { "\n}" };
    let fields = declared.split(end).next().unwrap();
    let open = fields.contains("pub ") || fields.contains("pub(crate)");
    open.then(|| format!("{}: {name} has a field that others fill in", source.path))
}

#[test]
fn what_is_fenced_is_called_only_where_it_may_be() {
    let sources = sources();
    let mut faults = Vec::new();
    for (name, may) in FENCED {
        let named = sources.iter().filter(|source| places(&source.code, name).next().is_some());
        let named: BTreeSet<&str> = named.map(|source| source.path.as_str()).collect();
        let may: BTreeSet<&str> = may.iter().copied().collect();
        if named != may {
            faults.push(format!("{name}: belongs to {may:?}, but stands in {named:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_reader_of_this_test_is_not_blind() {
    let text = "#[cfg(test)]\nmod tests;\nlet a = \"https://x\"; use b::c;\n// d::e\n\
                #[cfg(test)]\nmod more {\n    f::g();\n}\nh::i();\n";
    let (code, modules) = shipped(text);
    assert_eq!(modules, ["tests"]);
    assert!(imports(&code, "b") && imports(&code, "h"));
    assert!(!imports(&code, "d") && !imports(&code, "f"));
    for seen in ["&a::B", "<a::B>", "[a::b()]", "!a::B", "use ::a::B", "use {a::B}", "use a;"] {
        assert!(imports(seen, "a"), "{seen}");
    }
    for other in ["b::a::C", "ba::c", "a_b::c", "use b::a;", "a: b"] {
        assert!(!imports(other, "a"), "{other}");
    }
    for written in ["Ok(A { b })", "A(b)", "x::A {}", "let A { b, .. } = c"] {
        assert!(writes_down(written, "A"), "{written}");
    }
    for other in ["-> A {", "-> &A {", "pub struct A {", "impl A {", "impl B for A {", "AB { c }"] {
        assert!(!writes_down(other, "A"), "{other}");
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path)
        .collect();
    assert!(silent.is_empty(), "no header: {silent:?}");
}

#[test]
fn the_words_are_those_of_the_design() {
    let banned = ["tenant", "authn", "authz", "Manager {", "Handler {", "Helper", "Util"];
    let mut faults = Vec::new();
    for source in sources() {
        for word in banned {
            if source.code.contains(word) {
                faults.push(format!("{}: {word}", source.path));
            }
        }
        let file = Path::new(&source.path).file_stem().unwrap().to_owned();
        if ["util", "utils", "helper", "helpers", "common", "misc", "manager"]
            .contains(&file.to_str().unwrap())
        {
            faults.push(format!("{}: says nothing by its name", source.path));
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
                faults.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
