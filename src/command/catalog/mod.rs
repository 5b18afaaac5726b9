//! `catalog …`: the catalogue as a file that an operator keeps in git (`docs/catalog.md`).

mod document;
mod reader;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Common, Failure, print};
use crate::catalog::Absent;
use crate::records::Deed;

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
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let Self::Import(import) = self;
        import.run(common)
    }
}

impl Import {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let shown = self.file.display();
        let text = std::fs::read_to_string(&self.file)
            .map_err(|error| Failure::because(format!("cannot read {shown}"), &error))?;
        let settings = common.settings()?;
        let wanted = document::parse(&text, &settings.credential.sources).map_err(|faults| {
            let lines = faults.iter().map(|fault| format!("\n  {shown}:{fault}"));
            Failure::new(format!("{shown} cannot be imported:{}", lines.collect::<String>()))
                .next("docs/catalog.md tells what may stand there")
        })?;
        let absent = if self.prune { Absent::Goes } else { Absent::Stays };
        let deed = if self.dry_run { Deed::Plan } else { Deed::Do };
        let steps = common.with_records(async |records| {
            let steps = records.bring_to(&wanted, absent, deed).await?;
            let named = wanted.places();
            let mut places = records.catalog().await?.places();
            places.extend(named.clone());
            print::overlaps(&places, |one| named.keys().any(|key| one.concerns(key)))?;
            Ok(steps)
        })?;
        let lines: Vec<_> = steps.iter().map(ToString::to_string).collect();
        if common.json {
            let changed = deed == Deed::Do && !lines.is_empty();
            return print::json(&serde_json::json!({ "changed": changed, "steps": lines }));
        }
        lines.iter().try_for_each(print::line)?;
        match (lines.len(), deed) {
            (0, _) => print::note("nothing to change"),
            (count, Deed::Plan) => print::note(format_args!("{count} changes, none of them made")),
            (count, Deed::Do) => print::note(format_args!("{count} changes made")),
        }
    }
}
