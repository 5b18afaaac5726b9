//! What stands between the gateway and a configured Label Studio.

use std::sync::Arc;

use super::stages::StartError;
use crate::backend;
use crate::ground::clock::Clock;
use crate::ground::control::Control;
use crate::ground::random::Random;
use crate::ground::seal::MasterKey;
use crate::label_studio::{
    Adoption, Api, Banks, Bridge, Lookup, People, Routes, Rows, Settings, Sources,
};
use crate::outbound::Door;
use crate::policy::Install;
use crate::records::Watch;

/// All of it. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Studio {
    pub(super) routes: Arc<Routes>,
    pub(super) bridge: Arc<Bridge>,
    pub(super) lookup: Arc<Lookup>,
    pub(super) adoption: Arc<Adoption>,
    pub(super) front: Arc<backend::Install>,
}

impl Studio {
    /// What a bridge stands on.
    pub(super) fn banks(
        settings: &Settings,
        door: &Arc<Door>,
        watch: &Watch,
        (control, clock, random): (&Control, &Clock, &Random),
    ) -> Banks {
        Banks {
            api: Arc::new(Api::new(Arc::clone(door), settings)),
            records: watch.records().clone(),
            control: control.clone(),
            clock: clock.clone(),
            random: random.clone(),
        }
    }

    pub(super) fn build(
        settings: &Settings,
        banks: Banks,
        watch: &Watch,
        master: &MasterKey,
    ) -> Result<Self, StartError> {
        let (api, control) = (Arc::clone(&banks.api), banks.control.clone());
        let timely = (control.clone(), banks.clock.clone());
        let rows = settings.database.as_ref();
        let rows = rows.map(|database| Arc::new(Rows::new(database, banks.clock.clone())));
        let sources = Sources { api: Arc::clone(&api), rows };
        let lookup = Lookup::new(sources, timely, settings.local_files.clone());
        let lookup = Arc::new(lookup);
        let adoption = Arc::new(Adoption {
            api: Arc::clone(&api),
            watch: watch.clone(),
            organization: settings.organization.clone(),
            workspace: settings.workspace.clone(),
        });
        let people = Arc::new(People::new(banks.records.clone(), Arc::clone(&api)));
        let front = backend::Install::new(
            api.host()?,
            Arc::clone(&lookup),
            (Arc::clone(&adoption), people, control),
        )?;
        Ok(Self {
            routes: Arc::new(Routes::built_in()?.with_exchange(settings.tokens)),
            bridge: Arc::new(Bridge::new(banks, master)),
            lookup,
            adoption,
            front: Arc::new(front),
        })
    }

    pub(super) fn inquired(&self, settings: &Settings) -> Install {
        Install {
            organization: settings.organization.clone(),
            lookup: Arc::clone(&self.lookup),
            bridge: Arc::clone(&self.bridge),
            max_body: settings.max_body,
        }
    }
}
