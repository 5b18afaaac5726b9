//! What a credential is good for, at most: a token may be cut down to some projects and some operations.

use super::ProjectName;

/// A session's scope is everything that its person may do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    pub projects: Allowed<ProjectName>,
    /// Names as in `Operation::name`.
    pub operations: Allowed<String>,
}

/// Everything, or exactly these. An empty list allows nothing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Allowed<T> {
    All,
    Only(Vec<T>),
}

impl Scope {
    /// No cut: everything that the person may do.
    pub const ALL: Self = Self { projects: Allowed::All, operations: Allowed::All };
}

impl<T: PartialEq> Allowed<T> {
    pub fn holds(&self, one: &T) -> bool {
        match self {
            Self::All => true,
            Self::Only(list) => list.contains(one),
        }
    }
}
