//! `serve`: runs the gateway.

use clap::Args;

use super::{Common, Failure};

/// See the verb's help.
#[derive(Debug, Args)]
pub(super) struct Serve {}

impl Serve {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        Err(Failure::new("this verb is not built in"))
    }
}
