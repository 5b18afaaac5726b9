//! The records: accounts, members, sessions, tokens, and what exists. SQLite now; every statement lives in this
//! folder and holds for PostgreSQL too, so PostgreSQL comes without touching a caller.
//!
//! One organization sees nothing of another: every question that takes a name takes the organization as well.
//! Whatever decides is changed through [`Change`], which cannot commit without telling the watchers.

mod accounts;
mod change;
mod error;
mod import;
mod invitations;
mod label_studio;
mod members;
mod organizations;
mod projects;
mod sessions;
mod sign_outs;
mod snapshot;
mod storages;
#[cfg(test)]
mod tests;
mod tokens;
mod vouched;
mod vouched_sessions;
mod watch;

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Pool, Sqlite};

use crate::ground::clock::{Clock, Timestamp};

pub use accounts::{AccountRow, NewAccount};
pub use error::RecordsError;
pub use import::Deed;
pub use invitations::{InvitationRow, NewInvitation};
pub use label_studio::{Adoption, UserRow};
pub use members::{KnownPerson, MemberRow, Memberships};
pub use organizations::{OrganizationRow, WorkspaceRow};
pub use projects::ProjectRow;
pub use sessions::{Grounds, KnownSession, NewSessionRow, SessionRow};
pub use sign_outs::SignOutOrder;
pub use storages::Put;
pub use tokens::{KnownToken, NewToken, TokenRow};
pub use vouched::{Admitted, Vouched};
pub use vouched_sessions::{KnownVouched, SessionCredentialRow, VouchedSession};
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
        make_for_owner(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A revocation that was confirmed must survive a power cut; writes are rare.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = |size| SqlitePoolOptions::new().max_connections(size).idle_timeout(None);
        let open = async || -> Result<_, RecordsError> {
            let writes = pool(1).connect_with(options.clone()).await?;
            sqlx::migrate!("src/records/migrations").run(&writes).await?;
            Ok((writes, pool(READERS).connect_with(options.clone()).await?))
        };
        // Other processes may be at it in the same moment: what they lock to change the file's mode fails here at once, whatever
        // the timeout says, and so does a migration that they have just done.
        for pause in PAUSES {
            match open().await {
                Err(error) if error.may_pass() => tokio::time::sleep(pause).await,
                done => return done.map(|(writes, reads)| Self { reads, writes, clock }),
            }
        }
        let (writes, reads) = open().await?;
        Ok(Self { reads, writes, clock })
    }

    /// Opens the file as it is, to read only.
    ///
    /// # Errors
    /// [`RecordsError::File`] when there is none, [`RecordsError::Pending`] when its tables are of an older program.
    pub async fn look(path: &Path, clock: Clock) -> Result<Self, RecordsError> {
        std::fs::metadata(path)
            .map_err(|cause| RecordsError::File { path: path.to_owned(), cause })?;
        let options =
            SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(READERS).idle_timeout(None);
        let reads = pool.connect_with(options).await?;
        match pending(&reads).await? {
            0 => Ok(Self { writes: reads.clone(), reads, clock }),
            count => Err(RecordsError::Pending { count }),
        }
    }

    /// Whether others than the file's owner can get at it. Opens nothing.
    #[must_use]
    pub fn open_to_others(path: &Path) -> bool {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|facts| facts.permissions().mode() & 0o077 != 0)
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
const PAUSES: [Duration; 8] = [
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_millis(1000),
    Duration::from_millis(2000),
];

/// How many migrations the file still waits for.
async fn pending(pool: &Pool<Db>) -> Result<usize, RecordsError> {
    let table = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    let begun: i64 = sqlx::query_scalar(table).fetch_one(pool).await?;
    let done: Vec<i64> = if begun == 0 {
        Vec::new()
    } else {
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
            .fetch_all(pool)
            .await?
    };
    let migrations = sqlx::migrate!("src/records/migrations");
    Ok(migrations.iter().filter(|one| !done.contains(&one.version)).count())
}

/// Password hashes and e-mail addresses are nobody else's business: a new file is its owner's only. One that exists
/// is not touched: closing it would give up the locks that `SQLite` holds on it in this process.
fn make_for_owner(path: &Path) -> Result<(), RecordsError> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(cause) if cause.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(RecordsError::File { path: path.to_owned(), cause })
        }
        _ => Ok(()),
    }
}

/// A time as the records keep it. The last instant that there is lies past the last whole millisecond.
fn time(milliseconds: i64) -> Result<Timestamp, RecordsError> {
    if milliseconds == Timestamp::MAX.as_millisecond() {
        return Ok(Timestamp::MAX);
    }
    Timestamp::from_millisecond(milliseconds)
        .map_err(|cause| RecordsError::damaged("a time", cause))
}

fn time_if_any(milliseconds: Option<i64>) -> Result<Option<Timestamp>, RecordsError> {
    milliseconds.map(time).transpose()
}

/// A hash as the records keep it: 64 hexadecimal digits, the same text in every database.
fn hex(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
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
