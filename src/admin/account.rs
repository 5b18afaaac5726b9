//! `GET /-/api/account`: who is signed in, as what, how and until when.

use std::sync::Arc;

use crate::catalog::{Project, Role};
use crate::ground::clock::Timestamp;
use crate::identity::{Person, Proof};

/// The answer.
#[derive(Debug, serde::Serialize)]
pub(super) struct Account<'a> {
    email: &'a str,
    organization: &'a str,
    organization_role: Option<Role>,
    memberships: Vec<Membership>,
    signed_in_by: &'static str,
    /// A token that does not expire has no end.
    until: Option<String>,
    /// Of a session that began at an identity provider.
    renewal: Option<Renewal>,
}

/// How a page has what the session brought along renewed, without leaving itself.
#[derive(Debug, serde::Serialize)]
struct Renewal {
    /// When the session or the first of its credentials ends.
    ends: String,
    /// The same by this clock, for a page whose own may be wrong.
    seconds_left: i64,
    /// For a frame that nobody sees.
    unseen: String,
    /// For a window of its own.
    window: String,
}

impl Renewal {
    fn of(person: &Person, now: Timestamp) -> Option<Self> {
        person.asserted()?;
        let end = person.valid_until();
        let ends = person.credentials_end().map_or(end, |credentials| credentials.min(end));
        let address = |how| format!("/-/saml/{}/sign-in?renew={how}", person.organization_name());
        Some(Self {
            ends: ends.to_string(),
            seconds_left: ends.duration_since(now).as_secs().max(0),
            unseen: address("unseen"),
            window: address("window"),
        })
    }
}

#[derive(Debug, serde::Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Membership {
    project: String,
    role: Role,
}

impl<'a> Account<'a> {
    /// `visible` are the projects that the person may know of.
    pub(super) fn of(person: &'a Person, visible: &[Arc<Project>], now: Timestamp) -> Self {
        let mut memberships: Vec<_> = visible
            .iter()
            .filter_map(|project| {
                let role = person.role_in(project.id, project.workspace)?;
                Some(Membership { project: project.name.to_string(), role })
            })
            .collect();
        memberships.sort();
        Self {
            email: person.email(),
            organization: person.organization_name().as_str(),
            organization_role: person.organization_role(),
            memberships,
            signed_in_by: match person.proof() {
                Proof::Session(_) => "session",
                Proof::Token(_) => "token",
                Proof::LabelStudio(_) => "label-studio-token",
            },
            until: Some(person.valid_until())
                .filter(|until| *until != Timestamp::MAX)
                .map(|until| until.to_string()),
            renewal: Renewal::of(person, now),
        }
    }
}
