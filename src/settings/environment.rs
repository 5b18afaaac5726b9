//! The environment: the only place of the program that reads it. `SLUICEGATE_SECTION__KEY` overrides a file's key.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use super::document::{Node, Table, Value};
use super::source::Place;

const PREFIX: &str = "SLUICEGATE_";

/// Every variable of this process, as it was at one moment.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// What this process was started with.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |value: OsString| value.into_string().ok();
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
                .collect(),
        )
    }

    /// Exactly these variables.
    #[must_use]
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The settings among the variables: every one whose name starts with ours and holds `__`. The text is read by the
    /// key that it turns out to be for.
    pub(super) fn settings(&self, document: &Table) -> Table {
        let mut found = Table::new();
        for (name, text) in &self.0 {
            let upper = name.to_ascii_uppercase();
            let Some(path) = upper.strip_prefix(PREFIX).filter(|path| path.contains("__")) else {
                continue;
            };
            let parts: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
            let place = Place::Variable(Arc::from(name.as_str()));
            let value = Value { place: place.clone(), node: Node::Variable(text.clone()) };
            put(&mut found, document, &parts, (place, value));
        }
        found
    }
}

/// Puts a value under its path; a name that a file writes in capitals is met in the file's spelling.
fn put(into: &mut Table, like: &Table, path: &[String], entry: (Place, Value)) {
    let [first, rest @ ..] = path else { return };
    let name = like.keys().find(|key| key.eq_ignore_ascii_case(first)).unwrap_or(first).clone();
    if rest.is_empty() {
        into.insert(name, entry);
        return;
    }
    let nothing = Table::new();
    let below = match like.get(&name) {
        Some((_, Value { node: Node::Table(table), .. })) => table,
        _ => &nothing,
    };
    let empty =
        || (entry.0.clone(), Value { place: entry.0.clone(), node: Node::Table(Table::new()) });
    if let (_, Value { node: Node::Table(table), .. }) = into.entry(name).or_insert_with(empty) {
        put(table, below, rest, entry);
    }
}

impl std::fmt::Debug for Environment {
    /// Names only: any value may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
