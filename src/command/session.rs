//! `session …`: who is signed in now.

use clap::{Args, Subcommand};

use super::{Common, Failure};

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// List the sessions
    List(List),
    /// End a session, or all of an account; running streams end within a second
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this account
    #[arg(long)]
    email: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Revoke {
    /// The number that `session list` shows
    number: Option<i64>,
    /// All sessions of this account
    #[arg(long)]
    email: Option<String>,
}

impl Session {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        Err(Failure::new("this verb is not built in"))
    }
}
