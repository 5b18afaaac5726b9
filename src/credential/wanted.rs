//! What keys are wanted for, for whom and as whom: all that may decide whose they are.

use std::sync::Arc;

use super::session::Vault;
use crate::catalog::{AccountId, Asserted, OrganizationName, Project, Role, Storage};
use crate::identity::{Person, Proof, ProofId};

/// One storage of one project, by one person.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) project: &'a Project,
    pub(super) storage: &'a Arc<Storage>,
    /// The AWS role that the grant names.
    pub(super) role: Option<&'a Arc<str>>,
    pub(super) asker: Option<Asker<'a>>,
    pub(super) vault: Option<&'a Arc<Vault>>,
}

/// What of a person his keys depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) account: AccountId,
    pub(super) email: &'a str,
    pub(super) organization: &'a OrganizationName,
    /// In the project that the storage is of.
    pub(super) counts: Option<Role>,
    /// The session, if it began with an assertion, and what that said.
    pub(super) brought: Option<(ProofId, &'a Asserted)>,
}

impl<'a> Asker<'a> {
    pub(super) fn of(person: &'a Person, project: &Project) -> Self {
        let session = match person.proof() {
            Proof::Session(id) => Some(id),
            Proof::Token(_) | Proof::LabelStudio(_) => None,
        };
        Self {
            account: person.account(),
            email: person.email(),
            organization: person.organization_name(),
            counts: person.role_that_counts(project.id, project.workspace),
            brought: session.zip(person.asserted().map(|asserted| &**asserted)),
        }
    }
}
