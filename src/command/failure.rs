//! How a verb fails: what happened, why, and what to do next, in words for a person at a terminal.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::records::RecordsError;

/// A verb that did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    next: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Failed,
    Usage,
}

impl Failure {
    /// It was refused or failed: exit code 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), next: None }
    }

    /// The arguments make no sense together: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), next: None }
    }

    /// An error with all its causes: exit code 1.
    pub fn because(what: impl Into<String>, error: &(dyn Error + 'static)) -> Self {
        let mut message = what.into();
        let mut cause = Some(error);
        while let Some(error) = cause {
            let words = error.to_string();
            // Causes that their parent already quotes are not said twice.
            if !message.contains(&words) {
                message.push_str(": ");
                message.push_str(&words);
            }
            cause = error.source();
        }
        Self::new(message)
    }

    /// What the person can do about it.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next = Some(step.into());
        self
    }

    /// Tells the person, and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        // With standard error closed there is nobody left to tell; the exit code still does.
        drop(writeln!(io::stderr(), "{self}"));
        match self.exit {
            Exit::Failed => ExitCode::from(1),
            Exit::Usage => ExitCode::from(2),
        }
    }
}

impl From<RecordsError> for Failure {
    fn from(error: RecordsError) -> Self {
        let failure = Self::because("the records", &error);
        match error {
            RecordsError::NotFound { what } => Self::new(format!("there is no such {what}"))
                .next(format!("sluicegate {what} list")),
            RecordsError::Pending { .. } => {
                failure.next("start the gateway once: sluicegate serve brings them up to date")
            }
            RecordsError::Taken { .. } => {
                failure.next("choose another one, or change what is there")
            }
            RecordsError::NotEmpty { .. } => failure.next("delete what it holds first"),
            RecordsError::File { .. } => {
                failure.next("see [records] file in the settings; the folder must exist")
            }
            RecordsError::Migration(_) | RecordsError::Damaged { .. } => {
                failure.next("restore a backup, or use the program that wrote the file")
            }
            RecordsError::Elsewhere { .. } => {
                failure.next("use another e-mail: an account never changes its organization")
            }
            RecordsError::SignedOut | RecordsError::Database(_) => failure,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sluicegate: {}", self.message)?;
        match &self.next {
            Some(next) => {
                f.write_char('\n')?;
                write!(f, "  next: {next}")
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[derive(Debug, thiserror::Error)]
    #[error("the file is locked")]
    struct Inner;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open")]
    struct Outer(#[source] Inner);

    #[test]
    fn a_failure_tells_its_causes_and_the_next_step() {
        let failure = Failure::because("no records", &Outer(Inner)).next("stop the other program");
        let words = "sluicegate: no records: cannot open: the file is locked\n  next: stop the other program";
        assert_eq!(failure.to_string(), words);
    }
}
