//! Mints the credential of a grant: one read of what is kept, or one awaited flight on the control plane.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::crossing::Crossing;
use super::error::CredentialError;
use super::iam::NotInspected;
use super::session::{DEADLINE, Vault};
use super::shelf::Shelf;
use super::slot::Held;
use super::sources::Sources;
use super::tools::Tools;
use super::wanted::{Asker, Wanted};
use super::{Credential, Kind};
use crate::catalog::CredentialName;
use crate::ground::clock::Timestamp;
use crate::ground::generation::Generation;
use crate::ground::seal::MasterKey;
use crate::identity::ProofId;
use crate::label_studio::Bridge;
use crate::outbound::Host;
use crate::policy::{Destination, Grant};
use crate::records::Records;

/// Mints, caches and renews credentials. Shared by all threads.
#[derive(Debug)]
pub struct Minter {
    sources: ArcSwap<Sources>,
    tools: Tools,
    bridge: Option<Arc<Bridge>>,
    vault: Option<Arc<Vault>>,
    /// How long an exchange may take.
    patience: Duration,
}

/// Whether one credential can be had, for `check --online`.
#[derive(Debug)]
pub struct Trial {
    pub name: CredentialName,
    pub outcome: Result<Had, CredentialError>,
}

/// What was had: public facts only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Had {
    pub access_key_id: Box<str>,
    pub expires: Option<Timestamp>,
}

/// What is there without waiting.
enum Found {
    Ready(Arc<Held>),
    Wanted(Arc<super::slot::Slot>),
}

impl Minter {
    #[must_use]
    pub fn new(sources: Sources, tools: Tools) -> Self {
        Self {
            sources: ArcSwap::from_pointee(sources),
            tools,
            bridge: None,
            vault: None,
            patience: DEADLINE,
        }
    }

    /// The same, and people are led over this bridge to their users in Label Studio.
    #[must_use]
    pub fn with_bridge(self, bridge: Option<Arc<Bridge>>) -> Self {
        Self { bridge, ..self }
    }

    /// The same, and what people bring is kept, sealed, in these records. Without them, nobody opens what only people's own
    /// credentials open.
    #[must_use]
    pub fn with_records(self, records: Records, master: MasterKey) -> Self {
        Self { vault: Some(Arc::new(Vault::new(records, master))), ..self }
    }

    /// A session has ended: nothing that it brought is at hand any more.
    pub fn forget(&self, session: &ProofId) {
        for shelf in self.sources.load().shelves.values() {
            shelf.forget(session);
        }
    }

    /// Forgets what sessions brought whenever something that decides has changed, here or on another node: any of them may
    /// have ended, and of those that go on it is read again. A task of the control plane.
    pub async fn forget_ended(self: Arc<Self>, generation: Generation) {
        let mut changes = generation.watch();
        while changes.changed().await.is_ok() {
            for shelf in self.sources.load().shelves.values() {
                shelf.forget_sessions();
            }
        }
    }

    /// Where people's assertions are exchanged.
    #[must_use]
    pub fn exchange_hosts(&self) -> HashSet<Host> {
        self.sources.load().shelves.values().filter_map(Shelf::exchange_host).cloned().collect()
    }

    /// The metadata that IAM has of a provider, as far as the credential's settings say who may ask it: for a check.
    ///
    /// # Errors
    /// [`NotInspected`]
    pub async fn inspect(
        &self,
        credential: &CredentialName,
        provider: &str,
    ) -> Result<String, NotInspected> {
        let sources = self.sources.load_full();
        let shelf = sources.shelves.get(credential).ok_or(NotInspected::NoSource)?;
        shelf.inspect(&self.tools, provider).await
    }

    /// Replaces the settings' credentials. Nothing fetched under other settings is used any more; unchanged ones keep
    /// what they have.
    pub fn install(&self, sources: Sources) {
        if self.sources.load().settings != sources.settings {
            self.sources.store(Arc::new(sources));
        }
    }

