//! An account's e-mail address: its name at sign-in, unique on the install, compared without regard to case.

use std::fmt;
use std::str::FromStr;

/// One `@` with something on both sides, at most 254 bytes, no blanks or control characters; lower-cased.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Email(Box<str>);

/// A text that cannot be an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct BadEmail;

impl FromStr for Email {
    type Err = BadEmail;
    fn from_str(text: &str) -> Result<Self, BadEmail> {
        let lower: String = text.trim_ascii().chars().flat_map(lower).collect();
        let (local, domain) = lower.split_once('@').ok_or(BadEmail)?;
        let allowed = |one: char| !one.is_whitespace() && !one.is_control();
        let sound = !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && lower.len() <= 254
            && lower.chars().all(allowed);
        sound.then(|| Self(lower.into())).ok_or(BadEmail)
    }
}

/// A letter without its case, unless that would make it another one: the sign for kelvin is no k.
fn lower(letter: char) -> impl Iterator<Item = char> {
    let becomes_ascii = !letter.is_ascii() && letter.to_lowercase().any(|one| one.is_ascii());
    let [kept, lowered] = if becomes_ascii { [Some(letter), None] } else { [None, Some(letter)] };
    kept.into_iter().chain(lowered.into_iter().flat_map(char::to_lowercase))
}

impl Email {
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Email {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plausible_addresses_are_taken_and_case_is_dropped() {
        let long = format!("{}@example.com", "a".repeat(250));
        for (text, expected) in [
            ("Ann@Example.COM", Some("ann@example.com")),
            (" ann@example.com ", Some("ann@example.com")),
            ("ÄNN@example.com", Some("änn@example.com")),
            ("\u{212a}im@example.com", Some("\u{212a}im@example.com")),
            ("K\u{130}m@example.com", Some("k\u{130}m@example.com")),
            ("\u{a0}ann@example.com", None),
            ("ann", None),
            ("@example.com", None),
            ("ann@", None),
            ("ann@b@c", None),
            ("an n@example.com", None),
            ("ann\u{0}@example.com", None),
            (long.as_str(), None),
        ] {
            let read = text.parse::<Email>().ok();
            assert_eq!(read.as_ref().map(Email::as_str), expected, "{text:?}");
        }
    }
}
