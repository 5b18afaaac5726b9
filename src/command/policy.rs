//! `policy …`: who may do what.

use clap::Subcommand;

use super::{Common, Failure};

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// Print role by operation
    Matrix,
}

impl Policy {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        Err(Failure::new("this verb is not built in"))
    }
}
