//! Where a value stands: a file's text with a span, an environment variable, or the table of defaults. Keeps a copy
//! of the text in which everything that may be a secret is masked; only that copy is ever shown.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// One settings file as it was read.
pub(super) struct Source {
    path: PathBuf,
    text: String,
    masked: Mutex<Vec<u8>>,
}

/// Where one key or value was found.
#[derive(Debug, Clone)]
pub(super) enum Place {
    File {
        source: Arc<Source>,
        span: Range<usize>,
    },
    /// All of a file: it cannot be read, or something is not in it.
    Whole(PathBuf),
    Variable(Arc<str>),
    /// The built-in default; paths in it are relative to this folder.
    Default(Arc<Path>),
}

impl Source {
    pub(super) fn new(path: &Path, text: String) -> Self {
        let masked = Mutex::new(text.clone().into_bytes());
        Self { path: path.to_owned(), text, masked }
    }

    /// A text that stands for a file.
    pub(super) fn shared(path: &Path, text: &str) -> Arc<Self> {
        Arc::new(Self::new(path, text.to_owned()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The text as it may be shown.
    pub(super) fn shown(&self) -> String {
        let bytes = self.masked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Hides a value: letters and digits go, the signs stay, so that its form can still be read.
    pub(super) fn mask(&self, span: Range<usize>) {
        let mut masked = self.masked.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in masked.get_mut(span).into_iter().flatten() {
            if !matches!(
                byte,
                b'"' | b'\'' | b'[' | b']' | b'{' | b'}' | b',' | b' ' | b'\n' | b'='
            ) {
                *byte = b'*';
            }
        }
    }

    /// Hides the values of every line: for a text that cannot be read, in which any line may hold a secret.
    pub(super) fn mask_values(&self) {
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            let header = line.trim_start().starts_with('[') && line.trim_end().ends_with(']');
            let value = if header { line.len() } else { line.find('=').map_or(0, |at| at + 1) };
            self.mask(start + value..start + line.len());
            start += line.len();
        }
    }

    /// Line and column, both from 1, the column in characters.
    pub(super) fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).map_or(0, |line| line.chars().count());
        (before.matches('\n').count() + 1, column + 1)
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Place {
    /// What a relative path at this place is relative to; `None` is the working directory.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::File { source, .. } => source.path.parent(),
            Self::Whole(path) => path.parent(),
            Self::Default(folder) => Some(folder),
            Self::Variable(_) => None,
        }
    }

    /// Nothing that stands here may be shown.
    pub(super) fn mask(&self) {
        if let Self::File { source, span } = self {
            source.mask(span.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_and_column_count_from_one() {
        let source = Source::new(Path::new("a"), "ab\ncdé f\n".to_owned());
        let cases = [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (7, (2, 4)), (99, (3, 1))];
        for (offset, expected) in cases {
            assert_eq!(source.line_and_column(offset), expected, "{offset}");
        }
    }

    #[test]
    fn the_text_is_shown_by_no_other_way() {
        let source = Source::shared(Path::new("a"), "key = \"s3cret\"");
        let place = Place::File { source, span: 6..14 };
        assert!(!format!("{place:?}").contains("s3cret"));
    }

    #[test]
    fn an_unreadable_text_shows_no_value() {
        let source = Source::new(Path::new("a"), "[a]\nkey = \"s3cret\nmore5ecret\n".to_owned());
        source.mask_values();
        assert_eq!(source.shown(), "[a]\nkey = \"******\n**********\n");
    }
}
