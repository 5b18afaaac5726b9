//! `project …`: projects and their members.

use clap::{Args, Subcommand};

use super::options::{member, organization, organizations};
use super::{Common, Failure, print};
use crate::catalog::{Email, OrganizationName, ProjectName, Role, WorkspaceName};

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
    email: Email,
    #[arg(long)]
    role: Role,
}

#[derive(Debug, Args)]
pub(super) struct RemoveMember {
    #[command(flatten)]
    project: Which,
    #[arg(long)]
    email: Email,
}

#[derive(Debug, serde::Serialize)]
struct Row {
    organization: OrganizationName,
    workspace: WorkspaceName,
    name: ProjectName,
    title: String,
}

impl Project {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Create(it) => it.run(common),
            Self::List(it) => it.run(common),
            Self::Delete(it) => common.with_records(async |records| {
                let organization = organization(records, &it.organization).await?;
                records.delete_project(organization.id, &it.project).await?;
                print::note(format_args!("the project {} is gone", it.project))
            }),
            Self::Member(Member::Add(it)) => it.project.set(common, &it.email, Some(it.role)),
            Self::Member(Member::Remove(it)) => it.project.set(common, &it.email, None),
            Self::Member(Member::List(it)) => it.members(common),
        }
    }
}

impl Create {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let Which { organization: of, project } = &self.project;
        common.with_records(async |records| {
            let organization = organization(records, of).await?.id;
            let workspaces = records.workspaces(organization).await?;
            if !workspaces.iter().any(|one| one.name == self.workspace) {
                let name = &self.workspace;
                records.create_workspace(organization, name, name.as_str()).await?;
                print::note(format_args!("{name} is a new workspace of {of}"))?;
            }
            let title = self.title.as_deref().unwrap_or(project.as_str());
            records.create_project(organization, &self.workspace, project, title).await?;
            print::note(format_args!("{project} is a new project of {of}"))
        })
    }
}

impl List {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let rows = common.with_records(async |records| {
            let mut rows = Vec::new();
            for one in organizations(records, self.organization.as_ref()).await? {
                rows.extend(records.projects(one.id).await?.into_iter().map(|project| Row {
                    organization: one.name.clone(),
                    workspace: project.workspace,
                    name: project.name,
                    title: project.title,
                }));
            }
            Ok(rows)
        })?;
        if common.json {
            return print::json(&rows);
        }
        let cells = rows.iter().map(|row| {
            let Row { organization, workspace, name, title } = row;
            [organization.to_string(), workspace.to_string(), name.to_string(), title.clone()]
        });
        let headings = ["ORGANIZATION", "WORKSPACE", "PROJECT", "TITLE"];
        print::table(headings, &cells.collect::<Vec<_>>())
    }
}

impl Which {
    fn set(&self, common: &Common, email: &Email, role: Option<Role>) -> Result<(), Failure> {
        common.with_records(async |records| {
            let organization = organization(records, &self.organization).await?;
            let account = member(records, &organization, email).await?;
            records.set_project_member(organization.id, &self.project, account, role).await?;
            let role = role.map_or("no role", Role::as_str);
            print::note(format_args!("{email} has {role} in {}", self.project))
        })
    }

    fn members(&self, common: &Common) -> Result<(), Failure> {
        let rows = common.with_records(async |records| {
            let organization = organization(records, &self.organization).await?;
            Ok(records.project_members(organization.id, &self.project).await?)
        })?;
        print::members(common, rows)
    }
}
