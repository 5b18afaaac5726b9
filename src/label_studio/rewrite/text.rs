//! Texts that pass line by line: CSV, TSV, plain.

use super::find::{self, Known, Location};
use super::{Garbled, LONGEST};

/// Rewrites lines. Holds back one at most.
#[derive(Debug)]
pub struct TextRewriter {
    known: Known,
    held: Vec<u8>,
}

impl TextRewriter {
    #[must_use]
    pub const fn new(known: Known) -> Self {
        Self { known, held: Vec::new() }
    }

    /// Takes the next piece and gives out every whole line.
    ///
    /// # Errors
    /// [`Garbled`] for a line without end, or what is not UTF-8.
    pub fn push(
        &mut self,
        piece: &[u8],
        with: &mut dyn FnMut(&Location, &str) -> String,
        out: &mut Vec<u8>,
    ) -> Result<(), Garbled> {
        self.held.extend_from_slice(piece);
        let Some(end) = self.held.iter().rposition(|byte| *byte == b'\n') else {
            return if self.held.len() > LONGEST { Err(Garbled::TooLong) } else { Ok(()) };
        };
        let rest = self.held.split_off(end + 1);
        let lines = std::mem::replace(&mut self.held, rest);
        self.rewrite(&lines, with, out)
    }

    /// The last line.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn finish(
        mut self,
        with: &mut dyn FnMut(&Location, &str) -> String,
        out: &mut Vec<u8>,
    ) -> Result<(), Garbled> {
        let last = std::mem::take(&mut self.held);
        self.rewrite(&last, with, out)
    }

    fn rewrite(
        &self,
        lines: &[u8],
        with: &mut dyn FnMut(&Location, &str) -> String,
        out: &mut Vec<u8>,
    ) -> Result<(), Garbled> {
        let lines = str::from_utf8(lines).or(Err(Garbled::NotJson))?;
        for line in lines.split_inclusive('\n') {
            let mut rest = line;
            while !rest.is_empty() {
                let (cell, after) = rest.split_at_checked(cell(rest)).unwrap_or((rest, ""));
                let whole = find::replace(cell, &self.known, with);
                out.extend_from_slice(whole.as_deref().unwrap_or(cell).as_bytes());
                let joint = after.chars().next().map_or(0, char::len_utf8);
                let (joint, after) = after.split_at_checked(joint).unwrap_or((after, ""));
                out.extend_from_slice(joint.as_bytes());
                rest = after;
            }
        }
        Ok(())
    }
}

/// The length of the cell that a line begins with (RFC 4180: quotes are doubled inside of quotes).
fn cell(line: &str) -> usize {
    let ends = |c: char| matches!(c, ',' | '\t' | '\n' | '\r');
    let Some(quoted) = line.strip_prefix('"') else {
        return line.find(ends).unwrap_or(line.len());
    };
    let mut from = 0;
    while let Some(at) = quoted.get(from..).and_then(|rest| rest.find('"')) {
        let after = from + at + 1;
        match quoted.get(after..).and_then(|rest| rest.chars().next()) {
            Some('"') => from = after + 1,
            Some(_) | None => return after + 1,
        }
    }
    line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_rewritten_however_the_text_is_cut() {
        let csv =
            "id,image,more\n1,s3://b/one.png,\"[\"\"s3:\\/\\/b\\/two\"\"]\"\n2,plain,s3://b/three";
        let expected = "id,image,more\n1,H,\"[\"\"H\"\"]\"\n2,plain,H";
        for step in 1..csv.len() {
            let (mut rewriter, mut out) = (TextRewriter::new(Known::default()), Vec::new());
            let with = &mut |_: &Location, _: &str| "H".to_owned();
            for piece in csv.as_bytes().chunks(step) {
                rewriter.push(piece, with, &mut out).unwrap();
            }
            rewriter.finish(with, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{step}");
        }
    }
}
