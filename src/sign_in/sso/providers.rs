//! The identity providers in force. New settings replace them all or not at all (R5): whoever has no key that he may sign with
//! stops a start and a reload.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::super::saml::{Certificate, IdentityProvider};
use super::super::settings::{MetadataSource, Settings};
use super::provider::{Over, Provider, Reading, Sides};
use super::refresh::{Fetcher, fetch_fresh};
use crate::catalog::OrganizationName;
use crate::ground::clock::Timestamp;
use crate::outbound::Door;

/// Each organization's identity provider, as of now.
#[derive(Debug, Default)]
pub struct Providers(ArcSwap<All>);

type All = BTreeMap<OrganizationName, Arc<Provider>>;

/// Providers that were read and judged, and are not in force yet.
#[derive(Debug)]
pub struct Prepared(All);

/// What a check finds of identity providers.
#[derive(Debug, Default)]
pub struct Judged {
    /// Every fault.
    pub faults: Vec<Fault>,
    /// Those whose metadata could be read.
    pub providers: BTreeMap<OrganizationName, IdentityProvider>,
    /// Our certificates, by the files that hold them, where all could be read.
    pub ours: BTreeMap<OrganizationName, Vec<(PathBuf, Certificate)>>,
}

/// One thing wrong with one organization's identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub organization: OrganizationName,
    /// The key that is wrong.
    pub field: &'static str,
    pub problem: String,
    pub remedy: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organization, field, problem, remedy } = self;
        write!(f, "saml.{organization}.{field}: {problem} ({remedy})")
    }
}

impl Prepared {
    /// Reads what the settings name; metadata behind an address are fetched, or are the last good ones.
    ///
    /// # Errors
    /// Every fault there is.
    pub async fn read(
        settings: &Settings,
        fetcher: &Fetcher,
        now: Timestamp,
    ) -> Result<Self, Vec<Fault>> {
        let (mut all, mut faults) = (All::new(), Vec::new());
        for (organization, one) in settings {
            let fetched = match &one.metadata {
                MetadataSource::File(_) => None,
                MetadataSource::Address { url, .. } => {
                    let fetched = fetcher.fetch_or_kept(organization, one, url, now).await;
                    fetched.map_err(|fault| faults.push(fault)).ok()
                }
            };
            let over = Over::Warning;
            let mut reading = Reading { organization, faults: &mut faults, now, over };
            if let Some(provider) = reading.provider(one, fetched) {
                all.insert(organization.clone(), Arc::new(provider));
            }
        }
        if faults.is_empty() { Ok(Self(all)) } else { Err(faults) }
    }
}

/// What can be judged of the settings on this machine alone.
#[must_use]
pub fn judge(settings: &Settings, now: Timestamp) -> Judged {
    let mut judged = Judged::default();
    for (organization, one) in settings {
        let over = Over::Fault;
        let mut reading = Reading { organization, faults: &mut judged.faults, now, over };
        let Sides { ours, theirs } = reading.sides(one, None);
        if let Some(theirs) = theirs {
            judged.providers.insert(organization.clone(), theirs);
        }
        if let Some((ours, _)) = ours {
            let files = one.keys.iter().map(|files| files.certificate.clone());
            let certificates = ours.keys().map(|key| key.certificate().clone());
            judged.ours.insert(organization.clone(), files.zip(certificates).collect());
        }
    }
    judged
}

/// The same of metadata behind addresses, as they are there now.
pub async fn judge_fetched(settings: &Settings, door: &Door, now: Timestamp) -> Judged {
    let mut judged = Judged::default();
    for (organization, one) in settings {
        let MetadataSource::Address { url, .. } = &one.metadata else { continue };
        match fetch_fresh(door, organization, one, url, now).await {
            Ok((_, theirs)) => drop(judged.providers.insert(organization.clone(), theirs)),
            Err(fault) => judged.faults.push(fault),
        }
    }
    judged
}

impl Providers {
    #[must_use]
    pub fn new(Prepared(all): Prepared) -> Self {
        Self(ArcSwap::from_pointee(all))
    }

    /// Puts new ones in the old ones' place.
    pub fn install(&self, Prepared(all): Prepared) {
        self.0.store(Arc::new(all));
    }

    #[must_use]
    pub fn of(&self, organization: &OrganizationName) -> Option<Arc<Provider>> {
        self.0.load().get(organization).cloned()
    }

    /// All of them, by their organizations.
    #[must_use]
    pub fn all(&self) -> Arc<BTreeMap<OrganizationName, Arc<Provider>>> {
        self.0.load_full()
    }
}
