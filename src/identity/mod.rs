//! Stage 3: who asks. Sessions and API tokens become one [`Identity`]; a credential that was tried and failed
//! never falls through to nobody.

mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use settings::Settings;

use crate::catalog::{
    AccountId, OrganizationId, OrganizationName, ProjectId, ProjectName, Role, WorkspaceId,
};
use crate::ground::clock::Timestamp;
use crate::ground::seal::SealKey;

/// Who asks: a known person, or nobody. Made by [`Schemes::identify`] only.
#[derive(Debug, Clone)]
pub struct Identity(Option<Arc<Person>>);

/// A known person, by one credential of his. All fields are as of [`Person::generation`].
#[derive(Debug)]
pub struct Person {
    pub(in crate::identity) account: AccountId,
    pub(in crate::identity) email: Box<str>,
    pub(in crate::identity) organization: OrganizationId,
    pub(in crate::identity) organization_name: OrganizationName,
    pub(in crate::identity) organization_role: Option<Role>,
    pub(in crate::identity) workspace_roles: BTreeMap<WorkspaceId, Role>,
    pub(in crate::identity) project_roles: BTreeMap<ProjectId, Role>,
    pub(in crate::identity) proof: Proof,
    pub(in crate::identity) scope: Scope,
    pub(in crate::identity) valid_until: Timestamp,
    pub(in crate::identity) generation: u64,
    pub(in crate::identity) handle_key: SealKey,
}

/// What a person showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// A browser's session, by the hash of its id.
    Session(ProofId),
    /// An API token, by the hash of it.
    Token(ProofId),
}

/// The SHA-256 of a session id or of a token: what the records and every cache know it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProofId(pub [u8; 32]);

/// What a credential is good for, at most. A session's is everything that its person may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub projects: Allowed<ProjectName>,
    /// Names as in [`crate::request::Operation::name`].
    pub operations: Allowed<String>,
}

/// Everything, or exactly these. An empty list allows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed<T> {
    All,
    Only(Vec<T>),
}

impl<T: PartialEq> Allowed<T> {
    pub fn holds(&self, one: &T) -> bool {
        match self {
            Self::All => true,
            Self::Only(list) => list.contains(one),
        }
    }
}

/// The ways in, and what is known of who came that way.
#[derive(Debug)]
pub struct Schemes {
    // sessions, tokens: records through ground::control, cached per generation, single-flight
}

/// Why nobody could be identified although something was shown.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("the session or token is unknown, ended, expired or revoked")]
    NotValid,
    #[error("two session cookies in one request")]
    TwoSessions,
    #[error("two credentials of different people in one request")]
    TwoPeople,
    #[error("the Authorization header is malformed or of an unknown scheme")]
    BadAuthorization,
    #[error("a change asked with a session came from another origin, or without saying from where")]
    CrossOrigin,
    #[error("the records did not answer")]
    Unavailable(#[source] crate::records::RecordsError),
    #[error(transparent)]
    Control(#[from] crate::ground::control::ControlFailed),
}

impl Schemes {
    /// Who asks. Nobody when nothing was shown.
    ///
    /// # Errors
    /// [`IdentityError`] when something was shown and it does not hold.
    pub async fn identify(
        &self,
        incoming: &crate::listener::Incoming,
    ) -> Result<Identity, IdentityError> {
        let _ = incoming;
        todo!()
    }

    /// The same person by the same proof, as of now: fails when the proof no longer holds (R14).
    ///
    /// # Errors
    /// [`IdentityError::NotValid`] when it no longer does.
    pub async fn again(&self, identity: &Identity) -> Result<Identity, IdentityError> {
        let _ = identity;
        todo!()
    }
}

impl Identity {
    #[must_use]
    pub fn person(&self) -> Option<&Person> {
        self.0.as_deref()
    }
}

impl Person {
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }

    #[must_use]
    pub const fn email(&self) -> &str {
        &self.email
    }

    #[must_use]
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }

    #[must_use]
    pub const fn organization_name(&self) -> &OrganizationName {
        &self.organization_name
    }

    #[must_use]
    pub const fn organization_role(&self) -> Option<Role> {
        self.organization_role
    }

    /// The role in a project: the project's own, else its workspace's.
    #[must_use]
    pub fn role_in(&self, project: ProjectId, workspace: WorkspaceId) -> Option<Role> {
        let own = self.project_roles.get(&project);
        own.or_else(|| self.workspace_roles.get(&workspace)).copied()
    }

    #[must_use]
    pub const fn proof(&self) -> Proof {
        self.proof
    }

    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// When the session or token ends by itself; a running stream ends then too.
    #[must_use]
    pub const fn valid_until(&self) -> Timestamp {
        self.valid_until
    }

    /// The generation that all of this was read in.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Seals and opens this session's or token's handles; nobody else's key opens them.
    #[must_use]
    pub const fn handle_key(&self) -> &SealKey {
        &self.handle_key
    }
}
