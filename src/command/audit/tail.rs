//! `audit tail`.

use std::time::Duration;

use clap::Args;

use super::{Common, Failure, Source, show, unreadable};
use crate::audit;

#[derive(Debug, Args)]
pub(in crate::command) struct Tail {
    /// How many of the last requests to show
    #[arg(short = 'n', long, default_value_t = 10)]
    last: usize,
    /// Go on showing requests as they end
    #[arg(short, long)]
    follow: bool,
    /// Only in this organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    #[command(flatten)]
    source: Source,
}

/// How often the files are looked at.
const EVERY: Duration = Duration::from_millis(200);

impl Tail {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let folder = self.source.folder(common)?;
        let opened = audit::Tail::open(&folder, self.last, self.organization);
        let (mut tail, last) = opened.map_err(|error| unreadable(&error))?;
        last.iter().try_for_each(|found| show(found, common.json))?;
        if !self.follow {
            return Ok(());
        }
        loop {
            std::thread::sleep(EVERY);
            let mut shown = Ok(());
            let more = tail.more(|found| {
                if shown.is_ok() {
                    shown = show(&found, common.json);
                }
            });
            more.map_err(|error| unreadable(&error))?;
            shown?;
        }
    }
}
