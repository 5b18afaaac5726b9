//! `docs/settings.md`, written from the table of keys.

use std::fmt::Write as _;

use super::key::{Absent, Applies};
use super::table::ROWS;

/// The whole page.
#[must_use]
pub fn settings_page() -> String {
    let mut page = String::from(INTRODUCTION);
    let mut section = "";
    for row in ROWS {
        if row.section != section {
            section = row.section;
            page.push_str(&format!(
                "\n## `[{section}]`\n\n| key | value | without it | takes effect | meaning |\n| --- | --- | --- | --- | --- |\n"
            ));
        }
        let absent = match row.absent {
            Absent::Required => "**required**".to_owned(),
            Absent::Default(text) => format!("`{text}`"),
            Absent::Optional => "nothing".to_owned(),
        };
        let applies = match row.applies {
            Applies::Reload => "at a reload",
            Applies::Restart => "at a start",
        };
        // writing to a String never fails
        writeln!(
            page,
            "| `{}` | {} | {absent} | {applies} | {} |",
            row.name,
            (row.words)(),
            row.meaning
        )
        .unwrap_or_default();
    }
    page
}

const INTRODUCTION: &str = "\
# Settings

<!-- Written by `make docs` from src/settings/table.rs; a test fails when this page is stale. -->

`sluicegate serve --config FILE` reads one or more TOML files; of a key that stands in several, the last wins. After
the files come variables of the environment, `SLUICEGATE_SECTION__KEY` (`SLUICEGATE_LISTEN__ADDRESS`,
`SLUICEGATE_CREDENTIALS__NAME__KIND`): in capitals or not, lists with commas or as TOML. An unknown key, in a file or
in such a variable, is a fault: nothing starts. `sluicegate check` finds all faults at once and changes nothing.

A secret never stands in the settings: write `{ file = \"PATH\" }` or `{ env = \"NAME\" }`. Such a file must be closed to
other users (`chmod 600`). Relative paths are relative to the file that they stand in.

The settings are read again on SIGHUP and when one of their files changes: all of them or, when anything is wrong,
none, and the old ones stay. Keys that take effect at a start are then named in the log until the next start.
";
