//! What membership of an identity provider's group means here: roles. Of somebody in several groups, one role for each thing.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::str::FromStr;

use super::{ProjectName, Role, WorkspaceName};

/// What an identity provider calls a group: 1 to 256 characters, none of them a control character. Compared as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupName(Box<str>);

/// A text that names no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a group's name is 1 to 256 characters, none of them a control character")]
pub struct BadGroupName;

impl FromStr for GroupName {
    type Err = BadGroupName;
    fn from_str(text: &str) -> Result<Self, BadGroupName> {
        let sound =
            (1..=256).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        sound.then(|| Self(text.into())).ok_or(BadGroupName)
    }
}

impl GroupName {
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which role counts where several groups give one for the same thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Several {
    #[default]
    MostPowerful,
    LeastPowerful,
}

impl Several {
    fn of(self, one: Role, other: Role) -> Role {
        match self {
            Self::MostPowerful => one.min(other),
            Self::LeastPowerful => one.max(other),
        }
    }
}

/// The roles that a group gives, or several of them together.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupFacts {
    /// In the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub workspaces: BTreeMap<WorkspaceName, Role>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub projects: BTreeMap<ProjectName, Role>,
}

impl GroupFacts {
    /// Whether it gives no role at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.role.is_none() && self.workspaces.is_empty() && self.projects.is_empty()
    }

    /// What somebody has who is in the other group as well.
    pub fn join(&mut self, other: Self, several: Several) {
        self.role = match (self.role, other.role) {
            (Some(one), Some(other)) => Some(several.of(one, other)),
            (one, other) => one.or(other),
        };
        join(&mut self.workspaces, other.workspaces, several);
        join(&mut self.projects, other.projects, several);
    }
}

fn join<K: Ord>(into: &mut BTreeMap<K, Role>, from: BTreeMap<K, Role>, several: Several) {
    for (key, role) in from {
        match into.entry(key) {
            Entry::Vacant(free) => drop(free.insert(role)),
            Entry::Occupied(mut taken) => {
                let both = several.of(*taken.get(), role);
                taken.insert(both);
            }
        }
    }
}

/// `reviewer; workspace vision: manager; project faces: annotator`
impl fmt::Display for GroupFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.role.iter().map(Role::to_string);
        let workspaces =
            self.workspaces.iter().map(|(name, role)| format!("workspace {name}: {role}"));
        let projects = self.projects.iter().map(|(name, role)| format!("project {name}: {role}"));
        f.write_str(&role.chain(workspaces).chain(projects).collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_roles_for_one_thing_the_chosen_one_counts() {
        let facts = |role, vision: &[(&str, Role)]| GroupFacts {
            role,
            workspaces: BTreeMap::new(),
            projects: vision.iter().map(|(name, role)| (name.parse().unwrap(), *role)).collect(),
        };
        let (owner, manager, annotator) = (Role::Owner, Role::Manager, Role::Annotator);
        for (several, role, faces) in
            [(Several::MostPowerful, owner, manager), (Several::LeastPowerful, manager, annotator)]
        {
            let mut all = facts(Some(manager), &[("faces", annotator), ("birds", annotator)]);
            all.join(facts(Some(owner), &[("faces", manager)]), several);
            all.join(facts(None, &[("cats", owner)]), several);
            let expected = [("faces", faces), ("birds", annotator), ("cats", owner)];
            assert_eq!(all, facts(Some(role), &expected), "{several:?}");
        }
    }

    #[test]
    fn a_groups_name_is_any_text_that_can_be_shown() {
        let long = "é".repeat(256);
        for (text, sound) in [
            ("CN=Labelers,OU=Groups,DC=example,DC=com", true),
            ("Ärzte & Co. / all", true),
            (" ", true),
            (long.as_str(), true),
            ("", false),
            ("a\nb", false),
            ("a\u{7f}", false),
        ] {
            assert_eq!(text.parse::<GroupName>().is_ok(), sound, "{text:?}");
        }
        assert!(format!("{long}a").parse::<GroupName>().is_err());
    }
}
