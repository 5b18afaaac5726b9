//! What every verb takes: which settings, and whether a person or a program reads the result.

use std::path::PathBuf;

use clap::Args;

/// Options of every verb.
#[derive(Debug, Args)]
pub struct Common {
    /// A settings file; may be given several times, later ones win
    #[arg(long, global = true, value_name = "FILE", default_value = "sluicegate.toml")]
    pub config: Vec<PathBuf>,
    /// Print results as JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
}
