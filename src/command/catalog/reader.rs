//! Takes typed values out of a TOML document and notes every fault with its line, so that all are known at once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::catalog::CredentialName;
use crate::credential::Source;
use crate::ground::secret::without_user;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) column: usize,
    /// The dotted path of what it is about.
    pub(super) at: String,
    pub(super) what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.at.is_empty() {
            write!(f, "{}: ", self.at)?;
        }
        f.write_str(&self.what)
    }
}

/// One pass over a document.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    text: &'t str,
    /// What storages may name.
    pub(super) credentials: &'t BTreeMap<CredentialName, Source>,
    pub(super) faults: Vec<Fault>,
}

/// A table whose keys are taken one by one; what is left in the end is unknown.
#[derive(Debug)]
pub(super) struct Table<'v> {
    path: String,
    span: Range<usize>,
    entries: BTreeMap<&'v str, Entry<'v>>,
}

/// A key's value and where the key stands.
#[derive(Debug, Clone)]
pub(super) struct Entry<'v> {
    span: Range<usize>,
    value: &'v Spanned<DeValue<'v>>,
}

impl<'t> Reader<'t> {
    pub(super) const fn new(
        text: &'t str,
        credentials: &'t BTreeMap<CredentialName, Source>,
    ) -> Self {
        Self { text, credentials, faults: Vec::new() }
    }

    pub(super) fn fault(&mut self, span: &Range<usize>, at: &str, what: impl Into<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.faults.push(Fault { line, column, at: at.to_owned(), what: what.into() });
    }

    /// The document itself.
    pub(super) fn root<'v>(&self, document: &'v Spanned<DeTable<'v>>) -> Table<'v> {
        Table { path: String::new(), span: document.span(), entries: entries(document.get_ref()) }
    }

    /// The tables below a key, by their names: `[path.key.NAME]`.
    pub(super) fn named<'v, N>(
        &mut self,
        table: &mut Table<'v>,
        key: &'static str,
    ) -> Vec<(N, Table<'v>)>
    where
        N: FromStr<Err: fmt::Display>,
    {
        let Some(below) = self.below(table, key) else { return Vec::new() };
        let mut found = Vec::new();
        for (name, entry) in below.entries {
            let path = join(&below.path, name);
            let parsed = self.parsed(name, &entry.span, &path);
            let table = self.table(&entry, path);
            found.extend(parsed.zip(table));
        }
        found
    }

    /// The pairs of an inline table, such as `{ "ann@example.com" = "annotator" }`.
    pub(super) fn pairs<K, V>(&mut self, table: &mut Table<'_>, key: &'static str) -> Vec<(K, V)>
    where
        K: FromStr<Err: fmt::Display> + PartialEq,
        V: FromStr<Err: fmt::Display>,
    {
        let Some(below) = self.below(table, key) else { return Vec::new() };
        let mut found: Vec<(K, V)> = Vec::new();
        for (name, entry) in below.entries {
            let path = join(&below.path, name);
            let name = self.parsed(name, &entry.span, &path);
            let value = self.text(&entry, &path);
            let value = value.and_then(|text| self.parsed(text, &entry.value.span(), &path));
            // Keys that are written differently can be the same: e-mail addresses in capitals.
            if name.as_ref().is_some_and(|name| found.iter().any(|(other, _)| other == name)) {
                self.fault(&entry.span, &path, "stands here a second time");
            }
            found.extend(name.zip(value));
        }
        found
    }

    /// The table at a key, inline or not.
    pub(super) fn below<'v>(
        &mut self,
        table: &mut Table<'v>,
        key: &'static str,
    ) -> Option<Table<'v>> {
        let entry = table.entries.remove(key)?;
        self.table(&entry, join(&table.path, key))
    }

    /// A list of texts.
    pub(super) fn list<T>(&mut self, table: &mut Table<'_>, key: &'static str) -> Vec<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let Some(entry) = table.entries.remove(key) else { return Vec::new() };
        let path = join(&table.path, key);
        let DeValue::Array(items) = entry.value.get_ref() else {
            self.fault(&entry.value.span(), &path, "must be a list");
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in items {
            let entry = Entry { span: item.span(), value: item };
            let text = self.text(&entry, &path);
            found.extend(text.and_then(|text| self.parsed(text, &item.span(), &path)));
        }
        found
    }

    /// A text that may be absent.
    pub(super) fn optional<T>(&mut self, table: &mut Table<'_>, key: &'static str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let entry = table.entries.remove(key)?;
        let path = join(&table.path, key);
        let text = self.text(&entry, &path)?;
        self.parsed(text, &entry.value.span(), &path)
    }

    /// A text that must be there. `None`: a fault was noted.
    pub(super) fn required<T>(&mut self, table: &mut Table<'_>, key: &'static str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        if !table.entries.contains_key(key) {
            self.fault(&table.span, &table.path, format!("{key} is missing"));
        }
        self.optional(table, key)
    }

    /// Nothing more will be taken: what is left is unknown.
    pub(super) fn close(&mut self, table: Table<'_>) {
        for (name, entry) in table.entries {
            self.fault(&entry.span, &join(&table.path, name), "this key is not known here");
        }
    }

    fn table<'v>(&mut self, entry: &Entry<'v>, path: String) -> Option<Table<'v>> {
        let DeValue::Table(table) = entry.value.get_ref() else {
            self.fault(&entry.span, &path, "must be a table");
            return None;
        };
        Some(Table { path, span: entry.span.clone(), entries: entries(table) })
    }

    fn text<'v>(&mut self, entry: &Entry<'v>, path: &str) -> Option<&'v str> {
        let DeValue::String(text) = entry.value.get_ref() else {
            self.fault(&entry.value.span(), path, "must be a text in quotes");
            return None;
        };
        Some(text)
    }

    fn parsed<T>(&mut self, text: &str, span: &Range<usize>, path: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        // An address can hold a password; an e-mail's name is none.
        let shown = if text.contains("://") { without_user(text) } else { text.into() };
        text.parse().map_err(|error| self.fault(span, path, format!("{shown:?}: {error}"))).ok()
    }
}

impl Table<'_> {
    /// Where it stands, for faults that concern it as a whole.
    pub(super) const fn span(&self) -> &Range<usize> {
        &self.span
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Where a key stands and its path; the table's own when it is not there.
    pub(super) fn place_of(&self, key: &str) -> (Range<usize>, String) {
        match self.entries.get(key) {
            Some(entry) => (entry.span.clone(), join(&self.path, key)),
            None => (self.span.clone(), self.path.clone()),
        }
    }
}

fn entries<'v>(table: &'v DeTable<'v>) -> BTreeMap<&'v str, Entry<'v>> {
    table
        .iter()
        .map(|(key, value)| (key.get_ref().as_ref(), Entry { span: key.span(), value }))
        .collect()
}

/// A key that a terminal could stumble over is written in quotes.
fn join(path: &str, key: &str) -> String {
    let strange = |one: char| one.is_control() || one.is_whitespace() || one == '"';
    let key = if key.contains(strange) { format!("{key:?}").into() } else { Cow::Borrowed(key) };
    if path.is_empty() { key.into_owned() } else { format!("{path}.{key}") }
}
