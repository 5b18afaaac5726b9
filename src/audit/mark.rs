//! The lines that are about the chain itself: heads of segments, signed checkpoints, and notes of what went wrong.

use serde::Serialize;

use crate::ground::clock::Timestamp;

/// A line that no request stands behind.
#[derive(Debug, Serialize)]
pub(super) struct Mark<'a> {
    pub(super) seq: u64,
    pub(super) time: Timestamp,
    pub(super) node: &'a str,
    #[serde(flatten)]
    pub(super) what: What,
}

/// A signature here is over the line before: its number and its hash.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum What {
    /// The first line of every segment, which names the last hash of the segment before.
    Segment {
        segment: u64,
        before: String,
        public_key: String,
        version: &'static str,
        signature: String,
    },
    Checkpoint {
        why: Why,
        signature: String,
    },
    /// A start found an unfinished line at the end; its bytes were moved to `file`.
    TornTail {
        bytes: u64,
        file: String,
    },
    /// A start found the last segment changed; it stands as it was found.
    Tampered {
        fault: String,
    },
    /// While the audit could not be written, so many requests were refused (503) and could not be recorded.
    Unrecorded {
        requests: u64,
    },
}

/// Why a checkpoint stands where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Why {
    Interval,
    SegmentEnd,
    Stop,
}

#[cfg(test)]
mod tests {
    use super::super::fixture::AT;
    use super::{Mark, What, Why};

    #[test]
    fn every_field_is_in_the_dictionary() {
        let dictionary = include_str!("../../docs/audit.md");
        let text = String::new;
        for what in [
            What::Segment {
                segment: 1,
                before: text(),
                public_key: text(),
                version: "1",
                signature: text(),
            },
            What::Checkpoint { why: Why::Interval, signature: text() },
            What::TornTail { bytes: 1, file: text() },
            What::Tampered { fault: text() },
            What::Unrecorded { requests: 1 },
        ] {
            let line = serde_json::to_value(Mark { seq: 1, time: AT, node: "n", what }).unwrap();
            let kind = line["kind"].as_str().unwrap();
            for field in line.as_object().unwrap().keys() {
                let is_told = dictionary.lines().any(|row| {
                    row.starts_with('|')
                        && row.contains(&format!("`{field}`"))
                        && (row.contains("| all |") || row.contains(&format!("`{kind}`")))
                });
                assert!(is_told, "{field} of {kind} is not in docs/audit.md");
            }
        }
    }
}
