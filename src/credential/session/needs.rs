//! Which roles at AWS a person's own roles stand for, and for which storages: what his assertion is to be exchanged for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::super::saml::SamlRoles;
use super::super::shelf::Shelf;
use super::sealed::KeySet;
use crate::catalog::{Catalog, CredentialName, Place, Project, Role, Storage, StorageId};
use crate::records::KnownPerson;

/// One role at AWS for one project.
#[derive(Debug)]
pub(in crate::credential) struct Need {
    pub(in crate::credential) project: Arc<Project>,
    /// The AWS role.
    pub(in crate::credential) role: String,
    pub(in crate::credential) provider: String,
    pub(in crate::credential) credential: CredentialName,
    pub(in crate::credential) roles: Arc<SamlRoles>,
    /// The project's storages that it opens, by id.
    pub(in crate::credential) storages: Vec<Arc<Storage>>,
}

impl Need {
    /// Whether it is for this storage as it is, by this credential.
    pub(super) fn is_for(&self, storage: (StorageId, u64), credential: &CredentialName) -> bool {
        self.credential == *credential && self.storages.iter().any(|one| KeySet::of(one) == storage)
    }
}

/// What this person needs: in the order of the projects' names.
pub(super) fn of_person(
    catalog: &Catalog,
    person: &KnownPerson,
    shelves: &HashMap<CredentialName, Shelf>,
) -> Vec<Need> {
    let Some(organization) = catalog.organization(person.organization) else { return Vec::new() };
    let mut projects: Vec<_> = organization.projects().collect();
    projects.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    projects
        .into_iter()
        .filter_map(|project| Some(needs(project, person.role_that_counts(project)?, shelves)))
        .flatten()
        .collect()
}

/// What somebody with this role needs in this project. Storages that one role opens, by one credential, at one endpoint, are
/// one need: a policy names buckets but not where they are, and another store's bucket of the same name is another bucket.
pub(in crate::credential) fn needs(
    project: &Arc<Project>,
    counts: Role,
    shelves: &HashMap<CredentialName, Shelf>,
) -> Vec<Need> {
    let mut needs: BTreeMap<(&str, &CredentialName, &str, Option<&str>), Need> = BTreeMap::new();
    let mut storages: Vec<_> = project.storages().collect();
    storages.sort_unstable_by_key(|storage| storage.id);
    for storage in storages {
        let (Some(Shelf::PerSession { roles, .. }), Some(federation)) =
            (shelves.get(&storage.credential), &storage.federation)
        else {
            continue;
        };
        let Some(role) = federation.role(counts) else { continue };
        let Place::S3(place) = &storage.place;
        let (provider, endpoint) = (&federation.provider, place.endpoint.as_deref());
        let need = needs.entry((role, &storage.credential, provider, endpoint));
        let need = need.or_insert_with(|| Need {
            project: Arc::clone(project),
            role: role.to_owned(),
            provider: provider.clone(),
            credential: storage.credential.clone(),
            roles: Arc::clone(roles),
            storages: Vec::new(),
        });
        need.storages.push(Arc::clone(storage));
    }
    needs.into_values().collect()
}
