//! Stage 4: may they. Resolves names and handles inside the asker's organization, asks Cedar (cached by
//! everything that the loaded policies read, plus the generation), holds quotas, and explains itself.

mod decide;
mod errand;
mod explain;
mod faults;
mod grant;
mod handle;
mod inbound;
mod inquiry;
mod location;
mod matrix;
mod matter;
mod question;
mod quota;
mod reads;
mod room;
mod rules;
mod settings;
mod source;
mod spot;
mod terms;
mod verdicts;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

pub use errand::Errand;
pub use explain::{Answer, Case, Explanation};
pub use faults::{Fault, RulesError};
pub use grant::{Basis, Denial, Destination, Grant, NotFoundWhy};
#[doc(hidden)]
pub use handle::Opened;
pub use inquiry::{Inquiry, InquiryError, Install};
pub use location::Location;
pub use matrix::Matrix;
pub use matter::{Asked, Matter, Work, WorkBody};
pub use rules::{ROLES, Rules};
pub use settings::{Quota, Settings};

use crate::catalog::{LiveCatalog, Project, StorageName};
use crate::identity::Identity;
use crate::request::{Ask, ObjectAddress, ObjectRead, Operation, SealedHandle, Target};
use decide::Moment;
use quota::Quotas;
use spot::{Named, not_found};
use verdicts::Verdicts;

/// Stands in a [`Basis`] where a token's own scope said no.
pub const BY_SCOPE: &str = "token-scope";
/// Stands in a [`Basis`] where the closed list of public routes said yes.
pub const PUBLIC: &str = "public-route";

/// The loaded policies, the catalogue that they speak of, and the cached decisions.
#[derive(Debug)]
pub struct Policy {
    catalog: LiveCatalog,
    rules: ArcSwap<Rules>,
    quotas: ArcSwap<Quotas>,
    verdicts: Verdicts,
}

/// Somebody may ask: the inquiry works for nobody else.
#[derive(Debug)]
pub struct Admission(());

impl Policy {
    /// Loads what the settings name.
    ///
    /// # Errors
    /// [`RulesError`] with every fault of the policies.
    pub fn new(settings: &Settings, catalog: LiveCatalog) -> Result<Self, RulesError> {
        Ok(Self {
            catalog,
            rules: ArcSwap::from_pointee(Rules::load(settings)?),
            quotas: ArcSwap::from_pointee(Quotas::new(settings.quota)),
            verdicts: Verdicts::new(),
        })
    }

    /// Takes new policies and quotas, all of it or nothing, and voids what was decided by the old.
    ///
    /// # Errors
    /// [`RulesError`] with every fault; the old policies go on holding.
    pub fn reload(&self, settings: &Settings) -> Result<(), RulesError> {
        let rules = Rules::load(settings)?;
        self.rules.store(Arc::new(rules));
        self.quotas.store(Arc::new(Quotas::new(settings.quota)));
        self.catalog.generation().advance();
        Ok(())
    }

    /// Lets somebody in to ask at all: who is signed in, and does not ask too often. Before anything is looked up for him.
    ///
    /// # Errors
    /// [`Denial::NotSignedIn`], [`Denial::OverQuota`]
    pub fn admit(&self, identity: &Identity, operation: &Operation) -> Result<Admission, Denial> {
        if !is_public(operation.ask()) {
            let person = identity.person().ok_or(Denial::NotSignedIn)?;
            self.quotas.load().take(person.account())?;
        }
        Ok(Admission(()))
    }

    /// Decides one operation that says by itself what it is about; see [`Self::decide_about`].
    ///
    /// # Errors
    /// [`Denial`]; everything that is not permitted is one.
    pub fn decide(
        &self,
        identity: &Identity,
        operation: &Operation,
        client: IpAddr,
    ) -> Result<Grant, Denial> {
        self.decide_about(identity, operation, Matter::Told, client)
    }

