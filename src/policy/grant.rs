//! What policy answers: a [`Grant`] with what it rests on, or a [`Denial`].

use std::net::IpAddr;
use std::sync::Arc;

use super::Errand;
use crate::catalog::{Project, Storage};
use crate::identity::Identity;
use crate::request::{ObjectKey, Operation};

/// Permission for one operation by one identity on one destination. Made by [`super::Policy::decide`] only.
#[derive(Debug, Clone)]
pub struct Grant {
    pub(super) identity: Identity,
    pub(super) operation: Operation,
    pub(super) client: IpAddr,
    pub(super) destination: Destination,
    pub(super) role: Option<Arc<str>>,
    pub(super) basis: Arc<Basis>,
}

/// What the operation turned out to be about.
#[derive(Debug, Clone)]
pub enum Destination {
    Object {
        project: Arc<Project>,
        storage: Arc<Storage>,
        key: ObjectKey,
    },
    Listing {
        project: Arc<Project>,
        storage: Arc<Storage>,
    },
    /// Our own pages and API: the operation says which.
    Ours,
    /// Something that Label Studio does or gives.
    LabelStudio(Arc<Errand>),
}

/// What the decision rests on: the ids of the policies that decided, and the generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// In alphabetical order; besides `@id`s, the [`super::BY_SCOPE`] and [`super::PUBLIC`] of the program itself.
    pub policies: Vec<Box<str>>,
    pub generation: u64,
}

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Denial {
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The asker may know that the project exists, but not do this.
    #[error("{}", forbidden_words(.basis))]
    Forbidden { basis: Arc<Basis> },
    /// The thing does not exist, or the asker may not know that it does: one answer for both.
    #[error("no such project, storage or object for this person ({why})")]
    NotFound { why: NotFoundWhy },
    /// A list of one project that names none, where several could be meant.
    #[error("the request names no project, and the person sees another number of them than one")]
    NamesNoProject,
    #[error("it compares raw values with a column that may hold locations")]
    HiddenColumn,
    #[error("over the quota of requests; free again in {retry_after_seconds} s")]
    OverQuota { retry_after_seconds: u64 },
    #[error("the policies failed to evaluate: {0}")]
    Evaluation(String),
}

/// The operator's side of a 404.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFoundWhy {
    #[error("no such project in the organization")]
    Project,
    #[error("no such storage in the project")]
    Storage,
    #[error("the handle was not made for this session or token, or was changed")]
    Handle,
    #[error("Label Studio belongs to another organization, or there is none")]
    LabelStudio,
    #[error("Label Studio has nothing of this number")]
    Reference,
    #[error("no task refers to it")]
    Unreferenced,
    #[error("the person may not know of the project: {}", forbidden_words(.0))]
    Invisible(Arc<Basis>),
}

fn forbidden_words(basis: &Basis) -> String {
    if basis.policies.is_empty() {
        "no policy permits it".to_owned()
    } else {
        format!("forbidden by {}", basis.policies.join(", "))
    }
}

impl Grant {
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    #[must_use]
    pub const fn operation(&self) -> &Operation {
        &self.operation
    }

    #[must_use]
    pub const fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The AWS role that the storage names for the person's role: as whom it is to be opened, where that is the person's to
    /// bring or to be named.
    #[must_use]
    pub const fn role(&self) -> Option<&Arc<str>> {
        self.role.as_ref()
    }

    #[must_use]
    pub fn basis(&self) -> &Basis {
        &self.basis
    }
}

impl Denial {
    /// What the no rests on, where policies said it.
    #[must_use]
    pub const fn basis(&self) -> Option<&Arc<Basis>> {
        match self {
            Self::Forbidden { basis } | Self::NotFound { why: NotFoundWhy::Invisible(basis) } => {
                Some(basis)
            }
            Self::NotFound {
                why:
                    NotFoundWhy::Project
                    | NotFoundWhy::Storage
                    | NotFoundWhy::Handle
                    | NotFoundWhy::LabelStudio
                    | NotFoundWhy::Reference
                    | NotFoundWhy::Unreferenced,
            }
            | Self::NotSignedIn
            | Self::NamesNoProject
            | Self::HiddenColumn
            | Self::OverQuota { .. }
            | Self::Evaluation(_) => None,
        }
    }
}
