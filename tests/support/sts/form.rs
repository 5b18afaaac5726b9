//! The parameters of a call, held against the limits that STS's API reference gives for each: what is too long, too short
//! or of other letters is a `ValidationError` in STS's words, as is a parameter that is missing, given twice or unknown.

use super::refusal::{Code, Refusal};

/// The pairs of one form.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, String)>);

/// What a parameter may be.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) least: usize,
    pub(super) most: usize,
    /// As the reference writes it, and as a function.
    pub(super) letters: (&'static str, fn(char) -> bool),
}

/// `[\w+=,.@-]*`, 2 to 64: `RoleSessionName` and `SourceIdentity`.
pub(super) const SESSION_NAME: Limits =
    Limits { least: 2, most: 64, letters: ("[\\w+=,.@-]*", of_a_name) };
/// `RoleArn` and `PrincipalArn`.
pub(super) const ARN: Limits = Limits {
    least: 20,
    most: 2048,
    letters: (
        "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+",
        |letter| !letter.is_control() || matches!(letter, '\t' | '\n' | '\r' | '\u{85}'),
    ),
};
/// `SAMLAssertion`.
pub(super) const ASSERTION: Limits = Limits { least: 4, most: 100_000, letters: (".*", |_| true) };
/// `Policy`.
pub(super) const POLICY: Limits = Limits {
    least: 1,
    most: 2048,
    letters: ("[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+", |letter| {
        matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{ff}')
    }),
};
/// `ExternalId`.
pub(super) const EXTERNAL_ID: Limits = Limits {
    least: 2,
    most: 1224,
    letters: ("[\\w+=,.@:\\/-]*", |letter| of_a_name(letter) || matches!(letter, ':' | '/')),
};
/// `Tags.member.N.Key`.
pub(super) const TAG_KEY: Limits = Limits { least: 1, most: 128, letters: TAG };
/// `Tags.member.N.Value`.
pub(super) const TAG_VALUE: Limits = Limits { least: 0, most: 256, letters: TAG };
const TAG: (&str, fn(char) -> bool) = ("[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*", |letter| {
    letter.is_alphanumeric() || letter.is_whitespace() || "_.:/=+-@".contains(letter)
});

/// What may be asked for in seconds, whatever the role.
const SECONDS: std::ops::RangeInclusive<i64> = 900..=43_200;

fn of_a_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter)
}

impl Form {
    pub(super) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The first parameter of this name, unchecked.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Nothing but these, each once; of names that end in `.` the members too.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        for (at, (name, _)) in self.0.iter().enumerate() {
            let fits = |one: &&str| name == one || (one.ends_with('.') && name.starts_with(*one));
            let twice = self.0.iter().take(at).any(|(other, _)| other == name);
            if twice || !known.iter().any(fits) {
                return Err(Code::ValidationError.because(format!("Unexpected parameter {name}")));
            }
        }
        Ok(())
    }

    pub(super) fn required(&self, name: &str, limits: &Limits) -> Result<&str, Refusal> {
        self.optional(name, limits)?.ok_or_else(|| failed("null", name, "Member must not be null"))
    }

    pub(super) fn optional(&self, name: &str, limits: &Limits) -> Result<Option<&str>, Refusal> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        limits.check(name, value)?;
        Ok(Some(value))
    }

    /// `DurationSeconds`, as far as it does not depend on the role.
    pub(super) fn seconds(&self) -> Result<Option<i64>, Refusal> {
        let name = "DurationSeconds";
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let malformed = |_| Code::ValidationError.because(format!("{name} is not a number"));
        let seconds: i64 = text.parse().map_err(malformed)?;
        let quoted = format!("'{text}'");
        if seconds < *SECONDS.start() {
            let words = "Member must have value greater than or equal to 900";
            return Err(failed(&quoted, name, words));
        }
        if seconds > *SECONDS.end() {
            let words = "Member must have value less than or equal to 43200";
            return Err(failed(&quoted, name, words));
        }
        Ok(Some(seconds))
    }

    /// `Tags.member.N.Key` and `.Value`: at most 50, no key twice (whatever its case), none that begins with `aws:`.
    pub(super) fn tags(&self) -> Result<Vec<(String, String)>, Refusal> {
        let mut tags: Vec<(String, String)> = Vec::new();
        for number in 1.. {
            let named = |part: &str| format!("Tags.member.{number}.{part}");
            let Some(key) = self.optional(&named("Key"), &TAG_KEY)? else {
                break;
            };
            let value = self.required(&named("Value"), &TAG_VALUE)?;
            let doubled = tags.iter().any(|(other, _)| other.eq_ignore_ascii_case(key));
            if doubled || key.to_ascii_lowercase().starts_with("aws:") {
                return Err(Code::ValidationError.because(format!("Invalid tag key {key}")));
            }
            tags.push((key.to_owned(), value.to_owned()));
        }
        let given = self.0.iter().filter(|(name, _)| name.starts_with("Tags.")).count();
        if tags.len() > 50 || given != 2 * tags.len() {
            return Err(failed("list", "Tags", "Member must have length less than or equal to 50"));
        }
        Ok(tags)
    }
}

impl Limits {
    fn check(&self, name: &str, value: &str) -> Result<(), Refusal> {
        let (pattern, letter) = self.letters;
        let length = value.chars().count();
        let words = if length < self.least {
            format!("Member must have length greater than or equal to {}", self.least)
        } else if length > self.most {
            format!("Member must have length less than or equal to {}", self.most)
        } else if !value.chars().all(letter) {
            format!("Member must satisfy regular expression pattern: {pattern}")
        } else {
            return Ok(());
        };
        Err(failed(&format!("'{value}'"), name, &words))
    }
}

fn failed(value: &str, name: &str, words: &str) -> Refusal {
    let member = name[..1].to_ascii_lowercase() + &name[1..];
    Code::ValidationError.because(format!(
        "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {words}"
    ))
}
