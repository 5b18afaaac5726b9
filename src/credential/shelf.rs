//! The slots of one named credential. A credential's name leads to its shelf, its shelf to a slot, and installing
//! settings replaces all shelves: so name, settings, project, storage and revision are all part of where keys lie, and
//! none of them can be forgotten. Where keys are a person's or a session's own, so are these and the role.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::drawer::{Drawer, Drawers, Key};
use super::error::{CredentialError, Ended};
use super::iam::NotInspected;
use super::role::{Cut, Role};
use super::saml::SamlRoles;
use super::slot::{Order, Slot};
use super::tools::Tools;
use super::wanted::{Asker, Wanted};
use crate::catalog::{self, AccountId, ProjectId, StorageId};
use crate::ground::clock::Timestamp;
use crate::identity::ProofId;
use crate::outbound::Host;

#[derive(Debug)]
pub(super) enum Shelf {
    /// All who name the credential use the same keys.
    Shared(Arc<Slot>),
    /// Each storage has keys of its own, cut to it.
    PerStorage {
        role: Arc<Role>,
        /// Uncut keys, for taking further roles and for trying whether the role can be had.
        uncut: Arc<Slot>,
        slots: Drawer<StorageKey>,
    },
    /// So has each person, under his name.
    PerPerson(Box<PerPerson>),
    /// Each session has what its assertion was exchanged for.
    PerSession { roles: Arc<SamlRoles>, drawers: Drawers<ProofId, SessionKey> },
}

/// The roles that may be taken for people.
#[derive(Debug)]
pub(super) struct PerPerson {
    role: Arc<Role>,
    /// By ARN; where a storage names one for a person's role.
    others: BTreeMap<String, Arc<Role>>,
    uncut: Arc<Slot>,
    drawers: Drawers<AccountId, PersonKey>,
}

/// Whose keys they are: one storage's of one project, as it is at one revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct StorageKey {
    project: ProjectId,
    storage: StorageId,
    revision: u64,
}

/// Whose keys they are: one person's, for one storage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PersonKey {
    account: AccountId,
    /// The AWS role.
    role: Arc<str>,
    /// The session's tags tell it.
    counts: Option<catalog::Role>,
    storage: StorageKey,
}

/// Whose keys they are: what one person's session brought for one storage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SessionKey {
    pub(super) session: ProofId,
    pub(super) account: AccountId,
    /// The AWS role.
    pub(super) role: Arc<str>,
    pub(super) project: ProjectId,
    pub(super) storage: StorageId,
    pub(super) revision: u64,
}

/// Keys of people who have nothing to do go after it; STS gives them again.
const PERSON_IDLE: Duration = Duration::from_mins(15);
/// Keys of sessions that have nothing to do go after it; the records give them again.
const SESSION_IDLE: Duration = Duration::from_secs(120);

impl StorageKey {
    fn of(wanted: &Wanted<'_>) -> Self {
        let Wanted { project, storage, .. } = wanted;
        Self { project: project.id, storage: storage.id, revision: storage.revision }
    }
}

impl Key for StorageKey {
    fn supersedes(&self, other: &Self) -> bool {
        Self { revision: other.revision, ..*self } == *other && self.revision > other.revision
    }
}

impl Key for PersonKey {
    fn supersedes(&self, other: &Self) -> bool {
        (self.account, &self.role, self.counts) == (other.account, &other.role, other.counts)
            && self.storage.supersedes(&other.storage)
    }
}

impl Key for SessionKey {
    fn supersedes(&self, other: &Self) -> bool {
        Self { revision: other.revision, ..self.clone() } == *other
            && self.revision > other.revision
    }
}

impl Shelf {
    pub(super) fn per_storage(uncut: Arc<Slot>, role: Arc<Role>) -> Self {
        Self::PerStorage { role, uncut, slots: Drawer::default() }
    }

    pub(super) fn per_person(uncut: Arc<Slot>, role: Arc<Role>, others: Vec<Role>) -> Self {
        let others = others.into_iter().map(|one| (one.arn().to_owned(), Arc::new(one))).collect();
        Self::PerPerson(Box::new(PerPerson {
            role,
            others,
            uncut,
            drawers: Drawers::new(PERSON_IDLE),
        }))
    }

    pub(super) fn per_session(roles: SamlRoles) -> Self {
        Self::PerSession { roles: Arc::new(roles), drawers: Drawers::new(SESSION_IDLE) }
    }

    /// Calls `then` with the slot of exactly what is wanted.
    ///
    /// # Errors
    /// [`CredentialError`] when this person can have none.
    pub(super) fn with_slot<T>(
        &self,
        wanted: &Wanted<'_>,
        now: Timestamp,
        then: impl FnOnce(&Arc<Slot>) -> T,
    ) -> Result<T, CredentialError> {
        let storage = wanted.storage;
        match self {
            Self::Shared(slot) => Ok(then(slot)),
            Self::PerStorage { role, slots, .. } => {
                let key = StorageKey::of(wanted);
                let make = |_: &StorageKey| {
                    let (project, id) = (storage.project.0, storage.id.0);
                    let session = format!("sluicegate-project-{project}-storage-{id}");
                    let cut = Cut { storage: Arc::clone(storage), session, person: None };
                    let order = Order::Role { role: Arc::clone(role), cut: Some(cut) };
                    Slot::new(role.name().clone(), order)
                };
                Ok(slots.with_slot(&key, now, make, then))
            }
            Self::PerPerson(people) => people.with_slot(wanted, now, then),
            Self::PerSession { roles, drawers } => {
                let key = session_key(wanted, roles)?;
                let vault = wanted.vault.ok_or_else(|| sign_in_again(wanted, Ended::NotBrought))?;
                let make = |key: &SessionKey| {
                    let order = Order::Brought { key: key.clone(), vault: Arc::clone(vault) };
                    Slot::new(storage.credential.clone(), order)
                };
                Ok(drawers.of(key.session).with_slot(&key, now, make, then))
            }
        }
    }

