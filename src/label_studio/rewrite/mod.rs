//! Answers of Label Studio's on their way out, and bodies on their way in. What is found in them to be a location is replaced
//! by what the caller says; all else stays byte for byte. Knows no person and no policy.

mod find;
mod handles;
mod json;
mod spelling;
mod text;

pub use find::{Known, Location, Uris, may_hold, media_text, plain_uri, replace, stands_alone};
pub use handles::{Around, is_handle, open_handles};
pub use json::{JsonRewriter, Member, Place, Seal};
pub use text::TextRewriter;

/// How a body that goes to Label Studio is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    /// CSV, TSV, lines of text.
    Table,
}

/// What passes is not what it says to be; nothing more of it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    #[error("not well-formed JSON")]
    NotJson,
    #[error("nested deeper than {MOST_DEEP}")]
    TooDeep,
    #[error("a text of more than {LONGEST} bytes")]
    TooLong,
    #[error("it ends in the middle")]
    CutShort,
}

const MOST_DEEP: usize = 256;
const LONGEST: usize = 16 << 20;
