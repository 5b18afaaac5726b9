//! `serve`: runs the gateway until it is told to stop. Builds all stages, opens all sockets, then watches for signals
//! and for changed files; what is wrong at the start is told whole, and nothing is left half-open.

mod reload;
mod run;
mod stages;
mod studio;

use clap::Args;

pub use run::{Addresses, Plan, run};
pub use stages::StartError;

use super::{Common, Failure, loaded};
use crate::settings::Environment;

/// See the verb's help.
#[derive(Debug, Args)]
pub(super) struct Serve {}

impl Serve {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let environment = Environment::of_process();
        let loaded = loaded::load(&common.config, &environment)?;
        let plan = Plan { loaded, files: common.config.clone(), environment, demo: false };
        let failed = |error| Failure::because("the gateway cannot run", &error);
        run(plan, |_addresses| {}).map_err(failed)
    }
}
