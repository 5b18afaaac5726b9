//! Organizations and their workspaces.

use super::change::one_row;
use super::{Change, Records, RecordsError, word};
use crate::catalog::{OrganizationId, OrganizationName, WorkspaceId, WorkspaceName};

/// An organization as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationRow {
    pub id: OrganizationId,
    pub name: OrganizationName,
    pub title: String,
}

/// A workspace as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceRow {
    pub id: WorkspaceId,
    pub name: WorkspaceName,
    pub title: String,
}

impl Records {
    /// All organizations, by name. For the operator's command line only.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn organizations(&self) -> Result<Vec<OrganizationRow>, RecordsError> {
        let rows: Vec<(i64, String, String)> =
            sqlx::query_as("SELECT id, name, title FROM organization ORDER BY name")
                .fetch_all(&self.reads)
                .await?;
        rows.into_iter()
            .map(|(id, name, title)| {
                let name = word(&name, "an organization's name")?;
                Ok(OrganizationRow { id: OrganizationId(id), name, title })
            })
            .collect()
    }

    /// # Errors
    /// [`RecordsError`]
    pub async fn find_organization(
        &self,
        name: &OrganizationName,
    ) -> Result<Option<OrganizationRow>, RecordsError> {
        let row: Option<(i64, String)> =
            sqlx::query_as("SELECT id, title FROM organization WHERE name = $1")
                .bind(name.as_str())
                .fetch_optional(&self.reads)
                .await?;
        Ok(row.map(|(id, title)| OrganizationRow {
            id: OrganizationId(id),
            name: name.clone(),
            title,
        }))
    }

    /// # Errors
    /// [`RecordsError::Taken`] when the name is in use.
    pub async fn create_organization(
        &self,
        name: &OrganizationName,
        title: &str,
    ) -> Result<OrganizationId, RecordsError> {
        let mut change = Change::begin(self).await?;
        let id = change.next_id().await?;
        sqlx::query("INSERT INTO organization (id, name, title) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(name.as_str())
            .bind(title)
            .execute(&mut *change.tx)
            .await
            .map_err(RecordsError::of_naming("organization name"))?;
        change.commit(&format!("organization {name} created")).await?;
        Ok(OrganizationId(id))
    }

    /// An organization's workspaces, by name.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn workspaces(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<WorkspaceRow>, RecordsError> {
        let rows: Vec<(i64, String, String)> = sqlx::query_as(
            "SELECT id, name, title FROM workspace WHERE organization = $1 ORDER BY name",
        )
        .bind(organization.0)
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter()
            .map(|(id, name, title)| {
                let name = word(&name, "a workspace's name")?;
                Ok(WorkspaceRow { id: WorkspaceId(id), name, title })
            })
            .collect()
    }

    /// # Errors
    /// [`RecordsError::Taken`] when the name is in use.
    pub async fn create_workspace(
        &self,
        organization: OrganizationId,
        name: &WorkspaceName,
        title: &str,
    ) -> Result<WorkspaceId, RecordsError> {
        let mut change = Change::begin(self).await?;
        let id = change.next_id().await?;
        sqlx::query(
            "INSERT INTO workspace (id, organization, name, title) VALUES ($1, $2, $3, $4)",
        )
        .bind(id)
        .bind(organization.0)
        .bind(name.as_str())
        .bind(title)
        .execute(&mut *change.tx)
        .await
        .map_err(RecordsError::of_naming("workspace name"))?;
        change.commit(&format!("workspace {name} created")).await?;
        Ok(WorkspaceId(id))
    }

    /// Deletes a workspace that has no projects left.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`], [`RecordsError::NotEmpty`].
    pub async fn delete_workspace(
        &self,
        organization: OrganizationId,
        name: &WorkspaceName,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let done = sqlx::query("DELETE FROM workspace WHERE organization = $1 AND name = $2")
            .bind(organization.0)
            .bind(name.as_str())
            .execute(&mut *change.tx)
            .await
            .map_err(RecordsError::of_deleting("workspace"))?;
        one_row(done.rows_affected(), "workspace")?;
        change.commit(&format!("workspace {name} deleted")).await
    }
}
