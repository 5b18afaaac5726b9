//! Sessions of browsers: known by the hash of their id only.

use std::net::IpAddr;

use super::accounts::end_sessions;
use super::change::one_row;
use super::members::{PersonColumns, person};
use super::sign_outs;
use super::vouched_sessions::{self, KnownVouched, VouchedSession};
use super::{Change, KnownPerson, Records, RecordsError, hex, time, word};
use crate::catalog::{AccountId, Email, OrganizationId, SessionId};
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;

/// A session to be begun.
#[derive(Debug)]
pub struct NewSessionRow<'a> {
    pub hash: &'a [u8; 32],
    pub account: AccountId,
    pub grounds: Grounds<'a>,
    pub absolute_end: Timestamp,
    pub address: IpAddr,
    /// The hash under which the account will know this address from now on.
    pub address_hash: &'a str,
    pub user_agent: &'a str,
}

/// What a session stands on.
#[derive(Debug, Clone, Copy)]
pub enum Grounds<'a> {
    /// The hash that the password was held against: it must still be the account's. Absent: the account has no password of
    /// its own, and still must have none.
    Password(Option<&'a Secret<String>>),
    /// An assertion of the organization's identity provider, which asks for no password.
    Vouched(&'a VouchedSession),
}

/// A session that exists, of an account that is not disabled. Whether it is too old is the asker's to judge.
#[derive(Debug, Clone)]
pub struct KnownSession {
    pub person: KnownPerson,
    pub last_seen: Timestamp,
    pub absolute_end: Timestamp,
    /// Absent: it began with a password.
    pub vouched: Option<KnownVouched>,
}

/// A session as listed.
#[derive(Debug, Clone)]
pub struct SessionRow {
    pub id: SessionId,
    pub account: AccountId,
    pub email: Email,
    pub created: Timestamp,
    pub last_seen: Timestamp,
    pub absolute_end: Timestamp,
    pub address: String,
    pub user_agent: String,
    /// It began with an assertion of the identity provider's, else with a password.
    pub vouched: bool,
}

/// An address that was not used for so long is a stranger's again.
const ADDRESS_REMEMBERED_MS: i64 = 180 * 24 * 60 * 60 * 1000;

impl Records {
    /// Begins a session and remembers where it came from. Sessions past their end are swept out on the way.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] when the account was disabled or got another password meanwhile;
    /// [`RecordsError::SignedOut`].
    pub async fn insert_session(&self, new: NewSessionRow<'_>) -> Result<(), RecordsError> {
        let password_hash = match new.grounds {
            Grounds::Password(hash) => Some(hash.map_or("", |hash| hash.expose())),
            Grounds::Vouched(_) => None,
        };
        let mut change = Change::begin(self).await?;
        let id = change.next_id().await?;
        if let Grounds::Vouched(vouched) = new.grounds
            && sign_outs::is_ordered(&mut change, vouched).await?
        {
            return Err(RecordsError::SignedOut);
        }
        let done = sqlx::query(
            "INSERT INTO session \
             (id, hash, account, created, last_seen, absolute_end, address, user_agent) \
             SELECT $1, $2, id, $4, $4, $5, $6, $7 FROM account \
             WHERE id = $3 AND disabled IS NULL \
             AND ($8 IS NULL OR coalesce(password_hash, '') = $8)",
        )
        .bind(id)
        .bind(hex(new.hash))
        .bind(new.account.0)
        .bind(change.now)
        .bind(new.absolute_end.as_millisecond())
        .bind(new.address.to_string())
        .bind(new.user_agent)
        .bind(password_hash)
        .execute(&mut *change.tx)
        .await?;
        one_row(done.rows_affected(), "account")?;
        if let Grounds::Vouched(vouched) = new.grounds {
            vouched_sessions::keep(&mut change, id, vouched).await?;
        }
        sqlx::query("DELETE FROM session WHERE absolute_end <= $1")
            .bind(change.now)
            .execute(&mut *change.tx)
            .await?;
        remember_address(&mut change, new.account, new.address_hash).await?;
        change.commit_quietly().await
    }

    /// The session of this hash, with its person.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn find_session(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<KnownSession>, RecordsError> {
        let mut connection = self.reads.acquire().await?;
        let row: Option<KnownColumns> = sqlx::query_as(
            "SELECT account.id, account.email, coalesce(account.role, account.mapped_role), \
             organization.id, organization.name, session.last_seen, session.absolute_end, \
             vouched_session.roles, vouched_session.logout, \
             (SELECT min(expires) FROM session_credential AS had WHERE had.session = session.id) FROM session \
             JOIN account ON account.id = session.account \
             JOIN organization ON organization.id = account.organization \
             LEFT JOIN vouched_session ON vouched_session.session = session.id \
             WHERE session.hash = $1 AND account.disabled IS NULL",
        )
        .bind(hex(hash))
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (account, email, role, organization, name, last_seen, absolute_end, roles, logout, end) =
            row;
        let columns: PersonColumns = (account, email, role, organization, name);
        Ok(Some(KnownSession {
            person: person(&mut connection, columns).await?,
            last_seen: time(last_seen)?,
            absolute_end: time(absolute_end)?,
            vouched: vouched_sessions::known(roles, logout, end)?,
        }))
    }

    /// Notes that the session was used. Decides nothing, so nobody is told.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn touch_session(
        &self,
        hash: &[u8; 32],
        seen: Timestamp,
    ) -> Result<(), RecordsError> {
        sqlx::query("UPDATE session SET last_seen = $2 WHERE hash = $1 AND last_seen < $2")
            .bind(hex(hash))
            .bind(seen.as_millisecond())
            .execute(&self.writes)
            .await?;
        Ok(())
    }

    /// Ends one session; one that is gone already is as good.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn end_session(&self, hash: &[u8; 32]) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let done = sqlx::query("DELETE FROM session WHERE hash = $1")
            .bind(hex(hash))
            .execute(&mut *change.tx)
            .await?;
        if done.rows_affected() == 0 { Ok(()) } else { change.commit("a session ended").await }
    }

    /// Ends one session by its number.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] when the organization has no such session.
    pub async fn revoke_session(
        &self,
        organization: OrganizationId,
        id: SessionId,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let done = sqlx::query(
            "DELETE FROM session WHERE id = $2 \
             AND account IN (SELECT id FROM account WHERE organization = $1)",
        )
        .bind(organization.0)
        .bind(id.0)
        .execute(&mut *change.tx)
        .await?;
        one_row(done.rows_affected(), "session")?;
        change.commit(&format!("session {} revoked", id.0)).await
    }

    /// Ends all sessions of an account; says how many there were.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] when the organization has no such account.
    pub async fn end_sessions_of(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<u64, RecordsError> {
        let mut change = Change::begin(self).await?;
        let known: Option<i64> =
            sqlx::query_scalar("SELECT id FROM account WHERE organization = $1 AND id = $2")
                .bind(organization.0)
                .bind(account.0)
                .fetch_optional(&mut *change.tx)
                .await?;
        known.ok_or(RecordsError::NotFound { what: "account" })?;
        let ended = end_sessions(&mut change, account).await?;
        change.commit(&format!("all sessions of account {} ended", account.0)).await?;
        Ok(ended)
    }

    /// An organization's sessions that are not past their end, latest used first.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn sessions(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<SessionRow>, RecordsError> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT session.id, account.id, account.email, session.created, session.last_seen, \
             session.absolute_end, session.address, session.user_agent, \
             vouched_session.session IS NOT NULL \
             FROM session JOIN account ON account.id = session.account \
             LEFT JOIN vouched_session ON vouched_session.session = session.id \
             WHERE account.organization = $1 AND session.absolute_end > $2 \
             ORDER BY session.last_seen DESC, session.id",
        )
        .bind(organization.0)
        .bind(self.now())
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter().map(session).collect()
    }
}

