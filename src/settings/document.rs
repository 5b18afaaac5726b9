//! The settings as one tree of values, each with its place: files merged key by key (the later wins), then the
//! environment. Knows TOML, knows no key.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Report};
use super::source::{Place, Source};

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub place: Place,
    pub node: Node,
}

/// The kinds of value that a setting can have.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    Integer(i128),
    Boolean(bool),
    List(Vec<Value>),
    Table(Table),
    /// The text of an environment variable, whose form only its key knows.
    Variable(String),
    /// Something that no setting is: a float, a date, a number that does not fit.
    Other(&'static str),
}

/// A table's keys, each with the place of the key and its value.
pub(super) type Table = BTreeMap<String, (Place, Value)>;

impl Value {
    /// Nothing of this value may be shown; the keys of a table may.
    pub(super) fn mask(&self) {
        if let Node::Table(table) = &self.node {
            table.values().for_each(|(_, value)| value.mask());
        } else {
            self.place.mask();
        }
    }
}

impl Node {
    /// The same text for the same value, whatever its place.
    pub(super) fn canonical(&self) -> String {
        match self {
            Self::Text(text) | Self::Variable(text) => format!("{text:?}"),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(value) => value.to_string(),
            Self::Other(words) => (*words).to_owned(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| item.node.canonical()).collect();
                format!("[{}]", items.join(","))
            }
            Self::Table(table) => {
                let item = |(name, (_, value)): (&String, &(Place, Value))| {
                    format!("{name:?}={}", value.node.canonical())
                };
                format!("{{{}}}", table.iter().map(item).collect::<Vec<_>>().join(","))
            }
        }
    }

    pub(super) const fn words(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Variable(_) => "a text",
            Self::Integer(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(words) => words,
        }
    }
}

/// Reads one file. Every fault of its syntax is noted; `None` when not all of it could be understood, so that what it
/// means cannot be judged.
pub(super) fn read(path: &Path, report: &mut Report) -> Option<Table> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&Arc::new(Source::new(path, text)), report),
        Err(error) => {
            let what = format!("the settings file cannot be read: {error}");
            let remedy = "name an existing TOML file that this user may read".to_owned();
            report.note(Fault::at(&Place::Whole(path.to_owned()), "--config", what, remedy));
            None
        }
    }
}

/// Reads a text as [`read`] reads a file.
pub(super) fn parse(source: &Arc<Source>, report: &mut Report) -> Option<Table> {
    let (document, errors) = DeTable::parse_recoverable(source.text());
    if !errors.is_empty() {
        source.mask_values();
    }
    let (mut understood, mut lines) = (true, BTreeSet::new());
    for error in errors {
        let end = source.text().len();
        let span = error.span().map_or(end..end, |span| span.start.min(end)..span.end.min(end));
        let (line, _) = source.line_and_column(span.start);
        // What follows on the same line is mostly an echo of the first.
        if !lines.insert(line) {
            continue;
        }
        let place = Place::File { source: Arc::clone(source), span };
        let duplicate = error.message() == "duplicate key";
        understood &= duplicate;
        let (what, remedy) = if duplicate {
            ("the key stands here a second time", "keep one of the two")
        } else {
            (error.message(), "see https://toml.io/en/v1.1.0 for how this is written")
        };
        report.note(Fault::at(&place, "syntax", what.to_owned(), remedy.to_owned()));
    }
    understood.then(|| table(document.get_ref(), source))
}

/// One TOML value, as an environment variable may hold it.
pub(super) fn parse_value(text: &str, place: &Place) -> Option<Value> {
    let value = DeValue::parse(text).ok()?;
    Some(convert(value.get_ref(), &|_| place.clone()))
}

fn table(table: &DeTable<'_>, source: &Arc<Source>) -> Table {
    let place = |span: Range<usize>| Place::File { source: Arc::clone(source), span };
    entries(table, &place)
}

fn entries(table: &DeTable<'_>, place: &impl Fn(Range<usize>) -> Place) -> Table {
    let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<_>)| {
        let key: &toml::Spanned<std::borrow::Cow<'_, str>> = key;
        let mut converted = convert(value.get_ref(), place);
        converted.place = place(value.span());
        (key.get_ref().clone().into_owned(), (place(key.span()), converted))
    };
    table.iter().map(entry).collect()
}

fn convert(value: &DeValue<'_>, place: &impl Fn(Range<usize>) -> Place) -> Value {
    let node = match value {
        DeValue::String(text) => Node::Text(text.clone().into_owned()),
        DeValue::Integer(integer) => i128::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Node::Other("a number that does not fit"), Node::Integer),
        DeValue::Boolean(value) => Node::Boolean(*value),
        DeValue::Float(_) => Node::Other("a number with a fraction"),
        DeValue::Datetime(_) => Node::Other("a date"),
        DeValue::Array(items) => {
            let item = |item: &toml::Spanned<DeValue<'_>>| Value {
                place: place(item.span()),
                ..convert(item.get_ref(), place)
            };
            Node::List(items.iter().map(item).collect())
        }
        DeValue::Table(table) => Node::Table(entries(table, place)),
    };
    Value { place: place(0..0), node }
}

/// Lays `later` over `earlier`, key by key. A key's value is replaced whole, so that `{ file = … }` never mixes with
/// another file's `{ env = … }`.
pub(super) fn overlay(earlier: &mut Table, later: Table) {
    for (name, entry) in later {
        // Some hold sections of their own; the others hold keys.
        let depth = if [super::CREDENTIALS, super::SAML].contains(&name.as_str()) { 2 } else { 1 };
        join(earlier, name, entry, depth);
    }
}

fn join(earlier: &mut Table, name: String, (key_place, value): (Place, Value), depth: usize) {
    match (earlier.get_mut(&name), value) {
        (
            Some((_, Value { node: Node::Table(below), .. })),
            Value { node: Node::Table(above), .. },
        ) if depth > 0 => {
            for (inner, entry) in above {
                join(below, inner, entry, depth - 1);
            }
        }
        (_, value) => {
            earlier.insert(name, (key_place, value));
        }
    }
}
