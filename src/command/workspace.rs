//! `workspace …`: groups of projects in an organization; a role here counts in each of its projects.

use clap::{Args, Subcommand};

use super::options::{member, organization, organizations};
use super::{Common, Failure, print};
use crate::catalog::{Email, OrganizationName, Role, WorkspaceName};

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Workspace {
    /// Make a workspace
    Create(Create),
    /// List the workspaces
    List(List),
    /// Delete a workspace that has no projects left
    Delete(Which),
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
    /// List the members
    List(Which),
}

#[derive(Debug, Args)]
pub(super) struct AddMember {
    #[command(flatten)]
    workspace: Which,
    #[arg(long)]
    email: Email,
    #[arg(long)]
    role: Role,
}

#[derive(Debug, Args)]
pub(super) struct RemoveMember {
    #[command(flatten)]
    workspace: Which,
    #[arg(long)]
    email: Email,
}

#[derive(Debug, serde::Serialize)]
struct Row {
    organization: OrganizationName,
    name: WorkspaceName,
    title: String,
}

impl Workspace {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Create(it) => it.run(common),
            Self::List(it) => it.run(common),
            Self::Delete(it) => common.with_records(async |records| {
                let organization = organization(records, &it.organization).await?;
                records.delete_workspace(organization.id, &it.workspace).await?;
                print::note(format_args!("the workspace {} is gone", it.workspace))
            }),
            Self::Member(Member::Add(it)) => it.workspace.set(common, &it.email, Some(it.role)),
            Self::Member(Member::Remove(it)) => it.workspace.set(common, &it.email, None),
            Self::Member(Member::List(it)) => it.members(common),
        }
    }
}

impl Create {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let Which { organization: of, workspace } = &self.workspace;
        common.with_records(async |records| {
            let organization = organization(records, of).await?;
            let title = self.title.as_deref().unwrap_or(workspace.as_str());
            records.create_workspace(organization.id, workspace, title).await?;
            print::note(format_args!("{workspace} is a new workspace of {of}"))
        })
    }
}

impl List {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let rows = common.with_records(async |records| {
            let mut rows = Vec::new();
            for one in organizations(records, self.organization.as_ref()).await? {
                rows.extend(records.workspaces(one.id).await?.into_iter().map(|workspace| Row {
                    organization: one.name.clone(),
                    name: workspace.name,
                    title: workspace.title,
                }));
            }
            Ok(rows)
        })?;
        if common.json {
            return print::json(&rows);
        }
        let cells = rows
            .iter()
            .map(|row| [row.organization.to_string(), row.name.to_string(), row.title.clone()]);
        print::table(["ORGANIZATION", "WORKSPACE", "TITLE"], &cells.collect::<Vec<_>>())
    }
}

impl Which {
    fn set(&self, common: &Common, email: &Email, role: Option<Role>) -> Result<(), Failure> {
        common.with_records(async |records| {
            let organization = organization(records, &self.organization).await?;
            let account = member(records, &organization, email).await?;
            records.set_workspace_member(organization.id, &self.workspace, account, role).await?;
            let role = role.map_or("no role", Role::as_str);
            print::note(format_args!("{email} has {role} in {}", self.workspace))
        })
    }

    fn members(&self, common: &Common) -> Result<(), Failure> {
        let rows = common.with_records(async |records| {
            let organization = organization(records, &self.organization).await?;
            Ok(records.workspace_members(organization.id, &self.workspace).await?)
        })?;
        print::members(common, rows)
    }
}
