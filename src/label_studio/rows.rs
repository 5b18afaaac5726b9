//! Label Studio's own database, where the operator opens it to the gateway: look-ups by row instead of by API. Read only, and
//! of a thing no more than where it belongs; of a task its data, too. What it cannot say, the API is asked.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{FromRow, Pool, Postgres, Sqlite};

use super::lookup::Found;
use super::{Direction, Kind, Reference, StorageType};
use crate::ground::causes::told;
use crate::ground::clock::Clock;

/// Where the database is.
#[derive(Clone)]
pub struct Database(Place);

#[derive(Clone)]
enum Place {
    File(PathBuf),
    /// With the password, so it is never shown.
    Server(Box<PgConnectOptions>),
}

/// Why a text says no place of a database that the gateway would use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadDatabase {
    #[error("is neither sqlite:///PATH nor postgresql://USER:PASSWORD@HOST/NAME")]
    NoAddress,
    #[error("names no user, host and database")]
    NotWhole,
    #[error("reaches another machine without sslmode=verify-full")]
    InTheClear,
}

/// The database, by a few connections.
#[derive(Debug)]
pub struct Rows {
    pool: Connections,
    clock: Clock,
    /// In seconds: until then nobody waits for a database that is away.
    away_until: AtomicI64,
}

#[derive(Debug)]
enum Connections {
    Sqlite(Pool<Sqlite>),
    Postgres(Pool<Postgres>),
}

/// What harm who steals the gateway's settings could do there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// None beyond reading tasks.
    AsNeeded,
    /// The user may change rows.
    MayWrite,
    /// The user may read the tokens of Label Studio's users, and be any of them.
    MayReadTokens,
}

/// A row of either.
trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for R {}

/// Project, no task, and whose it is.
macro_rules! of_project {
    ($table:literal, $number:literal, $author:literal) => {
        concat!(
            "SELECT CAST(project_id AS BIGINT), CAST(NULL AS BIGINT), CAST(",
            $author,
            " AS BIGINT) FROM ",
            $table,
            " WHERE ",
            $number,
            " = $1"
        )
    };
}

/// The task's project, since what a thing says of its own can disagree with it; the task, and whose it is.
macro_rules! of_task {
    ($table:literal, $author:literal) => {
        concat!(
            "SELECT CAST(task.project_id AS BIGINT), CAST(task.id AS BIGINT), CAST(",
            $author,
            " AS BIGINT) FROM ",
            $table,
            " AS one JOIN task ON task.id = one.task_id WHERE one.id = $1"
        )
    };
}

const TASK_DATA: &str =
    "SELECT CAST(project_id AS BIGINT), CAST(data AS TEXT) FROM task WHERE id = $1";
const MAY_WRITE: &str = "SELECT has_table_privilege('task', 'INSERT') OR has_any_column_privilege('task', 'UPDATE') \
                         OR has_table_privilege('task', 'DELETE')";
const MAY_READ_TOKENS: &str = "SELECT has_any_column_privilege('authtoken_token', 'SELECT')";
const MOST: u32 = 4;
/// For a connection, and for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
const AWAY_SECONDS: i64 = 15;

impl FromStr for Database {
    type Err = BadDatabase;

    fn from_str(text: &str) -> Result<Self, BadDatabase> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(Self(Place::File(path)))
            } else {
                Err(BadDatabase::NoAddress)
            };
        }
        let (_, rest) = text.split_once("://").ok_or(BadDatabase::NoAddress)?;
        if !text.starts_with("postgresql://") && !text.starts_with("postgres://") {
            return Err(BadDatabase::NoAddress);
        }
        // What is missing would come from this process's environment.
        let (user, place) = rest.split_once('@').ok_or(BadDatabase::NotWhole)?;
        let (host, database) = place.split_once('/').ok_or(BadDatabase::NotWhole)?;
        if user.is_empty() || host.is_empty() || database.is_empty() || database.starts_with('?') {
            return Err(BadDatabase::NotWhole);
        }
        let options = PgConnectOptions::from_str(text).or(Err(BadDatabase::NoAddress))?;
        let host = options.get_host().trim_matches(['[', ']']);
        let here = options.get_socket().is_some()
            || host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !here && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
            return Err(BadDatabase::InTheClear);
        }
        Ok(Self(Place::Server(Box::new(options))))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Place::File(_) => "Database(SQLite)",
            Place::Server(_) => "Database(PostgreSQL)",
        })
    }
}

