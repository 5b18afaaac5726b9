//! The environment: the only place of the program that reads it. `SLUICEGATE_SECTION__KEY` overrides a file's key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::document::{Node, Table, Value};
use super::fault::{Fault, Report};
use super::source::Place;
use super::table::ROWS;

const PREFIX: &str = "sluicegate_";

/// Every variable of this process, as it was at one moment.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Names of ours whose values are no UTF-8.
    garbled: Vec<String>,
}

impl Environment {
    /// What this process was started with.
    #[must_use]
    pub fn of_process() -> Self {
        let mut all = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(all.variables.insert(name, value)),
                Err(_) if path(&name).is_some() => all.garbled.push(name),
                // Somebody else's.
                Err(_) => {}
            }
        }
        all
    }

    /// Exactly these variables.
    #[must_use]
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self { variables: variables.map(text).into(), garbled: Vec::new() }
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// All of them.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The settings among the variables: every one whose name starts with ours and holds `__`. The text is read by the
    /// key that it turns out to be for.
    pub(super) fn settings(&self, document: &Table, report: &mut Report) -> Table {
        let mut found = Table::new();
        for name in &self.garbled {
            note(report, name, "holds a value that is no UTF-8", "set it to a text in UTF-8");
        }
        for (name, text) in &self.variables {
            if let Some(meant) = nearly(name) {
                note(report, name, "is no setting", &format!("write {meant}: two underscores"));
            }
            let Some(path) = path(name) else { continue };
            let parts: Vec<String> = path.split("__").map(str::to_owned).collect();
            let place = Place::Variable(Arc::from(name.as_str()));
            let value = Value { place: place.clone(), node: Node::Variable(text.clone()) };
            if !put(&mut found, document, &parts, (place, value)) {
                let remedy = "keep one of the two";
                note(report, name, "says what another variable says otherwise", remedy);
            }
        }
        found
    }
}

/// The part of a setting's variable after our prefix, in lower case.
fn path(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    lower.strip_prefix(PREFIX).filter(|path| path.contains("__")).map(str::to_owned)
}

/// The variable that was meant, where a key's name follows its section's after one underscore only.
fn nearly(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let path = lower.strip_prefix(PREFIX)?;
    let row = ROWS.iter().find(|row| {
        let key = path.strip_prefix(row.section).and_then(|rest| rest.strip_prefix('_'));
        key == Some(row.name)
    })?;
    Some(format!("{PREFIX}{}__{}", row.section, row.name).to_ascii_uppercase())
}

fn note(report: &mut Report, variable: &str, what: &str, remedy: &str) {
    let place = Place::Variable(Arc::from(variable));
    report.note(Fault::at(&place, variable, what.to_owned(), remedy.to_owned()));
}

/// Puts a value under its path; a name that a file writes in capitals is met in the file's spelling. False when
/// something stands there already.
fn put(into: &mut Table, like: &Table, path: &[String], entry: (Place, Value)) -> bool {
    let [first, rest @ ..] = path else { return false };
    let name = like.keys().find(|key| key.eq_ignore_ascii_case(first)).unwrap_or(first).clone();
    if rest.is_empty() {
        return into.insert(name, entry).is_none();
    }
    let nothing = Table::new();
    let below = match like.get(&name) {
        Some((_, Value { node: Node::Table(table), .. })) => table,
        _ => &nothing,
    };
    let empty =
        || (entry.0.clone(), Value { place: entry.0.clone(), node: Node::Table(Table::new()) });
    match into.entry(name).or_insert_with(empty) {
        (_, Value { node: Node::Table(table), .. }) => put(table, below, rest, entry),
        _ => false,
    }
}

impl std::fmt::Debug for Environment {
    /// Names only: any value may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
