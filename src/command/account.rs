//! `account …`: who can sign in.

use std::str::FromStr;

use clap::{Args, Subcommand};

use super::options::{account, organizations};
use super::password::PasswordSource;
use super::{Common, Failure, print};
use crate::catalog::{Email, OrganizationId, OrganizationName, Role};
use crate::ground::random::Random;
use crate::ground::secret::Secret;
use crate::identity::Passwords;
use crate::records::{NewAccount, Records};

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
    /// Let nobody in with this account; ends its sessions at once, and its tokens rest
    Disable(Which),
    /// Let this account in again
    Enable(Which),
    /// Set the password; ends the account's sessions
    SetPassword(SetPassword),
    /// Set or take away the account's role in its organization
    Role(SetRole),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[arg(long)]
    email: Email,
    /// The organization that the account belongs to, for good
    #[arg(long)]
    organization: OrganizationName,
    /// The role in the whole organization; without it, roles are given per project
    #[arg(long)]
    role: Option<Role>,
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
    email: Email,
}

#[derive(Debug, Args)]
pub(super) struct SetPassword {
    #[arg(long)]
    email: Email,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(Debug, Args)]
pub(super) struct SetRole {
    #[arg(long)]
    email: Email,
    /// The role in the organization as a whole; `none` takes it away
    #[arg(long)]
    role: RoleOrNone,
}

/// A role, or the word for having none.
#[derive(Debug, Clone, Copy)]
pub(super) struct RoleOrNone(Option<Role>);

impl FromStr for RoleOrNone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let role = text.parse::<Role>().map_err(|error| format!("{error}, or none"))?;
        Ok(Self(Some(role)))
    }
}

#[derive(Debug, serde::Serialize)]
struct Row {
    email: Email,
    organization: OrganizationName,
    role: Option<Role>,
    /// The role follows from groups of the identity provider.
    mapped: bool,
    password: bool,
    disabled: bool,
    /// Why, where nobody did it by hand.
    disabled_for: Option<&'static str>,
}

impl Account {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Create(it) => it.run(common),
            Self::List(it) => it.run(common),
            Self::Disable(Which { email }) => common.with_records(async |records| {
                let found = account(records, &email).await?;
                records.disable_account(found.organization, found.id).await?;
                print::note(format_args!("{email} is disabled"))
            }),
            Self::Enable(Which { email }) => common.with_records(async |records| {
                let found = account(records, &email).await?;
                records.enable_account(found.organization, found.id).await?;
                print::note(format_args!("{email} may sign in again"))
            }),
            Self::SetPassword(it) => it.run(common),
            Self::Role(SetRole { email, role: RoleOrNone(role) }) => {
                common.with_records(async |records| {
                    let found = account(records, &email).await?;
                    records.set_organization_role(found.organization, found.id, role).await?;
                    let role = role.map_or("no role", Role::as_str);
                    print::note(format_args!("{email} has {role} in the organization"))
                })
            }
        }
    }
}

impl Create {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let password = if self.no_password { None } else { Some(self.password.read()?) };
        common.with_records(async |records| {
            let password_hash = match password {
                Some(password) => Some(hash(&self.email, password).await?),
                None => None,
            };
            if records.account_by_email(&self.email).await?.is_some() {
                return Err(Failure::new(format!("there is an account {} already", self.email))
                    .next("sluicegate account list"));
            }
            let organization = ensured(records, &self.organization).await?;
            let new = NewAccount { email: &self.email, role: self.role, password_hash };
            records.create_account(organization, new).await?;
            if common.json {
                let (email, organization) = (&self.email, &self.organization);
                return print::json(&serde_json::json!({
                    "email": email, "organization": organization, "role": self.role,
                }));
            }
            print::note(format_args!("{} is an account of {}", self.email, self.organization))
        })
    }
}

impl SetPassword {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let password = self.password.read()?;
        common.with_records(async |records| {
            let found = account(records, &self.email).await?;
            let hash = hash(&self.email, password).await?;
            records.set_password_hash(found.organization, found.id, &hash).await?;
            print::note(format_args!("{} has a new password; its sessions ended", self.email))
        })
    }
}

impl List {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let rows = common.with_records(async |records| {
            let mut rows = Vec::new();
            for one in organizations(records, self.organization.as_ref()).await? {
                rows.extend(records.accounts(one.id).await?.into_iter().map(|account| Row {
                    role: account.role_in_effect(),
                    mapped: account.role.is_none() && account.mapped_role.is_some(),
                    email: account.email,
                    organization: one.name.clone(),
                    password: account.password_hash.is_some(),
                    disabled: account.disabled.is_some(),
                    disabled_for: account.unmapped.then_some("no-mapping"),
                }));
            }
            Ok(rows)
        })?;
        if common.json {
            return print::json(&rows);
        }
        let cells = rows.iter().map(|row| {
            let role = row.role.map_or("", Role::as_str).to_owned();
            let standing = match (row.disabled, row.disabled_for.is_some(), row.password) {
                (true, true, _) => "disabled: no mapping fits",
                (true, false, _) => "disabled",
                (false, _, true) => "may sign in",
                (false, _, false) => "no password",
            };
            [row.email.to_string(), row.organization.to_string(), role, standing.to_owned()]
        });
        print::table(["E-MAIL", "ORGANIZATION", "ROLE", "STANDING"], &cells.collect::<Vec<_>>())
    }
}

/// The organization of this name, made when there is none.
async fn ensured(records: &Records, name: &OrganizationName) -> Result<OrganizationId, Failure> {
    if let Some(found) = records.find_organization(name).await? {
        return Ok(found.id);
    }
    let made = records.create_organization(name, name.as_str()).await?;
    print::note(format_args!("{name} is a new organization"))?;
    Ok(made)
}

async fn hash(email: &Email, password: Secret<String>) -> Result<Secret<String>, Failure> {
    let hashed = async { Passwords::new(Random::system())?.hash(email, password).await }.await;
    hashed.map_err(|error| Failure::because("this password is not taken", &error))
}
