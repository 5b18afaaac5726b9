//! `policy …`: who may do what.

use clap::Subcommand;

use super::{Common, Failure, loaded, print};
use crate::policy::{Matrix, Rules};
use crate::settings::Environment;

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// Print role by operation, as the loaded policies decide it
    Matrix {
        /// Ask the role pack that is built in; needs no settings
        #[arg(long)]
        built_in: bool,
    },
}

impl Policy {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let Self::Matrix { built_in } = self;
        let rules = if built_in {
            Rules::built_in()
        } else {
            let settings = loaded::load(&common.config, &Environment::of_process())?.settings;
            Rules::load(&settings.policy)
        };
        let rules = rules.map_err(|faults| Failure::because("the policies", &faults))?;
        let matrix = Matrix::of(&rules)
            .map_err(|fault| Failure::because("the policies cannot be asked", &fault))?;
        if common.json { print::json(&matrix) } else { print::line(matrix.to_string().trim_end()) }
    }
}
