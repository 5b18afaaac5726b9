//! One key of the settings: its name, how its value is read, what stands in for it when it is absent, and what it
//! means. The reader and `docs/settings.md` both work from these.

use super::document::Value;
use super::reader::Reading;

/// What the document says of a key.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// `credentials.NAME` for the keys of a credential.
    pub section: &'static str,
    pub name: &'static str,
    pub(super) shape: Shape,
    /// The kind of value in words.
    pub words: fn() -> String,
    pub absent: Absent,
    pub applies: Applies,
    pub meaning: &'static str,
}

/// What happens without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// A fault.
    Required,
    /// As if this TOML stood there.
    Default(&'static str),
    /// Nothing: the meaning says what that is.
    Optional,
}

/// When a changed value is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applies {
    Reload,
    Restart,
}

/// The form in which a value is written; tells how the text of an environment variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Integer,
    Boolean,
    List,
    Table,
    /// A table that only says where a secret stands; a literal is never shown.
    Secret,
}

/// How values of one type are read.
#[derive(Clone, Copy)]
pub(super) struct Kind<T> {
    pub shape: Shape,
    pub words: fn() -> String,
    pub read: fn(&Value, &mut Reading<'_>) -> Result<T, Wrong>,
}

/// A key whose value is a `T`.
pub(super) struct Key<T> {
    pub row: Row,
    pub read: fn(&Value, &mut Reading<'_>) -> Result<T, Wrong>,
}

/// Why a value is not what its key takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Not of the kind.
    Kind,
    /// Of the kind, but not allowed: what is wrong, and the remedy.
    Value(String, String),
    /// Already noted, at a place inside the value.
    Noted,
}

impl<T> Kind<T> {
    pub(super) const fn key(
        self,
        (section, name): (&'static str, &'static str),
        absent: Absent,
        applies: Applies,
        meaning: &'static str,
    ) -> Key<T> {
        let row =
            Row { section, name, shape: self.shape, words: self.words, absent, applies, meaning };
        Key { row, read: self.read }
    }
}

impl Row {
    /// The key as it is named in reports and documents.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }
}
