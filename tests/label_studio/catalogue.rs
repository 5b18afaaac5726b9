//! The route catalogue against the URL resolver of the installed Label Studio: every route is decided, every row exists, what
//! the catalogue takes an address for is what Label Studio takes it for, and no member that names another row is overlooked.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use http::Method;
use serde::Deserialize;
use sluicegate::label_studio::{NoRoute, Routes};

use crate::support::peer;

const TABLE: &str = include_str!("../../src/label_studio/routes/1.23.txt");
const KNOWN: &str = include_str!("catalogue.txt");
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// What the install tells of itself.
#[derive(Deserialize)]
struct Install {
    routes: Vec<Pattern>,
    actions: Vec<String>,
    resolved: BTreeMap<String, Option<String>>,
}

/// One of its routes.
#[derive(Deserialize)]
struct Pattern {
    template: String,
    /// `None`: every one.
    methods: Option<Vec<String>>,
    view: String,
    members: BTreeMap<String, Option<Vec<String>>>,
}

/// One line of the catalogue.
pub struct Row {
    pub line: usize,
    text: &'static str,
    pub columns: Vec<&'static str>,
    alone: Routes,
}

/// A request that Label Studio answers, and the pattern that it is found by.
struct Asked<'a> {
    method: &'a str,
    target: String,
    pattern: &'a Pattern,
}

fn install() -> &'static Install {
    static ONE: OnceLock<Install> = OnceLock::new();
    ONE.get_or_init(|| {
        let root = peer::root();
        let mut child = Command::new(root.join(".cache/peers/label-studio/bin/python"))
            .arg(root.join("tests/peers/label_studio_routes.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let asked: Vec<String> = rows().iter().flat_map(Row::paths).collect();
        let mut input = child.stdin.take().unwrap();
        input.write_all(asked.join("\n").as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

pub fn rows() -> &'static [Row] {
    static ALL: OnceLock<Vec<Row>> = OnceLock::new();
    ALL.get_or_init(|| {
        let lines = TABLE.lines().enumerate();
        let rows = lines.filter(|(_, text)| !text.trim().is_empty() && !text.starts_with('#'));
        let row = |(index, text): (usize, &'static str)| Row {
            line: index + 1,
            text,
            columns: text.split_whitespace().collect(),
            alone: Routes::read(text).unwrap(),
        };
        rows.map(row).collect()
    })
}

impl Row {
    pub fn methods(&self) -> Vec<&'static str> {
        self.columns[0].split(',').collect()
    }

    pub fn is_shut(&self) -> bool {
        self.columns[2] == "Nobody"
    }

    /// Whether it decides this request.
    fn decides(&self, method: &str, target: &str) -> bool {
        find(&self.alone, method, target) != Err(NoRoute::Unlisted)
    }

    /// Whether it says something of this member of a body.
    fn speaks_of(&self, member: &str) -> bool {
        self.columns[5].split(',').skip(1).any(|rule| {
            let rule = rule.trim_start_matches("[].").trim_start_matches('!');
            rule.split([':', '!']).next() == Some(member)
        })
    }

    /// The canonical paths of some requests that it takes.
    fn paths(&self) -> Vec<String> {
        let path = self.columns[1].split('?').next().unwrap();
        let mut paths = vec![path.to_owned()];
        for (part, values) in [
            ("{type}", vec!["s3", "gcs", "azure", "redis", "localfiles"]),
            ("{file}", values("name", None)),
            ("{any}", any()),
        ] {
            let with = |path: String| -> Vec<String> {
                if !path.contains(part) {
                    return vec![path];
                }
                values_into(&path, part, &values)
            };
            paths = paths.into_iter().flat_map(with).collect();
        }
        let number = |path: String| {
            let parts = path.split('/').map(|part| if part.starts_with('{') { "7" } else { part });
            parts.collect::<Vec<_>>().join("/")
        };
        paths.into_iter().map(number).collect()
    }
}

/// `{any}` is one or more names: with what other patterns look for anywhere in a path.
fn any() -> Vec<&'static str> {
    let mut all = values("name", None);
    all.extend([
        "a/version/b",
        "data/local-files/a",
        "a/health/b",
        "api/projects/7",
        "samples/paragraphs.json",
    ]);
    all
}

fn values_into(path: &str, part: &str, values: &[&str]) -> Vec<String> {
    values.iter().map(|value| path.replace(part, value)).collect()
}

/// The lines of the data file that start with this word (and this second one), without it.
fn known(word: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = KNOWN.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let word = word.to_owned();
    lines.filter(move |words| words.first() == Some(&&*word)).map(|words| words[1..].to_vec())
}

fn values(word: &str, second: Option<&str>) -> Vec<&'static str> {
    let lines = known(word).filter(|words| second.is_none_or(|second| words[0] == second));
    let last = |words: Vec<&'static str>| *words.last().unwrap();
    lines.flat_map(|words| last(words).split(',').collect::<Vec<_>>()).collect()
}

fn is_known(word: &str, what: &str) -> bool {
    known(word).any(|words| words[0] == what)
}

fn find(routes: &Routes, method: &str, target: &str) -> Result<(), NoRoute> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    routes.find(&method, path, query).map(drop)
}

