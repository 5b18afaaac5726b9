//! Which circumstances the loaded policies may look at. Found by walking them once, so that the cache's key can
//! leave out what provably nobody reads; whatever is not proven unread counts as read.

use serde_json::Value;

/// The circumstances that differ from request to request; the key holds everything else always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reads {
    pub(super) key: bool,
    pub(super) client: bool,
}

impl Reads {
    pub(super) const NOTHING: Self = Self { key: false, client: false };
    pub(super) const EVERYTHING: Self = Self { key: true, client: true };

    pub(super) const fn and(self, other: Self) -> Self {
        Self { key: self.key || other.key, client: self.client || other.client }
    }

    /// What a policy reads, from its JSON form (<https://docs.cedarpolicy.com/policies/json-format.html>).
    ///
    /// `context.name` and `context has name` are the only ways to read one attribute alone; `context` in any
    /// other place (compared, passed on, kept in a record) may read them all.
    pub(super) fn of(policy: &Value) -> Self {
        match policy {
            Value::Object(node) => {
                if let Some(attribute) = read_of_context(node) {
                    return match attribute {
                        "key" => Self { key: true, ..Self::NOTHING },
                        "client" => Self { client: true, ..Self::NOTHING },
                        "project_role" | "proof" | "own" | "storage_role" => Self::NOTHING,
                        _ => Self::EVERYTHING,
                    };
                }
                if node.get("Var").is_some_and(|name| name == "context") {
                    return Self::EVERYTHING;
                }
                node.values().map(Self::of).fold(Self::NOTHING, Self::and)
            }
            Value::Array(list) => list.iter().map(Self::of).fold(Self::NOTHING, Self::and),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Self::NOTHING,
        }
    }
}

/// The attribute, when the node is exactly `context.attribute` or `context has attribute`.
fn read_of_context(node: &serde_json::Map<String, Value>) -> Option<&str> {
    let mut entries = node.iter();
    let (operator, operands) = entries.next()?;
    let operands = operands.as_object()?;
    let left = operands.get("left")?.as_object()?;
    let attribute = operands.get("attr")?.as_str()?;
    let exact = entries.next().is_none()
        && matches!(operator.as_str(), "." | "has")
        && operands.len() == 2
        && left.len() == 1
        && left.get("Var")? == "context";
    exact.then_some(attribute)
}

#[cfg(test)]
mod tests {
    use cedar_policy::Policy;

    use super::*;

    const KEY: Reads = Reads { key: true, client: false };
    const CLIENT: Reads = Reads { key: false, client: true };

    #[test]
    fn what_a_policy_reads_is_found_and_doubt_counts_as_reading() {
        let cases = [
            ("", Reads::NOTHING),
            ("when { principal.organization == resource }", Reads::NOTHING),
            ("when { context has project_role && context.project_role == \"x\" }", Reads::NOTHING),
            ("when { context.proof == \"token\" }", Reads::NOTHING),
            (
                "when { context has storage_role && context.storage_role like \"*x\" }",
                Reads::NOTHING,
            ),
            ("when { context has key }", KEY),
            ("when { context has key && context.key like \"a/*\" }", KEY),
            ("unless { context.client.isLoopback() }", CLIENT),
            ("when { [context.client].isEmpty() }", CLIENT),
            (
                "when { {a: context.key}.a == \"x\" } unless { context.client.isLoopback() }",
                Reads::EVERYTHING,
            ),
            ("when { context[\"key\"] == \"x\" }", KEY),
            ("when { if context.proof == \"a\" then context.key == \"b\" else false }", KEY),
            ("when { context == {proof: \"a\"} }", Reads::EVERYTHING),
            ("when { {kept: context}.kept.proof == \"a\" }", Reads::EVERYTHING),
            ("when { (if true then context else context).key == \"a\" }", Reads::EVERYTHING),
            ("when { context.something_new == 1 }", Reads::EVERYTHING),
            ("when { principal.key == \"a\" }", Reads::NOTHING),
            ("when { \"context\" == principal.email }", Reads::NOTHING),
            ("when { {Var: \"context\"}.Var == principal.email }", Reads::NOTHING),
            (
                "when { {\".\": {left: context, attr: \"proof\"}}[\".\"].attr == \"proof\" }",
                Reads::EVERYTHING,
            ),
        ];
        for (conditions, expected) in cases {
            let text = format!("permit (principal, action, resource) {conditions};");
            let json = Policy::parse(None, &text).unwrap().to_json().unwrap();
            assert_eq!(Reads::of(&json), expected, "{conditions}\n{json}");
        }
    }

    #[test]
    fn the_role_pack_reads_neither_key_nor_address() {
        let rules = crate::policy::Rules::built_in().unwrap();
        assert_eq!(rules.reads(), Reads::NOTHING);
    }
}