impl Rows {
    /// Connects when it is first asked. To be called within a runtime, which keeps the connections.
    #[must_use]
    pub fn new(Database(place): &Database, clock: Clock) -> Self {
        let pool = match place {
            Place::File(path) => {
                let options = SqliteConnectOptions::new().filename(path).read_only(true);
                let options = options.busy_timeout(PATIENCE);
                let pool = SqlitePoolOptions::new().max_connections(MOST).acquire_timeout(PATIENCE);
                Connections::Sqlite(pool.connect_lazy_with(options))
            }
            Place::Server(options) => {
                let milliseconds = PATIENCE.as_millis().to_string();
                let options =
                    PgConnectOptions::clone(options).application_name("sluicegate").options([
                        ("default_transaction_read_only", "on"),
                        ("statement_timeout", &milliseconds),
                    ]);
                let pool = PgPoolOptions::new().max_connections(MOST).acquire_timeout(PATIENCE);
                Connections::Postgres(pool.connect_lazy_with(options))
            }
        };
        Self { pool, clock, away_until: AtomicI64::new(0) }
    }

    /// Where it belongs; the outer `None`: the database cannot say.
    pub(super) async fn find(&self, reference: Reference) -> Option<Option<Found>> {
        let Ok(number) = i64::try_from(reference.number) else { return Some(None) };
        let row: Option<(Option<i64>, Option<i64>, Option<i64>)> =
            self.row(statement(reference.kind), number).await?;
        let unsigned = |number: Option<i64>| number.and_then(|it| u64::try_from(it).ok());
        let found = row.and_then(|(project, task, author)| {
            let (task, author) = (unsigned(task), unsigned(author));
            unsigned(project).map(|project| Found { project, task, author })
        });
        let elsewhere =
            |found: &Found| matches!(reference.kind, Kind::Snapshot(of) if of != found.project);
        Some(found.filter(|found| !elsewhere(found)))
    }

    /// A task's project and data; the outer `None`: the database cannot say.
    pub(super) async fn task(&self, number: u64) -> Option<Option<(u64, serde_json::Value)>> {
        let Ok(number) = i64::try_from(number) else { return Some(None) };
        let row = self.row::<(Option<i64>, String)>(TASK_DATA, number).await?;
        let Some((Some(project), data)) = row else { return Some(None) };
        let data = serde_json::from_str(&data).ok()?;
        Some(Some((u64::try_from(project).ok()?, data)))
    }

    /// Whether the database answers and has the tables, and what the gateway could do there.
    ///
    /// # Errors
    /// [`sqlx::Error`]
    pub async fn look(&self) -> Result<Access, sqlx::Error> {
        self.ask::<(Option<i64>, String)>(TASK_DATA, 0).await?;
        for statement in every_statement() {
            self.ask::<(Option<i64>, Option<i64>, Option<i64>)>(statement, 0).await?;
        }
        let Connections::Postgres(pool) = &self.pool else {
            // The connection is opened to read only, and whoever reads the file reads all of it.
            return Ok(Access::AsNeeded);
        };
        if sqlx::query_scalar(MAY_WRITE).fetch_one(pool).await? {
            return Ok(Access::MayWrite);
        }
        let reads_tokens: bool = sqlx::query_scalar(MAY_READ_TOKENS).fetch_one(pool).await?;
        Ok(if reads_tokens { Access::MayReadTokens } else { Access::AsNeeded })
    }

    async fn row<R: Row>(&self, statement: &'static str, number: i64) -> Option<Option<R>> {
        let now = self.clock.now().as_second();
        if now < self.away_until.load(Ordering::Relaxed) {
            return None;
        }
        match self.ask(statement, number).await {
            Ok(row) => Some(row),
            Err(error) => {
                // A row that cannot be read says nothing of the others.
                if !matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) {
                    self.away_until.store(now + AWAY_SECONDS, Ordering::Relaxed);
                }
                tracing::warn!(cause = %told(&error), "Label Studio's database does not answer, so its API is asked");
                None
            }
        }
    }

    async fn ask<R: Row>(
        &self,
        statement: &'static str,
        number: i64,
    ) -> Result<Option<R>, sqlx::Error> {
        match &self.pool {
            Connections::Sqlite(pool) => {
                sqlx::query_as(statement).bind(number).fetch_optional(pool).await
            }
            Connections::Postgres(pool) => {
                sqlx::query_as(statement).bind(number).fetch_optional(pool).await
            }
        }
    }
}

fn every_statement() -> impl Iterator<Item = &'static str> {
    let kinds = [
        Kind::Project,
        Kind::Task,
        Kind::Annotation,
        Kind::Draft,
        Kind::Prediction,
        Kind::Tab,
        Kind::Upload,
        Kind::Webhook,
        Kind::Model,
        Kind::LabelLink,
        Kind::Snapshot(0),
    ];
    let storages = StorageType::ALL.into_iter().flat_map(|of| {
        [Direction::Import, Direction::Export].map(|direction| Kind::Storage(direction, of))
    });
    kinds.into_iter().chain(storages).map(statement)
}

