//! What belongs to a session that began with an assertion: what a logout names, the roles at AWS that it brought, and the
//! credentials that were had for it. All of it goes with the session.

use std::time::Duration;

use super::{Change, Records, RecordsError, hex, time, time_if_any};
use crate::catalog::{AccountId, Asserted, OrganizationName, ProjectId};
use crate::ground::clock::Timestamp;

/// What an assertion brings to its session.
#[derive(Debug, Clone)]
pub struct VouchedSession {
    /// The hash of who it is at the identity provider, organization included: what a logout names.
    pub subject: [u8; 32],
    pub session_index: Option<String>,
    /// What a logout at the identity provider has to name, sealed.
    pub logout: String,
    pub asserted: Asserted,
    pub credentials: Vec<SessionCredentialRow>,
}

/// A credential that was had for an assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCredentialRow {
    pub project: ProjectId,
    /// As AWS names it.
    pub role: String,
    pub sealed: String,
    pub expires: Timestamp,
    /// The last change of the records in the catalogue that it was had for: what is newer does not give way to what is older.
    pub as_of: i64,
}

/// What is known with a session that began with an assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownVouched {
    pub asserted: Asserted,
    /// Sealed.
    pub logout: String,
    /// When the first of its credentials ends, if it has any.
    pub credentials_end: Option<Timestamp>,
}

impl Records {
    /// The same session goes on with what a new assertion brought, which takes the place of what it had; but not for longer than
    /// `longest` after it began.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] when it has ended, is another account's, or the account is disabled.
    pub async fn renew_session(
        &self,
        hash: &[u8; 32],
        account: AccountId,
        (absolute_end, longest): (Timestamp, Duration),
        vouched: &VouchedSession,
    ) -> Result<(), RecordsError> {
        let longest = i64::try_from(longest.as_millis()).unwrap_or(i64::MAX / 2);
        let mut change = Change::begin(self).await?;
        let id: Option<i64> = sqlx::query_scalar(
            "UPDATE session SET last_seen = $4, absolute_end = \
             CASE WHEN created + $5 < $3 THEN created + $5 ELSE $3 END \
             WHERE hash = $1 AND account = $2 AND absolute_end > $4 AND EXISTS \
             (SELECT 1 FROM account WHERE account.id = session.account AND account.disabled IS NULL) \
             RETURNING id",
        )
        .bind(hex(hash))
        .bind(account.0)
        .bind(absolute_end.as_millisecond())
        .bind(change.now)
        .bind(longest)
        .fetch_optional(&mut *change.tx)
        .await?;
        let id = id.ok_or(RecordsError::NotFound { what: "session" })?;
        let before = "DELETE FROM vouched_session WHERE session = $1";
        sqlx::query(before).bind(id).execute(&mut *change.tx).await?;
        // One that could not be had anew serves to its end.
        let over = "DELETE FROM session_credential WHERE session = $1 AND expires <= $2";
        sqlx::query(over).bind(id).bind(change.now).execute(&mut *change.tx).await?;
        keep(&mut change, id, vouched).await?;
        change.commit(&format!("session {id} renewed by another assertion")).await
    }

