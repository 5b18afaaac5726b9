//! `workspace …`: groups of projects in an organization; a role here counts in each of its projects.

use clap::{Args, Subcommand};

use super::{Common, Failure};
use crate::catalog::{OrganizationName, Role, WorkspaceName};

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Workspace {
    /// Make a workspace
    Create(Create),
    /// List the workspaces
    List(List),
    /// Who has a role in all projects of a workspace
    #[command(subcommand)]
    Member(Member),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    workspace: Which,
    /// What people read; the name when absent
    #[arg(long)]
    title: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    #[arg(long)]
    organization: OrganizationName,
    #[arg(long = "name")]
    workspace: WorkspaceName,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[arg(long)]
    organization: Option<OrganizationName>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Member {
    /// Give an account a role, or another role
    Add(AddMember),
    /// Take the role away; running streams end within a second
    Remove(RemoveMember),
}

#[derive(Debug, Args)]
pub(super) struct AddMember {
    #[command(flatten)]
    workspace: Which,
    #[arg(long)]
    email: String,
    #[arg(long)]
    role: Role,
}

#[derive(Debug, Args)]
pub(super) struct RemoveMember {
    #[command(flatten)]
    workspace: Which,
    #[arg(long)]
    email: String,
}

impl Workspace {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        Err(Failure::new("this verb is not built in"))
    }
}
