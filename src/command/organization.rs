//! `organization …`: the wall that nothing crosses.

use clap::{Args, Subcommand};

use super::{Common, Failure};
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

impl Organization {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        Err(Failure::new("this verb is not built in"))
    }
}
