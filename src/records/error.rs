//! What can go wrong with the records, by who must act.

use std::error::Error;
use std::path::PathBuf;

use crate::catalog::{Email, OrganizationName};

/// The records did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// There is no such thing in this organization.
    #[error("no such {what}")]
    NotFound { what: &'static str },
    /// The name (or e-mail) is in use.
    #[error("that {what} is taken")]
    Taken { what: &'static str },
    /// It still holds something, and deleting it would delete that too.
    #[error("the {what} is not empty")]
    NotEmpty { what: &'static str },
    /// An account belongs to one organization for good.
    #[error("{}", elsewhere(.accounts))]
    Elsewhere { accounts: Vec<(Email, OrganizationName)> },
    /// It orders so for assertions too that come after its order.
    #[error("the identity provider signed him out meanwhile")]
    SignedOut,
    #[error("the file {path}: {cause}", path = .path.display())]
    File {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    /// Only `serve`, and whatever else writes, brings the tables up to date.
    #[error("the tables wait for {count} migrations")]
    Pending { count: usize },
    #[error("the tables could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row holds something that this program never writes.
    #[error("{what} in the records cannot be read: {cause}")]
    Damaged {
        what: &'static str,
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

impl RecordsError {
    /// Whether the same may succeed in a moment: another process was at it.
    pub(super) fn may_pass(&self) -> bool {
        // https://sqlite.org/rescode.html: SQLITE_BUSY, SQLITE_BUSY_RECOVERY, SQLITE_BUSY_SNAPSHOT
        const BUSY: [&str; 3] = ["5", "261", "517"];
        match self {
            Self::Migration(_) => true,
            Self::Database(error) => {
                let code = error.as_database_error().and_then(|fault| fault.code());
                code.is_some_and(|code| BUSY.contains(&&*code))
            }
            Self::NotFound { .. }
            | Self::Taken { .. }
            | Self::NotEmpty { .. }
            | Self::Elsewhere { .. }
            | Self::SignedOut
            | Self::File { .. }
            | Self::Pending { .. }
            | Self::Damaged { .. } => false,
        }
    }

    pub(super) fn damaged(what: &'static str, cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Damaged { what, cause: Box::new(cause) }
    }

    /// For an insert or a renaming of `what`: a name in use is the asker's business, all else is ours.
    pub(super) fn of_naming(what: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |error| {
            let taken = error.as_database_error().is_some_and(|fault| fault.is_unique_violation());
            if taken { Self::Taken { what } } else { Self::Database(error) }
        }
    }

    /// For a deletion of `what`: what still holds something stays.
    pub(super) fn of_deleting(what: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |error| {
            let fault = error.as_database_error();
            let held = fault.is_some_and(|fault| fault.is_foreign_key_violation());
            if held { Self::NotEmpty { what } } else { Self::Database(error) }
        }
    }
}

fn elsewhere(accounts: &[(Email, OrganizationName)]) -> String {
    let one = |(email, organization): &(Email, OrganizationName)| {
        format!("{email} is an account of the organization {organization}")
    };
    accounts.iter().map(one).collect::<Vec<_>>().join("; ")
}
