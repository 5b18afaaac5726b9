//! `invitation …`: links that open an account, for people whose e-mail and password are their own business.

use clap::{Args, Subcommand};

use super::options::{of_all, organization, organizations, wherever};
use super::token::Lifetime;
use super::{Common, Failure, print};
use crate::catalog::{Email, InvitationId, OrganizationName, ProjectName, Role};
use crate::ground::clock::Timestamp;
use crate::ground::random::Random;
use crate::identity::{InvitationWish, create_invitation};
use crate::records::InvitationRow;

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Invitation {
    /// Make an invitation and print its link: this once, it is stored as a hash
    #[command(after_help = "\
Example:
  sluicegate invitation create --organization acme --project faces --project-role annotator")]
    Create(Create),
    /// List invitations, without their links
    List(List),
    /// End an invitation that was not used
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Where the account will be, for good
    #[arg(long)]
    organization: OrganizationName,
    /// The role in the whole organization; without it the invited has none there
    #[arg(long)]
    role: Option<Role>,
    /// A project in which the invited has a role from the start
    #[arg(long, requires = "project_role")]
    project: Option<ProjectName>,
    /// That role
    #[arg(long, requires = "project")]
    project_role: Option<Role>,
    /// How long it can be used: 7d, 12h, 45m
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    expires: Lifetime,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this organization
    #[arg(long)]
    organization: Option<OrganizationName>,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The number that `invitation list` shows
    number: i64,
}

#[derive(Debug, serde::Serialize)]
struct Row {
    number: InvitationId,
    role: Option<Role>,
    project: Option<ProjectName>,
    project_role: Option<Role>,
    expires: Timestamp,
    revoked: Option<Timestamp>,
    used: Option<Timestamp>,
    email: Option<Email>,
}

impl Invitation {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Create(it) => it.run(common),
            Self::List(it) => it.run(common),
            Self::Revoke(Revoke { number }) => common.with_records(async |records| {
                let id = InvitationId(number);
                let revoke = async |within| records.revoke_invitation(within, id).await;
                wherever(records, "open invitation", revoke).await?;
                print::note(format_args!("invitation {number} is revoked"))
            }),
        }
    }
}

impl Create {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let expires = self
            .expires
            .until()?
            .ok_or_else(|| Failure::new("an invitation expires").next("say when: --expires 30d"))?;
        let (number, link) = common.with_install(async |settings, records| {
            let wish = InvitationWish {
                organization: organization(records, &self.organization).await?.id,
                role: self.role,
                project: self.project.as_ref().zip(self.project_role),
                expires,
            };
            let (number, code) = create_invitation(records, &Random::system(), wish).await?;
            let host = settings.listener.hosts.first().map(|host| match host.port() {
                Some(port) => format!("{}:{port}", host.name()),
                None => host.name().to_owned(),
            });
            let host = host.unwrap_or_default();
            Ok((number, format!("https://{host}/-/invitations/{}", code.expose())))
        })?;
        if common.json {
            return print::json(&serde_json::json!({ "number": number, "link": link }));
        }
        print::note("This is shown once; whoever opens it first has the account:")?;
        print::line(&link)
    }
}

impl List {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let rows = common.with_records(async |records| {
            if self.organization.is_none() {
                return of_all(records, async |within| records.invitations(within).await).await;
            }
            let mut all = Vec::new();
            for one in organizations(records, self.organization.as_ref()).await? {
                all.extend(records.invitations(one.id).await?);
            }
            Ok(all)
        })?;
        let rows: Vec<_> = rows.into_iter().map(Row::from).collect();
        if common.json {
            return print::json(&rows);
        }
        let cells = rows.iter().map(|row| {
            let roles = [
                row.role.map(|role| format!("{role} of all")),
                row.project
                    .as_ref()
                    .zip(row.project_role)
                    .map(|(name, role)| format!("{role} of {name}")),
            ];
            let roles: Vec<_> = roles.into_iter().flatten().collect();
            let state = match (&row.email, row.revoked) {
                (Some(email), _) => format!("used by {email}"),
                (None, Some(revoked)) => format!("revoked {revoked}"),
                (None, None) => format!("until {}", row.expires),
            };
            [row.number.0.to_string(), roles.join(", "), state]
        });
        print::table(["NUMBER", "ROLES", "STATE"], &cells.collect::<Vec<_>>())
    }
}

impl From<InvitationRow> for Row {
    fn from(row: InvitationRow) -> Self {
        let InvitationRow { id, role, project, project_role, expires, revoked, used, email } = row;
        Self { number: id, role, project, project_role, expires, revoked, used, email }
    }
}