/// By the tables of Label Studio 1.23; `deploy/label-studio-reader.sql` permits these columns and no other.
const fn statement(kind: Kind) -> &'static str {
    match kind {
        Kind::Project => {
            "SELECT CAST(id AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT) FROM project WHERE id = $1"
        }
        Kind::Task => {
            "SELECT CAST(project_id AS BIGINT), CAST(id AS BIGINT), CAST(NULL AS BIGINT) FROM task WHERE id = $1"
        }
        Kind::Annotation => of_task!("task_completion", "one.completed_by_id"),
        Kind::Draft => of_task!("tasks_annotationdraft", "one.user_id"),
        Kind::Prediction => of_task!("prediction", "NULL"),
        Kind::Tab => of_project!("data_manager_view", "id", "user_id"),
        Kind::Storage(Direction::Import, of) => import_storage(of),
        Kind::Storage(Direction::Export, of) => export_storage(of),
        Kind::Upload => of_project!("data_import_fileupload", "id", "NULL"),
        Kind::Webhook => of_project!("webhook", "id", "NULL"),
        Kind::Model => of_project!("ml_mlbackend", "id", "NULL"),
        Kind::LabelLink => of_project!("labels_manager_labellink", "id", "NULL"),
        Kind::Snapshot(_) => of_project!("data_export_export", "id", "NULL"),
    }
}

const fn import_storage(of: StorageType) -> &'static str {
    match of {
        StorageType::S3 => of_project!("io_storages_s3importstorage", "id", "NULL"),
        StorageType::Gcs => {
            of_project!("io_storages_gcsimportstorage", "gcsstoragemixin_ptr_id", "NULL")
        }
        StorageType::Azure => {
            of_project!(
                "io_storages_azureblobimportstorage",
                "azureblobstoragemixin_ptr_id",
                "NULL"
            )
        }
        StorageType::Redis => {
            of_project!("io_storages_redisimportstorage", "redisstoragemixin_ptr_id", "NULL")
        }
        StorageType::LocalFiles => {
            of_project!("io_storages_localfilesimportstorage", "localfilesmixin_ptr_id", "NULL")
        }
    }
}

const fn export_storage(of: StorageType) -> &'static str {
    match of {
        StorageType::S3 => of_project!("io_storages_s3exportstorage", "id", "NULL"),
        StorageType::Gcs => {
            of_project!("io_storages_gcsexportstorage", "gcsstoragemixin_ptr_id", "NULL")
        }
        StorageType::Azure => {
            of_project!(
                "io_storages_azureblobexportstorage",
                "azureblobstoragemixin_ptr_id",
                "NULL"
            )
        }
        StorageType::Redis => {
            of_project!("io_storages_redisexportstorage", "redisstoragemixin_ptr_id", "NULL")
        }
        StorageType::LocalFiles => {
            of_project!("io_storages_localfilesexportstorage", "localfilesmixin_ptr_id", "NULL")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_another_machine_is_reached_by_its_proven_name_only() {
        for (text, expected) in [
            ("sqlite:///srv/label-studio/label_studio.sqlite3", Ok(())),
            ("postgresql://reader:secret@127.0.0.1:5432/labels", Ok(())),
            ("postgres://reader@localhost/labels?sslmode=disable", Ok(())),
            ("postgresql://reader:secret@[::1]/labels", Ok(())),
            ("postgresql://reader@%2Fvar%2Frun%2Fpostgresql/labels", Ok(())),
            ("postgresql://reader:secret@db.example.com/labels?sslmode=verify-full", Ok(())),
            ("postgresql://reader:secret@db.example.com/labels", Err(BadDatabase::InTheClear)),
            (
                "postgresql://reader:secret@db.example.com/labels?sslmode=require",
                Err(BadDatabase::InTheClear),
            ),
            (
                "postgresql://reader:secret@localhost/labels?host=db.example.com",
                Err(BadDatabase::InTheClear),
            ),
            (
                "postgresql://reader:secret@localhost.example.com/labels",
                Err(BadDatabase::InTheClear),
            ),
            ("postgresql://127.0.0.1/labels", Err(BadDatabase::NotWhole)),
            ("postgresql://@127.0.0.1/labels", Err(BadDatabase::NotWhole)),
            ("postgresql://reader@/labels", Err(BadDatabase::NotWhole)),
            ("postgresql://reader:secret@127.0.0.1", Err(BadDatabase::NotWhole)),
            ("mysql://reader@127.0.0.1/labels", Err(BadDatabase::NoAddress)),
            ("sqlite://label_studio.sqlite3", Err(BadDatabase::NoAddress)),
            ("/srv/label_studio.sqlite3", Err(BadDatabase::NoAddress)),
            ("", Err(BadDatabase::NoAddress)),
        ] {
            assert_eq!(text.parse::<Database>().map(drop), expected, "{text}");
        }
    }
}
