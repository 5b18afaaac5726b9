//! `audit who-saw` and `audit what-saw`.

use std::io;

use clap::Args;

use super::{Common, Failure, Source, bar, show, unreadable};
use crate::audit::{Entries, Filter, Found, ObjectName, Questions};
use crate::command::print;
use crate::ground::clock::Timestamp;

#[derive(Debug, Args)]
pub(in crate::command) struct WhoSaw {
    /// The object: PROJECT/STORAGE/KEY
    object: ObjectName,
    #[command(flatten)]
    narrow: Narrow,
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Args)]
pub(in crate::command) struct WhatSaw {
    /// The account's e-mail address
    account: String,
    #[command(flatten)]
    narrow: Narrow,
    #[command(flatten)]
    source: Source,
}

/// What both questions take.
#[derive(Debug, Args)]
struct Narrow {
    /// Only in this organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Only from this time on, as in 2027-01-15T08:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Also what was asked and gave nothing of an object: refusals, failures, writes, listings, sign-ins
    #[arg(long)]
    all: bool,
}

impl Narrow {
    fn filter(self) -> Filter {
        Filter { since: self.since, organization: self.organization, all: self.all }
    }
}

impl WhoSaw {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let questions = Questions::new(&self.source.folder(common)?);
        let entries = questions.who_saw(self.object, self.narrow.filter());
        answer(entries.map_err(|error| unreadable(&error))?, common)
    }
}

impl WhatSaw {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let questions = Questions::new(&self.source.folder(common)?);
        let entries = questions.what_saw(&self.account, self.narrow.filter());
        answer(entries.map_err(|error| unreadable(&error))?, common)
    }
}

fn answer<F>(mut entries: Entries<F>, common: &Common) -> Result<(), Failure>
where
    Entries<F>: Iterator<Item = io::Result<Found>>,
    F: Fn(&Found) -> bool,
{
    let bar = bar::over(entries.total_bytes());
    let mut count: u64 = 0;
    while let Some(found) = entries.next() {
        let found = found.map_err(|error| unreadable(&error))?;
        bar.set_position(entries.read_bytes());
        bar.suspend(|| show(&found, common.json))?;
        count += 1;
    }
    bar.finish_and_clear();
    if count == 0 { print::note("(none)") } else { Ok(()) }
}
