//! One line of the table. Every fault of a table is told, with its line.

use std::fmt;
use std::sync::Arc;

use http::Method;

use super::super::{Deed, Direction, Kind, StorageType};
use super::body::BodyRule;
use super::matching::{Path, Segment};
use super::query::Parameters;

/// One row.
#[derive(Debug)]
pub struct Route {
    /// Empty: every method.
    pub(super) methods: Vec<Method>,
    pub(super) path: Path,
    /// What it does, or that it is shut.
    pub decision: Decision,
    pub answer: Answer,
    pub(super) query: Parameters,
    pub(super) body: BodyRule,
    /// The path as the table has it.
    pub text: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Deed(Deed),
    /// Shut for everybody.
    Nobody,
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Rewritten JSON.
    Json,
    /// A list of things that each say their project: those of the asker's projects.
    List,
    /// JSON of storages: where they are is a location too.
    Storage,
    /// HTML.
    Page,
    /// The page that all of them are made of, with nothing of this one's own in it.
    Shell,
    /// A file of the pages.
    Static,
    /// The gateway reads the bytes.
    Media,
    /// A file that holds data of many tasks.
    Export,
    /// Which release it is, and nothing else of what it says there.
    Version,
    /// The gateway answers by itself.
    Gateway,
}

/// What a number in a path, a query or a body stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    Of(Kind),
    /// A storage of the type that the path names.
    Storage(Direction),
    /// An export snapshot of the project that the path names.
    Snapshot,
}

/// A table that says something unsound.
#[derive(Debug, thiserror::Error)]
pub struct BadTable(Vec<(usize, String)>);

impl fmt::Display for BadTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.iter().map(|(line, what)| format!("line {line}: {what}"));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl Route {
    pub(super) fn takes(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.methods.contains(method)
    }
}

impl Thing {
    pub(super) fn named(name: &str, direction: Direction) -> Option<Self> {
        let kind = match name {
            "project" => Kind::Project,
            "task" => Kind::Task,
            "annotation" => Kind::Annotation,
            "draft" => Kind::Draft,
            "prediction" => Kind::Prediction,
            "tab" => Kind::Tab,
            "upload" => Kind::Upload,
            "webhook" => Kind::Webhook,
            "model" => Kind::Model,
            "link" => Kind::LabelLink,
            "storage" => return Some(Self::Storage(direction)),
            "export" => return Some(Self::Snapshot),
            _ => return None,
        };
        Some(Self::Of(kind))
    }

    /// `of` and `project`: what the path names besides.
    pub(super) fn kind(self, of: Option<StorageType>, project: Option<u64>) -> Option<Kind> {
        match self {
            Self::Of(kind) => Some(kind),
            Self::Snapshot => project.map(Kind::Snapshot),
            Self::Storage(direction) => of.map(|of| Kind::Storage(direction, of)),
        }
    }
}

/// Reads all rows; one that has several methods is one row.
pub(super) fn read(text: &str) -> Result<Vec<Arc<Route>>, BadTable> {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match row(line) {
            Ok(row) => rows.extend(row),
            Err(what) => faults.push((index + 1, what)),
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(BadTable(faults)) }
}

fn row(line: &str) -> Result<Vec<Arc<Route>>, String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [methods, address, decision, answer, query, body] = fields.as_slice() else {
        return Err("six columns are needed".to_owned());
    };
    let decision = match *decision {
        "Nobody" => Decision::Nobody,
        name => Decision::Deed(name.parse().map_err(|fault| format!("{name}: {fault}"))?),
    };
    let (address, fixed) = match address.split_once('?') {
        Some((address, fixed)) => (address, Some(fixed)),
        None => (*address, None),
    };
    let path = Path::read(address)?;
    let direction = path.direction();
    let answer = self::answer(answer, decision)?;
    let every = *methods == "*";
    let names: Vec<&str> = if every { vec!["*"] } else { methods.split(',').collect() };
    let of = |name: &str| -> Result<Arc<Route>, String> {
        let methods = match name {
            "*" => Vec::new(),
            name => vec![Method::from_bytes(name.as_bytes()).map_err(|fault| fault.to_string())?],
        };
        // A body of a GET is read by Label Studio, and by nobody who checks it: there is none.
        let body = if name == "GET" { "-" } else { *body };
        Ok(Arc::new(Route {
            methods,
            path: path.clone(),
            decision,
            answer,
            query: Parameters::read(query, fixed, direction)?,
            body: BodyRule::read_rule(body, direction)?,
            text: address.into(),
        }))
    };
    names.into_iter().map(of).collect()
}

fn answer(word: &str, decision: Decision) -> Result<Answer, String> {
    Ok(match word {
        "json" => Answer::Json,
        "list" => Answer::List,
        "storage" => Answer::Storage,
        "page" => Answer::Page,
        "shell" => Answer::Shell,
        "static" => Answer::Static,
        "media" => Answer::Media,
        "export" => Answer::Export,
        "version" => Answer::Version,
        "gateway" => Answer::Gateway,
        "-" if decision == Decision::Nobody => Answer::Gateway,
        other => return Err(format!("{other} is no kind of answer")),
    })
}

impl Path {
    fn direction(&self) -> Direction {
        let export =
            |segment: &Segment| matches!(segment, Segment::Literal(text) if **text == *"export");
        if self.segments.iter().any(export) { Direction::Export } else { Direction::Import }
    }
}
