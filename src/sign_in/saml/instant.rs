//! Points in time as SAML writes them: `xs:dateTime` in UTC (SAML core 1.3.3).

use crate::ground::clock::Timestamp;

/// The point in time; `None` for anything but `YYYY-MM-DDThh:mm:ss[.fraction]Z`. Other zones, leap seconds and the many
/// other spellings that calendars know are not SAML's.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let whole = text.strip_suffix('Z')?;
    let (seconds, fraction) = match whole.split_once('.') {
        Some((seconds, fraction)) => (seconds, Some(fraction)),
        None => (whole, None),
    };
    let shaped = seconds.len() == 19
        && seconds.bytes().zip(*b"0000-00-00T00:00:00").all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        });
    let fine = fraction.is_none_or(|digits| {
        (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    (shaped && fine && !seconds.ends_with(":60")).then(|| text.parse().ok())?
}

/// The same to the second, as we write it.
pub(super) fn written(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::{parse, written};

    #[test]
    fn only_utc_as_saml_writes_it() {
        for (text, good) in [
            ("2026-11-26T08:00:00Z", true),
            ("2026-11-26T08:00:00.123Z", true),
            ("2026-11-26T08:00:00.1234567Z", true),
            ("2024-02-29T00:00:00Z", true),
            ("2026-02-29T00:00:00Z", false),
            ("2026-11-26T24:00:00Z", false),
            ("2026-11-26T08:00:60Z", false),
            ("2026-11-26T08:00:00.Z", false),
            ("2026-11-26T08:00:00.1234567890Z", false),
            ("2026-11-26T08:00:00+00:00", false),
            ("2026-11-26T08:00:00", false),
            ("2026-11-26 08:00:00Z", false),
            ("2026-11-26t08:00:00z", false),
            ("-026-11-26T08:00:00Z", false),
            ("2026-11-26T08:00:00Z[UTC]", false),
            (" 2026-11-26T08:00:00Z", false),
            ("２026-11-26T08:00:00Z", false),
            ("", false),
        ] {
            assert_eq!(parse(text).is_some(), good, "{text}");
        }
    }

    #[test]
    fn what_we_write_is_read() {
        for (text, expected) in [
            ("2026-11-26T08:00:00Z", "2026-11-26T08:00:00Z"),
            ("2026-11-26T08:00:00.999Z", "2026-11-26T08:00:00Z"),
        ] {
            let found = written(text.parse().unwrap());
            assert_eq!(found, expected);
            assert_eq!(parse(&found), Some(expected.parse().unwrap()));
        }
    }
}
