//! `session …`: who is signed in now.

use clap::{Args, Subcommand};

use super::options::{account, of_all, wherever};
use super::{Common, Failure, print};
use crate::catalog::{Email, SessionId};
use crate::ground::clock::Timestamp;
use crate::records::SessionRow;

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
    email: Option<Email>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Revoke {
    /// The number that `session list` shows
    number: Option<i64>,
    /// All sessions of this account
    #[arg(long)]
    email: Option<Email>,
}

#[derive(Debug, serde::Serialize)]
struct Row {
    number: SessionId,
    email: Email,
    created: Timestamp,
    last_seen: Timestamp,
    ends: Timestamp,
    address: String,
    user_agent: String,
    /// What it began with.
    by: &'static str,
}

impl Session {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::List(it) => it.run(common),
            Self::Revoke(Revoke { email: Some(email), .. }) => {
                common.with_records(async |records| {
                    let found = account(records, &email).await?;
                    let ended = records.end_sessions_of(found.organization, found.id).await?;
                    print::note(format_args!("{ended} sessions of {email} ended"))
                })
            }
            Self::Revoke(Revoke { number, email: None }) => {
                revoke(common, SessionId(number.unwrap_or_default()))
            }
        }
    }
}

fn revoke(common: &Common, number: SessionId) -> Result<(), Failure> {
    common.with_records(async |records| {
        let revoke = async |organization| records.revoke_session(organization, number).await;
        wherever(records, "session", revoke).await?;
        print::note(format_args!("session {} ended", number.0))
    })
}

impl List {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let rows = common.with_records(async |records| {
            of_all(records, async |organization| records.sessions(organization).await).await
        })?;
        let wanted = |email: &Email| self.email.as_ref().is_none_or(|named| named == email);
        let rows: Vec<_> =
            rows.into_iter().filter(|row| wanted(&row.email)).map(Row::from).collect();
        if common.json {
            return print::json(&rows);
        }
        let cells = rows.iter().map(|row| {
            let Row { number, email, last_seen, ends, address, by, .. } = row;
            let number = number.0.to_string();
            let (seen, ends) = (last_seen.to_string(), ends.to_string());
            [number, email.to_string(), seen, ends, address.clone(), (*by).to_owned()]
        });
        let headings = ["NUMBER", "E-MAIL", "LAST SEEN", "ENDS AT THE LATEST", "ADDRESS", "BY"];
        print::table(headings, &cells.collect::<Vec<_>>())
    }
}

impl From<SessionRow> for Row {
    fn from(row: SessionRow) -> Self {
        let by = if row.vouched { "saml" } else { "password" };
        let SessionRow { id, email, created, last_seen, absolute_end, address, user_agent, .. } =
            row;
        Self { number: id, email, created, last_seen, ends: absolute_end, address, user_agent, by }
    }
}