    /// A slot that shows whether the credential can be had at all. `None`: only by who brings it.
    pub(super) const fn trial(&self) -> Option<&Arc<Slot>> {
        match self {
            Self::Shared(slot) | Self::PerStorage { uncut: slot, .. } => Some(slot),
            Self::PerPerson(people) => Some(&people.uncut),
            Self::PerSession { .. } => None,
        }
    }

    /// The session has ended.
    pub(super) fn forget(&self, session: &ProofId) {
        match self {
            Self::PerSession { drawers, .. } => drawers.forget(session),
            Self::Shared(_) | Self::PerStorage { .. } | Self::PerPerson(_) => {}
        }
    }

    /// Where people's assertions are exchanged for what lies here.
    pub(super) fn exchange_host(&self) -> Option<&Host> {
        match self {
            Self::PerSession { roles, .. } => Some(roles.host()),
            Self::Shared(_) | Self::PerStorage { .. } | Self::PerPerson(_) => None,
        }
    }

    /// The metadata that IAM has of a provider whose people's assertions are exchanged for what lies here.
    pub(super) async fn inspect(
        &self,
        tools: &Tools,
        provider: &str,
    ) -> Result<String, NotInspected> {
        match self {
            Self::PerSession { roles, .. } => {
                let inspector = roles.inspector.as_ref().ok_or(NotInspected::NoSource)?;
                inspector.metadata(tools, provider).await
            }
            Self::Shared(_) | Self::PerStorage { .. } | Self::PerPerson(_) => {
                Err(NotInspected::NoSource)
            }
        }
    }

    /// Any session may have ended.
    pub(super) fn forget_sessions(&self) {
        match self {
            Self::PerSession { drawers, .. } => drawers.forget_all(),
            Self::Shared(_) | Self::PerStorage { .. } | Self::PerPerson(_) => {}
        }
    }

    #[cfg(test)]
    pub(super) fn sessions(&self) -> u64 {
        match self {
            Self::PerSession { drawers, .. } => drawers.count(),
            Self::Shared(_) | Self::PerStorage { .. } | Self::PerPerson(_) => 0,
        }
    }
}

impl PerPerson {
    fn with_slot<T>(
        &self,
        wanted: &Wanted<'_>,
        now: Timestamp,
        then: impl FnOnce(&Arc<Slot>) -> T,
    ) -> Result<T, CredentialError> {
        let asker = wanted.asker.as_ref().ok_or_else(|| no_role(wanted))?;
        let role = match wanted.role {
            None => &self.role,
            Some(arn) if **arn == *self.role.arn() => &self.role,
            Some(arn) => self.others.get(&**arn).ok_or_else(|| not_listed(wanted, arn))?,
        };
        let key = PersonKey {
            account: asker.account,
            role: role.arn().into(),
            counts: asker.counts,
            storage: StorageKey::of(wanted),
        };
        let make = |_: &PersonKey| {
            let cut = Cut {
                storage: Arc::clone(wanted.storage),
                session: super::person::session_name(asker.email),
                person: Some(tags(asker, wanted)),
            };
            let order = Order::Role { role: Arc::clone(role), cut: Some(cut) };
            Slot::new(role.name().clone(), order)
        };
        Ok(self.drawers.of(asker.account).with_slot(&key, now, make, then))
    }
}

/// What AWS's records then tell besides the name, and conditions in its policies can ask for.
fn tags(asker: &Asker<'_>, wanted: &Wanted<'_>) -> super::sts::Tags {
    let mut tags = vec![
        ("sluicegate:organization", asker.organization.to_string()),
        ("sluicegate:project", wanted.project.name.to_string()),
    ];
    tags.extend(asker.counts.map(|role| ("sluicegate:role", role.to_string())));
    tags
}

/// The key of what the person's session can have brought for this.
fn session_key(wanted: &Wanted<'_>, roles: &SamlRoles) -> Result<SessionKey, CredentialError> {
    let not_brought = || sign_in_again(wanted, Ended::NotBrought);
    let asker = wanted.asker.as_ref().ok_or_else(not_brought)?;
    let (session, asserted) = asker.brought.ok_or_else(not_brought)?;
    let (role, federation) =
        wanted.role.zip(wanted.storage.federation.as_ref()).ok_or_else(|| no_role(wanted))?;
    if !asserted.holds(role, &federation.provider) {
        return Err(no_role(wanted));
    }
    if roles.get(role).is_none() {
        return Err(not_listed(wanted, role));
    }
    Ok(SessionKey {
        session,
        account: asker.account,
        role: Arc::clone(role),
        project: wanted.project.id,
        storage: wanted.storage.id,
        revision: wanted.storage.revision,
    })
}

fn sign_in_again(wanted: &Wanted<'_>, why: Ended) -> CredentialError {
    CredentialError::SignInAgain {
        name: wanted.storage.credential.clone(),
        why,
        organization: None,
    }
}

fn no_role(wanted: &Wanted<'_>) -> CredentialError {
    CredentialError::NoRole { name: wanted.storage.credential.clone() }
}

fn not_listed(wanted: &Wanted<'_>, role: &str) -> CredentialError {
    let role = role.to_owned();
    CredentialError::RoleNotListed { name: wanted.storage.credential.clone(), role }
}
