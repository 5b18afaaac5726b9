//! Results on standard output. A reader who closes the pipe early (`| head`) is no failure.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write as _};

use super::{Common, Failure};
use crate::catalog::{self, Overlap, Place, StorageKey};
use crate::records::MemberRow;

/// One line for a person.
pub(super) fn line(text: impl Display) -> Result<(), Failure> {
    finished(writeln!(io::stdout().lock(), "{text}"))
}

/// One line of words beside the result: to standard error.
pub(super) fn note(text: impl Display) -> Result<(), Failure> {
    finished(writeln!(io::stderr().lock(), "{text}"))
}

/// One JSON value on one line, for a program.
pub(super) fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::because("the result cannot be written as JSON", &error))?;
    line(text)
}

/// Words about storages of different projects that hold the same objects.
pub(super) fn overlaps(
    places: &BTreeMap<StorageKey, Place>,
    wanted: impl Fn(&Overlap) -> bool,
) -> Result<(), Failure> {
    catalog::overlaps(places).iter().filter(|one| wanted(one)).try_for_each(note)
}

/// Rows under their headings, columns as wide as they must be.
pub(super) fn table<const N: usize>(
    headings: [&str; N],
    rows: &[[String; N]],
) -> Result<(), Failure> {
    if rows.is_empty() {
        return note("(none)");
    }
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    line(laid_out(&headings, &widths))?;
    rows.iter().try_for_each(|row| line(laid_out(row, &widths)))
}

/// The members of a workspace or project.
pub(super) fn members(common: &Common, rows: Vec<MemberRow>) -> Result<(), Failure> {
    if common.json {
        let rows = rows.iter().map(
            |row| serde_json::json!({"email": row.email, "role": row.role, "mapped": row.mapped}),
        );
        return json(&rows.collect::<Vec<_>>());
    }
    let cells = rows.into_iter().map(|row| {
        let from = if row.mapped { "groups" } else { "by hand" };
        [row.email.to_string(), row.role.to_string(), from.to_owned()]
    });
    table(["E-MAIL", "ROLE", "GIVEN"], &cells.collect::<Vec<_>>())
}

fn laid_out<T: AsRef<str>>(row: &[T], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths);
    let padded: Vec<_> = cells.map(|(cell, width)| format!("{:<width$}", cell.as_ref())).collect();
    padded.join("  ").trim_end().to_owned()
}

fn finished(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::because("cannot write the result", &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_line_up_and_lines_end_without_spaces() {
        let text = super::laid_out(&["a", "é", ""], &[3, 2, 5]);
        assert_eq!(text, "a    é");
    }
}
