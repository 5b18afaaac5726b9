//! Mints the credential of a grant: one read of what is kept, or one awaited flight on the control plane.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::crossing::Crossing;
use super::error::CredentialError;
use super::slot::Held;
use super::sources::Sources;
use super::tools::Tools;
use super::{Credential, Kind};
use crate::catalog::{CredentialName, Project, Storage};
use crate::ground::clock::Timestamp;
use crate::label_studio::Bridge;
use crate::policy::{Destination, Grant};

/// Mints, caches and renews credentials. Shared by all threads.
#[derive(Debug)]
pub struct Minter {
    sources: ArcSwap<Sources>,
    tools: Tools,
    bridge: Option<Arc<Bridge>>,
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
        Self { sources: ArcSwap::from_pointee(sources), tools, bridge: None }
    }

    /// The same, and people are led over this bridge to their users in Label Studio.
    #[must_use]
    pub fn with_bridge(self, bridge: Option<Arc<Bridge>>) -> Self {
        Self { bridge, ..self }
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
            | Destination::Listing { project, storage } => self.open(project, storage).await,
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
    pub(super) async fn open(
        &self,
        project: &Project,
        storage: &Arc<Storage>,
    ) -> Result<Credential, CredentialError> {
        let held = match self.find(project, storage)? {
            Found::Ready(held) => held,
            Found::Wanted(slot) => slot.take(&self.tools).await?,
        };
        Ok(Credential(Kind::Aws(held)))
    }

    fn find(&self, project: &Project, storage: &Arc<Storage>) -> Result<Found, CredentialError> {
        // Whoever looked the storage up looked it up inside the project; if not, nobody opens it.
        if storage.project != project.id {
            return Err(CredentialError::ForeignStorage);
        }
        let sources = self.sources.load();
        let name = &storage.credential;
        let unknown = || CredentialError::Unknown { name: name.clone() };
        let shelf = sources.shelves.get(name).ok_or_else(unknown)?;
        let now = self.tools.clock.now();
        Ok(shelf.with_slot((project, storage), now, |slot| match slot.ready(&self.tools, now) {
            Some(held) => Found::Ready(held),
            None => Found::Wanted(Arc::clone(slot)),
        }))
    }

    #[cfg(test)]
    pub(super) fn at_rest(&self, project: &Project, storage: &Arc<Storage>) -> bool {
        let sources = self.sources.load();
        let shelf = sources.shelves.get(&storage.credential).unwrap();
        shelf.with_slot((project, storage), Timestamp::MIN, |slot| slot.at_rest())
    }

    /// Tries to have each credential that the settings define, in the order of their names.
    pub async fn try_all(&self) -> Vec<Trial> {
        let sources = self.sources.load_full();
        let mut trials = Vec::new();
        for name in sources.settings.sources.keys() {
            if let Some(shelf) = sources.shelves.get(name) {
                let outcome = shelf.trial().take(&self.tools).await.map(|held| Had {
                    access_key_id: held.keys.access_key_id().into(),
                    expires: held.keys.expires(),
                });
                trials.push(Trial { name: name.clone(), outcome });
            }
        }
        trials
    }
}
