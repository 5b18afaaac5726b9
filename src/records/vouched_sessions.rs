//! What belongs to a session that began with an assertion: what a logout names, the roles at AWS that it brought, and the
//! credentials that were had for it. All of it goes with the session.

use std::time::Duration;

use super::{Change, Records, RecordsError, hex, sign_outs, time, time_if_any};
use crate::catalog::{AccountId, Asserted, OrganizationName, ProjectId};
use crate::ground::clock::Timestamp;

/// What an assertion brings to its session.
#[derive(Debug, Clone)]
pub struct VouchedSession {
    /// The hash of who it is at the identity provider, organization included: what a logout names.
    pub subject: [u8; 32],
    pub session_index: Option<String>,
    /// When its assertion was issued, by the identity provider's clock.
    pub issued: Timestamp,
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
    /// `longest` after it began. What a newer assertion brought stays as it is.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] when it has ended, is another account's, or the account is disabled;
    /// [`RecordsError::SignedOut`]: then it ends.
    pub async fn renew_session(
        &self,
        hash: &[u8; 32],
        account: AccountId,
        (absolute_end, longest): (Timestamp, Duration),
        vouched: &VouchedSession,
    ) -> Result<(), RecordsError> {
        let longest = i64::try_from(longest.as_millis()).unwrap_or(i64::MAX / 2);
        let mut change = Change::begin(self).await?;
        change.line_up().await?;
        let found: Option<(i64, Option<i64>)> = sqlx::query_as(
            "SELECT session.id, vouched_session.issued FROM session \
             JOIN account ON account.id = session.account \
             LEFT JOIN vouched_session ON vouched_session.session = session.id \
             WHERE session.hash = $1 AND session.account = $2 AND session.absolute_end > $3 \
             AND account.disabled IS NULL",
        )
        .bind(hex(hash))
        .bind(account.0)
        .bind(change.now)
        .fetch_optional(&mut *change.tx)
        .await?;
        if sign_outs::is_ordered(&mut change, vouched).await? {
            return Err(end_ordered(change, found.map(|(id, _)| id)).await?);
        }
        let (id, issued) = found.ok_or(RecordsError::NotFound { what: "session" })?;
        if issued.is_some_and(|issued| issued > vouched.issued.as_millisecond()) {
            return change.commit_quietly().await;
        }
        sqlx::query(
            "UPDATE session SET last_seen = $3, absolute_end = \
             CASE WHEN created + $4 < $2 THEN created + $4 ELSE $2 END WHERE id = $1",
        )
        .bind(id)
        .bind(absolute_end.as_millisecond())
        .bind(change.now)
        .bind(longest)
        .execute(&mut *change.tx)
        .await?;
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

/// The session was to go on as what the identity provider has ended by now.
async fn end_ordered(
    mut change: Change,
    session: Option<i64>,
) -> Result<RecordsError, RecordsError> {
    if let Some(id) = session {
        let query = sqlx::query("DELETE FROM session WHERE id = $1");
        query.bind(id).execute(&mut *change.tx).await?;
        let what = format!("session {id} ended by a logout at the identity provider");
        change.commit(&what).await?;
    }
    Ok(RecordsError::SignedOut)
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
        "INSERT INTO vouched_session (session, subject, session_index, logout, roles, issued) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(session)
    .bind(hex(&vouched.subject))
    .bind(vouched.session_index.as_deref())
    .bind(&vouched.logout)
    .bind(asserted)
    .bind(vouched.issued.as_millisecond())
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
