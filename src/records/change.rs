//! A mutation of something that decides. Its only way to commit appends to the table `change`, in the same
//! transaction, so no watcher (here or on another node) can miss it.

use sqlx::Transaction;

use super::{Db, Records, RecordsError};

/// One write transaction.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) tx: Transaction<'static, Db>,
    pub(super) now: i64,
}

impl Change {
    /// Takes the write lock at once: a transaction that reads first and then writes would fail when another
    /// writer came between.
    pub(super) async fn begin(records: &Records) -> Result<Self, RecordsError> {
        let tx = records.writes.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Self { tx, now: records.now() })
    }

    /// A number that no row ever had.
    pub(super) async fn next_id(&mut self) -> Result<i64, RecordsError> {
        self.count("id").await
    }

    /// From here to its end no other change runs that has lined up or takes a number: what is read stays so. Where the
    /// transactions of a database run side by side, this makes them not.
    pub(super) async fn line_up(&mut self) -> Result<(), RecordsError> {
        sqlx::query("UPDATE counter SET last = last WHERE name = 'id'")
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    async fn count(&mut self, name: &'static str) -> Result<i64, RecordsError> {
        let next =
            sqlx::query_scalar("UPDATE counter SET last = last + 1 WHERE name = $1 RETURNING last");
        Ok(next.bind(name).fetch_one(&mut *self.tx).await?)
    }

    /// Makes it so, and says what it was (for the operator; no secret belongs in it).
    pub(super) async fn commit(mut self, what: &str) -> Result<(), RecordsError> {
        // The counter's row orders the commits: a later seq is never visible before an earlier one.
        let seq = self.count("change").await?;
        sqlx::query("INSERT INTO change (seq, at, what) VALUES ($1, $2, $3)")
            .bind(seq)
            .bind(self.now)
            .bind(what)
            .execute(&mut *self.tx)
            .await?;
        Ok(self.tx.commit().await?)
    }

    /// Makes it so without a word to the watchers: for rows that no decision has been made on yet.
    pub(super) async fn commit_quietly(self) -> Result<(), RecordsError> {
        Ok(self.tx.commit().await?)
    }
}

/// Exactly one row was meant; none means that the thing does not exist (in this organization).
pub(super) const fn one_row(affected: u64, what: &'static str) -> Result<(), RecordsError> {
    if affected == 0 { Err(RecordsError::NotFound { what }) } else { Ok(()) }
}
