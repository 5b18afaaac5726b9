//! `completions SHELL`: a script that completes the verbs and options in a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Common, Failure, Program, print};

/// Print a completion script.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  sluicegate completions bash > /etc/bash_completion.d/sluicegate"
)]
pub(super) struct Completions {
    /// The shell that reads it
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Program::command(), "sluicegate", &mut script);
        print::line(String::from_utf8_lossy(&script).trim_end())
    }
}
