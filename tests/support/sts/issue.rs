//! What both actions do once it is clear who asks and for which role: the session policy, its packed size, the duration,
//! and then the keys.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use sluicegate::ground::clock::{SignedDuration, Timestamp};

use super::form::{Form, POLICY};
use super::refusal::{Code, Refusal};
use crate::support::account::{Account, Policy, Role, Session, Terms};

/// Keys, and how much of the packed limit their policy and tags take.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) session: Arc<Session>,
    pub(super) packed_percent: Option<usize>,
}

/// Who the session is of.
#[derive(Debug, Default)]
pub(super) struct Bearer {
    pub(super) session: String,
    pub(super) source_identity: Option<String>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) subject: Option<String>,
}

/// The end that was asked for, or what else stands between the caller and his keys.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) policy: Option<Policy>,
    pub(super) packed_percent: Option<usize>,
    pub(super) expires: Timestamp,
}

/// Holds what is wished against the role and the account. `ends` is when the person's session ends elsewhere: the keys end
/// then at the latest, which is no error
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html>, `DurationSeconds`).
pub(super) fn wish(
    (account, role): (&Account, &Role),
    form: &Form,
    tags: &[(String, String)],
    ends: Option<Timestamp>,
) -> Result<Wish, Refusal> {
    if account.region_disabled {
        return Err(Code::RegionDisabled.because(Code::RegionDisabled.words()));
    }
    let text = form.optional("Policy", &POLICY)?;
    let policy = text.map(Policy::parse).transpose();
    let policy = policy.map_err(|words| Code::MalformedPolicyDocument.because(words))?;
    let packed_percent = packed(account, text, tags);
    if let Some(percent @ 101..) = packed_percent {
        return Err(Code::PackedPolicyTooLarge.because(format!(
            "Packed policy consumes {percent}% of allotted space, please use smaller policy."
        )));
    }
    let seconds = form.seconds()?.unwrap_or(3600.min(role.most_seconds));
    if seconds > role.most_seconds {
        return Err(Code::ValidationError.because(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let expires = account.clock.now() + SignedDuration::from_secs(seconds);
    let expires = ends.map_or(expires, |ends| ends.min(expires));
    Ok(Wish { policy, packed_percent, expires })
}

/// Issues what was wished.
pub(super) fn issue(account: &Account, role: &Arc<Role>, bearer: Bearer, wish: Wish) -> Issued {
    let Bearer { session, source_identity, tags, subject } = bearer;
    let Wish { policy, packed_percent, expires } = wish;
    let terms = Terms { name: session, expires, policy, source_identity, tags, subject };
    Issued { session: account.open(role, terms), packed_percent }
}

/// `PackedPolicySize`: AWS packs by a format of its own, here it is DEFLATE; a test of the limit needs only that more takes
/// more room.
fn packed(account: &Account, policy: Option<&str>, tags: &[(String, String)]) -> Option<usize> {
    if policy.is_none() && tags.is_empty() {
        return None;
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(policy.unwrap_or_default().as_bytes()).unwrap();
    for (key, value) in tags {
        encoder.write_all(format!("\0{key}\0{value}").as_bytes()).unwrap();
    }
    Some((encoder.finish().unwrap().len() * 100).div_ceil(account.packed_at_most))
}
