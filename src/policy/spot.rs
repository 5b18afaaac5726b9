//! Where an operation points: names and handles become the things themselves, inside the asker's organization only.

use std::sync::Arc;

use super::handle::Opened;
use super::question::Subject;
use super::{Denial, Destination, NotFoundWhy};
use crate::catalog::{
    Catalog, Organization, Project, ProjectId, ProjectName, Storage, StorageId, StorageName,
};
use crate::identity::Person;
use crate::request::{Ask, ObjectAddress, ObjectKey, SealedHandle, Target};

/// What an operation names, before anything is looked up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Named<'a> {
    /// The asker's own organization.
    Own,
    Place {
        project: &'a ProjectName,
        storage: &'a StorageName,
        key: Option<&'a ObjectKey>,
    },
    Handle(&'a SealedHandle),
    /// An object that was found already.
    Object {
        project: ProjectId,
        storage: StorageId,
        key: &'a ObjectKey,
    },
    /// A project itself.
    Project(&'a ProjectName),
    /// What an earlier grant was for.
    Held(&'a Destination),
}

/// What was found.
#[derive(Debug)]
pub(super) struct Spot<'a> {
    pub(super) organization: &'a Organization,
    pub(super) at: At,
}

/// How far down it lies.
#[derive(Debug)]
pub(super) enum At {
    Organization,
    Project(Arc<Project>),
    Storage(Place),
}

/// A storage of a project, and an object in it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) project: Arc<Project>,
    pub(super) storage: Arc<Storage>,
    pub(super) key: Option<ObjectKey>,
}

impl<'a> Named<'a> {
    pub(super) fn by(ask: &'a Ask) -> Self {
        match ask {
            Ask::Read(read) => match &read.target {
                Target::Named(address) => Self::object(address),
                Target::Handle(handle) => Self::Handle(handle),
                // Found by an inquiry, or not at all.
                Target::TaskMedia(_) => Self::Own,
            },
            Ask::Write(write) => Self::object(&write.address),
            Ask::List { project, storage, .. } => Self::Place { project, storage, key: None },
            Ask::Visit(_) | Ask::LabelStudio(_) => Self::Own,
        }
    }

    pub(super) const fn object(address: &'a ObjectAddress) -> Self {
        let ObjectAddress { project, storage, key } = address;
        Self::Place { project, storage, key: Some(key) }
    }

    /// Looks it up. Other organizations' things are not refused here: they are not found.
    pub(super) fn find<'c>(
        self,
        person: &Person,
        catalog: &'c Catalog,
    ) -> Result<Spot<'c>, Denial> {
        let within = person.organization();
        let organization = catalog.organization(within).ok_or(not_found(NotFoundWhy::Project))?;
        let storage = |place: Place| At::Storage(place);
        let at = match self {
            Self::Own | Self::Held(Destination::Ours | Destination::LabelStudio(_)) => {
                At::Organization
            }
            Self::Project(project) => {
                let project = catalog.project(within, project);
                At::Project(Arc::clone(project.ok_or(not_found(NotFoundWhy::Project))?))
            }
            Self::Place { project, storage, key } => {
                let project =
                    catalog.project(within, project).ok_or(not_found(NotFoundWhy::Project))?;
                let storage = project.storage(storage).ok_or(not_found(NotFoundWhy::Storage))?;
                At::Storage(Place::new(project, storage, key.cloned()))
            }
            Self::Handle(handle) => storage(opened(handle, person, catalog)?),
            Self::Object { project, storage: id, key } => {
                storage(by_ids(person, catalog, (project, id), key.clone())?)
            }
            Self::Held(Destination::Object { project, storage, key }) => {
                At::Storage(still_there(person, catalog, (project, storage), Some(key.clone()))?)
            }
            Self::Held(Destination::Listing { project, storage }) => {
                At::Storage(still_there(person, catalog, (project, storage), None)?)
            }
        };
        Ok(Spot { organization, at })
    }
}

fn opened(handle: &SealedHandle, person: &Person, catalog: &Catalog) -> Result<Place, Denial> {
    let opened = Opened::open(handle, person.account(), person.handle_key())
        .ok_or(not_found(NotFoundWhy::Handle))?;
    by_ids(person, catalog, (opened.project, opened.storage), opened.key)
}

fn by_ids(
    person: &Person,
    catalog: &Catalog,
    (project, storage): (ProjectId, StorageId),
    key: ObjectKey,
) -> Result<Place, Denial> {
    let project = catalog
        .project_by_id(person.organization(), project)
        .ok_or(not_found(NotFoundWhy::Project))?;
    let storage =
        project.storages().find(|one| one.id == storage).ok_or(not_found(NotFoundWhy::Storage))?;
    Ok(Place::new(project, storage, Some(key)))
}

/// A storage that was changed since is another place: what streams from the old one has no permission any more.
fn still_there(
    person: &Person,
    catalog: &Catalog,
    (project, storage): (&Project, &Storage),
    key: Option<ObjectKey>,
) -> Result<Place, Denial> {
    let project = catalog
        .project_by_id(person.organization(), project.id)
        .ok_or(not_found(NotFoundWhy::Project))?;
    let storage = project
        .storages()
        .find(|now| now.id == storage.id && now.revision == storage.revision)
        .ok_or(not_found(NotFoundWhy::Storage))?;
    Ok(Place::new(project, storage, key))
}

impl Place {
    fn new(project: &Arc<Project>, storage: &Arc<Storage>, key: Option<ObjectKey>) -> Self {
        Self { project: Arc::clone(project), storage: Arc::clone(storage), key }
    }
}

impl Spot<'_> {
    pub(super) fn subject(&self) -> Subject<'_> {
        match &self.at {
            At::Organization => Subject::Organization(self.organization),
            At::Project(project) => Subject::Project(self.organization, project),
            At::Storage(place) => {
                Subject::Storage(self.organization, &place.project, &place.storage)
            }
        }
    }

    pub(super) fn key(&self) -> Option<&ObjectKey> {
        match &self.at {
            At::Organization | At::Project(_) => None,
            At::Storage(place) => place.key.as_ref(),
        }
    }

    /// The AWS role that stands here for the person's role.
    pub(super) fn storage_role(&self, person: &Person) -> Option<Arc<str>> {
        match &self.at {
            At::Organization | At::Project(_) => None,
            At::Storage(Place { project, storage, .. }) => {
                let counts = person.role_that_counts(project.id, project.workspace);
                storage.role_at_aws(counts).map(Into::into)
            }
        }
    }

    pub(super) fn into_destination(self) -> Destination {
        match self.at {
            At::Organization | At::Project(_) => Destination::Ours,
            At::Storage(Place { project, storage, key: Some(key) }) => {
                Destination::Object { project, storage, key }
            }
            At::Storage(Place { project, storage, key: None }) => {
                Destination::Listing { project, storage }
            }
        }
    }
}

pub(super) const fn not_found(why: NotFoundWhy) -> Denial {
    Denial::NotFound { why }
}
