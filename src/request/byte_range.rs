//! Byte ranges: RFC 9110, section 14. At most ten that do not overlap (R29).

/// One range as asked, before the object's length is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// `first-last`, both inclusive, `first <= last`.
    Bounded { first: u64, last: u64 },
    /// `first-`
    From { first: u64 },
    /// `-length`: the last `length` bytes.
    Suffix { length: u64 },
}

/// One to ten ranges in the order asked; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranges(Vec<ByteRange>);

/// What ranges mean for an object of known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// The ranges overlap, so that they are more bytes than they cover: section 14.2 lets a server send the whole
    /// object instead.
    Whole,
    /// At least one part, in the order asked, none overlapping another.
    Parts(Vec<Span>),
    /// No range reaches into the object.
    Unsatisfiable,
}

/// Bytes `first` to `last`, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub first: u64,
    pub last: u64,
}

const MOST_RANGES: usize = 10;

impl Ranges {
    /// Reads a `Range` header. `None`: to be ignored, as RFC 9110 says of what is malformed, of another unit,
    /// or (ours, as section 14.2 allows) of more than ten or overlapping ranges.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (unit, set) = header.split_once('=')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let mut ranges: Vec<ByteRange> = Vec::with_capacity(1);
        for element in set.split(',').take(MOST_RANGES * 2) {
            let element = element.trim_matches([' ', '\t']);
            // RFC 9110, 5.6.1.2: a recipient ignores a reasonable number of empty list elements
            if element.is_empty() {
                continue;
            }
            let range = ByteRange::parse(element)?;
            if ranges.len() == MOST_RANGES || ranges.iter().any(|other| range.overlaps(*other)) {
                return None;
            }
            ranges.push(range);
        }
        let within_reason = set.split(',').nth(MOST_RANGES * 2).is_none();
        (within_reason && !ranges.is_empty()).then_some(Self(ranges))
    }

    #[must_use]
    pub fn as_slice(&self) -> &[ByteRange] {
        &self.0
    }

    /// What is to be sent of an object of `length` bytes.
    #[must_use]
    pub fn resolve(&self, length: u64) -> Resolved {
        let parts: Vec<Span> = self.0.iter().filter_map(|range| range.resolve(length)).collect();
        // a suffix can meet another range only once the length is known
        let overlap = parts.iter().enumerate().any(|(index, part)| {
            parts.iter().skip(index + 1).any(|o| part.first <= o.last && o.first <= part.last)
        });
        match (parts.is_empty(), overlap) {
            (true, _) => Resolved::Unsatisfiable,
            (false, true) => Resolved::Whole,
            (false, false) => Resolved::Parts(parts),
        }
    }
}

impl ByteRange {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        match (first, last) {
            ("", length) => Some(Self::Suffix { length: number(length)? }),
            (first, "") => Some(Self::From { first: number(first)? }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::Bounded { first, last })
            }
        }
    }

    /// Whether both ask for a common byte, whatever the length. A suffix and another kind are judged in
    /// [`Ranges::resolve`].
    const fn overlaps(self, other: Self) -> bool {
        match (self, other) {
            (Self::Bounded { first, last }, Self::Bounded { first: other, last: other_last }) => {
                first <= other_last && other <= last
            }
            (Self::Bounded { last, .. }, Self::From { first })
            | (Self::From { first }, Self::Bounded { last, .. }) => first <= last,
            (Self::From { .. }, Self::From { .. }) => true,
            (Self::Suffix { length }, Self::Suffix { length: other }) => length > 0 && other > 0,
            (Self::Suffix { .. }, Self::Bounded { .. } | Self::From { .. })
            | (Self::Bounded { .. } | Self::From { .. }, Self::Suffix { .. }) => false,
        }
    }

    /// The bytes of an object of `length`; `None` when it does not reach into it.
    #[must_use]
    pub const fn resolve(self, length: u64) -> Option<Span> {
        let Some(end) = length.checked_sub(1) else {
            return None;
        };
        match self {
            Self::Bounded { first, .. } | Self::From { first } if first > end => None,
            Self::Bounded { first, last } if last < end => Some(Span { first, last }),
            Self::Bounded { first, .. } | Self::From { first } => Some(Span { first, last: end }),
            Self::Suffix { length: 0 } => None,
            Self::Suffix { length: wanted } => {
                Some(Span { first: length.saturating_sub(wanted), last: end })
            }
        }
    }
}

