//! `organization …`: the wall that nothing crosses.

use clap::{Args, Subcommand};

use super::{Common, Failure, print};
use crate::catalog::OrganizationName;

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Organization {
    /// Make an organization
    Create(Create),
    /// List the organizations
    List,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[arg(long)]
    name: OrganizationName,
    /// What people read; the name when absent
    #[arg(long)]
    title: Option<String>,
}

#[derive(Debug, serde::Serialize)]
struct Row {
    name: OrganizationName,
    title: String,
}

impl Organization {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Create(Create { name, title }) => common.with_records(async |records| {
                let title = title.as_deref().unwrap_or(name.as_str());
                records.create_organization(&name, title).await?;
                print::note(format_args!("{name} is a new organization"))
            }),
            Self::List => list(common),
        }
    }
}

fn list(common: &Common) -> Result<(), Failure> {
    let rows = common.with_records(async |records| Ok(records.organizations().await?))?;
    let rows: Vec<_> =
        rows.into_iter().map(|one| Row { name: one.name, title: one.title }).collect();
    if common.json {
        return print::json(&rows);
    }
    let cells = rows.iter().map(|row| [row.name.to_string(), row.title.clone()]);
    print::table(["ORGANIZATION", "TITLE"], &cells.collect::<Vec<_>>())
}