    /// Decides one operation for one identity.
    ///
    /// # Errors
    /// [`Denial`]; everything that is not permitted is one.
    pub fn decide_about(
        &self,
        identity: &Identity,
        operation: &Operation,
        matter: Matter,
        client: IpAddr,
    ) -> Result<Grant, Denial> {
        // So that an IPv4 address is one, however the socket spelt it.
        let client = client.to_canonical();
        let grant = |destination, role, basis| Grant {
            identity: identity.clone(),
            operation: operation.clone(),
            client,
            destination,
            role,
            basis,
        };
        if is_public(operation.ask()) {
            return Ok(grant(Destination::Ours, None, self.public_basis()));
        }
        let person = identity.person().ok_or(Denial::NotSignedIn)?;
        let moment = self.moment();
        let found;
        let named = match matter {
            Matter::Nothing(why) => return Err(not_found(why)),
            Matter::Work(work) => {
                let (errand, basis) = moment.judge_work(person, operation, *work, client)?;
                return Ok(grant(Destination::LabelStudio(Arc::new(errand)), None, basis));
            }
            Matter::Object { project, storage, key } => {
                found = key;
                Named::Object { project, storage, key: &found }
            }
            Matter::Told if needs_inquiry(operation.ask()) => {
                return Err(not_found(NotFoundWhy::LabelStudio));
            }
            Matter::Told => Named::by(operation.ask()),
        };
        let (spot, basis) = moment.judge(person, operation.name(), named, client)?;
        let role = spot.storage_role(person);
        Ok(grant(spot.into_destination(), role, basis))
    }

    /// Decides a held grant afresh for the identity as it is now, without touching the quota (R14).
    ///
    /// # Errors
    /// [`Denial`] when it would not be given today.
    pub fn decide_again(&self, identity: &Identity, held: &Grant) -> Result<(), Denial> {
        if is_public(held.operation.ask()) {
            return Ok(());
        }
        let person = identity.person().ok_or(Denial::NotSignedIn)?;
        let holder = held.identity.person().ok_or(Denial::NotSignedIn)?;
        if (person.account(), person.proof()) != (holder.account(), holder.proof()) {
            return Err(Denial::NotSignedIn);
        }
        let moment = self.moment();
        if let Destination::LabelStudio(errand) = &held.destination {
            return moment.judge_errand(person, &held.operation, errand, held.client);
        }
        let named = Named::Held(&held.destination);
        let (spot, basis) = moment.judge(person, held.operation.name(), named, held.client)?;
        // As another at AWS than the one whose credential it runs with, it would be another grant.
        if spot.storage_role(person) == held.role {
            Ok(())
        } else {
            Err(Denial::Forbidden { basis })
        }
    }

    /// Seals one object's names for the person who holds this grant of `SealHandle`, if he may have that.
    ///
    /// # Errors
    /// [`Denial`], for this object.
    pub fn seal(&self, held: &Grant, address: &ObjectAddress) -> Result<SealedHandle, Denial> {
        let person = held.identity.person().ok_or(Denial::NotSignedIn)?;
        let moment = self.moment();
        let named = Named::object(address);
        let (spot, _) = moment.judge(person, "SealHandle", named, held.client)?;
        let Destination::Object { project, storage, key } = spot.into_destination() else {
            return Err(not_found(NotFoundWhy::Storage));
        };
        Opened { project: project.id, storage: storage.id, key }
            .seal(person.account(), person.handle_key())
            .ok_or(not_found(NotFoundWhy::Handle))
    }

    /// The projects that this person may know of, by name.
    #[must_use]
    pub fn visible_projects(&self, held: &Grant) -> Vec<Arc<Project>> {
        let moment = self.moment();
        let Some(person) = held.identity.person() else { return Vec::new() };
        let mut projects = moment.visible_projects(person, held.client);
        projects.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        projects
    }

    /// The storages of a project whose keys this person may list, by name.
    #[must_use]
    pub fn listable_storages(&self, held: &Grant, project: &Project) -> Vec<StorageName> {
        let moment = self.moment();
        let Some(person) = held.identity.person() else { return Vec::new() };
        let may = |storage: &StorageName| {
            let named = Named::Place { project: &project.name, storage, key: None };
            moment.judge(person, "ListObjects", named, held.client).is_ok()
        };
        let names = project.storages().map(|storage| storage.name.clone());
        let mut names: Vec<_> = names.filter(may).collect();
        names.sort_unstable();
        names
    }

    /// Everything that one decision reads. The generation comes first: what is read after it is at least as new.
    fn moment(&self) -> Moment<'_> {
        let generation = self.catalog.generation().current();
        Moment {
            generation,
            catalog: self.catalog.current(),
            rules: self.rules.load(),
            verdicts: &self.verdicts,
        }
    }

    fn public_basis(&self) -> Arc<Basis> {
        let generation = self.catalog.generation().current();
        Arc::new(Basis { policies: vec![PUBLIC.into()], generation })
    }
}

/// What says nothing by itself: an inquiry must have found out, and there was none.
fn needs_inquiry(ask: &Ask) -> bool {
    matches!(ask, Ask::LabelStudio(_) | Ask::Read(ObjectRead { target: Target::TaskMedia(_), .. }))
}

fn is_public(ask: &Ask) -> bool {
    matches!(ask, Ask::Visit(visit) if visit.is_public())
}
