//! What exists: organizations > workspaces > projects > storages, as one read-only snapshot in memory.
//! Names are looked up inside one organization only, so one organization cannot even ask about another's.

pub mod arn;
mod email;
mod federation;
mod groups;
mod live;
mod names;
mod overlap;
mod role;
mod scope;
mod state;
mod storage;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub use email::{BadEmail, Email};
pub use federation::{Asserted, AssertedRole, Federation};
pub use groups::{BadGroupName, GroupFacts, GroupName, Several};
pub use live::LiveCatalog;
pub use names::{
    BadName, CredentialName, OrganizationName, ProjectName, StorageName, WorkspaceName,
};
pub use overlap::{Overlap, StorageKey, overlaps};
pub use role::{BadRole, Role};
pub use scope::{Allowed, Scope};
pub use state::{Absent, Edit, ProjectFacts, State, Step, StorageFacts};
pub use storage::{Addressing, Place, Prefix, S3Place, Storage};

/// The number of a thing in the records. Never shown to a client.
macro_rules! id {
    ($($name:ident),*) => {$(
        #[doc = concat!("Identifies one row of its kind in the records: ", stringify!($name), ".")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);
    )*};
}
id!(OrganizationId, WorkspaceId, ProjectId, StorageId, AccountId, SessionId, TokenId, InvitationId);

/// One organization: the wall that nothing crosses.
#[derive(Debug)]
pub struct Organization {
    pub id: OrganizationId,
    pub name: OrganizationName,
    pub title: String,
    projects: HashMap<ProjectName, Arc<Project>>,
    by_id: HashMap<ProjectId, Arc<Project>>,
    /// Those of Label Studio, by their numbers there.
    by_number: HashMap<u64, Arc<Project>>,
}

/// One project, with the storages that hold its objects.
#[derive(Debug)]
pub struct Project {
    pub id: ProjectId,
    pub organization: OrganizationId,
    pub workspace: WorkspaceId,
    pub workspace_name: WorkspaceName,
    pub name: ProjectName,
    pub title: String,
    /// Its number in Label Studio, if it is one of Label Studio's.
    pub number: Option<u64>,
    storages: HashMap<StorageName, Arc<Storage>>,
}

/// Everything that exists, as read in one transaction.
#[derive(Debug, Default)]
pub struct Catalog {
    organizations: HashMap<OrganizationId, Organization>,
    last_change: i64,
}

impl Catalog {
    /// Puts a snapshot together.
    #[must_use]
    pub fn new(organizations: impl IntoIterator<Item = Organization>) -> Self {
        let organizations = organizations.into_iter().map(|one| (one.id, one)).collect();
        Self { organizations, last_change: 0 }
    }

    /// The same as of this change of the records.
    #[must_use]
    pub fn as_of(self, last_change: i64) -> Self {
        Self { last_change, ..self }
    }

    /// The number of the last change of the records that is in it: of two snapshots, the newer one's is not smaller.
    #[must_use]
    pub const fn last_change(&self) -> i64 {
        self.last_change
    }

    #[must_use]
    pub fn organization(&self, id: OrganizationId) -> Option<&Organization> {
        self.organizations.get(&id)
    }

    /// The project of this name in this organization.
    #[must_use]
    pub fn project(&self, within: OrganizationId, name: &ProjectName) -> Option<&Arc<Project>> {
        self.organizations.get(&within)?.projects.get(name)
    }

    /// The project of this id, if it is in this organization.
    #[must_use]
    pub fn project_by_id(&self, within: OrganizationId, id: ProjectId) -> Option<&Arc<Project>> {
        self.organizations.get(&within)?.by_id.get(&id)
    }

    /// The project of this number in Label Studio, if it is in this organization.
    #[must_use]
    pub fn project_by_number(&self, within: OrganizationId, number: u64) -> Option<&Arc<Project>> {
        self.organizations.get(&within)?.by_number.get(&number)
    }

    pub fn organizations(&self) -> impl Iterator<Item = &Organization> {
        self.organizations.values()
    }

    /// Every storage of every project.
    #[must_use]
    pub fn storages(&self) -> BTreeMap<StorageKey, Arc<Storage>> {
        let projects = self.organizations().flat_map(|one| one.projects().map(move |it| (one, it)));
        let storages = projects.flat_map(|(one, project)| {
            project.storages.values().map(move |storage| {
                let key = StorageKey {
                    organization: one.name.clone(),
                    project: project.name.clone(),
                    storage: storage.name.clone(),
                };
                (key, Arc::clone(storage))
            })
        });
        storages.collect()
    }

    /// Where every storage is.
    #[must_use]
    pub fn places(&self) -> BTreeMap<StorageKey, Place> {
        let place = |(key, storage): (StorageKey, Arc<Storage>)| (key, storage.place.clone());
        self.storages().into_iter().map(place).collect()
    }
}

impl Organization {
    #[must_use]
    pub fn new(
        id: OrganizationId,
        name: OrganizationName,
        title: String,
        projects: impl IntoIterator<Item = Project>,
    ) -> Self {
        let projects: HashMap<_, _> =
            projects.into_iter().map(|one| (one.name.clone(), Arc::new(one))).collect();
        let by_id = projects.values().map(|one| (one.id, Arc::clone(one))).collect();
        let numbered = projects.values().filter_map(|one| Some((one.number?, Arc::clone(one))));
        let by_number = numbered.collect();
        Self { id, name, title, projects, by_id, by_number }
    }

    pub fn projects(&self) -> impl Iterator<Item = &Arc<Project>> {
        self.projects.values()
    }
}

impl Project {
    /// Gives the project its storages.
    #[must_use]
    pub fn with_storages(mut self, storages: impl IntoIterator<Item = Storage>) -> Self {
        self.storages = storages.into_iter().map(|one| (one.name.clone(), Arc::new(one))).collect();
        self
    }

    /// The project as one of Label Studio's.
    #[must_use]
    pub fn with_number(self, number: Option<u64>) -> Self {
        Self { number, ..self }
    }

    /// A project without storages yet.
    #[must_use]
    pub fn new(
        id: ProjectId,
        organization: OrganizationId,
        (workspace, workspace_name): (WorkspaceId, WorkspaceName),
        name: ProjectName,
        title: String,
    ) -> Self {
        Self {
            id,
            organization,
            workspace,
            workspace_name,
            name,
            title,
            number: None,
            storages: HashMap::new(),
        }
    }

    #[must_use]
    pub fn storage(&self, name: &StorageName) -> Option<&Arc<Storage>> {
        self.storages.get(name)
    }

    pub fn storages(&self) -> impl Iterator<Item = &Arc<Storage>> {
        self.storages.values()
    }
}
