//! `explain`: why a request was answered as it was.

use clap::Args;

use super::{Common, Failure};

/// See the verb's help.
#[derive(Debug, Args)]
pub(super) struct Explain {}

impl Explain {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        Err(Failure::new("this verb is not built in"))
    }
}
