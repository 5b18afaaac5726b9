//! What is wrong with a folder of policies: every fault with its file, line and remedy.

use std::fmt;
use std::path::PathBuf;

/// The rules were refused; the old ones, if any, go on holding.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(.faults))]
pub struct RulesError {
    faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub file: PathBuf,
    /// Counted from 1; absent when the fault is the file's as a whole.
    pub line: Option<usize>,
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl RulesError {
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub(super) fn one(fault: Fault) -> Self {
        Self { faults: vec![fault] }
    }

    pub(super) fn unless_empty(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self { faults }) }
    }
}

impl Fault {
    pub(super) fn of_file(
        file: impl Into<PathBuf>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { file: file.into(), line: None, message: message.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {} ({})", self.message, self.remedy)
    }
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