/// Addresses of this template, a value for each part of it.
fn samples(template: &str) -> Vec<String> {
    let Some((before, rest)) = template.split_once('<') else { return vec![template.to_owned()] };
    let (part, after) = rest.split_once('>').unwrap();
    let (of, name) = part.split_once(':').unwrap_or(("str", part));
    let mut all = values("sample", Some(name));
    if all.is_empty() {
        all = values("sample", Some(of));
    }
    if all.is_empty() {
        all.push("x");
    }
    all.iter().flat_map(|value| samples(&format!("{before}{value}{after}"))).collect()
}

/// Whatever the install answers, but for the methods and addresses that are left out on purpose.
fn asked() -> Vec<Asked<'static>> {
    let mut all = Vec::new();
    for pattern in &install().routes {
        let every = pattern.methods.is_none() || is_known("any", &pattern.template);
        let methods: Vec<&str> = match &pattern.methods {
            Some(methods) if !every => methods.iter().map(String::as_str).collect(),
            Some(_) | None => vec!["GET"],
        };
        for method in methods {
            if is_known("method", method) {
                continue;
            }
            let ids: Vec<String> = match (&*pattern.template, method) {
                ("/api/dm/actions/", "POST") => {
                    install().actions.iter().map(|id| format!("?id={id}")).collect()
                }
                _ => vec![String::new()],
            };
            for target in samples(&pattern.template) {
                all.extend(ids.iter().map(|id| Asked {
                    method,
                    target: format!("{target}{id}"),
                    pattern,
                }));
            }
        }
    }
    all
}

/// The parts of templates that have no row on purpose.
fn refused(template: &str) -> bool {
    known("refused").any(|words| template.contains(words[0]))
}

