//! What a sign-in or a sign-out did, in words: for `explain` and the verbs that read the audit. Whoever shows it makes it
//! harmless for a terminal.

use crate::audit::FoundEnd;

/// Who came, or was named and did not.
pub(super) fn sign_in(end: &FoundEnd) -> Option<String> {
    let email = end.sign_in.as_deref()?;
    Some(match &end.signed_in_by {
        Some(by) => format!("{email} signed in by {by}"),
        None => format!("{email} was named, and did not sign in"),
    })
}

/// What else is recorded of it, each under its name.
pub(super) fn details(end: &FoundEnd) -> impl Iterator<Item = (&'static str, &[String])> {
    [
        ("assertion", Some(end.assertion.as_slice())),
        ("changes", end.changes.as_deref()),
        ("credentials", end.credentials.as_deref()),
        ("signed out", end.signed_out.as_deref()),
    ]
    .into_iter()
    .filter_map(|(name, values)| Some((name, values?)))
    .filter(|(_, values)| !values.is_empty())
}
