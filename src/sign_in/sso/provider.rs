//! One organization's identity provider, and our side of it: files become keys and trust here, or faults.

use std::fs;
use std::path::Path;

use arc_swap::ArcSwap;

use super::super::saml::{
    self, Certificate, DecryptionKey, IdentityProvider, ServiceKey, ServiceProvider,
};
use super::super::settings::{KeyFiles, MetadataSource, SamlSettings};
use super::providers::Fault;
use super::refresh::Expiry;
use crate::catalog::OrganizationName;
use crate::ground::causes::told;
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;

/// An identity provider at which people of one organization sign in.
#[derive(Debug)]
pub struct Provider {
    pub(super) settings: SamlSettings,
    pub(super) ours: ServiceProvider,
    /// Open what is encrypted to us.
    pub(super) decryption: Vec<DecryptionKey>,
    /// As its metadata say now: fetched ones are fetched again.
    pub(super) theirs: ArcSwap<IdentityProvider>,
}

impl Provider {
    pub(super) fn expiry(&self, organization: &OrganizationName) -> Expiry {
        let valid_until = self.theirs.load().valid_until;
        Expiry { organization: organization.clone(), valid_until }
    }
}

/// What could be read of each.
pub(super) struct Sides {
    /// With the keys that open what is encrypted to us.
    pub(super) ours: Option<(ServiceProvider, Vec<DecryptionKey>)>,
    pub(super) theirs: Option<IdentityProvider>,
}

/// The reading of one organization's settings: what is wrong is noted.
pub(super) struct Reading<'a> {
    pub(super) organization: &'a OrganizationName,
    pub(super) faults: &'a mut Vec<Fault>,
    pub(super) now: Timestamp,
    pub(super) over: Over,
}

/// What metadata are whose time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// None to be taken up.
    Fault,
    /// What there is to run with. Nobody signs in by them; everybody else goes on.
    Warning,
}

impl Reading<'_> {
    fn fault(&mut self, field: &'static str, problem: String, remedy: &'static str) {
        self.faults.push(Fault { organization: self.organization.clone(), field, problem, remedy });
    }

    /// Puts the provider together; `fetched` is its metadata where they come from an address.
    pub(super) fn provider(
        &mut self,
        settings: &SamlSettings,
        fetched: Option<String>,
    ) -> Option<Provider> {
        let Sides { ours, theirs } = self.sides(settings, fetched);
        let (ours, decryption) = ours?;
        let theirs = ArcSwap::from_pointee(theirs?);
        Some(Provider { settings: settings.clone(), ours, decryption, theirs })
    }

    /// Reads both, whatever is wrong with either.
    pub(super) fn sides(&mut self, settings: &SamlSettings, fetched: Option<String>) -> Sides {
        let ours = self.ours(settings);
        let theirs = match (&settings.metadata, fetched) {
            (MetadataSource::File(path), _) => {
                let text = self.text("metadata", path);
                text.and_then(|text| self.theirs("metadata", settings, &text))
            }
            (MetadataSource::Address { .. }, Some(text)) => {
                self.theirs("metadata_url", settings, &text)
            }
            // That none could be fetched is noted already.
            (MetadataSource::Address { .. }, None) => None,
        };
        let ours = ours.and_then(|ours| {
            let decryption = self.decryption(&ours)?;
            Some((ours, decryption))
        });
        Sides { ours, theirs }
    }

    pub(super) fn theirs(
        &mut self,
        field: &'static str,
        settings: &SamlSettings,
        text: &str,
    ) -> Option<IdentityProvider> {
        let read = self.read(settings, text, self.now)?;
        let read = match read {
            Err(fault) if fault.is_over() && self.over == Over::Warning => {
                let organization = self.organization;
                tracing::warn!(%organization, cause = %fault, "nobody signs in at this identity provider");
                self.read(settings, text, Timestamp::MIN)?
            }
            read => read,
        };
        let remedy = "get them afresh from the identity provider";
        let theirs = read.map_err(|fault| self.fault(field, told(&fault), remedy)).ok()?;
        if theirs.sign_in_redirect.is_none() {
            let what = "they have no SingleSignOnService by HTTP-Redirect".to_owned();
            self.fault(field, what, "switch that binding on at the identity provider");
            return None;
        }
        Some(theirs)
    }

    /// As they are at this time.
    fn read(
        &mut self,
        settings: &SamlSettings,
        text: &str,
        now: Timestamp,
    ) -> Option<Result<IdentityProvider, saml::Fault>> {
        let entity_id = settings.identity_provider.as_deref();
        Some(match &settings.metadata {
            MetadataSource::Address { certificate: Some(path), .. } => {
                let pem = self.text("metadata_certificate", path)?;
                let signer = Certificate::from_pem(&pem);
                let signer = signer.map_err(|error| {
                    let what = format!("{}: {}", path.display(), told(&error));
                    self.fault("metadata_certificate", what, "a PEM file with one certificate");
                });
                IdentityProvider::read_signed(text, &signer.ok()?, entity_id, now)
            }
            MetadataSource::Address { certificate: None, .. } | MetadataSource::File(_) => {
                IdentityProvider::read(text, entity_id, now)
            }
        })
    }

    fn ours(&mut self, settings: &SamlSettings) -> Option<ServiceProvider> {
        let mut keys = Vec::with_capacity(settings.keys.len());
        for files in &settings.keys {
            keys.extend(self.key(files));
        }
        if keys.len() < settings.keys.len() {
            return None;
        }
        let base = settings.base_url.as_str();
        let ours = ServiceProvider::new(base, self.organization, None, keys);
        ours.map_err(|error| self.fault("keys", told(&error), "see docs/saml.md")).ok()
    }

    fn decryption(&mut self, ours: &ServiceProvider) -> Option<Vec<DecryptionKey>> {
        let keys = ours.keys().filter_map(ServiceKey::decrypting);
        let keys: Result<Vec<_>, _> =
            keys.map(|der| DecryptionKey::from_der(der.expose())).collect();
        keys.map_err(|error| self.fault("keys", told(&error), "a smaller RSA key")).ok()
    }

    fn key(&mut self, KeyFiles { certificate, key }: &KeyFiles) -> Option<ServiceKey> {
        let chain = self.text("keys", certificate);
        let secret = self.text("keys", key).map(Secret::new);
        let made = ServiceKey::from_pem(secret?.expose(), &chain?);
        let remedy = "a PEM key (RSA of 2,048 bits or more, or P-256), and the certificate of it";
        let fault = |error| {
            let what = format!("{}: {}", key.display(), told(&error));
            self.fault("keys", what, remedy);
        };
        made.map_err(fault).ok()
    }

    fn text(&mut self, field: &'static str, path: &Path) -> Option<String> {
        let fault = |error| {
            let what = format!("{} cannot be read: {error}", path.display());
            self.fault(field, what, "name a file that this user may read");
        };
        fs::read_to_string(path).map_err(fault).ok()
    }
}
