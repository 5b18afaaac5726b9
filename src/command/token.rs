//! `token …`: what programs show instead of a password.

use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::options::{account, of_all, wherever};
use super::{Common, Failure, print};
use crate::catalog::{Allowed, Email, ProjectName, Scope, TokenId};
use crate::ground::clock::{Clock, SignedDuration, Timestamp};
use crate::ground::random::Random;
use crate::identity::{TokenWish, create_token};
use crate::records::TokenRow;
use crate::request::Operation;

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
    email: Email,
    /// What it is for, to recognise it in lists
    #[arg(long)]
    name: String,
    /// Only this project; may be given several times. Without it: all of the account's
    #[arg(long = "project")]
    projects: Vec<ProjectName>,
    /// Only this operation (as `policy matrix` names them); may be given several times. Without it: all
    #[arg(long = "operation", value_parser = PossibleValuesParser::new(Operation::NAMES))]
    operations: Vec<String>,
    /// How long it lives: 30d, 12h, 45m; `never` only ends when it is revoked
    #[arg(long, value_name = "DURATION", default_value = "90d")]
    expires: Lifetime,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this account
    #[arg(long)]
    email: Option<Email>,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The number that `token list` shows
    number: i64,
}

#[derive(Debug, serde::Serialize)]
struct Row {
    number: TokenId,
    email: Email,
    name: String,
    projects: Allowed<ProjectName>,
    operations: Allowed<String>,
    created: Timestamp,
    expires: Option<Timestamp>,
    last_used: Option<Timestamp>,
    revoked: Option<Timestamp>,
}

impl Token {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Create(it) => it.run(common),
            Self::List(it) => it.run(common),
            Self::Revoke(Revoke { number }) => common.with_records(async |records| {
                let revoke =
                    async |organization| records.revoke_token(organization, TokenId(number)).await;
                wherever(records, "token", revoke).await?;
                print::note(format_args!("token {number} is revoked"))
            }),
        }
    }
}

impl Create {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let (number, text) = common.with_records(async |records| {
            let account = account(records, &self.email).await?;
            let projects = records.projects(account.organization).await?;
            let unknown =
                self.projects.iter().find(|name| projects.iter().all(|one| one.name != **name));
            if let Some(name) = unknown {
                return Err(Failure::new(format!(
                    "the account's organization has no project {name}"
                ))
                .next("sluicegate project list"));
            }
            let scope =
                Scope { projects: only(&self.projects), operations: only(&self.operations) };
            let wish = TokenWish {
                organization: account.organization,
                account: account.id,
                name: &self.name,
                scope: &scope,
                expires: self.expires.until()?,
            };
            Ok(create_token(records, &Random::system(), wish).await?)
        })?;
        if common.json {
            return print::json(&serde_json::json!({ "number": number, "token": text.expose() }));
        }
        print::note("This is shown once; who has it may do what it may do:")?;
        print::line(text.expose())
    }
}

impl List {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let rows = common.with_records(async |records| {
            of_all(records, async |organization| records.tokens(organization).await).await
        })?;
        let wanted = |email: &Email| self.email.as_ref().is_none_or(|named| named == email);
        let rows: Vec<_> =
            rows.into_iter().filter(|row| wanted(&row.email)).map(Row::from).collect();
        if common.json {
            return print::json(&rows);
        }
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        let cells = rows.iter().map(|row| {
            let projects = words(&row.projects, |one| one.to_string());
            let operations = words(&row.operations, Clone::clone);
            let end = match (row.revoked, row.expires) {
                (Some(revoked), _) => format!("revoked {revoked}"),
                (None, expires) => time(expires),
            };
            let number = row.number.0.to_string();
            let email = row.email.to_string();
            [number, email, row.name.clone(), projects, operations, end, time(row.last_used)]
        });
        let headings = ["NUMBER", "E-MAIL", "NAME", "PROJECTS", "OPERATIONS", "ENDS", "LAST USED"];
        print::table(headings, &cells.collect::<Vec<_>>())
    }
}

impl From<TokenRow> for Row {
    fn from(row: TokenRow) -> Self {
        let TokenRow { id, email, name, scope, created, expires, last_used, revoked, .. } = row;
        let Scope { projects, operations } = scope;
        Self { number: id, email, name, projects, operations, created, expires, last_used, revoked }
    }
}

/// On the command line an option that is not given does not restrict.
fn only<T: Clone>(given: &[T]) -> Allowed<T> {
    if given.is_empty() { Allowed::All } else { Allowed::Only(given.to_vec()) }
}

fn words<T>(allowed: &Allowed<T>, word: impl Fn(&T) -> String) -> String {
    match allowed {
        Allowed::All => "all".to_owned(),
        Allowed::Only(list) => list.iter().map(word).collect::<Vec<_>>().join(", "),
    }
}

/// How long a token or an invitation lives, as people write it: `30d`, `12h`, `45m`, `90s`, `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    For(SignedDuration),
    Never,
}

impl Lifetime {
    pub(super) fn until(self) -> Result<Option<Timestamp>, Failure> {
        let Self::For(time) = self else { return Ok(None) };
        let far = |error| Failure::because("that is too far away", &error);
        Clock::system().now().checked_add(time).map(Some).map_err(far)
    }
}

impl FromStr for Lifetime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let fault = "a whole number with d, h, m or s, such as 30d, or never";
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(fault)?;
        let seconds = match unit {
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            "s" => 1,
            _ => return Err(fault),
        };
        let number: u32 = number.parse().or(Err(fault))?;
        let long_enough = number > 0 && number <= 36_500;
        long_enough
            .then(|| Self::For(SignedDuration::from_secs(i64::from(number) * seconds)))
            .ok_or(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::{Lifetime, SignedDuration};

    #[test]
    fn lifetimes_are_a_number_and_a_unit() {
        for (text, seconds) in [
            ("30d", Some(2_592_000)),
            ("12h", Some(43_200)),
            ("45m", Some(2_700)),
            ("90s", Some(90)),
            ("0d", None),
            ("-1d", None),
            ("30", None),
            ("d", None),
            ("", None),
            ("1.5h", None),
            ("30é", None),
            ("99999999999d", None),
        ] {
            let expected = seconds.map(|seconds| Lifetime::For(SignedDuration::from_secs(seconds)));
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
        assert_eq!("never".parse(), Ok(Lifetime::Never));
    }
}
