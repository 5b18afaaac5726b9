//! `audit verify`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use serde::Serialize;

use super::{Common, Failure, Source, bar};
use crate::audit::{self, Expected, Link, PublicKey, Verified, VerifyError};
use crate::command::print;

#[derive(Debug, Args)]
pub(in crate::command) struct Verify {
    /// The public key, from where nobody could change it; without it, the audit's own key.pub
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// An end that an earlier verification printed (NUMBER:HASH), which must be in the chain
    #[arg(long, value_name = "END")]
    holds: Option<End>,
    /// Accept that the segments before this number were taken away on purpose
    #[arg(long, value_name = "NUMBER")]
    from_segment: Option<u64>,
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Clone, Copy)]
struct End(Link);

impl FromStr for End {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let link = text.split_once(':').and_then(|(seq, hash)| Link::read(seq, hash));
        link.map(Self).ok_or("an end is NUMBER:HASH, as `audit verify` prints it")
    }
}

/// The result for a program.
#[derive(Debug, Serialize)]
struct Answer {
    status: &'static str,
    records: u64,
    segments: usize,
    end: String,
    unsigned: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    torn_bytes: Option<u64>,
}

impl Verify {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let folder = self.source.folder(common)?;
        let path = self.key.unwrap_or_else(|| folder.join("key.pub"));
        let named = || format!("the public key {} cannot be read", path.display());
        let text =
            std::fs::read_to_string(&path).map_err(|error| Failure::because(named(), &error))?;
        let key = PublicKey::read(&text).ok_or_else(|| Failure::new(named()))?;
        let expected =
            Expected { link: self.holds.map(|End(link)| link), from_segment: self.from_segment };
        let bar = bar::over(audit::size(&folder).unwrap_or(0));
        let verified = audit::verify(&folder, &key, expected, |bytes| bar.inc(bytes));
        bar.finish_and_clear();
        match verified {
            Ok(verified) => report(&verified, common.json),
            Err(VerifyError::Fault(fault)) => Err(Failure::new(format!("bad record: {fault}"))),
            Err(error @ (VerifyError::Empty(_) | VerifyError::Unreadable(_))) => {
                Err(Failure::because("the audit was not verified", &error))
            }
        }
    }
}

fn report(verified: &Verified, as_json: bool) -> Result<(), Failure> {
    let Verified { records, segments, unsigned, .. } = *verified;
    let end = format!("{}:{}", verified.end.seq, verified.end.hash);
    let torn_bytes = verified.torn.as_ref().map(|torn| torn.bytes);
    if as_json {
        let status = if torn_bytes.is_some() { "torn-tail" } else { "holds" };
        return print::json(&Answer { status, records, segments, end, unsigned, torn_bytes });
    }
    if let Some(torn) = &verified.torn {
        print::note(format!(
            "warning: torn tail: {} ends in {} bytes of an unfinished record, as a crash leaves it or a server that is \
             writing now; the next start sets them aside",
            torn.file.display(),
            torn.bytes,
        ))?;
    }
    if unsigned > 0 {
        print::note(format!("the last {unsigned} records are not signed yet"))?;
    }
    print::line(format!("{records} records in {segments} segments hold; end {end}"))
}
