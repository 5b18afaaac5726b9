//! Everything that exists, read in one transaction into a [`Catalog`].

use std::collections::HashMap;

use sqlx::Transaction;

use super::storages::{StorageColumns, storage};
use super::{Db, Records, RecordsError, word};
use crate::catalog::{
    Catalog, Organization, OrganizationId, Project, ProjectId, Storage, WorkspaceId,
};

impl Records {
    /// The catalogue as of now.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn catalog(&self) -> Result<Catalog, RecordsError> {
        Ok(self.catalog_and_seq().await?.0)
    }

    /// The catalogue, and the last change that is in it.
    pub(super) async fn catalog_and_seq(&self) -> Result<(Catalog, i64), RecordsError> {
        let mut tx = self.reads.begin().await?;
        let seq = sqlx::query_scalar("SELECT last FROM counter WHERE name = 'change'")
            .fetch_one(&mut *tx)
            .await?;
        let storages = storages_by_project(&mut tx).await?;
        let projects = projects_by_organization(&mut tx, storages).await?;
        let catalog = organizations(&mut tx, projects).await?.as_of(seq);
        tx.commit().await?;
        Ok((catalog, seq))
    }

    /// The number of the last change, cheaply.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn last_change(&self) -> Result<i64, RecordsError> {
        let last = sqlx::query_scalar("SELECT last FROM counter WHERE name = 'change'");
        Ok(last.fetch_one(&self.reads).await?)
    }
}

type Within<'a> = &'a mut Transaction<'static, Db>;

async fn storages_by_project(
    tx: Within<'_>,
) -> Result<HashMap<ProjectId, Vec<Storage>>, RecordsError> {
    let rows: Vec<StorageColumns> = sqlx::query_as(
        "SELECT id, project, name, place, credential, federation, revision FROM storage",
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut all: HashMap<ProjectId, Vec<Storage>> = HashMap::new();
    for row in rows {
        let storage = storage(row)?;
        all.entry(storage.project).or_default().push(storage);
    }
    Ok(all)
}

/// Project, organization, name, title; workspace and its name; Label Studio's number.
type ProjectRow = (i64, i64, String, String, i64, String, Option<i64>);

async fn projects_by_organization(
    tx: Within<'_>,
    mut storages: HashMap<ProjectId, Vec<Storage>>,
) -> Result<HashMap<OrganizationId, Vec<Project>>, RecordsError> {
    let rows: Vec<ProjectRow> = sqlx::query_as(
        "SELECT project.id, project.organization, project.name, project.title, \
         workspace.id, workspace.name, label_studio_project.number \
         FROM project JOIN workspace ON workspace.id = project.workspace \
         LEFT JOIN label_studio_project ON label_studio_project.project = project.id",
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut all: HashMap<OrganizationId, Vec<Project>> = HashMap::new();
    for (id, organization, name, title, workspace, workspace_name, number) in rows {
        let (id, organization) = (ProjectId(id), OrganizationId(organization));
        let workspace = (WorkspaceId(workspace), word(&workspace_name, "a workspace's name")?);
        let name = word(&name, "a project's name")?;
        let project = Project::new(id, organization, workspace, name, title)
            .with_number(number.and_then(|number| u64::try_from(number).ok()))
            .with_storages(storages.remove(&id).unwrap_or_default());
        all.entry(organization).or_default().push(project);
    }
    Ok(all)
}

async fn organizations(
    tx: Within<'_>,
    mut projects: HashMap<OrganizationId, Vec<Project>>,
) -> Result<Catalog, RecordsError> {
    let rows: Vec<(i64, String, String)> =
        sqlx::query_as("SELECT id, name, title FROM organization").fetch_all(&mut **tx).await?;
    let all = rows.into_iter().map(|(id, name, title)| {
        let id = OrganizationId(id);
        let projects = projects.remove(&id).unwrap_or_default();
        Ok(Organization::new(id, word(&name, "an organization's name")?, title, projects))
    });
    Ok(Catalog::new(all.collect::<Result<Vec<_>, RecordsError>>()?))
}