    /// The session's credential for this project by this role, whether it has expired or not.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn session_credential(
        &self,
        hash: &[u8; 32],
        project: ProjectId,
        role: &str,
    ) -> Result<Option<SessionCredentialRow>, RecordsError> {
        let row: Option<(String, i64, i64)> = sqlx::query_as(
            "SELECT session_credential.sealed, session_credential.expires, session_credential.as_of FROM session_credential \
             JOIN session ON session.id = session_credential.session \
             WHERE session.hash = $1 AND session_credential.project = $2 \
             AND session_credential.role = $3",
        )
        .bind(hex(hash))
        .bind(project.0)
        .bind(role)
        .fetch_optional(&self.reads)
        .await?;
        row.map(|(sealed, expires, as_of)| {
            let role = role.to_owned();
            Ok(SessionCredentialRow { project, role, sealed, expires: time(expires)?, as_of })
        })
        .transpose()
    }

    /// Ends the sessions that a logout at the identity provider names: all of the subject's, or those of these indexes, that
    /// began until then. One that has no index cannot be told apart, and ends too. Gives the e-mail address of each.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn end_vouched_sessions(
        &self,
        subject: &[u8; 32],
        session_indexes: &[String],
        begun_until: Timestamp,
    ) -> Result<Vec<String>, RecordsError> {
        let mut change = Change::begin(self).await?;
        let rows: Vec<(i64, Option<String>, String)> = sqlx::query_as(
            "SELECT v.session, v.session_index, a.email FROM vouched_session v \
             JOIN session s ON s.id = v.session JOIN account a ON a.id = s.account \
             WHERE v.subject = $1 AND s.created <= $2 ORDER BY v.session",
        )
        .bind(hex(subject))
        .bind(begun_until.as_millisecond())
        .fetch_all(&mut *change.tx)
        .await?;
        let named = |index: &Option<String>| {
            session_indexes.is_empty()
                || index.as_ref().is_none_or(|index| session_indexes.contains(index))
        };
        let mut ended = Vec::new();
        for (session, _, email) in rows.into_iter().filter(|(_, index, _)| named(index)) {
            let done = sqlx::query("DELETE FROM session WHERE id = $1")
                .bind(session)
                .execute(&mut *change.tx)
                .await?;
            ended.extend((done.rows_affected() > 0).then_some(email));
        }
        if !ended.is_empty() {
            let count = ended.len();
            let what = format!("{count} sessions ended by a logout at the identity provider");
            change.commit(&what).await?;
        }
        Ok(ended)
    }

    /// The last good metadata of the organization's identity provider, and when they were fetched.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn provider_metadata(
        &self,
        organization: &OrganizationName,
    ) -> Result<Option<(String, Timestamp)>, RecordsError> {
        let row: Option<(String, i64)> = sqlx::query_as(
            "SELECT document, fetched FROM provider_metadata WHERE organization = $1",
        )
        .bind(organization.as_str())
        .fetch_optional(&self.reads)
        .await?;
        row.map(|(document, fetched)| Ok((document, time(fetched)?))).transpose()
    }

    /// Keeps metadata that were fetched just now and are good.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn keep_provider_metadata(
        &self,
        organization: &OrganizationName,
        document: &str,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        sqlx::query(
            "INSERT INTO provider_metadata (organization, document, fetched) VALUES ($1, $2, $3) \
             ON CONFLICT (organization) DO UPDATE SET \
             document = excluded.document, fetched = excluded.fetched",
        )
        .bind(organization.as_str())
        .bind(document)
        .bind(change.now)
        .execute(&mut *change.tx)
        .await?;
        // Quietly: what has begun with the old ones goes on.
        change.commit_quietly().await
    }
}

/// Gives a session what its assertion brought. Credentials of projects that its organization does not have (any more) are
/// left out.
pub(super) async fn keep(
    change: &mut Change,
    session: i64,
    vouched: &VouchedSession,
) -> Result<(), RecordsError> {
    let asserted = serde_json::to_string(&vouched.asserted)
        .map_err(|cause| RecordsError::damaged("an assertion's roles", cause))?;
    sqlx::query(
        "INSERT INTO vouched_session (session, subject, session_index, logout, roles) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(session)
    .bind(hex(&vouched.subject))
    .bind(vouched.session_index.as_deref())
    .bind(&vouched.logout)
    .bind(asserted)
    .execute(&mut *change.tx)
    .await?;
    for credential in &vouched.credentials {
        sqlx::query(
            "INSERT INTO session_credential (session, project, role, sealed, expires, as_of) \
             SELECT session.id, project.id, $3, $4, $5, $6 FROM session \
             JOIN account ON account.id = session.account \
             JOIN project ON project.organization = account.organization \
             WHERE session.id = $1 AND project.id = $2 \
             ON CONFLICT (session, project, role) DO UPDATE SET \
             sealed = excluded.sealed, expires = excluded.expires, as_of = excluded.as_of \
             WHERE excluded.as_of >= session_credential.as_of",
        )
        .bind(session)
        .bind(credential.project.0)
        .bind(&credential.role)
        .bind(&credential.sealed)
        .bind(credential.expires.as_millisecond())
        .bind(credential.as_of)
        .execute(&mut *change.tx)
        .await?;
    }
    Ok(())
}

pub(super) fn known(
    roles: Option<String>,
    logout: Option<String>,
    credentials_end: Option<i64>,
) -> Result<Option<KnownVouched>, RecordsError> {
    let Some((roles, logout)) = roles.zip(logout) else { return Ok(None) };
    let asserted = serde_json::from_str(&roles)
        .map_err(|cause| RecordsError::damaged("an assertion's roles", cause))?;
    let credentials_end = time_if_any(credentials_end)?;
    Ok(Some(KnownVouched { asserted, logout, credentials_end }))
}
