//! The five roles, most powerful first. What each may do is not said here but in `policies/`.

use std::fmt;
use std::str::FromStr;

/// What a member is, in an organization or in a project.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Owner,
    Administrator,
    Manager,
    Reviewer,
    Annotator,
}

/// A word that is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of owner, administrator, manager, reviewer, annotator")]
pub struct BadRole;

impl Role {
    pub const ALL: [Self; 5] =
        [Self::Owner, Self::Administrator, Self::Manager, Self::Reviewer, Self::Annotator];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Administrator => "administrator",
            Self::Manager => "manager",
            Self::Reviewer => "reviewer",
            Self::Annotator => "annotator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = BadRole;
    fn from_str(text: &str) -> Result<Self, BadRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(BadRole)
    }
}
