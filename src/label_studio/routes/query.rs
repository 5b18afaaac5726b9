//! Query strings: decoded once, each name once, only what the row takes.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::NoRoute;
use super::matching::number;
use super::row::Thing;
use crate::ground::form::decoded;
use crate::label_studio::{Direction, Kind};

/// What a row takes.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    known: Vec<Parameter>,
    /// Part of the match.
    fixed: Option<(Box<str>, Box<str>)>,
}

#[derive(Debug)]
struct Parameter {
    name: Box<str>,
    thing: Option<Thing>,
    required: bool,
    /// Where it is missing, the asker's projects stand in for it.
    stands_in: bool,
    repeats: bool,
}

/// What a query says to a row.
#[derive(Debug)]
pub(super) enum Taken {
    /// Another row's.
    NotThis,
    /// The parameter that is not taken, doubled, missing or malformed.
    Bad(String),
    All(Pairs),
}

/// A query that a row takes.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    pub(super) things: Vec<(Thing, u64)>,
    /// Nothing is named where a project could be.
    pub(super) names_no_project: bool,
    /// What the parameter `query` says, decoded once.
    pub(super) filters: Option<Box<str>>,
    /// Without `?`; empty for none.
    pub(super) text: String,
}

/// The parameter in which the Data Manager's filters come.
pub(super) const FILTERS: &str = "query";
/// What stands in a query without an escape.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b',');

impl Parameters {
    pub(super) fn read(
        column: &str,
        fixed: Option<&str>,
        direction: Direction,
    ) -> Result<Self, String> {
        let fixed = match fixed.map(|fixed| fixed.split_once('=')) {
            None => None,
            Some(Some((name, value))) => Some((name.into(), value.into())),
            Some(None) => return Err("the fixed part of a query is name=value".to_owned()),
        };
        let names = column.split(',').filter(|name| *name != "-");
        let known = names.map(|text| Parameter::read(text, direction)).collect::<Result<_, _>>()?;
        Ok(Self { known, fixed })
    }

    pub(super) fn take(&self, query: &[(String, String)]) -> Taken {
        let mut pairs = Pairs::default();
        if let Some((name, value)) = &self.fixed {
            let said: Vec<_> = query.iter().filter(|(said, _)| **said == **name).collect();
            match said.as_slice() {
                [(_, said)] if **said == **value => pairs.add(name, value),
                _ => return Taken::NotThis,
            }
        }
        let is_fixed = |name: &str| self.fixed.as_ref().is_some_and(|(fixed, _)| **fixed == *name);
        for (index, (name, value)) in query.iter().enumerate() {
            if is_fixed(name) || self.is_no_tab(name, value) {
                continue;
            }
            let Some(known) = self.known.iter().find(|known| *known.name == **name) else {
                return Taken::Bad(name.clone());
            };
            let again = query.iter().take(index).any(|(before, _)| before == name);
            if again && !known.repeats {
                return Taken::Bad(name.clone());
            }
            if let Some(thing) = known.thing {
                let Some(number) = number(value) else { return Taken::Bad(name.clone()) };
                pairs.things.push((thing, number));
            }
            if *name == *FILTERS {
                pairs.filters = Some(value.as_str().into());
            }
            pairs.add(name, value);
        }
        let missing = |known: &&Parameter| {
            known.required && !query.iter().any(|(name, _)| **name == *known.name)
        };
        pairs.names_no_project =
            pairs.things.is_empty() && self.known.iter().any(|known| known.stands_in);
        match self.known.iter().find(missing) {
            Some(missing) => Taken::Bad(missing.name.to_string()),
            None => Taken::All(pairs),
        }
    }

    /// The pages say `view=0` of a tab that is not kept yet: Label Studio takes it for none, and so do we.
    fn is_no_tab(&self, name: &str, value: &str) -> bool {
        let is_tab = |known: &Parameter| known.thing == Some(Thing::Of(Kind::Tab));
        value == "0" && self.known.iter().any(|known| *known.name == *name && is_tab(known))
    }
}

impl Parameter {
    fn read(text: &str, direction: Direction) -> Result<Self, String> {
        let (text, required) = match text.strip_suffix('!') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (text, stands_in) = match text.strip_suffix('?') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (name, thing) = match text.split_once(':') {
            Some((name, thing)) => {
                let known = Thing::named(thing, direction);
                (name, Some(known.ok_or_else(|| format!("{thing} is nothing that is known"))?))
            }
            None => (text, None),
        };
        let repeats = name.ends_with("[]");
        Ok(Self { repeats, name: name.into(), thing, required, stands_in })
    }
}

impl Pairs {
    fn add(&mut self, name: &str, value: &str) {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        self.text.push_str(&pair(name, value));
    }
}

/// One pair, as it stands in a query.
pub(super) fn pair(name: &str, value: &str) -> String {
    let escaped = |text| utf8_percent_encode(text, ESCAPED);
    format!("{}={}", escaped(name), escaped(value))
}

/// The pairs of a query, decoded once, as forms encode them (`+` is a space).
pub(super) fn read(query: Option<&str>) -> Result<Vec<(String, String)>, NoRoute> {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let read = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let bad = || NoRoute::BadQuery { name: name.chars().take(64).collect() };
        Ok((decoded(name).ok_or_else(bad)?, decoded(value).ok_or_else(bad)?))
    });
    read.collect()
}
