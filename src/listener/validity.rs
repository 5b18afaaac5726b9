//! From when until when a certificate is valid: RFC 5280, section 4.1.2.5. Reads just enough DER to get there; whether
//! the certificate may be trusted is not judged here.

use crate::ground::clock::Timestamp;

/// First and last moment; `None` when this is no certificate.
pub(super) fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (signed, _) = element(certificate, SEQUENCE)?;
    // The version is the one optional field before the validity.
    let rest = element(signed, VERSION).map_or(signed, |(_, rest)| rest);
    let (_, rest) = element(rest, INTEGER)?; // serial number
    let (_, rest) = element(rest, SEQUENCE)?; // signature algorithm
    let (_, rest) = element(rest, SEQUENCE)?; // issuer
    let (validity, _) = element(rest, SEQUENCE)?;
    let (from, rest) = time(validity)?;
    let (until, _) = time(rest)?;
    Some((from, until))
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The content of the first element, which must have this tag, and what follows it.
fn element(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [found, first, rest @ ..] = input else { return None };
    if *found != tag {
        return None;
    }
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        // The long form: so many bytes of length follow.
        let (bytes, rest) = rest.split_at_checked(usize::from(*first & 0x7f))?;
        if bytes.is_empty() || bytes.len() > 4 {
            return None;
        }
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    rest.split_at_checked(length)
}

fn time(input: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (digits, century, rest) = match element(input, UTC_TIME) {
        Some((digits, rest)) => {
            // RFC 5280: two digits of year below 50 are of this century.
            (digits, if digits.first()? < &b'5' { "20" } else { "19" }, rest)
        }
        None => {
            let (digits, rest) = element(input, GENERALIZED_TIME)?;
            (digits, "", rest)
        }
    };
    let digits = std::str::from_utf8(digits).ok()?.strip_suffix('Z')?;
    let all = format!("{century}{digits}");
    if all.len() != 14 || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| all.get(from..to);
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    text.parse().ok().map(|time| (time, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(from: &str, until: &str) -> Vec<u8> {
        let time = |text: &str| {
            let tag = if text.len() == 13 { UTC_TIME } else { GENERALIZED_TIME };
            wrap(tag, text.as_bytes())
        };
        let validity = wrap(SEQUENCE, &[time(from), time(until)].concat());
        let fields = [
            wrap(VERSION, &wrap(INTEGER, &[2])),
            wrap(INTEGER, &[1, 2, 3]),
            wrap(SEQUENCE, &[]),
            wrap(SEQUENCE, &[0; 100]),
            validity,
        ];
        wrap(SEQUENCE, &wrap(SEQUENCE, &fields.concat()))
    }

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        let head = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [head, content.to_vec()].concat()
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let expected = |text: &str| text.parse::<Timestamp>().unwrap();
        for (from, until, first, last) in [
            ("250102030405Z", "491231235959Z", "2025-01-02T03:04:05Z", "2049-12-31T23:59:59Z"),
            ("500101000000Z", "20500101000000Z", "1950-01-01T00:00:00Z", "2050-01-01T00:00:00Z"),
        ] {
            let found = validity(&certificate(from, until));
            assert_eq!(found, Some((expected(first), expected(last))), "{from}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_validity() {
        let whole = certificate("250102030405Z", "491231235959Z");
        for length in 0..whole.len() {
            assert_eq!(validity(&whole[..length]), None, "{length}");
        }
        for bad in ["2501020304Z", "25010203040xZ", "251302030405Z"] {
            assert_eq!(validity(&certificate(bad, "491231235959Z")), None, "{bad}");
        }
    }
}
