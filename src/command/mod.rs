//! The command line: one tree of verbs, one file per verb. A new verb is one line in [`Verb`], one in [`Verb::run`].
//! Exit codes: 0 done, 1 refused or failed, 2 wrong usage. Results go to standard output, words to standard error.

mod account;
mod attended;
mod audit;
mod catalog;
mod check;

mod completions;
mod demo;
mod explain;
mod failure;
mod invitation;
mod loaded;
mod options;
mod organization;
mod password;
mod policy;
mod print;
mod project;
pub mod serve;
mod session;
mod storage;
mod token;
mod version;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use failure::Failure;
pub use options::Common;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "sluicegate", version, about, long_about = None, after_help = EXAMPLES)]
pub struct Program {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  sluicegate demo                       a gateway with sample media, ready to be tried
  sluicegate check                      are settings, policies and certificates sound?
  sluicegate account create --email you@example.com --organization acme --role owner
                                        the first person, who may then do everything in acme
  sluicegate serve --config /etc/sluicegate/sluicegate.toml";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the gateway until it is told to stop
    Serve(serve::Serve),
    /// Look for faults in settings, policies and certificates, and change nothing
    Check(check::Check),
    /// Run a gateway with sample media, people and a storage, all on this machine
    Demo(demo::Demo),
    /// Say why a request was answered as it was, or would be
    Explain(explain::Explain),
    /// Accounts: who can sign in
    #[command(subcommand)]
    Account(account::Account),
    /// API tokens: what programs show instead of a password
    #[command(subcommand)]
    Token(token::Token),
    /// Invitations: links that open an account
    #[command(subcommand)]
    Invitation(invitation::Invitation),
    /// Organizations: the wall that nothing crosses
    #[command(subcommand)]
    Organization(organization::Organization),
    /// Workspaces: groups of projects in an organization
    #[command(subcommand)]
    Workspace(workspace::Workspace),
    /// Projects and their members
    #[command(subcommand)]
    Project(project::Project),
    /// Storages: where a project's objects lie
    #[command(subcommand)]
    Storage(storage::Storage),
    /// Sessions: who is signed in now
    #[command(subcommand)]
    Session(session::Session),
    /// The catalogue as a file that is kept in git
    #[command(subcommand)]
    Catalog(catalog::Catalog),
    /// The policies: who may do what
    #[command(subcommand)]
    Policy(policy::Policy),
    /// The audit: what happened
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Print the version
    Version(version::Version),
    /// Print a script that completes these verbs in a shell
    Completions(completions::Completions),
}

impl Verb {
    fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Serve(verb) => verb.run(common),
            Self::Check(verb) => verb.run(common),
            Self::Demo(verb) => verb.run(common),
            Self::Explain(verb) => verb.run(common),
            Self::Account(verb) => verb.run(common),
            Self::Token(verb) => verb.run(common),
            Self::Invitation(verb) => verb.run(common),
            Self::Organization(verb) => verb.run(common),
            Self::Workspace(verb) => verb.run(common),
            Self::Project(verb) => verb.run(common),
            Self::Storage(verb) => verb.run(common),
            Self::Session(verb) => verb.run(common),
            Self::Catalog(verb) => verb.run(common),
            Self::Policy(verb) => verb.run(common),
            Self::Audit(verb) => verb.run(common),
            Self::Version(verb) => verb.run(common),
            Self::Completions(verb) => verb.run(common),
        }
    }
}

/// Reads the command line, does what it says, and tells how that went.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let program = match Program::try_parse_from(arguments) {
        Ok(program) => program,
        Err(usage) => {
            // Help and version are no failures: clap knows which is which.
            let code = u8::try_from(usage.exit_code()).unwrap_or(2);
            return usage.print().map_or(ExitCode::FAILURE, |()| ExitCode::from(code));
        }
    };
    match program.verb.run(&program.common) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Program;

    #[test]
    fn the_tree_of_verbs_is_sound() {
        Program::command().debug_assert();
    }

    #[test]
    fn no_verb_takes_a_secret_as_an_argument() {
        fn walk(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                let takes_value = argument.get_action().takes_values();
                let suspicious = ["password", "secret"].iter().any(|word| name.contains(word));
                assert!(!(takes_value && suspicious), "{} {name}", command.get_name());
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Program::command());
    }
}
