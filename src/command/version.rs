//! `version`: which Sluicegate this is.

use clap::Args;

use super::{Common, Failure, print};

/// Print the version.
#[derive(Debug, Args)]
pub(super) struct Version {}

impl Version {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let version = env!("CARGO_PKG_VERSION");
        if common.json {
            return print::json(&serde_json::json!({ "name": "sluicegate", "version": version }));
        }
        print::line(format_args!("sluicegate {version}"))
    }
}
