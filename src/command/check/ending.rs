//! Certificates of single sign-on that have ended or end soon. Nothing is refused for it here; others are less patient.

use super::offline::SOON;
use crate::ground::clock::Timestamp;
use crate::sign_in::Judged;

/// What is told of the identity providers' and of ours.
pub(super) fn remarks(judged: &Judged, now: Timestamp) -> Vec<String> {
    let mut told = Vec::new();
    for (organization, theirs) in &judged.providers {
        for end in theirs.certificates().iter().filter_map(|one| end(one.ends(), now)) {
            told.push(format!(
                "saml.{organization}: a certificate that the identity provider signs with {end}: its signatures are accepted \
                 all the same (SAML metadata interoperability profile 2.6.1), but AWS and others may refuse them: ask for new \
                 metadata"
            ));
        }
    }
    for (organization, ours) in &judged.ours {
        for (file, certificate) in ours {
            if let Some(end) = end(certificate.ends(), now) {
                let file = file.display();
                told.push(format!(
                    "saml.{organization}.keys: the certificate {file} {end}: some identity providers refuse requests that are \
                     signed by it: make a new pair, and announce both (docs/saml.md#replacing-keys)"
                ));
            }
        }
    }
    told
}

/// `ended on …` or `ends on …`, when it is time to say so.
fn end(ends: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let ends = ends?;
    if ends <= now {
        Some(format!("ended on {ends}"))
    } else {
        (ends.duration_since(now) < SOON).then(|| format!("ends on {ends}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{SOON, end};
    use crate::ground::clock::{SignedDuration, Timestamp};

    #[test]
    fn an_end_is_told_from_21_days_before_it_on() {
        let now: Timestamp = "2026-11-26T08:00:00Z".parse().unwrap();
        let second = SignedDuration::from_secs(1);
        for (ends, expected) in [
            (now - SOON, Some("ended on 2026-11-05T08:00:00Z")),
            (now, Some("ended on 2026-11-26T08:00:00Z")),
            (now + second, Some("ends on 2026-11-26T08:00:01Z")),
            (now + SOON - second, Some("ends on 2026-12-17T07:59:59Z")),
            (now + SOON, None),
        ] {
            assert_eq!(end(Some(ends), now).as_deref(), expected, "{ends}");
        }
        assert_eq!(end(None, now), None);
    }
}
