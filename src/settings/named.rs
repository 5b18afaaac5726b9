//! Sections below a section: `[credentials.NAME]`, `[saml.NAME]`.

use std::fmt::Display;
use std::str::FromStr;

use super::document::{Node, Table, Value};
use super::reader::Reading;
use super::source::Place;

/// The tables below `[section]`, each with its name and where it stands. `None`: it holds something else.
pub(super) fn named<N: FromStr<Err: Display>>(
    section: &str,
    tree: &mut Table,
    reading: &mut Reading<'_>,
) -> Option<Vec<(N, Place, Table)>> {
    let Some((place, value)) = tree.remove(section) else { return Some(Vec::new()) };
    let Node::Table(sections) = value.node else {
        section.clone_into(&mut reading.key);
        value.mask();
        let remedy = format!("write [{section}.NAME] and its keys below it");
        reading.fault(&place, "holds no sections", remedy);
        return None;
    };
    let found = sections
        .into_iter()
        .filter_map(|(name, (place, value))| one(section, &name, place, value, reading));
    Some(found.collect())
}

fn one<N: FromStr<Err: Display>>(
    section: &str,
    name: &str,
    place: Place,
    value: Value,
    reading: &mut Reading<'_>,
) -> Option<(N, Place, Table)> {
    reading.key = format!("{section}.{name}");
    let Node::Table(table) = value.node else {
        value.mask();
        let what = format!("is {}, but must be a section", value.node.words());
        reading.fault(&place, what, format!("write [{section}.{name}] and its keys below it"));
        return None;
    };
    match name.parse() {
        Ok(name) => Some((name, place, table)),
        Err(error) => {
            let error: N::Err = error;
            reading.fault(&place, "is not a name", error.to_string());
            None
        }
    }
}
