//! One question to the policies, with all that they may look at; nothing else reaches Cedar, and the cache's key is
//! made of the same fields.

use std::net::IpAddr;
use std::sync::Arc;

use crate::catalog::{
    AccountId, Asserted, Organization, OrganizationId, OrganizationName, Project, Role, Storage,
};
use crate::identity::{Person, Proof};
use crate::request::ObjectKey;

/// Whether a project may be known of: asked when something else was refused.
pub(super) const SEE_PROJECT: &str = "SeeProject";
/// Whether raw locations may be seen where others get handles.
pub(super) const SEE_LOCATION: &str = "SeeLocation";
/// Whether somebody runs the organization: what it has, he sees all of.
pub(super) const MANAGE_ORGANIZATION: &str = "ManageOrganization";

/// May this person do this, here, now?
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) asker: Asker<'a>,
    /// One of [`crate::request::Operation::NAMES`], [`SEE_PROJECT`] or [`SEE_LOCATION`].
    pub(super) action: &'static str,
    pub(super) subject: Subject<'a>,
    /// The asker's role in the subject's project.
    pub(super) project_role: Option<Role>,
    pub(super) client: IpAddr,
    pub(super) key: Option<&'a ObjectKey>,
    /// Whether all annotations and drafts that are named are the asker's own. Absent: none is named.
    pub(super) own: Option<bool>,
}

/// What of a person decides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) account: AccountId,
    pub(super) email: &'a str,
    pub(super) organization: OrganizationId,
    pub(super) organization_name: &'a OrganizationName,
    pub(super) organization_role: Option<Role>,
    pub(super) proof: ProofKind,
    /// What the assertion said that the session began with.
    pub(super) asserted: Option<&'a Arc<Asserted>>,
    /// The generation that the rest was read in.
    pub(super) generation: u64,
}

/// How the person proved who he is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ProofKind {
    Session,
    Token,
}

/// What the question is about, with the names that lead to it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    Organization(&'a Organization),
    Project(&'a Organization, &'a Project),
    Storage(&'a Organization, &'a Project, &'a Storage),
}

impl<'a> From<&'a Person> for Asker<'a> {
    fn from(person: &'a Person) -> Self {
        Self {
            account: person.account(),
            email: person.email(),
            organization: person.organization(),
            organization_name: person.organization_name(),
            organization_role: person.organization_role(),
            proof: match person.proof() {
                Proof::Session(_) => ProofKind::Session,
                Proof::Token(_) | Proof::LabelStudio(_) => ProofKind::Token,
            },
            asserted: person.asserted(),
            generation: person.generation(),
        }
    }
}

impl ProofKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
        }
    }
}

impl<'a> Subject<'a> {
    pub(super) const fn organization(self) -> &'a Organization {
        match self {
            Self::Organization(organization)
            | Self::Project(organization, _)
            | Self::Storage(organization, ..) => organization,
        }
    }

    pub(super) const fn project(self) -> Option<&'a Project> {
        match self {
            Self::Organization(_) => None,
            Self::Project(_, project) | Self::Storage(_, project, _) => Some(project),
        }
    }

    pub(super) const fn storage(self) -> Option<&'a Storage> {
        match self {
            Self::Organization(_) | Self::Project(..) => None,
            Self::Storage(_, _, storage) => Some(storage),
        }
    }
}

impl<'a> Question<'a> {
    /// The AWS role that the storage names for the person's role, where the question is about one that does.
    pub(super) fn storage_role(&self) -> Option<&'a str> {
        self.subject.storage()?.role_at_aws(self.role_that_counts())
    }

    pub(super) fn asserts(&self, role: &str) -> bool {
        self.asker.asserted.is_some_and(|it| it.roles.iter().any(|one| one.role == role))
    }

    pub(super) fn role_that_counts(&self) -> Option<Role> {
        Role::that_counts(self.asker.organization_role, self.project_role)
    }

    /// The same person, of the project that this question is about: may it be known of?
    pub(super) const fn of_visibility(self) -> Option<Self> {
        match self.subject {
            Subject::Organization(_) => None,
            Subject::Project(organization, project)
            | Subject::Storage(organization, project, _) => Some(Self {
                action: SEE_PROJECT,
                subject: Subject::Project(organization, project),
                key: None,
                own: None,
                ..self
            }),
        }
    }
}
