//! `account …`: who can sign in.

use clap::{Args, Subcommand};

use super::password::PasswordSource;
use super::{Common, Failure};
use crate::catalog::{OrganizationName, Role};

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Make an account; makes its organization when there is none of that name
    #[command(after_help = "\
Examples:
  sluicegate account create --email you@example.com --organization acme --role owner
  printf '%s\\n' \"$PASSWORD\" | sluicegate account create --email ann@example.com --organization acme --password-stdin")]
    Create(Create),
    /// List the accounts
    List(List),
    /// Let nobody sign in with this account; ends its sessions and tokens at once
    Disable(Which),
    /// Let this account sign in again
    Enable(Which),
    /// Set the password; ends the account's sessions
    SetPassword(SetPassword),
    /// Set or take away the account's role in its organization
    Role(SetRole),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[arg(long)]
    email: String,
    /// The organization that the account belongs to, for good
    #[arg(long)]
    organization: OrganizationName,
    /// The role in the whole organization; without it, roles are given per project
    #[arg(long)]
    role: Option<Role>,
    /// The person's name
    #[arg(long, default_value = "")]
    name: String,
    /// Make it without a password: it cannot sign in until one is set, but it can have tokens
    #[arg(long, conflicts_with = "from_stdin")]
    no_password: bool,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this organization
    #[arg(long)]
    organization: Option<OrganizationName>,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    #[arg(long)]
    email: String,
}

#[derive(Debug, Args)]
pub(super) struct SetPassword {
    #[arg(long)]
    email: String,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(Debug, Args)]
pub(super) struct SetRole {
    #[arg(long)]
    email: String,
    /// Absent: no role in the organization as a whole
    #[arg(long)]
    role: Option<Role>,
}

impl Account {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        Err(Failure::new("this verb is not built in"))
    }
}