    /// The credential for exactly this grant.
    ///
    /// # Errors
    /// [`CredentialError`] when none can be had now.
    pub async fn mint(&self, grant: &Grant) -> Result<Credential, CredentialError> {
        match grant.destination() {
            Destination::Ours => Ok(Credential(Kind::None)),
            Destination::Object { project, storage, .. }
            | Destination::Listing { project, storage } => {
                let person = grant.identity().person();
                let asker = person.map(|person| Asker::of(person, project));
                let role = grant.role();
                let vault = self.vault.as_ref();
                let opened = self.open(&Wanted { project, storage, role, asker, vault }).await;
                opened.map_err(|error| match person {
                    Some(person) => error.of(person.organization_name()),
                    None => error,
                })
            }
            Destination::LabelStudio(_) => self.cross(grant).await,
        }
    }

    async fn cross(&self, grant: &Grant) -> Result<Credential, CredentialError> {
        let (Some(bridge), Some(person)) = (&self.bridge, grant.identity().person()) else {
            return Err(CredentialError::NoBridge);
        };
        Ok(Credential(Kind::LabelStudio(Arc::new(Crossing::of(bridge, person).await?))))
    }

    /// The credential that opens a project's storage.
    pub(super) async fn open(&self, wanted: &Wanted<'_>) -> Result<Credential, CredentialError> {
        let held = match self.find(wanted)? {
            Found::Ready(held) => held,
            Found::Wanted(slot) => slot.take(&self.tools).await?,
        };
        Ok(Credential(Kind::Aws(held)))
    }

    pub(super) fn sources(&self) -> Arc<Sources> {
        self.sources.load_full()
    }

    pub(super) const fn tools(&self) -> &Tools {
        &self.tools
    }

    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    #[cfg(test)]
    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(super) const fn vault(&self) -> Option<&Arc<Vault>> {
        self.vault.as_ref()
    }

    fn find(&self, wanted: &Wanted<'_>) -> Result<Found, CredentialError> {
        let Wanted { project, storage, .. } = wanted;
        // Whoever looked the storage up looked it up inside the project; if not, nobody opens it.
        if storage.project != project.id {
            return Err(CredentialError::ForeignStorage);
        }
        let sources = self.sources.load();
        let name = &storage.credential;
        let unknown = || CredentialError::Unknown { name: name.clone() };
        let shelf = sources.shelves.get(name).ok_or_else(unknown)?;
        let now = self.tools.clock.now();
        shelf.with_slot(wanted, now, |slot| match slot.ready(&self.tools, now) {
            Some(held) => Found::Ready(held),
            None => Found::Wanted(Arc::clone(slot)),
        })
    }

    #[cfg(test)]
    pub(super) fn at_rest(&self, wanted: &Wanted<'_>) -> bool {
        let sources = self.sources.load();
        let shelf = sources.shelves.get(&wanted.storage.credential).unwrap();
        shelf.with_slot(wanted, Timestamp::MIN, |slot| slot.at_rest()).unwrap()
    }

    /// Sessions that something is at hand for.
    #[cfg(test)]
    pub(super) fn sessions(&self) -> u64 {
        self.sources.load().shelves.values().map(Shelf::sessions).sum()
    }

    /// Tries to have each credential that the settings define and that is not people's own, in the order of their names.
    pub async fn try_all(&self) -> Vec<Trial> {
        let sources = self.sources.load_full();
        let mut trials = Vec::new();
        for name in sources.settings.sources.keys() {
            if let Some(slot) = sources.shelves.get(name).and_then(|shelf| shelf.trial()) {
                let outcome = slot.take(&self.tools).await.map(|held| Had {
                    access_key_id: held.keys.access_key_id().into(),
                    expires: held.keys.expires(),
                });
                trials.push(Trial { name: name.clone(), outcome });
            }
        }
        trials
    }
}