type KnownColumns = (
    i64,
    String,
    Option<String>,
    i64,
    String,
    i64,
    i64,
    Option<String>,
    Option<String>,
    Option<i64>,
);
type Columns = (i64, i64, String, i64, i64, i64, String, String, bool);

fn session(row: Columns) -> Result<SessionRow, RecordsError> {
    let (id, account, email, created, last_seen, absolute_end, address, user_agent, vouched) = row;
    Ok(SessionRow {
        id: SessionId(id),
        account: AccountId(account),
        email: word(&email, "an e-mail")?,
        created: time(created)?,
        last_seen: time(last_seen)?,
        absolute_end: time(absolute_end)?,
        address,
        user_agent,
        vouched,
    })
}

async fn remember_address(
    change: &mut Change,
    account: AccountId,
    hash: &str,
) -> Result<(), RecordsError> {
    sqlx::query(
        "INSERT INTO known_address (account, address_hash, last_success) VALUES ($1, $2, $3) \
         ON CONFLICT (account, address_hash) DO UPDATE SET last_success = excluded.last_success",
    )
    .bind(account.0)
    .bind(hash)
    .bind(change.now)
    .execute(&mut *change.tx)
    .await?;
    sqlx::query("DELETE FROM known_address WHERE account = $1 AND last_success < $2")
        .bind(account.0)
        .bind(change.now.saturating_sub(ADDRESS_REMEMBERED_MS))
        .execute(&mut *change.tx)
        .await?;
    Ok(())
}
