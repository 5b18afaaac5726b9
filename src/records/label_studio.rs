//! Who and what is who and what in Label Studio: accounts and users, projects and projects.

use super::change::one_row;
use super::{Change, Records, RecordsError};
use crate::catalog::{AccountId, OrganizationId, ProjectId, ProjectName, Role, WorkspaceName};

/// A user of Label Studio that belongs to an account.
#[derive(Debug, Clone)]
pub struct UserRow {
    pub account: AccountId,
    pub number: u64,
    /// Sealed.
    pub token: String,
    /// Sealed; absent for users whom the gateway did not make.
    pub password: Option<String>,
}

/// A project of Label Studio that is to be in the catalogue.
#[derive(Debug)]
pub struct Adoption<'a> {
    pub organization: OrganizationId,
    pub workspace: &'a WorkspaceName,
    pub number: u64,
    pub name: &'a ProjectName,
    pub title: &'a str,
    /// Who made it: he manages it.
    pub creator: Option<AccountId>,
}

impl Records {
    /// The user that this account is.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn label_studio_user(
        &self,
        account: AccountId,
    ) -> Result<Option<UserRow>, RecordsError> {
        let row: Option<(i64, String, Option<String>)> = sqlx::query_as(
            "SELECT number, token, password FROM label_studio_user WHERE account = $1",
        )
        .bind(account.0)
        .fetch_optional(&self.reads)
        .await?;
        row.map(|(user, token, password)| {
            Ok(UserRow { account, number: number(user)?, token, password })
        })
        .transpose()
    }

    /// The account that is this user.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn account_of_label_studio_user(
        &self,
        number: u64,
    ) -> Result<Option<AccountId>, RecordsError> {
        let row: Option<(i64,)> =
            sqlx::query_as("SELECT account FROM label_studio_user WHERE number = $1")
                .bind(i64::try_from(number).unwrap_or(i64::MAX))
                .fetch_optional(&self.reads)
                .await?;
        Ok(row.map(|(account,)| AccountId(account)))
    }

    /// Makes this account that user, whoever it was before.
    ///
    /// # Errors
    /// [`RecordsError::Taken`] when another account is that user.
    pub async fn put_label_studio_user(&self, row: &UserRow) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        sqlx::query(
            "INSERT INTO label_studio_user (account, number, token, password) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (account) DO UPDATE SET number = $2, token = $3, password = $4",
        )
        .bind(row.account.0)
        .bind(i64::try_from(row.number).unwrap_or(i64::MAX))
        .bind(&row.token)
        .bind(&row.password)
        .execute(&mut *change.tx)
        .await
        .map_err(RecordsError::of_naming("user of Label Studio"))?;
        // No decision rests on it.
        change.commit_quietly().await
    }

    /// The users that are members of any of these projects, by a role in it or in its workspace.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn label_studio_members(
        &self,
        organization: OrganizationId,
        projects: &[ProjectId],
    ) -> Result<Vec<u64>, RecordsError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT label_studio_user.number, project_member.project \
             FROM label_studio_user JOIN project_member \
             ON project_member.account = label_studio_user.account \
             WHERE project_member.organization = $1 \
             UNION SELECT label_studio_user.number, mapped_project_member.project \
             FROM label_studio_user JOIN mapped_project_member \
             ON mapped_project_member.account = label_studio_user.account \
             WHERE mapped_project_member.organization = $1 \
             UNION SELECT label_studio_user.number, project.id \
             FROM label_studio_user JOIN workspace_member \
             ON workspace_member.account = label_studio_user.account \
             JOIN project ON project.workspace = workspace_member.workspace \
             WHERE workspace_member.organization = $1 \
             UNION SELECT label_studio_user.number, project.id \
             FROM label_studio_user JOIN mapped_workspace_member \
             ON mapped_workspace_member.account = label_studio_user.account \
             JOIN project ON project.workspace = mapped_workspace_member.workspace \
             WHERE mapped_workspace_member.organization = $1",
        )
        .bind(organization.0)
        .fetch_all(&self.reads)
        .await?;
        let shared =
            rows.into_iter().filter(|(_, project)| projects.contains(&ProjectId(*project)));
        shared.map(|(user, _)| number(user)).collect()
    }

    /// The numbers of all projects of Label Studio that the catalogue has, each with its title there.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn adopted_projects(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<(u64, ProjectId, String)>, RecordsError> {
        let rows: Vec<(i64, i64, String)> = sqlx::query_as(
            "SELECT label_studio_project.number, project.id, project.title \
             FROM label_studio_project JOIN project ON project.id = label_studio_project.project \
             WHERE project.organization = $1",
        )
        .bind(organization.0)
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter()
            .map(|(project, id, title)| Ok((number(project)?, ProjectId(id), title)))
            .collect()
    }

    /// Takes a project of Label Studio into the catalogue; one that is there already gets the title. The workspace is made
    /// where it is missing.
    ///
    /// # Errors
    /// [`RecordsError::Taken`] when another project has the name.
    pub async fn adopt_project(&self, new: Adoption<'_>) -> Result<(), RecordsError> {
        let number = i64::try_from(new.number).unwrap_or(i64::MAX);
        let mut change = Change::begin(self).await?;
        let known: Option<(i64,)> =
            sqlx::query_as("SELECT project FROM label_studio_project WHERE number = $1")
                .bind(number)
                .fetch_optional(&mut *change.tx)
                .await?;
        if let Some((project,)) = known {
            sqlx::query("UPDATE project SET title = $2 WHERE id = $1")
                .bind(project)
                .bind(new.title)
                .execute(&mut *change.tx)
                .await?;
            return change.commit(&format!("project {} got another title", new.name)).await;
        }
        make_workspace(&mut change, &new).await?;
        let id = change.next_id().await?;
        let done = sqlx::query(
            "INSERT INTO project (id, organization, workspace, name, title) \
             SELECT $1, organization, id, $4, $5 FROM workspace WHERE organization = $2 AND name = $3",
        )
        .bind(id)
        .bind(new.organization.0)
        .bind(new.workspace.as_str())
        .bind(new.name.as_str())
        .bind(new.title)
        .execute(&mut *change.tx)
        .await
        .map_err(RecordsError::of_naming("project name"))?;
        one_row(done.rows_affected(), "workspace")?;
        sqlx::query("INSERT INTO label_studio_project (project, number) VALUES ($1, $2)")
            .bind(id)
            .bind(number)
            .execute(&mut *change.tx)
            .await?;
        if let Some(creator) = new.creator {
            sqlx::query(
                "INSERT INTO project_member (organization, project, account, role) VALUES ($1, $2, $3, $4)",
            )
            .bind(new.organization.0)
            .bind(id)
            .bind(creator.0)
            .bind(Role::Manager.as_str())
            .execute(&mut *change.tx)
            .await?;
        }
        change.commit(&format!("project {} adopted from Label Studio", new.name)).await
    }

    /// Label Studio has this project no more: the catalogue's goes with it, unless it has storages of its own.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn release_project(&self, project: ProjectId) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        sqlx::query("DELETE FROM label_studio_project WHERE project = $1")
            .bind(project.0)
            .execute(&mut *change.tx)
            .await?;
        sqlx::query(
            "DELETE FROM project WHERE id = $1 \
             AND NOT EXISTS (SELECT 1 FROM storage WHERE storage.project = project.id)",
        )
        .bind(project.0)
        .execute(&mut *change.tx)
        .await?;
        change.commit(&format!("project {} is gone from Label Studio", project.0)).await
    }
}

async fn make_workspace(change: &mut Change, new: &Adoption<'_>) -> Result<(), RecordsError> {
    let known: Option<(i64,)> =
        sqlx::query_as("SELECT id FROM workspace WHERE organization = $1 AND name = $2")
            .bind(new.organization.0)
            .bind(new.workspace.as_str())
            .fetch_optional(&mut *change.tx)
            .await?;
    if known.is_some() {
        return Ok(());
    }
    let id = change.next_id().await?;
    sqlx::query("INSERT INTO workspace (id, organization, name, title) VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(new.organization.0)
        .bind(new.workspace.as_str())
        .bind("Label Studio")
        .execute(&mut *change.tx)
        .await?;
    Ok(())
}

fn number(number: i64) -> Result<u64, RecordsError> {
    u64::try_from(number)
        .or(Err(RecordsError::damaged("a number of Label Studio's", std::fmt::Error)))
}
