//! `check`: every fault of settings, policies and certificates at once, each with its place and its remedy; with
//! `--online` also whether credentials can be had and storages be reached. Changes nothing.

mod brought;
mod catalog;
mod ending;
mod offline;
mod online;
mod saml;

use std::io::{self, IsTerminal as _};

use clap::Args;
use serde::Serialize;

use super::{Common, Failure, print};
use crate::settings::{self, Environment, Fault, Line, Report};

/// See the verb's help.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Also fetch every credential and reach every storage
    #[arg(long)]
    online: bool,
}

/// What was found: faults make the check fail, remarks do not.
#[derive(Debug, Default)]
struct Findings {
    faults: Report,
    remarks: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Output<'a> {
    sound: bool,
    faults: Vec<Line<'a>>,
    remarks: &'a [String],
}

impl Check {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let environment = Environment::of_process();
        let mut examined = settings::examine(&common.config, &environment);
        let faults = std::mem::take(&mut examined.report);
        let mut findings = Findings { faults, remarks: Vec::new() };
        offline::check(&examined.parts, &mut findings);
        catalog::check(&examined.parts, &mut findings)?;
        if self.online
            && findings.faults.is_empty()
            && let Ok(loaded) = examined.whole()
        {
            online::check(&loaded.settings, &mut findings)?;
        }
        tell(&findings, common.json)
    }
}

fn tell(findings: &Findings, json: bool) -> Result<(), Failure> {
    let faults = findings.faults.faults();
    if json {
        let lines = faults.iter().map(Fault::line).collect();
        let sound = faults.is_empty();
        print::json(&Output { sound, faults: lines, remarks: &findings.remarks })?;
    } else {
        for remark in &findings.remarks {
            print::line(remark)?;
        }
        if !faults.is_empty() {
            print::note(findings.faults.render(io::stderr().is_terminal()).trim_end())?;
        }
    }
    match faults.len() {
        0 if json => Ok(()),
        0 => print::line("no faults"),
        1 => Err(Failure::new("1 fault")),
        count => Err(Failure::new(format!("{count} faults"))),
    }
}