fn decider(asked: &Asked<'_>) -> Option<&'static Row> {
    rows().iter().find(|row| row.decides(asked.method, &asked.target))
}

#[test]
fn every_route_of_the_install_is_decided() {
    let asked = asked();
    assert!(asked.len() > 400, "only {} requests", asked.len());
    let undecided: Vec<_> = asked
        .iter()
        .filter(|asked| !refused(&asked.pattern.template) && decider(asked).is_none())
        .map(|asked| format!("{} {} ({})", asked.method, asked.target, asked.pattern.view))
        .collect();
    assert!(undecided.is_empty(), "no row of the catalogue decides\n{}", undecided.join("\n"));
}

#[test]
fn what_has_no_row_on_purpose_is_let_through_by_none() {
    let routes = Routes::built_in().unwrap();
    let mut seen = BTreeSet::new();
    for pattern in &install().routes {
        let on_purpose = refused(&pattern.template);
        let every = pattern.methods.is_none() || is_known("any", &pattern.template);
        for method in METHODS {
            // Where Label Studio takes whatever method, the catalogue takes GET alone.
            if on_purpose || (every && method != "GET") {
                for target in samples(&pattern.template) {
                    assert!(find(&routes, method, &target).is_err(), "{method} {target}");
                }
            }
        }
        seen.extend(known("refused").filter(|it| pattern.template.contains(it[0])).map(|it| it[0]));
    }
    for words in known("refused") {
        assert!(seen.contains(words[0]), "{} is refused, and the install has none of it", words[0]);
    }
}

#[test]
fn every_row_is_of_the_install() {
    let mut met = BTreeSet::new();
    for asked in asked().iter().filter(|asked| !refused(&asked.pattern.template)) {
        let Some(row) = decider(asked) else { continue };
        met.insert((row.line, asked.method));
        met.insert((row.line, "*"));
        if asked.pattern.methods.is_none() {
            let of_others =
                |method: &&&str| rows().iter().find(|row| row.decides(method, &asked.target));
            met.extend(METHODS.iter().filter_map(|it| Some((of_others(&it)?.line, *it))));
        }
    }
    let mut unmet = Vec::new();
    for row in rows() {
        let methods = row.methods().into_iter();
        unmet.extend(methods.filter(|it| !met.contains(&(row.line, it))).map(|it| (row, it)));
    }
    let unmet: Vec<_> = unmet
        .iter()
        .map(|(row, method)| format!("line {}, {method}: {}", row.line, row.text))
        .collect();
    assert!(unmet.is_empty(), "the install has nothing for\n{}", unmet.join("\n"));
}

#[test]
fn label_studio_takes_an_address_for_what_the_catalogue_takes_it_for() {
    let mut meant: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for asked in asked() {
        if let Some(row) = decider(&asked) {
            meant.entry(row.line).or_default().insert(&asked.pattern.template);
        }
    }
    // What the gateway answers by itself is never sent.
    let is_sent = |row: &&Row| !row.is_shut() && row.columns[3] != "gateway";
    for row in rows().iter().filter(is_sent) {
        for path in row.paths() {
            let resolved = install().resolved[&path].as_deref();
            let meant = &meant[&row.line];
            let taken_for = |it| known("as").any(|words| words[0] == path && words[1] == it);
            assert!(
                resolved.is_some_and(|it| meant.contains(it) != taken_for(it)),
                "line {}: {path} is {resolved:?}, not one of {meant:?}",
                row.line
            );
        }
    }
}

#[test]
fn no_member_that_names_another_row_is_overlooked() {
    let mut overlooked = Vec::new();
    let mut excused = BTreeSet::new();
    let mut seen = 0;
    for asked in asked().iter().filter(|asked| !refused(&asked.pattern.template)) {
        let members = asked.pattern.members.get(asked.method).and_then(Option::as_ref);
        let Some(row) = decider(asked).filter(|row| !row.is_shut()) else { continue };
        for member in members.into_iter().flatten() {
            seen += 1;
            let excuse = known("member").find(|words| {
                words[0] == asked.method
                    && words[1] == asked.pattern.template
                    && words[2].split(',').any(|one| one == member)
            });
            match excuse {
                Some(words) => drop(excused.insert(words.join(" "))),
                None if row.columns[5] == "-" || row.columns[5] == "multipart" => {}
                None if row.speaks_of(member) => {}
                None => overlooked.push(format!("line {}: {member} in {}", row.line, row.text)),
            }
        }
    }
    assert!(seen > 80, "only {seen} members");
    assert!(overlooked.is_empty(), "{}", overlooked.join("\n"));
    for words in known("member") {
        assert!(excused.contains(&words.join(" ")), "{words:?}: there is no such member");
    }
}
