//! One list per storage, the way a request goes: as an owner of the organization, permitted by policy, with the
//! storage's own credential, through the same code that serves.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Findings;
use crate::backend::{self, Store};
use crate::catalog::{CredentialName, OrganizationId, Project, Role, Storage};
use crate::command::Failure;
use crate::credential::Minter;
use crate::ground::causes::told;
use crate::ground::clock::Clock;
use crate::ground::random::Random;
use crate::identity::{Identity, Supposed, suppose};
use crate::outbound::Door;
use crate::policy::Policy;
use crate::records::Watch;
use crate::request::Operation;
use crate::settings::{Fault, Settings};

/// What the lists are made with.
pub(super) struct Lister {
    policy: Policy,
    store: Store,
    watch: Watch,
    brought: BTreeSet<CredentialName>,
}

impl Lister {
    pub(super) fn new(settings: &Settings, door: Arc<Door>, watch: Watch) -> Result<Self, Failure> {
        let policy = Policy::new(&settings.policy, watch.catalog().clone())
            .map_err(|error| Failure::because("the policies", &error))?;
        let brought = settings.credential.brought();
        let settings = backend::Settings::default();
        let store = Store::new(door, Clock::system(), Random::system(), settings);
        Ok(Self { policy, store, watch, brought })
    }

    /// Asks every storage for one key. Must run inside a `LocalSet`.
    pub(super) async fn list_all(
        &self,
        minter: &Minter,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        let catalog = self.watch.catalog().current();
        for organization in catalog.organizations() {
            let Some(owner) = self.owner(organization.id).await? else {
                let name = &organization.name;
                let remark = format!("{name}: nobody owns it, so its storages were not listed");
                findings.remarks.push(remark);
                continue;
            };
            for project in organization.projects() {
                for storage in project.storages() {
                    self.list(minter, &owner, (project, storage), findings).await;
                }
            }
        }
        Ok(())
    }

    /// Whether it is opened by what people bring, which nobody but they can try.
    fn is_brought(&self, storage: &Storage) -> bool {
        self.brought.contains(&storage.credential)
    }

    async fn list(
        &self,
        minter: &Minter,
        owner: &Identity,
        (project, storage): (&Project, &Storage),
        findings: &mut Findings,
    ) {
        let name = format!("storage {}/{}", project.name, storage.name);
        if self.is_brought(storage) {
            let remark = "people open it with credentials of their own: only a sign-in tells";
            findings.remarks.push(format!("{name}: {remark}"));
            return;
        }
        let operation = Operation::trial_list(project.name.clone(), storage.name.clone());
        let outcome = match self.policy.decide(owner, &operation, [127, 0, 0, 1].into()) {
            Err(denial) => Err(told(&denial)),
            Ok(grant) => match minter.mint(&grant).await {
                Err(error) => Err(told(&error)),
                Ok(credential) => {
                    let sent = Box::pin(self.store.send(&grant, &credential, None)).await;
                    sent.map_err(|error| told(&error))
                }
            },
        };
        match outcome {
            Ok(_keys) => findings.remarks.push(format!("{name}: can be listed")),
            Err(what) => {
                let remedy =
                    "check its bucket, region, endpoint and credential: sluicegate storage list";
                findings.faults.extend([Fault::of(&name, what, remedy)]);
            }
        }
    }

    /// Somebody who may list everything in the organization.
    async fn owner(&self, organization: OrganizationId) -> Result<Option<Identity>, Failure> {
        let records = self.watch.records();
        let rules = |role: Option<Role>| matches!(role, Some(Role::Owner | Role::Administrator));
        for account in records.accounts(organization).await? {
            if account.disabled.is_none() && rules(account.role_in_effect()) {
                let generation = self.watch.catalog().generation().current();
                let person = records.person(account.id).await?;
                return Ok(person.map(|person| suppose(person, Supposed::Session, generation)));
            }
        }
        Ok(None)
    }
}
