//! Whom somebody may know of in Label Studio: the people of the projects that he shares with them.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use moka::future::Cache;
use serde::Deserialize;

use super::STALE;
use super::api::{Api, ApiError};
use crate::catalog::{OrganizationId, ProjectId};
use crate::records::{Records, RecordsError};

/// Finds them. A task of the control plane.
pub struct People {
    records: Records,
    api: Arc<Api>,
    /// Of projects by Label Studio's number: whose annotations are there.
    annotators: Cache<u64, Arc<[u64]>>,
}

/// Why they are not known.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    #[error("the records")]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Api(#[from] Arc<ApiError>),
}

#[derive(Deserialize)]
struct Annotator {
    id: u64,
}

const MOST: u64 = 10_000;

impl People {
    #[must_use]
    pub fn new(records: Records, api: Arc<Api>) -> Self {
        let annotators = Cache::builder().max_capacity(MOST).time_to_live(STALE).build();
        Self { records, api, annotators }
    }

    /// The users who are members of any of these projects. Of one project also those who have worked in it and are no longer
    /// members: its tasks bear their names.
    ///
    /// # Errors
    /// [`PeopleError`]
    pub async fn of(
        &self,
        organization: OrganizationId,
        projects: &[(ProjectId, u64)],
    ) -> Result<HashSet<u64>, PeopleError> {
        let ids: Vec<_> = projects.iter().map(|(id, _)| *id).collect();
        let members = self.records.label_studio_members(organization, &ids).await?;
        let mut people: HashSet<_> = members.into_iter().collect();
        if let [(_, number)] = projects {
            let asked = annotators(&self.api, *number);
            let flight = Box::pin(self.annotators.try_get_with(*number, asked));
            people.extend(flight.await.map_err(|error| Arc::clone(&error))?.iter());
        }
        Ok(people)
    }
}

async fn annotators(api: &Api, project: u64) -> Result<Arc<[u64]>, ApiError> {
    let path = format!("/api/projects/{project}/annotators/");
    let found: Option<Vec<Annotator>> = api.get("a project's annotators", &path).await?;
    Ok(found.unwrap_or_default().into_iter().map(|one| one.id).collect())
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("People").finish_non_exhaustive()
    }
}
