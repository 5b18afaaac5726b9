//! A known person, as decisions and the audit see him.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::catalog::{
    AccountId, Asserted, Email, OrganizationId, OrganizationName, ProjectId, Role, Scope,
    WorkspaceId,
};
use crate::ground::clock::Timestamp;
use crate::ground::seal::SealKey;

/// Who asks: a known person, or nobody. Made by [`super::Schemes::identify`] only.
#[derive(Debug, Clone)]
pub struct Identity(pub(super) Option<Arc<Person>>);

/// A known person, by one credential of his. All fields are as of [`Person::generation`].
#[derive(Debug)]
pub struct Person {
    pub(in crate::identity) account: AccountId,
    pub(in crate::identity) email: Email,
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
    pub(in crate::identity) asserted: Option<Arc<Asserted>>,
    pub(in crate::identity) credentials_end: Option<Timestamp>,
    pub(in crate::identity) pulse: Pulse,
}

/// What a person showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// A browser's session, by the hash of its id.
    Session(ProofId),
    /// An API token, by the hash of it.
    Token(ProofId),
    /// A token of Label Studio's own, by the hash of it.
    LabelStudio(ProofId),
}

/// The SHA-256 of a session id or of a token: what the records and every cache know it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProofId(pub [u8; 32]);

/// When a proof was last used, and when the records were last told.
#[derive(Debug)]
pub(super) struct Pulse {
    seen: AtomicI64,
    told: AtomicI64,
}

/// The records may lag behind by so much, or by a quarter of the idle limit where that is less: a restart or a change
/// of generation costs a session at most this.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// Finer than this nobody needs to know, and cores need not share the line at every request.
const SEEN_EVERY: Duration = Duration::from_secs(1);

impl Pulse {
    pub(super) fn new(seen: Timestamp) -> Self {
        let milliseconds = seen.as_millisecond();
        Self { seen: AtomicI64::new(milliseconds), told: AtomicI64::new(milliseconds) }
    }

    /// How long it has not been used.
    pub(super) fn idle(&self, now: Timestamp) -> Duration {
        since(self.seen.load(Ordering::Relaxed), now)
    }

    /// Used now. True when the records are to be told, by this caller and no other.
    pub(super) fn beat(&self, now: Timestamp, idle_limit: Duration) -> bool {
        if self.idle(now) >= SEEN_EVERY {
            self.seen.store(now.as_millisecond(), Ordering::Relaxed);
        }
        let told = self.told.load(Ordering::Relaxed);
        since(told, now) >= TOLD_EVERY.min(idle_limit / 4)
            && self
                .told
                .compare_exchange(told, now.as_millisecond(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

/// Zero when the clock went back.
fn since(milliseconds: i64, now: Timestamp) -> Duration {
    let passed = now.as_millisecond().saturating_sub(milliseconds);
    Duration::from_millis(u64::try_from(passed).unwrap_or(0))
}

impl Identity {
    /// Nobody: nothing was shown.
    pub(crate) const NOBODY: Self = Self(None);

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
        self.email.as_str()
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

    /// The one role that counts in a project ([`Role::that_counts`]).
    #[must_use]
    pub fn role_that_counts(&self, project: ProjectId, workspace: WorkspaceId) -> Option<Role> {
        Role::that_counts(self.organization_role, self.role_in(project, workspace))
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

    /// What the identity provider's assertion, with which the session began, said for AWS. Absent: it began otherwise, or
    /// it is no session.
    #[must_use]
    pub const fn asserted(&self) -> Option<&Arc<Asserted>> {
        self.asserted.as_ref()
    }

    /// When the first of the credentials ends that the session brought along; a sign-in anew brings others.
    #[must_use]
    pub const fn credentials_end(&self) -> Option<Timestamp> {
        self.credentials_end
    }

    /// Seals and opens this session's or token's handles; nobody else's key opens them.
    #[must_use]
    pub const fn handle_key(&self) -> &SealKey {
        &self.handle_key
    }
}

impl Proof {
    #[must_use]
    pub const fn id(&self) -> &ProofId {
        match self {
            Self::Session(id) | Self::Token(id) | Self::LabelStudio(id) => id,
        }
    }
}
