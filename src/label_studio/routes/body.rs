//! Bodies: which media types a row takes, and which members of them name things that are asked about, or may not be there.
//! Label Studio reads JSON, forms and multipart alike, keeps the last of doubled members, and moves things between projects
//! by a member; so what is not understood here is not sent.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use http::HeaderValue;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::super::{Form, Reference, StorageType};
use super::matching::number;
use super::multipart;
use super::row::Thing;
use crate::label_studio::Direction;

/// What a row takes.
#[derive(Debug, Default)]
pub struct BodyRule {
    json: bool,
    multipart: bool,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    member: Box<str>,
    says: Says,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    May(Thing),
    Must(Thing),
    Never,
}

/// A body that may be sent.
#[derive(Debug)]
pub struct Body {
    pub references: Vec<Reference>,
    pub content_type: HeaderValue,
    /// The parts of it that can hold handles, in order.
    pub texts: Vec<(Range<usize>, Form)>,
}

/// Why a body may not be sent.
#[derive(Debug, thiserror::Error)]
pub enum BadBody {
    #[error("a body of this media type is not taken here")]
    Type,
    #[error("not well-formed JSON, or a member stands twice")]
    Json(#[source] serde_json::Error),
    #[error("a multipart body that can be read in more than one way: {0}")]
    Multipart(&'static str),
    #[error("the member {0} may not be sent")]
    Member(Box<str>),
    #[error("the member {0} is missing, or is no number")]
    Number(Box<str>),
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl BodyRule {
    pub(super) fn read_rule(column: &str, direction: Direction) -> Result<Self, String> {
        let mut parts = column.split(',');
        let mut rule = Self::default();
        for kind in parts.next().unwrap_or_default().split('|') {
            match kind {
                "-" => {}
                "json" => rule.json = true,
                "multipart" => rule.multipart = true,
                other => return Err(format!("{other} is no media type that is known")),
            }
        }
        rule.rules = parts.map(|text| Rule::read(text, direction)).collect::<Result<_, _>>()?;
        Ok(rule)
    }

    /// Whether there may be no body at all.
    #[must_use]
    pub const fn takes_none(&self) -> bool {
        !self.json && !self.multipart
    }

    /// Reads a body. An empty one is none, which is well unless something must be in it. `of`: the type of storage that the
    /// path names.
    ///
    /// # Errors
    /// [`BadBody`] for whatever may not be sent.
    pub fn read(
        &self,
        content_type: Option<&str>,
        bytes: &[u8],
        of: Option<StorageType>,
    ) -> Result<Body, BadBody> {
        let said = content_type.unwrap_or_default();
        let essence = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if self.multipart && essence == "multipart/form-data" {
            let (parts, content_type) = multipart::read(said, bytes)?;
            for rule in &self.rules {
                if parts.iter().any(|part| part.name == *rule.member) {
                    return Err(BadBody::Member(rule.member.clone()));
                }
            }
            let texts = parts.into_iter().filter_map(|part| Some((part.content, part.form?)));
            return Ok(Body { references: Vec::new(), content_type, texts: texts.collect() });
        }
        if !self.json || !(essence == "application/json" || bytes.is_empty()) {
            return Err(BadBody::Type);
        }
        let json = match bytes {
            [] => Json::Null,
            some => serde_json::from_slice(some).map_err(BadBody::Json)?,
        };
        let mut references = Vec::new();
        for rule in &self.rules {
            rule.apply(&json, of, &mut references)?;
        }
        let all = if json == Json::Null { vec![] } else { vec![(0..bytes.len(), Form::Json)] };
        Ok(Body { references, content_type: JSON, texts: all })
    }
}

/// Whether a text is JSON as it may be sent: nothing in it twice.
///
/// # Errors
/// [`BadBody::Json`]
pub fn check_json(text: &[u8]) -> Result<(), BadBody> {
    serde_json::from_slice::<Json>(text).map(drop).map_err(BadBody::Json)
}

impl Rule {
    fn read(text: &str, direction: Direction) -> Result<Self, String> {
        // A list is expected there: the rule holds for each item of one anyway.
        let text = text.strip_prefix("[].").unwrap_or(text);
        if let Some(member) = text.strip_prefix('!') {
            return Ok(Self { member: member.into(), says: Says::Never });
        }
        let (text, must) = match text.strip_suffix('!') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (member, thing) = text.split_once(':').ok_or("a member is name:thing or !name")?;
        let thing = Thing::named(thing, direction)
            .ok_or_else(|| format!("{thing} is nothing that is known"))?;
        let says = if must { Says::Must(thing) } else { Says::May(thing) };
        Ok(Self { member: member.into(), says })
    }

    fn apply(
        &self,
        json: &Json,
        of: Option<StorageType>,
        references: &mut Vec<Reference>,
    ) -> Result<(), BadBody> {
        // Where one object is expected Label Studio may take a list of them: the rule then holds for each.
        match json {
            Json::List(items) => {
                items.iter().try_for_each(|item| self.apply_to(item, of, references))
            }
            Json::Null | Json::Other | Json::Number(_) | Json::Text(_) | Json::Object(_) => {
                self.apply_to(json, of, references)
            }
        }
    }

    fn apply_to(
        &self,
        json: &Json,
        of: Option<StorageType>,
        references: &mut Vec<Reference>,
    ) -> Result<(), BadBody> {
        let members: &[(String, Json)] = match json {
            Json::Object(members) => members,
            Json::Null | Json::Other | Json::Number(_) | Json::Text(_) | Json::List(_) => &[],
        };
        let value = members.iter().find(|(name, _)| **name == *self.member).map(|(_, value)| value);
        let missing = || BadBody::Number(self.member.clone());
        match (self.says, value) {
            (Says::Never, Some(_)) => Err(BadBody::Member(self.member.clone())),
            (Says::Never | Says::May(_), None) => Ok(()),
            (Says::May(_), Some(value)) if value.is_nothing() => Ok(()),
            (Says::Must(_), None) => Err(missing()),
            (Says::May(thing) | Says::Must(thing), Some(value)) => {
                let number = value.number().ok_or_else(missing)?;
                let kind = thing.kind(of, None).ok_or_else(missing)?;
                references.push(Reference { kind, number });
                Ok(())
            }
        }
    }
}

/// JSON, with no member twice in any object.
#[derive(Debug, PartialEq, Eq)]
enum Json {
    Null,
    Other,
    Number(u64),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    /// What Label Studio takes for "none".
    fn is_nothing(&self) -> bool {
        match self {
            Self::Null | Self::Number(0) => true,
            Self::Text(text) => text.is_empty(),
            Self::Other | Self::Number(_) | Self::List(_) | Self::Object(_) => false,
        }
    }

    /// A number, or one in quotes: Label Studio takes both.
    fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number).filter(|number| *number > 0),
            Self::Text(text) => number(text),
            Self::Null | Self::Other | Self::List(_) | Self::Object(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_i64<E>(self, _value: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        // A body is held whole beside this: of a list only the objects matter, and of those what is no object itself.
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            if matches!(item, Json::Object(_)) {
                list.push(item);
            }
        }
        list.shrink_to_fit();
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let (mut list, mut names) = (Vec::new(), HashSet::new());
        while let Some((name, value)) = members.next_entry::<String, Json>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("a member stands twice"));
            }
            let is_deeper = matches!(value, Json::List(_) | Json::Object(_));
            list.push((name, if is_deeper { Json::Other } else { value }));
        }
        list.shrink_to_fit();
        Ok(Json::Object(list))
    }
}
