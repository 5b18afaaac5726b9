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

    /// The role that counts in a project, for what depends on one role and not on permissions (which role at AWS stands for
    /// it): the role there, or the one in the organization where that is more powerful and acts in every project, which
    /// owners' and administrators' do.
    #[must_use]
    pub fn that_counts(in_organization: Option<Self>, in_project: Option<Self>) -> Option<Self> {
        let everywhere =
            in_organization.filter(|role| matches!(role, Self::Owner | Self::Administrator));
        everywhere.into_iter().chain(in_project).min()
    }

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

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn the_more_powerful_role_counts_and_only_those_that_act_everywhere_count_everywhere() {
        use Role::{Administrator, Annotator, Manager, Owner, Reviewer};
        for (in_organization, in_project, counts) in [
            (None, None, None),
            (None, Some(Annotator), Some(Annotator)),
            (Some(Owner), None, Some(Owner)),
            (Some(Administrator), Some(Annotator), Some(Administrator)),
            (Some(Administrator), Some(Owner), Some(Owner)),
            (Some(Manager), None, None),
            (Some(Manager), Some(Reviewer), Some(Reviewer)),
            (Some(Annotator), Some(Manager), Some(Manager)),
        ] {
            let found = Role::that_counts(in_organization, in_project);
            assert_eq!(found, counts, "{in_organization:?} {in_project:?}");
        }
    }
}
