//! Projects: each in one workspace, named uniquely in its organization.

use super::change::one_row;
use super::{Change, Records, RecordsError, word};
use crate::catalog::{OrganizationId, ProjectId, ProjectName, WorkspaceName};

/// A project as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    pub id: ProjectId,
    pub name: ProjectName,
    pub title: String,
    pub workspace: WorkspaceName,
}

impl Records {
    /// An organization's projects, by name.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn projects(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<ProjectRow>, RecordsError> {
        let rows: Vec<(i64, String, String, String)> = sqlx::query_as(
            "SELECT project.id, project.name, project.title, workspace.name FROM project \
             JOIN workspace ON workspace.id = project.workspace \
             WHERE project.organization = $1 ORDER BY project.name",
        )
        .bind(organization.0)
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter()
            .map(|(id, name, title, workspace)| {
                let name = word(&name, "a project's name")?;
                let workspace = word(&workspace, "a workspace's name")?;
                Ok(ProjectRow { id: ProjectId(id), name, title, workspace })
            })
            .collect()
    }

    /// # Errors
    /// [`RecordsError::NotFound`] when there is no such workspace, [`RecordsError::Taken`].
    pub async fn create_project(
        &self,
        organization: OrganizationId,
        workspace: &WorkspaceName,
        name: &ProjectName,
        title: &str,
    ) -> Result<ProjectId, RecordsError> {
        let mut change = Change::begin(self).await?;
        let id = change.next_id().await?;
        let done = sqlx::query(
            "INSERT INTO project (id, organization, workspace, name, title) \
             SELECT $1, organization, id, $4, $5 FROM workspace WHERE organization = $2 AND name = $3",
        )
        .bind(id)
        .bind(organization.0)
        .bind(workspace.as_str())
        .bind(name.as_str())
        .bind(title)
        .execute(&mut *change.tx)
        .await
        .map_err(RecordsError::of_naming("project name"))?;
        one_row(done.rows_affected(), "workspace")?;
        change.commit(&format!("project {name} created in workspace {workspace}")).await?;
        Ok(ProjectId(id))
    }

    /// Deletes a project with its storages (the records of them, not the objects) and members.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]
    pub async fn delete_project(
        &self,
        organization: OrganizationId,
        name: &ProjectName,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let done = sqlx::query("DELETE FROM project WHERE organization = $1 AND name = $2")
            .bind(organization.0)
            .bind(name.as_str())
            .execute(&mut *change.tx)
            .await?;
        one_row(done.rows_affected(), "project")?;
        change.commit(&format!("project {name} deleted")).await
    }
}
