//! Takes typed values out of the tree, notes every fault, and notes what nobody took.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::{self, Node, Table, Value};
use super::environment::Environment;
use super::fault::{Fault, Report};
use super::key::{Absent, Applies, Key, Row, Shape, Wrong};
use super::source::Place;

/// One pass over the settings.
pub(super) struct Reading<'a> {
    pub report: Report,
    pub environment: &'a Environment,
    /// Every file that was read on the way: a change of any of them is a change of the settings.
    pub files: Vec<PathBuf>,
    /// The key that is being read, for the reports.
    pub key: String,
    /// What was written for each key that only a start takes up.
    pub fixed: Vec<(String, String)>,
    home: Arc<Path>,
}

/// One section, from which keys are taken until only unknown ones are left.
pub(super) struct Section<'r, 'a> {
    pub reading: &'r mut Reading<'a>,
    name: String,
    place: Place,
    rest: Table,
    rows: Vec<Row>,
}

impl<'a> Reading<'a> {
    /// `home` is the folder of the first file: defaults are relative to it.
    pub(super) fn new(environment: &'a Environment, home: &Path) -> Self {
        Self {
            report: Report::default(),
            environment,
            files: Vec::new(),
            key: String::new(),
            fixed: Vec::new(),
            home: Arc::from(home),
        }
    }

    /// Notes a fault of the key that is being read.
    pub(super) fn fault(
        &mut self,
        place: &Place,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.report.note(Fault::at(place, &self.key, what.into(), remedy.into()));
    }

    /// Opens a section; an absent one is empty.
    pub(super) fn section<'r>(
        &'r mut self,
        tree: &mut Table,
        name: &str,
        rows: &[Row],
    ) -> Section<'r, 'a> {
        let whole = Place::Whole(self.files.first().cloned().unwrap_or_default());
        let (place, rest) = match tree.remove(name) {
            Some((place, Value { node: Node::Table(table), .. })) => (place, table),
            Some((place, value)) => {
                name.clone_into(&mut self.key);
                let what = format!("is {}, but must be a section", value.node.words());
                value.mask();
                self.fault(&place, what, format!("write [{name}] and its keys below it"));
                (place, Table::new())
            }
            None => (whole, Table::new()),
        };
        self.open(
            name,
            place,
            rest,
            rows.iter().filter(|row| row.section == name).copied().collect(),
        )
    }

    /// Opens a section that was found already.
    pub(super) fn open<'r>(
        &'r mut self,
        name: &str,
        place: Place,
        rest: Table,
        rows: Vec<Row>,
    ) -> Section<'r, 'a> {
        Section { reading: self, name: name.to_owned(), place, rest, rows }
    }
}

impl Section<'_, '_> {
    /// The value of a key that must be there or has a default. `None`: a fault was noted.
    pub(super) fn take<T>(&mut self, key: &Key<T>) -> Option<T> {
        self.take_optional(key)?.or_else(|| {
            let name = self.path(key.row.name);
            self.note(&self.place.clone(), &name, "is missing".into(), example(&key.row));
            None
        })
    }

    /// The value of a key that may be absent. `None`: a fault was noted.
    pub(super) fn take_optional<T>(&mut self, key: &Key<T>) -> Option<Option<T>> {
        let value = match (self.rest.remove(key.row.name), key.row.absent) {
            (Some((_, value)), _) => value,
            (None, Absent::Default(text)) => {
                let place = Place::Default(Arc::clone(&self.reading.home));
                document::parse_value(text, &place)?
            }
            (None, Absent::Optional | Absent::Required) => return Some(None),
        };
        self.read(key, value).map(Some)
    }

    fn read<T>(&mut self, key: &Key<T>, value: Value) -> Option<T> {
        let value = from_variable(value, key.row.shape);
        let name = self.path(key.row.name);
        name.clone_into(&mut self.reading.key);
        if key.row.applies == Applies::Restart {
            self.reading.fixed.push((name.clone(), value.node.canonical()));
        }
        let (what, remedy) = match (key.read)(&value, self.reading) {
            Ok(value) => return Some(value),
            Err(Wrong::Noted) => return None,
            Err(Wrong::Value(what, remedy)) => (what, remedy),
            Err(Wrong::Kind) => {
                let words = (key.row.words)();
                (format!("is {}, but must be {words}", value.node.words()), example(&key.row))
            }
        };
        if key.row.shape == Shape::Secret && !matches!(value.node, Node::Table(_)) {
            value.mask();
        }
        self.note(&value.place, &name, what, remedy);
        None
    }

    /// The place of a key, or of the section when it is not there.
    pub(super) fn place_of<T>(&self, key: &Key<T>) -> Place {
        self.rest
            .get(key.row.name)
            .map_or_else(|| self.place.clone(), |(_, value)| value.place.clone())
    }

    /// Lets go of all keys that are left: another fault hides what they mean.
    pub(super) fn forget(&mut self) {
        let left = std::mem::take(&mut self.rest);
        left.values().for_each(|(_, value)| value.mask());
    }

    /// Nothing more will be taken: what is left is unknown.
    pub(super) fn close(mut self) {
        for (name, (place, value)) in std::mem::take(&mut self.rest) {
            value.mask();
            let known = self.rows.iter().map(|row| row.name);
            let path = self.path(&name);
            let (what, remedy) = unknown(&name, known, "a key of this section");
            self.note(&place, &path, what, remedy);
        }
    }

    /// Notes a fault that stands between keys.
    pub(super) fn note(&mut self, place: &Place, key: &str, what: String, remedy: String) {
        self.reading.report.note(Fault::at(place, key, what, remedy));
    }

    pub(super) fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }
}

/// The words for a name that nobody knows, with the nearest that somebody does.
pub(super) fn unknown<'n>(
    name: &str,
    known: impl Iterator<Item = &'n str> + Clone,
    what: &str,
) -> (String, String) {
    let close = |one: &&str| distance(name, one) <= 1 + name.len() / 4;
    let remedy = match known.clone().filter(close).min_by_key(|one| distance(name, one)) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("known are: {}", known.collect::<Vec<_>>().join(", ")),
    };
    (format!("is not {what}"), remedy)
}

/// Gives the text of a variable the form that its key takes.
fn from_variable(value: Value, shape: Shape) -> Value {
    let Node::Variable(text) = &value.node else { return value };
    let parsed = || document::parse_value(text.trim(), &value.place).map(|value| value.node);
    let plain = |text: &str| Node::Text(text.to_owned());
    let node = match shape {
        Shape::Text => plain(text),
        Shape::List if text.trim_start().starts_with('[') => {
            parsed().unwrap_or_else(|| plain(text))
        }
        Shape::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            let item = |item| Value { place: value.place.clone(), node: plain(item) };
            Node::List(items.map(item).collect())
        }
        Shape::Integer | Shape::Boolean | Shape::Table | Shape::Secret => {
            parsed().unwrap_or_else(|| plain(text))
        }
    };
    Value { place: value.place, node }
}

fn example(row: &Row) -> String {
    format!("write {} = … under [{}]: {}", row.name, row.section, row.meaning)
}

/// How many letters must be changed, added or taken away to get from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, b) in row.iter_mut().skip(1).zip(other.chars()) {
            let changed = diagonal + usize::from(a != b);
            diagonal = *cell;
            left = changed.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_letters() {
        for (one, other, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("adress", "address", 1),
            ("hots", "hosts", 1),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
