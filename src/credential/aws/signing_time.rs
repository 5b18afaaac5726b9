//! The moment of a signature, in the two forms that Signature Version 4 writes it.

use crate::ground::clock::{Offset, Timestamp};

/// A moment, to the second. Made once and used for every header of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigningTime {
    date: [u8; 8],
    full: [u8; 16],
}

impl SigningTime {
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        let civil = Offset::UTC.to_datetime(at);
        let year = civil.year().unsigned_abs();
        let [y1, y2] = two(u8::try_from(year / 100).unwrap_or_default());
        let [y3, y4] = two(u8::try_from(year % 100).unwrap_or_default());
        let [m1, m2] = two(civil.month().unsigned_abs());
        let [d1, d2] = two(civil.day().unsigned_abs());
        let [h1, h2] = two(civil.hour().unsigned_abs());
        let [i1, i2] = two(civil.minute().unsigned_abs());
        let [s1, s2] = two(civil.second().unsigned_abs());
        Self {
            date: [y1, y2, y3, y4, m1, m2, d1, d2],
            full: [y1, y2, y3, y4, m1, m2, d1, d2, b'T', h1, h2, i1, i2, s1, s2, b'Z'],
        }
    }

    /// `20260101T000000Z`: the value of `x-amz-date`.
    #[must_use]
    pub fn amz_date(&self) -> &str {
        std::str::from_utf8(&self.full).unwrap_or_default()
    }

    /// `20260101`.
    #[must_use]
    pub fn date(&self) -> &str {
        std::str::from_utf8(&self.date).unwrap_or_default()
    }
}

/// Two decimal digits of a number below 100.
const fn two(number: u8) -> [u8; 2] {
    [b'0' + number / 10 % 10, b'0' + number % 10]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_as_aws_writes_it() {
        for (stamp, full) in [
            ("2026-01-01T00:00:00Z", "20260101T000000Z"),
            ("2015-08-30T12:36:07.999Z", "20150830T123607Z"),
            ("2024-02-29T23:59:59Z", "20240229T235959Z"),
        ] {
            let time = SigningTime::new(stamp.parse().unwrap());
            assert_eq!(time.amz_date(), full);
            assert_eq!(Some(time.date()), full.get(..8));
        }
    }
}
