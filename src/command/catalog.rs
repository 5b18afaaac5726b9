//! `catalog …`: the catalogue as a file that an operator keeps in git (`docs/catalog.md`).

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Common, Failure};

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Catalog {
    /// Make the records say what the file says; prints what changes, and can be repeated
    #[command(after_help = "\
Examples:
  sluicegate catalog import catalog.toml --dry-run     only show what would change
  sluicegate catalog import catalog.toml --prune       also take away what the file does not have")]
    Import(Import),
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// A catalogue in TOML, as docs/catalog.md describes it
    file: PathBuf,
    /// Only print the plan
    #[arg(long)]
    dry_run: bool,
    /// Also take away what the file does not have, in the organizations that it names
    #[arg(long)]
    prune: bool,
}

impl Catalog {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        Err(Failure::new("this verb is not built in"))
    }
}
