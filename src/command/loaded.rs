//! The settings for a verb: read whole, or every fault told.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use super::Failure;
use crate::settings::{self, Environment, Loaded};

pub(super) fn load(files: &[PathBuf], environment: &Environment) -> Result<Loaded, Failure> {
    settings::load(files, environment).map_err(|report| {
        let drawn = report.render(io::stderr().is_terminal());
        let count = report.faults().len();
        let faults = if count == 1 { "1 fault" } else { &format!("{count} faults") };
        Failure::new(format!("the settings have {faults}\n\n{}", drawn.trim_end()))
            .next("docs/settings.md explains every key")
    })
}
