//! The kinds of value that keys take, each with its words for people. Reading is checking: what comes out is typed.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::document::{Node, Value};
use super::key::{Kind, Shape, Wrong};
use super::reader::{Reading, unknown};
use crate::ground::secret::without_user;

/// A type with a name for each of its values.
pub(super) trait Choice: Copy + 'static {
    const ALL: &'static [(&'static str, Self)];
}

/// Seconds in the units that durations are written in.
pub(super) const SECOND: u64 = 1;
pub(super) const MINUTE: u64 = 60;
pub(super) const HOUR: u64 = 3600;

/// Any text but an empty one.
pub(super) const fn text() -> Kind<String> {
    Kind { shape: Shape::Text, words: || "a text".to_owned(), read: |value, _| non_empty(value) }
}

/// `ip:port`
pub(super) const fn address() -> Kind<SocketAddr> {
    Kind {
        shape: Shape::Text,
        words: || "an address with port".to_owned(),
        read: |value, _| {
            let text = non_empty(value)?;
            text.parse().map_err(|_error| {
                wrong(
                    format!("{} is not an address", shown(value, &text)),
                    "write an IP and a port: \"0.0.0.0:8443\"",
                )
            })
        },
    }
}

/// `true` or `false`.
pub(super) const fn boolean() -> Kind<bool> {
    Kind {
        shape: Shape::Boolean,
        words: || "true or false".to_owned(),
        read: |value, _| match value.node {
            Node::Boolean(answer) => Ok(answer),
            Node::Text(_)
            | Node::Integer(_)
            | Node::List(_)
            | Node::Table(_)
            | Node::Variable(_)
            | Node::Other(_) => Err(Wrong::Kind),
        },
    }
}

/// A whole number from `MIN` to `MAX`.
pub(super) const fn integer<const MIN: u64, const MAX: u64, T: TryFrom<u64>>() -> Kind<T> {
    Kind {
        shape: Shape::Integer,
        words: || format!("a whole number, {MIN} to {MAX}"),
        read: |value, _| {
            let number = within::<MIN, MAX>(value)?;
            T::try_from(number).or(Err(Wrong::Kind))
        },
    }
}

/// A whole number of `UNIT`s, from `MIN` to `MAX`.
pub(super) const fn duration<const UNIT: u64, const MIN: u64, const MAX: u64>() -> Kind<Duration> {
    Kind {
        shape: Shape::Integer,
        words: || format!("a whole number, {MIN} to {MAX}"),
        read: |value, _| Ok(Duration::from_secs(within::<MIN, MAX>(value)? * UNIT)),
    }
}

/// One of the names of a [`Choice`].
pub(super) const fn choice<T: Choice>() -> Kind<T> {
    Kind {
        shape: Shape::Text,
        words: || {
            let names: Vec<_> = T::ALL.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            names.join(" or ")
        },
        read: |value, _| {
            let Node::Text(text) = &value.node else { return Err(Wrong::Kind) };
            let found = T::ALL.iter().find(|(name, _)| name == text);
            found.map(|(_, choice)| *choice).ok_or_else(|| {
                let (_, remedy) = unknown(text, T::ALL.iter().map(|(name, _)| *name), "");
                wrong(format!("{} is not one of its values", shown(value, text)), remedy)
            })
        },
    }
}

/// A text that a type of ours reads, and says what is wrong with otherwise.
pub(super) const fn parsed<T: FromStr<Err: Display>>(words: fn() -> String) -> Kind<T> {
    Kind { shape: Shape::Text, words, read: |value, _| parse(value) }
}

/// A list of such texts; an empty one is a list of none.
pub(super) const fn list<T: FromStr<Err: Display>>(words: fn() -> String) -> Kind<Vec<T>> {
    Kind {
        shape: Shape::List,
        words,
        read: |value, reading| each(value, reading, |item, _| parse(item)),
    }
}

/// A list of such texts that names at least one.
pub(super) const fn some<T: FromStr<Err: Display>>(words: fn() -> String) -> Kind<Vec<T>> {
    Kind {
        shape: Shape::List,
        words,
        read: |value, reading| not_empty(each(value, reading, |item, _| parse(item))?),
    }
}

