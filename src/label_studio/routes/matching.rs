//! Paths: how the table writes them, and whether one on the wire is one of them.

use super::super::{StorageType, kept};
use super::row::Thing;
use crate::label_studio::Direction;

/// A path of the table.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) segments: Vec<Segment>,
    /// Label Studio's own spelling ends with a slash: clients may leave it out.
    pub(super) ends_with_slash: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(Box<str>),
    /// The number of something whose project is asked about.
    Of(Box<str>, Thing),
    /// Another number.
    Number(Box<str>),
    Type,
    File,
    /// One or more plain names: only at the end.
    Any,
}

/// What a path on the wire says.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) numbers: Vec<(Box<str>, Option<Thing>, u64)>,
    pub(super) storage_type: Option<StorageType>,
    /// In canonical form.
    pub(super) path: String,
}

impl Path {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('/').ok_or("a path starts with a slash")?;
        let ends_with_slash = inner.is_empty() || inner.ends_with('/');
        let direction =
            if inner.contains("export/") { Direction::Export } else { Direction::Import };
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let names = inner.split('/').filter(|name| !name.is_empty());
        let segments: Vec<_> =
            names.map(|name| segment(name, direction)).collect::<Result<_, _>>()?;
        let last = segments.len().saturating_sub(1);
        if segments.iter().take(last).any(|segment| *segment == Segment::Any) {
            return Err("{any} stands at the end".to_owned());
        }
        Ok(Self { segments, ends_with_slash })
    }
}

impl Path {
    /// Its first segment; the second too, where the table says what it is.
    pub(super) fn beginning(&self) -> String {
        let names = self.segments.iter().take(2).map_while(|segment| match segment {
            Segment::Literal(name) => Some(&**name),
            Segment::Of(..) | Segment::Number(_) | Segment::Type | Segment::File | Segment::Any => {
                None
            }
        });
        names.collect::<Vec<_>>().join("/")
    }
}

/// The two beginnings that rows of this path can have.
pub(super) fn beginnings(path: &str) -> [&str; 2] {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let mut ends = inner.match_indices('/').map(|(at, _)| at);
    let (one, two) = (ends.next(), ends.next());
    let upto = |end: Option<usize>| inner.get(..end.unwrap_or(inner.len())).unwrap_or(inner);
    [upto(one), upto(two)]
}

fn segment(name: &str, direction: Direction) -> Result<Segment, String> {
    let Some(inner) = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
        return Ok(Segment::Literal(name.into()));
    };
    Ok(match inner {
        "type" => Segment::Type,
        "file" => Segment::File,
        "any" => Segment::Any,
        "user" | "n" => Segment::Number(inner.into()),
        inner => match Thing::named(inner, direction) {
            Some(thing) => Segment::Of(inner.into(), thing),
            None => return Err(format!("{{{inner}}} is nothing that is known")),
        },
    })
}

/// Whether the path on the wire is this one.
pub(super) fn find(row: &Path, path: &str) -> Option<Found> {
    let inner = path.strip_prefix('/')?;
    let (inner, slash) = match inner.strip_suffix('/') {
        Some(inner) => (inner, true),
        None => (inner, inner.is_empty()),
    };
    let is_open = row.segments.last() == Some(&Segment::Any);
    if slash && !row.ends_with_slash && !is_open {
        return None;
    }
    let mut found = Found { path: String::with_capacity(path.len() + 1), ..Found::default() };
    let mut wanted = row.segments.iter();
    let mut names = inner.split('/').filter(|_| !inner.is_empty());
    for segment in wanted.by_ref() {
        let name = names.next()?;
        found.take(segment, name)?;
        if *segment == Segment::Any {
            for name in names.by_ref() {
                found.take(segment, name)?;
            }
        }
    }
    if names.next().is_some() {
        return None;
    }
    if row.ends_with_slash || (is_open && slash) {
        found.path.push('/');
    }
    Some(found)
}

impl Found {
    fn take(&mut self, segment: &Segment, name: &str) -> Option<()> {
        match segment {
            Segment::Literal(text) => (**text == *name).then_some(())?,
            Segment::Of(called, thing) => {
                self.numbers.push((called.clone(), Some(*thing), number(name)?));
            }
            Segment::Number(called) => self.numbers.push((called.clone(), None, number(name)?)),
            Segment::Type => {
                let known = StorageType::ALL.into_iter().find(|one| one.as_str() == name);
                self.storage_type = Some(known?);
            }
            Segment::File => {
                let file = kept::file_name(name)?;
                self.path.push('/');
                self.path.push_str(&kept::in_path(&file));
                return Some(());
            }
            Segment::Any => is_plain(name).then_some(())?,
        }
        self.path.push('/');
        self.path.push_str(name);
        Some(())
    }
}

/// `[1-9][0-9]{0,17}`: Label Studio takes much more for a number, and all of it for the same one.
pub(in crate::label_studio) fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let sound = digits && !text.starts_with('0') && (1..=18).contains(&text.len());
    text.parse().ok().filter(|_| sound)
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
}
