//! The first look at a document, before any tree of it is built: no DOCTYPE, comment, processing instruction or CDATA
//! section (R2), and counts that bound what parsers spend on it (R4).
//!
//! In a well-formed document `<` begins markup wherever it stands, so this sees everything that a parser will see.
//! What is not well-formed may be counted wrongly here, and is refused by the strict parser afterwards.

use super::MAX_BYTES;
use super::gate::Closed;

/// An answer with a signature needs 8.
const MAX_DEPTH: usize = 16;
/// Some thousand groups of one person.
const MAX_ELEMENTS: usize = 4_096;
/// Attributes of one element: parsers compare each with each.
const MAX_ATTRIBUTES: usize = 32;
/// Attributes of all elements together.
const MAX_ALL_ATTRIBUTES: usize = 8_192;
/// Namespaces declared in one place and around it: each element inside is compared with all of them.
const MAX_NAMESPACES: usize = 32;

/// Refuses what no tree is built of.
pub(super) fn scan(text: &str) -> Result<(), Closed> {
    if text.len() > MAX_BYTES {
        return Err(Closed::TooLarge);
    }
    let body = after_declaration(text)?;
    if !body.starts_with(['<', ' ', '\t', '\r', '\n']) {
        return Err(Closed::Declaration);
    }
    let (mut around, mut attributes) = (Vec::new(), 0);
    for (count, markup) in body.split('<').skip(1).enumerate() {
        if count > 2 * MAX_ELEMENTS {
            return Err(Closed::TooManyElements);
        }
        let Some(tag) = Tag::read(markup)? else {
            around.pop();
            continue;
        };
        attributes += tag.attributes;
        if attributes > MAX_ALL_ATTRIBUTES {
            return Err(Closed::TooManyAttributes);
        }
        if tag.namespaces + around.iter().sum::<usize>() > MAX_NAMESPACES {
            return Err(Closed::TooManyNamespaces);
        }
        if !tag.empty {
            around.push(tag.namespaces);
        }
        if around.len() > MAX_DEPTH {
            return Err(Closed::TooDeep);
        }
    }
    Ok(())
}

/// What follows the XML declaration, which may say 1.0 and UTF-8 and nothing else: a parser that believed another
/// encoding would read another document.
fn after_declaration(text: &str) -> Result<&str, Closed> {
    let Some(rest) = text.strip_prefix("<?xml") else { return Ok(text) };
    let (declaration, body) = rest.split_once("?>").ok_or(Closed::Declaration)?;
    if !declaration.starts_with([' ', '\t', '\r', '\n']) {
        return Err(Closed::ProcessingInstruction);
    }
    let expected = |item: &str| {
        let item = item.replace('\'', "\"").to_ascii_lowercase();
        let known =
            ["version=\"1.0\"", "encoding=\"utf-8\"", "standalone=\"yes\"", "standalone=\"no\""];
        known.contains(&item.as_str())
    };
    if declaration.split_ascii_whitespace().all(expected) {
        Ok(if body.is_empty() { " " } else { body })
    } else {
        Err(Closed::Declaration)
    }
}

/// A tag that opens an element.
struct Tag {
    empty: bool,
    /// At least as many as it has.
    attributes: usize,
    /// At least as many as it declares.
    namespaces: usize,
}

impl Tag {
    /// `markup` is what stands between a `<` and the next. `None` for an end tag.
    fn read(markup: &str) -> Result<Option<Self>, Closed> {
        match markup.as_bytes() {
            [b'!', b'-', ..] => Err(Closed::Comment),
            [b'!', b'[', ..] => Err(Closed::CData),
            [b'!', ..] => Err(Closed::Doctype),
            [b'?', ..] => Err(Closed::ProcessingInstruction),
            [b'/', ..] => Ok(None),
            _ => Self::start(markup).map(Some),
        }
    }

    /// A `>` may stand in a quoted value.
    fn start(markup: &str) -> Result<Self, Closed> {
        let mut quote = None;
        let end = markup.bytes().position(|byte| {
            match quote {
                Some(open) if open == byte => quote = None,
                None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
                _ => {}
            }
            quote.is_none() && byte == b'>'
        });
        let tag = end.and_then(|end| markup.get(..end)).ok_or(Closed::NotWellFormed)?;
        let attributes = tag.matches('=').count();
        if attributes > MAX_ATTRIBUTES && values(tag) > MAX_ATTRIBUTES {
            return Err(Closed::TooManyAttributes);
        }
        Ok(Self { empty: tag.ends_with('/'), attributes, namespaces: tag.matches("xmlns").count() })
    }
}

/// The values in a tag: what is quoted. Counts no further than it matters.
fn values(tag: &str) -> usize {
    let mut count = 0;
    let mut rest = tag;
    while let Some((_, after)) = rest.split_once(['"', '\''])
        && count <= MAX_ATTRIBUTES
    {
        count += 1;
        let quote = rest.get(rest.len() - after.len() - 1..).and_then(|text| text.chars().next());
        rest = after.split_once(quote.unwrap_or('"')).map_or("", |(_, after)| after);
    }
    count
}
