//! Invitations: each makes one account with its roles, once, for whoever shows its code before it expires.

use super::change::one_row;
use super::storages::project_in;
use super::{Change, Records, RecordsError, hex, time, time_if_any, word, word_if_any};
use crate::catalog::{AccountId, Email, InvitationId, OrganizationId, ProjectName, Role};
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;

/// An invitation to be kept.
#[derive(Debug)]
pub struct NewInvitation<'a> {
    pub hash: &'a [u8; 32],
    /// In the organization, if any.
    pub role: Option<Role>,
    pub project: Option<(&'a ProjectName, Role)>,
    pub expires: Timestamp,
}

/// An invitation as listed.
#[derive(Debug, Clone)]
pub struct InvitationRow {
    pub id: InvitationId,
    pub role: Option<Role>,
    pub project: Option<ProjectName>,
    pub project_role: Option<Role>,
    pub expires: Timestamp,
    pub revoked: Option<Timestamp>,
    pub used: Option<Timestamp>,
    /// Who used it.
    pub email: Option<Email>,
}

impl Records {
    /// # Errors
    /// [`RecordsError::NotFound`] when the organization has no such project.
    pub async fn insert_invitation(
        &self,
        organization: OrganizationId,
        new: NewInvitation<'_>,
    ) -> Result<InvitationId, RecordsError> {
        let mut change = Change::begin(self).await?;
        let project = match new.project {
            Some((name, role)) => {
                Some((project_in(&mut change, organization, name).await?.0, role))
            }
            None => None,
        };
        let id = change.next_id().await?;
        sqlx::query(
            "INSERT INTO invitation (id, hash, organization, role, project, project_role, created, expires) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(id)
        .bind(hex(new.hash))
        .bind(organization.0)
        .bind(new.role.map(Role::as_str))
        .bind(project.map(|(id, _)| id))
        .bind(project.map(|(_, role)| role.as_str()))
        .bind(change.now)
        .bind(new.expires.as_millisecond())
        .execute(&mut *change.tx)
        .await?;
        // Quietly: it decides nothing before it is used.
        change.commit_quietly().await?;
        Ok(InvitationId(id))
    }

    /// The title of the organization that this hash's invitation is to, if it can be used at this moment.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn open_invitation(
        &self,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<(OrganizationId, String)>, RecordsError> {
        let row: Option<(i64, String)> = sqlx::query_as(
            "SELECT organization.id, organization.title FROM invitation \
             JOIN organization ON organization.id = invitation.organization \
             WHERE hash = $1 AND used IS NULL AND revoked IS NULL AND expires > $2",
        )
        .bind(hex(hash))
        .bind(now.as_millisecond())
        .fetch_optional(&self.reads)
        .await?;
        Ok(row.map(|(organization, title)| (OrganizationId(organization), title)))
    }

    /// Uses the invitation: one account, with its roles. Nothing happens when any of it cannot be.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] when there is no such invitation, or it was used, revoked or has expired;
    /// [`RecordsError::Taken`] when the e-mail is in use on this install.
    pub async fn accept_invitation(
        &self,
        hash: &[u8; 32],
        email: &Email,
        password_hash: Secret<String>,
    ) -> Result<AccountId, RecordsError> {
        let mut change = Change::begin(self).await?;
        let used: Option<Used> = sqlx::query_as(
            "UPDATE invitation SET used = $2 \
             WHERE hash = $1 AND used IS NULL AND revoked IS NULL AND expires > $2 \
             RETURNING id, organization, role, project, project_role",
        )
        .bind(hex(hash))
        .bind(change.now)
        .fetch_optional(&mut *change.tx)
        .await?;
        let (id, organization, role, project, project_role) =
            used.ok_or(RecordsError::NotFound { what: "invitation" })?;
        let account = change.next_id().await?;
        sqlx::query(
            "INSERT INTO account (id, organization, email, role, password_hash, created) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(account)
        .bind(organization)
        .bind(email.as_str())
        .bind(role)
        .bind(password_hash.expose())
        .bind(change.now)
        .execute(&mut *change.tx)
        .await
        .map_err(RecordsError::of_naming("e-mail"))?;
        if let (Some(project), Some(role)) = (project, project_role) {
            sqlx::query(
                "INSERT INTO project_member (organization, project, account, role) VALUES ($1, $2, $3, $4)",
            )
            .bind(organization)
            .bind(project)
            .bind(account)
            .bind(role)
            .execute(&mut *change.tx)
            .await?;
        }
        sqlx::query("UPDATE invitation SET account = $2 WHERE id = $1")
            .bind(id)
            .bind(account)
            .execute(&mut *change.tx)
            .await?;
        change.commit(&format!("account {account} created by invitation {id}")).await?;
        Ok(AccountId(account))
    }

    /// Ends an invitation that was not used; it stays listed.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] when the organization has no such invitation, or it was used.
    pub async fn revoke_invitation(
        &self,
        organization: OrganizationId,
        id: InvitationId,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let done = sqlx::query(
            "UPDATE invitation SET revoked = coalesce(revoked, $3) \
             WHERE organization = $1 AND id = $2 AND used IS NULL",
        )
        .bind(organization.0)
        .bind(id.0)
        .bind(change.now)
        .execute(&mut *change.tx)
        .await?;
        one_row(done.rows_affected(), "invitation")?;
        change.commit(&format!("invitation {} revoked", id.0)).await
    }

    /// An organization's invitations, by age.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn invitations(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<InvitationRow>, RecordsError> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT invitation.id, invitation.role, project.name, invitation.project_role, \
             invitation.expires, invitation.revoked, invitation.used, account.email FROM invitation \
             LEFT JOIN project ON project.id = invitation.project \
             LEFT JOIN account ON account.id = invitation.account \
             WHERE invitation.organization = $1 ORDER BY invitation.id",
        )
        .bind(organization.0)
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter().map(invitation).collect()
    }
}

type Used = (i64, i64, Option<String>, Option<i64>, Option<String>);
type Columns = (
    i64,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

fn invitation(row: Columns) -> Result<InvitationRow, RecordsError> {
    let (id, role, project, project_role, expires, revoked, used, email) = row;
    Ok(InvitationRow {
        id: InvitationId(id),
        role: word_if_any(role.as_deref(), "a role")?,
        project: word_if_any(project.as_deref(), "a project's name")?,
        project_role: word_if_any(project_role.as_deref(), "a role")?,
        expires: time(expires)?,
        revoked: time_if_any(revoked)?,
        used: time_if_any(used)?,
        email: email.map(|email| word(&email, "an e-mail")).transpose()?,
    })
}
