//! Storages of projects. A storage's revision changes with its content: caches that depend on it are keyed by it.

use super::change::one_row;
use super::{Change, Records, RecordsError, word};
use crate::catalog::{
    CredentialName, Federation, OrganizationId, Place, ProjectId, ProjectName, Storage, StorageId,
    StorageName,
};

/// What putting something did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Created,
    Changed,
    /// It was already so; nothing was written.
    Unchanged,
}

pub(super) type StorageColumns = (i64, i64, String, String, String, Option<String>, i64);

impl Records {
    /// A project's storages, by name.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn storages(
        &self,
        organization: OrganizationId,
        project: &ProjectName,
    ) -> Result<Vec<Storage>, RecordsError> {
        let rows: Vec<StorageColumns> = sqlx::query_as(
            "SELECT storage.id, storage.project, storage.name, place, credential, federation, \
             revision \
             FROM storage JOIN project ON project.id = storage.project \
             WHERE project.organization = $1 AND project.name = $2 ORDER BY storage.name",
        )
        .bind(organization.0)
        .bind(project.as_str())
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter().map(storage).collect()
    }

    /// Makes the storage be exactly this, whether it existed or not.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] when there is no such project.
    pub async fn put_storage(
        &self,
        (organization, project): (OrganizationId, &ProjectName),
        name: &StorageName,
        place: &Place,
        (credential, federation): (&CredentialName, Option<&Federation>),
    ) -> Result<Put, RecordsError> {
        let place = to_text(place)?;
        let federation = federation.map(federation_text).transpose()?;
        let mut change = Change::begin(self).await?;
        let project_id = project_in(&mut change, organization, project).await?;
        let old: Option<(i64, String, String, Option<String>)> = sqlx::query_as(
            "SELECT id, place, credential, federation FROM storage WHERE project = $1 AND name = $2",
        )
        .bind(project_id.0)
        .bind(name.as_str())
        .fetch_optional(&mut *change.tx)
        .await?;
        let (id, put) = match old {
            Some((_, old_place, old_credential, old_federation))
                if old_place == place
                    && old_credential == credential.as_str()
                    && old_federation == federation =>
            {
                return Ok(Put::Unchanged);
            }
            Some((id, ..)) => (id, Put::Changed),
            None => (change.next_id().await?, Put::Created),
        };
        // A revision is never used twice, not even by a storage of the same name that comes after a deletion.
        let revision = change.next_id().await?;
        sqlx::query(
            "INSERT INTO storage (id, project, name, place, credential, federation, revision) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET \
             place = excluded.place, credential = excluded.credential, \
             federation = excluded.federation, revision = excluded.revision",
        )
        .bind(id)
        .bind(project_id.0)
        .bind(name.as_str())
        .bind(place)
        .bind(credential.as_str())
        .bind(federation)
        .bind(revision)
        .execute(&mut *change.tx)
        .await?;
        change.commit(&format!("storage {name} of project {project} put")).await?;
        Ok(put)
    }

    /// Forgets a storage; the objects in it stay where they are.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]
    pub async fn delete_storage(
        &self,
        organization: OrganizationId,
        project: &ProjectName,
        name: &StorageName,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let project_id = project_in(&mut change, organization, project).await?;
        let done = sqlx::query("DELETE FROM storage WHERE project = $1 AND name = $2")
            .bind(project_id.0)
            .bind(name.as_str())
            .execute(&mut *change.tx)
            .await?;
        one_row(done.rows_affected(), "storage")?;
        change.commit(&format!("storage {name} of project {project} deleted")).await
    }
}

/// The project of this name in this organization and in no other.
pub(super) async fn project_in(
    change: &mut Change,
    organization: OrganizationId,
    name: &ProjectName,
) -> Result<ProjectId, RecordsError> {
    let id: Option<i64> =
        sqlx::query_scalar("SELECT id FROM project WHERE organization = $1 AND name = $2")
            .bind(organization.0)
            .bind(name.as_str())
            .fetch_optional(&mut *change.tx)
            .await?;
    id.map(ProjectId).ok_or(RecordsError::NotFound { what: "project" })
}

pub(super) fn storage(row: StorageColumns) -> Result<Storage, RecordsError> {
    let (id, project, name, place, credential, federation, revision) = row;
    Ok(Storage {
        id: StorageId(id),
        project: ProjectId(project),
        name: word(&name, "a storage's name")?,
        revision: revision.unsigned_abs(),
        place: serde_json::from_str(&place)
            .map_err(|cause| RecordsError::damaged("a storage's place", cause))?,
        credential: word(&credential, "a credential's name")?,
        federation: federation_of(federation.as_deref())?,
    })
}

fn to_text(place: &Place) -> Result<String, RecordsError> {
    serde_json::to_string(place).map_err(|cause| RecordsError::damaged("a storage's place", cause))
}

pub(super) fn federation_of(text: Option<&str>) -> Result<Option<Federation>, RecordsError> {
    let read = |text| {
        serde_json::from_str(text)
            .map_err(|cause| RecordsError::damaged("a storage's roles at AWS", cause))
    };
    text.map(read).transpose()
}

pub(super) fn federation_text(federation: &Federation) -> Result<String, RecordsError> {
    serde_json::to_string(federation)
        .map_err(|cause| RecordsError::damaged("a storage's roles at AWS", cause))
}
