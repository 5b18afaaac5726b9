//! The records: accounts, members, sessions, tokens, and what exists. SQLite now; every statement lives in this
//! folder, so PostgreSQL comes without touching a caller.

/// The records did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}