/// A path, made absolute from the place where it stands.
pub(super) const fn path() -> Kind<PathBuf> {
    Kind {
        shape: Shape::Text,
        words: || "a path".to_owned(),
        read: |value, _| Ok(resolve(value, &non_empty(value)?)),
    }
}

/// A list of paths of files that can be read.
pub(super) const fn files() -> Kind<Vec<PathBuf>> {
    Kind {
        shape: Shape::List,
        words: || "a list of paths".to_owned(),
        read: |value, reading| each(value, reading, readable),
    }
}

/// A path of a file that can be read.
pub(super) const fn file() -> Kind<PathBuf> {
    Kind { shape: Shape::Text, words: || "a path".to_owned(), read: readable }
}

/// A path of a file that can be read.
pub(super) fn readable(value: &Value, reading: &mut Reading<'_>) -> Result<PathBuf, Wrong> {
    let path = resolve(value, &non_empty(value)?);
    // Also when it cannot be read: a reload tries again when it can.
    reading.files.push(path.clone());
    match std::fs::File::open(&path) {
        Ok(_) => Ok(path),
        Err(error) => Err(wrong(
            format!("{} cannot be read: {error}", path.display()),
            "name a file that exists and that this user may read",
        )),
    }
}

pub(super) fn resolve(value: &Value, text: &str) -> PathBuf {
    value.place.folder().map_or_else(|| PathBuf::from(text), |folder| folder.join(Path::new(text)))
}

pub(super) fn wrong(what: impl Into<String>, remedy: impl Into<String>) -> Wrong {
    Wrong::Value(what.into(), remedy.into())
}

pub(super) fn non_empty(value: &Value) -> Result<String, Wrong> {
    match &value.node {
        Node::Text(text) if text.trim().is_empty() => {
            Err(wrong("is empty", "write a value, or take the key out"))
        }
        Node::Text(text) => Ok(text.clone()),
        Node::Integer(_)
        | Node::Boolean(_)
        | Node::List(_)
        | Node::Table(_)
        | Node::Variable(_)
        | Node::Other(_) => Err(Wrong::Kind),
    }
}

/// Reads every item, so that all faults of a list are noted at once, each at its own place.
pub(super) fn each<T>(
    value: &Value,
    reading: &mut Reading<'_>,
    read: fn(&Value, &mut Reading<'_>) -> Result<T, Wrong>,
) -> Result<Vec<T>, Wrong> {
    let Node::List(items) = &value.node else { return Err(Wrong::Kind) };
    let mut good = Vec::with_capacity(items.len());
    for item in items {
        match read(item, reading) {
            Ok(item) => good.push(item),
            Err(Wrong::Noted) => {}
            Err(Wrong::Kind) => {
                let what = format!("holds {}, which does not belong there", item.node.words());
                reading.fault(&item.place, what, "see docs/settings.md for what this list holds");
            }
            Err(Wrong::Value(what, remedy)) => reading.fault(&item.place, what, remedy),
        }
    }
    if good.len() == items.len() { Ok(good) } else { Err(Wrong::Noted) }
}

pub(super) fn not_empty<T>(list: Vec<T>) -> Result<Vec<T>, Wrong> {
    if list.is_empty() {
        return Err(wrong("is an empty list, which would mean none", "name at least one"));
    }
    Ok(list)
}

fn parse<T: FromStr<Err: Display>>(value: &Value) -> Result<T, Wrong> {
    let text = non_empty(value)?;
    text.parse().map_err(|error| {
        let text = shown(value, &text);
        let remedy = "see docs/settings.md for what this key takes";
        wrong(format!("{text} does not belong there: {error}"), remedy)
    })
}

/// A value as a report may quote it: what stands before an `@` can be a password, and is shown nowhere.
fn shown(value: &Value, text: &str) -> String {
    if text.contains('@') {
        value.mask();
    }
    format!("{:?}", without_user(text))
}

fn within<const MIN: u64, const MAX: u64>(value: &Value) -> Result<u64, Wrong> {
    let Node::Integer(number) = value.node else { return Err(Wrong::Kind) };
    let allowed = u64::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number));
    allowed
        .ok_or_else(|| wrong(format!("{number} is out of range"), format!("write {MIN} to {MAX}")))
}
