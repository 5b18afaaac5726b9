//! `token …`: what programs show instead of a password.

use clap::{Args, Subcommand};

use super::{Common, Failure};
use crate::catalog::ProjectName;

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token and print it: this once, it is stored as a hash
    #[command(after_help = "\
Example:
  sluicegate token create --email ann@example.com --name training --project faces --operation ReadObject --expires 30d")]
    Create(Create),
    /// List tokens, without their secrets
    List(List),
    /// End a token; streams that it holds open end within a second
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Whose token it is: it may never do more than this account
    #[arg(long)]
    email: String,
    /// What it is for, to recognise it in lists
    #[arg(long)]
    name: String,
    /// Only this project; may be given several times. Without it: all of the account's
    #[arg(long = "project")]
    projects: Vec<ProjectName>,
    /// Only this operation (as `policy matrix` names them); may be given several times. Without it: all
    #[arg(long = "operation")]
    operations: Vec<String>,
    /// How long it lives: 30d, 12h, 45m
    #[arg(long, value_name = "DURATION")]
    expires: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this account
    #[arg(long)]
    email: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The number that `token list` shows
    number: i64,
}

impl Token {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        Err(Failure::new("this verb is not built in"))
    }
}
