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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_allows_nothing_and_what_is_kept_reads_back() {
        let nothing = Scope { projects: Allowed::Only(vec![]), operations: Allowed::Only(vec![]) };
        assert!(!nothing.operations.holds(&"ReadObject".to_owned()));
        let some = Scope {
            projects: Allowed::Only(vec!["scans".parse().unwrap()]),
            operations: Allowed::All,
        };
        assert!(some.projects.holds(&"scans".parse().unwrap()));
        assert!(!some.projects.holds(&"other".parse().unwrap()));
        for scope in [nothing, some, Scope::ALL] {
            let kept = serde_json::to_string(&scope).unwrap();
            assert_eq!(serde_json::from_str::<Scope>(&kept).unwrap(), scope, "{kept}");
        }
        for damaged in ["{}", r#"{"projects":"all"}"#, r#"{"projects":[],"operations":"all"}"#] {
            assert!(serde_json::from_str::<Scope>(damaged).is_err(), "{damaged}");
        }
    }
}