impl Span {
    /// Its number of bytes.
    #[must_use]
    pub const fn length(self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

/// Decimal digits; past 2^64 it stays at the largest number, which no object reaches.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn bounded(first: u64, last: u64) -> ByteRange {
        ByteRange::Bounded { first, last }
    }

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        let cases: &[(&str, &[ByteRange])] = &[
            ("bytes=0-0", &[bounded(0, 0)]),
            ("bytes=0-499", &[bounded(0, 499)]),
            ("BYTES=0-1", &[bounded(0, 1)]),
            ("bytes=500-", &[ByteRange::From { first: 500 }]),
            ("bytes=-100", &[ByteRange::Suffix { length: 100 }]),
            ("bytes=-0", &[ByteRange::Suffix { length: 0 }]),
            ("bytes=0-1, 4-5,\t8-", &[bounded(0, 1), bounded(4, 5), ByteRange::From { first: 8 }]),
            ("bytes=,0-1,,3-4,", &[bounded(0, 1), bounded(3, 4)]),
            ("bytes=9-9,0-1", &[bounded(9, 9), bounded(0, 1)]),
            ("bytes=0-99999999999999999999999999", &[bounded(0, u64::MAX)]),
            ("bytes=00000000000000000000000001-2", &[bounded(1, 2)]),
        ];
        for (header, expected) in cases {
            assert_eq!(Ranges::parse(header).unwrap().as_slice(), *expected, "{header}");
        }
    }

    #[test]
    fn what_is_malformed_or_excessive_is_ignored() {
        let eleven =
            format!("bytes={}", (0..11).map(|n| format!("{n}-{n}")).collect::<Vec<_>>().join(","));
        let empties = format!("bytes=0-1{}", ",".repeat(1000));
        let thousand = format!("bytes={}", "0-,".repeat(1000));
        let cases = [
            "",
            "bytes",
            "bytes=",
            "bytes= ",
            "bytes=,",
            "items=0-1",
            "bytes =0-1",
            "bytes=1-0",
            "bytes=-",
            "bytes=a-b",
            "bytes=0x1-2",
            "bytes=+1-2",
            "bytes=1--2",
            "bytes=1-2-3",
            "bytes=0-1;4-5",
            "bytes=0 - 1",
            "bytes=0-1,x",
            "bytes=0-5,5-9",
            "bytes=0-,5-6",
            "bytes=0-,9-",
            "bytes=-5,-6",
            "bytes=٣-٤",
            "bytes=0-1\0",
            &eleven,
            &empties,
            &thousand,
        ];
        for header in cases {
            assert_eq!(Ranges::parse(header), None, "{header}");
        }
        assert!(Ranges::parse(&eleven.replace(",10-10", "")).is_some(), "ten are allowed");
    }

    #[test]
    fn ranges_resolve_against_the_length() {
        let parts = |spans: &[(u64, u64)]| {
            Resolved::Parts(spans.iter().map(|&(first, last)| Span { first, last }).collect())
        };
        let cases = [
            ("bytes=0-0", 10, parts(&[(0, 0)])),
            ("bytes=0-99", 10, parts(&[(0, 9)])),
            ("bytes=9-", 10, parts(&[(9, 9)])),
            ("bytes=10-", 10, Resolved::Unsatisfiable),
            ("bytes=10-20", 10, Resolved::Unsatisfiable),
            ("bytes=-3", 10, parts(&[(7, 9)])),
            ("bytes=-99", 10, parts(&[(0, 9)])),
            ("bytes=-0", 10, Resolved::Unsatisfiable),
            ("bytes=0-", 0, Resolved::Unsatisfiable),
            ("bytes=-1", 0, Resolved::Unsatisfiable),
            ("bytes=0-1,20-", 10, parts(&[(0, 1)])),
            ("bytes=0-1,-2", 10, parts(&[(0, 1), (8, 9)])),
            ("bytes=0-8,-2", 10, Resolved::Whole),
            ("bytes=0-18446744073709551615", u64::MAX, parts(&[(0, u64::MAX - 1)])),
            ("bytes=-18446744073709551616", u64::MAX, parts(&[(0, u64::MAX - 1)])),
        ];
        for (header, length, expected) in cases {
            assert_eq!(
                Ranges::parse(header).unwrap().resolve(length),
                expected,
                "{header} of {length}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic_and_parts_stay_inside(text in ".{0,60}", length: u64) {
            let header = format!("bytes={text}");
            if let Some(ranges) = Ranges::parse(&header)
                && let Resolved::Parts(parts) = ranges.resolve(length)
            {
                prop_assert!((1..=MOST_RANGES).contains(&parts.len()));
                for part in parts {
                    prop_assert!(part.first <= part.last && part.last < length);
                }
            }
        }
    }
}
