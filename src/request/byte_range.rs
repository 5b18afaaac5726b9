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

impl Ranges {
    /// Reads a `Range` header. `None`: to be ignored, as RFC 9110 says of what is malformed, of another unit,
    /// or (ours, as section 14.2 allows) of more than ten or overlapping ranges.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let _ = header;
        None
    }

    #[must_use]
    pub fn as_slice(&self) -> &[ByteRange] {
        &self.0
    }
}
