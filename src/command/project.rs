//! `project …`: projects and their members.

use clap::{Args, Subcommand};

use super::{Common, Failure};
use crate::catalog::{OrganizationName, ProjectName, Role, WorkspaceName};

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Project {
    /// Make a project; makes its workspace when there is none of that name
    #[command(after_help = "\
Example:
  sluicegate project create --organization acme --workspace vision --name faces --title Faces")]
    Create(Create),
    /// List the projects
    List(List),
    /// Forget a project, its storages and its members; the objects themselves stay where they are
    Delete(Which),
    /// Who has a role in a project
    #[command(subcommand)]
    Member(Member),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    project: Which,
    #[arg(long, default_value = "main")]
    workspace: WorkspaceName,
    /// What people read; the name when absent
    #[arg(long)]
    title: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    #[arg(long)]
    organization: OrganizationName,
    #[arg(long = "name")]
    project: ProjectName,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this organization
    #[arg(long)]
    organization: Option<OrganizationName>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Member {
    /// Give an account a role in the project, or another role
    #[command(after_help = "\
Example:
  sluicegate project member add --organization acme --name faces --email ann@example.com --role annotator")]
    Add(AddMember),
    /// Take the role away; the person's running streams end within a second
    Remove(RemoveMember),
    /// List the members
    List(Which),
}

#[derive(Debug, Args)]
pub(super) struct AddMember {
    #[command(flatten)]
    project: Which,
    #[arg(long)]
    email: String,
    #[arg(long)]
    role: Role,
}

#[derive(Debug, Args)]
pub(super) struct RemoveMember {
    #[command(flatten)]
    project: Which,
    #[arg(long)]
    email: String,
}

impl Project {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        Err(Failure::new("this verb is not built in"))
    }
}
