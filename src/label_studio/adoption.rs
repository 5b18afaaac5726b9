//! Projects that are made in Label Studio become projects of the catalogue: only what has a place there can be decided about.

use std::sync::Arc;
use std::time::Duration;

use super::api::{Api, ApiError};
use crate::catalog::{
    AccountId, OrganizationId, OrganizationName, ProjectId, ProjectName, WorkspaceName,
};
use crate::ground::causes::told;
use crate::records::{self, RecordsError, Watch};

/// Keeps the catalogue's projects in step with Label Studio's.
#[derive(Debug)]
pub struct Adoption {
    pub api: Arc<Api>,
    pub watch: Watch,
    pub organization: OrganizationName,
    pub workspace: WorkspaceName,
}

/// Why the catalogue is not in step.
#[derive(Debug, thiserror::Error)]
pub enum AdoptionError {
    #[error(
        "the organization {0}, to which Label Studio belongs by the settings, does not exist: create it"
    )]
    NoOrganization(OrganizationName),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("the records")]
    Records(#[from] RecordsError),
}

/// Projects that others make past the gateway are seen after so long.
const PERIOD: Duration = Duration::from_secs(60);
/// Before the first success, since people wait for it.
const SOON: Duration = Duration::from_secs(2);

impl Adoption {
    /// Keeps in step, for as long as the process lives: a task of the control plane.
    pub async fn run(self: Arc<Self>) {
        let mut failing = false;
        loop {
            let done = self.sync().await;
            if let Err(error) = &done
                && !failing
            {
                tracing::warn!(cause = %told(error), "Label Studio's projects cannot be read; asking again");
            }
            failing = done.is_err();
            tokio::time::sleep(if failing { SOON } else { PERIOD }).await;
        }
    }

    /// Takes in what is new, and lets go of what is gone.
    ///
    /// # Errors
    /// [`AdoptionError`]
    pub async fn sync(&self) -> Result<(), AdoptionError> {
        let organization = self.organization()?;
        let known = self.watch.records().adopted_projects(organization).await?;
        let listed = self.api.projects().await?;
        for project in &listed {
            let title = project.title.as_deref().unwrap_or_default();
            let same = known.iter().any(|(number, _, had)| *number == project.id && had == title);
            if !same {
                self.take_in(project.id, title).await;
            }
        }
        // An install without any project is another one, or has lost its own: nothing goes with them.
        let missing = known.iter().filter(|(number, ..)| {
            !listed.is_empty() && !listed.iter().any(|one| one.id == *number)
        });
        for (number, id, _) in missing {
            self.let_go(*number, *id).await?;
        }
        Ok(self.watch.catch_up().await?)
    }

    /// The others are not to wait for one that cannot be had.
    async fn take_in(&self, number: u64, title: &str) {
        if let Err(error) = self.adopt(number, title, None).await {
            tracing::warn!(number, cause = %told(&error), "a project was not adopted");
        }
    }

    /// Of what is gone indeed: a list that changes while it is read can miss one.
    async fn let_go(&self, number: u64, id: ProjectId) -> Result<(), AdoptionError> {
        if self.api.project(number).await?.is_none() {
            self.watch.records().release_project(id).await?;
        }
        Ok(())
    }

    /// Takes one in that was just made by this account; it holds when this returns.
    ///
    /// # Errors
    /// [`AdoptionError`]
    pub async fn made(
        &self,
        number: u64,
        title: &str,
        creator: AccountId,
    ) -> Result<(), AdoptionError> {
        self.adopt(number, title, Some(creator)).await?;
        Ok(self.watch.catch_up().await?)
    }

    async fn adopt(
        &self,
        number: u64,
        title: &str,
        creator: Option<AccountId>,
    ) -> Result<(), AdoptionError> {
        let (organization, name) = (self.organization()?, name_of(title, number));
        let workspace = &self.workspace;
        let new =
            records::Adoption { organization, workspace, number, name: &name, title, creator };
        Ok(self.watch.records().adopt_project(new).await?)
    }

    fn organization(&self) -> Result<OrganizationId, AdoptionError> {
        let catalog = self.watch.catalog().current();
        let found = catalog.organizations().find(|one| one.name == self.organization);
        found
            .map(|one| one.id)
            .ok_or_else(|| AdoptionError::NoOrganization(self.organization.clone()))
    }
}

/// `Street signs, 2026` with the number 7 is `street-signs-2026-7`.
fn name_of(title: &str, number: u64) -> ProjectName {
    let mut slug = String::new();
    for letter in title.chars().take(40) {
        match letter.to_ascii_lowercase() {
            letter @ ('a'..='z' | '0'..='9') => slug.push(letter),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    let slug = slug.trim_matches('-');
    let slug = if slug.is_empty() { "project" } else { slug };
    #[expect(clippy::expect_used, reason = "letters, digits and dashes, at most 61 of them")]
    format!("{slug}-{number}").parse().expect("a name")
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn a_project_is_called_by_its_title_and_number() {
        for (title, name) in [
            ("Cats", "cats-7"),
            ("Street signs, 2026!", "street-signs-2026-7"),
            ("", "project-7"),
            ("Ж", "project-7"),
            ("  -- ", "project-7"),
            (&"x".repeat(200), &format!("{}-7", "x".repeat(40))),
        ] {
            assert_eq!(name_of(title, 7).as_str(), name, "{title}");
        }
    }
}
