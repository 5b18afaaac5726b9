//! The records: accounts, members, sessions, tokens, and what exists. SQLite now; every statement lives in this
//! folder and holds for PostgreSQL too, so PostgreSQL comes without touching a caller.
//!
//! One organization sees nothing of another: every question that takes a name takes the organization as well.
//! Whatever decides is changed through [`Change`], which cannot commit without telling the watchers.

mod accounts;
mod change;
mod error;
mod import;
mod members;
mod organizations;
mod projects;
mod sessions;
mod snapshot;
mod storages;
mod tokens;
mod watch;

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Pool, Sqlite};

use crate::ground::clock::{Clock, Timestamp};

pub use accounts::{AccountRow, NewAccount};
pub use error::RecordsError;
pub use import::Deed;
pub use members::{KnownPerson, MemberRow, Memberships};
pub use organizations::{OrganizationRow, WorkspaceRow};
pub use projects::ProjectRow;
pub use sessions::{KnownSession, NewSessionRow, SessionRow};
pub use storages::Put;
pub use tokens::{KnownToken, NewToken, TokenRow};
pub use watch::Watch;

use change::Change;

/// The database. The only line to change, with [`Records::open`] and `Change::begin`, for another one.
type Db = Sqlite;

/// A handle on the records; clones share the connections.
#[derive(Clone, Debug)]
pub struct Records {
    reads: Pool<Db>,
    /// One connection: writers of this process queue here, fairly, instead of spinning on the file's lock.
    writes: Pool<Db>,
    clock: Clock,
}

impl Records {
    /// Opens the file, makes it when there is none, and brings its tables up to date.
    ///
    /// # Errors
    /// [`RecordsError`] when the file cannot be opened, locked or brought up to date.
    pub async fn open(path: &Path, clock: Clock) -> Result<Self, RecordsError> {
        keep_to_owner(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A revocation that was confirmed must survive a power cut; writes are rare.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = |size| SqlitePoolOptions::new().max_connections(size).idle_timeout(None);
        let writes = pool(1).connect_with(options.clone()).await?;
        let migrations = sqlx::migrate!("src/records/migrations");
        if migrations.run(&writes).await.is_err() {
            // Another process may have been at it in the same moment: then there is nothing left to do.
            migrations.run(&writes).await?;
        }
        let reads = pool(READERS).connect_with(options).await?;
        Ok(Self { reads, writes, clock })
    }

    /// Writes what is pending into the file and closes it.
    pub async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }
}

const READERS: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Password hashes and e-mail addresses are nobody else's business: a new file is its owner's only.
fn keep_to_owner(path: &Path) -> Result<(), RecordsError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    let opened = options.open(path);
    opened.map(drop).map_err(|cause| RecordsError::File { path: path.to_owned(), cause })
}

/// A time as the records keep it.
fn time(milliseconds: i64) -> Result<Timestamp, RecordsError> {
    Timestamp::from_millisecond(milliseconds)
        .map_err(|cause| RecordsError::damaged("a time", cause))
}

fn time_if_any(milliseconds: Option<i64>) -> Result<Option<Timestamp>, RecordsError> {
    milliseconds.map(time).transpose()
}

/// A hash as the records keep it: 64 hexadecimal digits, the same text in every database.
fn hex(hash: &[u8; 32]) -> String {
    use std::fmt::Write;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a String cannot fail.
        write!(text, "{byte:02x}").map_or_else(|_never| String::new(), |()| text)
    })
}

/// A stored word (name, role, e-mail), read back into its type.
fn word<T>(text: &str, what: &'static str) -> Result<T, RecordsError>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(|cause| RecordsError::damaged(what, cause))
}

fn word_if_any<T>(text: Option<&str>, what: &'static str) -> Result<Option<T>, RecordsError>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.map(|text| word(text, what)).transpose()
}
