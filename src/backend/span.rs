//! Ranges as a storage is told and tells them: RFC 9110, section 14.

use http::HeaderValue;

use crate::request::{ByteRange, Span};

/// A `Content-Range` of bytes that is not `*/…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub span: Span,
    /// The whole object's length, unless it was said to be unknown.
    pub of: Option<u64>,
}

impl ContentRange {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (span, of) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = span.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let of = if of == "*" { None } else { Some(number(of)?) };
        let sound = first <= last && of.is_none_or(|of| last < of);
        sound.then_some(Self { span: Span { first, last }, of })
    }

    /// Whether this is what was asked for, and not merely some part of the object.
    pub(super) fn answers(&self, range: ByteRange) -> bool {
        match (self.of, range) {
            (Some(of), range) => range.resolve(of) == Some(self.span),
            (None, ByteRange::Bounded { first, last }) => {
                self.span.first == first && self.span.last <= last
            }
            (None, ByteRange::From { .. } | ByteRange::Suffix { .. }) => false,
        }
    }
}

/// Digits only: `u64::from_str` would take a sign.
pub(super) fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The value of a `Range` header.
pub(super) fn range_header(range: ByteRange) -> Option<HeaderValue> {
    let text = match range {
        ByteRange::Bounded { first, last } => format!("bytes={first}-{last}"),
        ByteRange::From { first } => format!("bytes={first}-"),
        ByteRange::Suffix { length } => format!("bytes=-{length}"),
    };
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn bounded(first: u64, last: u64) -> ByteRange {
        ByteRange::Bounded { first, last }
    }

    #[test]
    fn a_content_range_must_be_what_was_asked() {
        let suffix = |length| ByteRange::Suffix { length };
        let cases = [
            ("bytes 0-9/10", bounded(0, 9), true),
            ("bytes 0-9/10", bounded(0, 100), true),
            ("bytes 0-8/10", bounded(0, 9), false),
            ("bytes 1-9/10", bounded(0, 9), false),
            ("bytes 0-9/*", bounded(0, 9), true),
            ("bytes 0-9/*", ByteRange::From { first: 0 }, false),
            ("bytes 7-9/10", suffix(3), true),
            ("bytes 6-9/10", suffix(3), false),
            ("bytes 0-9/10", suffix(30), true),
            ("bytes 5-9/10", ByteRange::From { first: 5 }, true),
        ];
        for (header, range, expected) in cases {
            let parsed = ContentRange::parse(header).unwrap();
            assert_eq!(parsed.answers(range), expected, "{header} for {range:?}");
        }
        for bad in [
            "",
            "bytes",
            "bytes */10",
            "bytes 5-4/10",
            "bytes 0-10/10",
            "bytes +0-1/10",
            "bytes 0-1",
            "items 0-1/10",
            "bytes 0-1/-",
            "bytes 0-99999999999999999999/*",
            "bytes -1/10",
            "bytes 0-/10",
        ] {
            assert_eq!(ContentRange::parse(bad), None, "{bad}");
        }
    }
}
