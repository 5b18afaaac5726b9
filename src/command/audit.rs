//! `audit …`: what happened.

use clap::Subcommand;

use super::{Common, Failure};

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Check that nothing was changed, cut or taken out
    Verify,
}

impl Audit {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        Err(Failure::new("this verb is not built in"))
    }
}
