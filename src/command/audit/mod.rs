//! `audit …`: what happened. These verbs only read; they need no running server, and `--folder` no settings either.

mod ask;
mod bar;
mod tail;
mod verify;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Common, Failure, attended};
use crate::audit::{Found, FoundEnd, printable, to_json};
use crate::settings::{self, Environment};

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Check that nothing was changed, cut or taken out; names the first bad record
    Verify(verify::Verify),
    /// Show the last requests, and those that come
    Tail(tail::Tail),
    /// List who was given an object
    WhoSaw(ask::WhoSaw),
    /// List the objects that an account was given
    WhatSaw(ask::WhatSaw),
}

impl Audit {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Verify(verb) => verb.run(common),
            Self::Tail(verb) => verb.run(common),
            Self::WhoSaw(verb) => verb.run(common),
            Self::WhatSaw(verb) => verb.run(common),
        }
    }
}

/// Which audit is read.
#[derive(Debug, Args)]
struct Source {
    /// The audit's folder; without it, the one that the settings name
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Source {
    fn folder(&self, common: &Common) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        match settings::load(&common.config, &Environment::of_process()) {
            Ok(loaded) => Ok(loaded.settings.audit.folder),
            Err(report) => Err(Failure::new(report.render(std::io::stderr().is_terminal()))
                .next("mend the settings, or name the audit with --folder DIR")),
        }
    }
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::because("the audit cannot be read", error)
}

/// One request: JSON for a program, a line for a person.
fn show(found: &Found, as_json: bool) -> Result<(), Failure> {
    if !as_json {
        return super::print::line(in_words(found));
    }
    let text = to_json(found).map_err(|error| Failure::because("a record is no JSON", &error))?;
    super::print::line(text)
}

fn in_words(found: &Found) -> String {
    let (facts, end) = (&found.facts, &found.end);
    let text = |value: Option<&str>| printable(value.unwrap_or("-"));
    let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    let object = match (&facts.project, &facts.storage) {
        (Some(project), Some(storage)) => {
            let key = facts.key.as_deref().unwrap_or_default();
            printable(&format!("{project}/{storage}/{key}"))
        }
        _no_object => "-".to_owned(),
    };
    let outcome = printable(end.outcome.as_deref().unwrap_or("unfinished"));
    let why = match (&end.code, &end.reason) {
        (Some(code), Some(reason)) => format!("  {}", printable(&format!("{code}: {reason}"))),
        _no_refusal => String::new(),
    };
    format!(
        "{}  {}  {}  {}  {}  {object}  {}  {} bytes  {outcome}{why}{}",
        found.time,
        printable(&found.request),
        text(facts.client.as_deref()),
        text(found.asker()),
        text(facts.operation.as_deref()),
        end.status.map_or("-".to_owned(), |status| status.to_string()),
        number(end.bytes),
        attendance(end),
    )
}

/// Who came or went, and what that brought; nothing for most requests.
fn attendance(end: &FoundEnd) -> String {
    let details =
        attended::details(end).map(|(name, values)| format!("{name}: {}", values.join(", ")));
    let words: Vec<_> = attended::sign_in(end).into_iter().chain(details).collect();
    if words.is_empty() { String::new() } else { format!("  {}", printable(&words.join("; "))) }
}

#[cfg(test)]
mod tests {
    use super::{Found, in_words};

    #[test]
    fn no_field_of_a_forged_record_reaches_the_terminal_as_it_stands() {
        let forged = r#"{"seq":1,"time":"2027-01-15T08:00:00Z","request":"R","client":"R","email":"R",
            "operation":"R","project":"R","storage":"R","key":"R","code":"R","reason":"R","outcome":"R",
            "sign_in":"R","signed_in_by":"R","assertion":"R","changes":["R"],"credentials":["R"],"signed_out":["R"]}"#;
        let found: Found = serde_json::from_str(&forged.replace('R', "\\u001b[2J")).unwrap();
        let shown = in_words(&found);
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
        assert_eq!(shown.matches("[2J").count(), 16, "{shown}");
    }

    #[test]
    fn a_sign_in_is_one_line_with_who_came_how_and_what_he_got() {
        let shown = |more: &str| {
            let text = format!(
                r#"{{"seq":1,"time":"2027-01-15T08:00:00Z","request":"r","client":"::1","operation":"SignIn","status":303,"bytes":0,"outcome":"complete",{more}}}"#
            );
            in_words(&serde_json::from_str(&text).unwrap())
        };
        let start = "2027-01-15T08:00:00Z  r  ::1";
        for (more, expected) in [
            (
                r#""sign_in":"a@example.com","signed_in_by":"saml","assertion":"_1","changes":["made"],"credentials":["x: y","z: w not had: no"]"#,
                "a@example.com  SignIn  -  303  0 bytes  complete  a@example.com signed in by saml; assertion: _1; changes: made; credentials: x: y, z: w not had: no",
            ),
            (
                r#""sign_in":"a@example.com","signed_in_by":"break-glass""#,
                "a@example.com  SignIn  -  303  0 bytes  complete  a@example.com signed in by break-glass",
            ),
            (
                r#""sign_in":"a@example.com","code":"c","reason":"why""#,
                "-  SignIn  -  303  0 bytes  complete  c: why  a@example.com was named, and did not sign in",
            ),
            (
                r#""signed_out":["a@example.com","b@example.com"]"#,
                "-  SignIn  -  303  0 bytes  complete  signed out: a@example.com, b@example.com",
            ),
            (
                r#""email":"c@example.com","sign_in":"a@example.com","signed_in_by":"saml""#,
                "c@example.com  SignIn  -  303  0 bytes  complete  a@example.com signed in by saml",
            ),
        ] {
            assert_eq!(shown(more), format!("{start}  {expected}"));
        }
    }
}
