//! Policy documents: read as strictly as IAM reads them, and evaluated
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>). An operator of conditions that is
//! not evaluated here is refused as malformed, so that no test passes by what was not looked at.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// A document.
#[derive(Debug, Clone)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// What a document says of a request (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    Allowed,
    /// In so many words, whatever else is allowed.
    Denied,
    /// Nothing: no.
    Silent,
}

/// The condition keys of a request.
#[derive(Debug, Clone, Default)]
pub struct Context(HashMap<String, String>);

#[derive(Debug, Clone)]
struct Statement {
    allows: bool,
    actions: List,
    resources: List,
    conditions: Vec<Condition>,
    /// Of version 2012-10-17: `${…}` stands for something.
    variables: bool,
}

/// Patterns, or all but these.
#[derive(Debug, Clone)]
struct List {
    inverted: bool,
    patterns: Vec<String>,
}

#[derive(Debug, Clone)]
struct Condition {
    operator: Operator,
    /// Holds too where the key is absent.
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

/// Those of <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html> that are
/// evaluated.
#[derive(Debug, Clone, Copy)]
enum Operator {
    Equals,
    NotEquals,
    Like,
    NotLike,
    Null,
}

impl Policy {
    /// Reads a document; on failure, what IAM says of it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let syntax = || "Syntax errors in policy.".to_owned();
        let document: Map<String, Value> = serde_json::from_str(text).or(Err(syntax()))?;
        only(&document, &["Version", "Id", "Statement"])?;
        let variables = match document.get("Version").map(Value::as_str) {
            Some(Some("2012-10-17")) => true,
            Some(Some("2008-10-17")) | None => false,
            Some(_) => return Err(syntax()),
        };
        let statements = match document.get("Statement") {
            Some(Value::Array(all)) if !all.is_empty() => all.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            _ => return Err(syntax()),
        };
        let statements = statements.into_iter().map(|one| Statement::parse(one, variables));
        Ok(Self { statements: statements.collect::<Result<_, _>>()? })
    }

    pub fn rule(&self, action: &str, resource: &str, context: &Context) -> Ruling {
        let applying = self.statements.iter().filter(|one| one.applies(action, resource, context));
        applying.fold(Ruling::Silent, |so_far, one| match (so_far, one.allows) {
            (Ruling::Denied, _) | (_, false) => Ruling::Denied,
            (Ruling::Allowed | Ruling::Silent, true) => Ruling::Allowed,
        })
    }

    /// A document that lets objects below a prefix be read, written and listed.
    pub fn of_prefix(bucket: &str, prefix: &str) -> String {
        Self::of_prefix_for(&["s3:GetObject", "s3:PutObject"], bucket, prefix)
    }

    /// One that lets them be read and listed only.
    pub fn reading_prefix(bucket: &str, prefix: &str) -> String {
        Self::of_prefix_for(&["s3:GetObject"], bucket, prefix)
    }

    fn of_prefix_for(actions: &[&str], bucket: &str, prefix: &str) -> String {
        serde_json::json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": actions,
              "Resource": format!("arn:aws:s3:::{bucket}/{prefix}*") },
            { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": format!("arn:aws:s3:::{bucket}"),
              "Condition": { "StringLike": { "s3:prefix": format!("{prefix}*") } } },
        ] })
        .to_string()
    }
}

impl Context {
    /// Keys are compared without regard to case.
    pub fn set(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_ascii_lowercase(), value.to_owned());
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(&key.to_ascii_lowercase()).map(String::as_str)
    }
}

impl Statement {
    fn parse(value: &Value, variables: bool) -> Result<Self, String> {
        let statement = value.as_object().ok_or("Syntax errors in policy.")?;
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return Err("Policy document should not specify a principal.".to_owned());
        }
        let known =
            ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
        only(statement, &known)?;
        let allows = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("Syntax errors in policy.".to_owned()),
        };
        let actions = List::parse(statement, ["Action", "NotAction"])?;
        let resources = List::parse(statement, ["Resource", "NotResource"])?;
        if !actions.patterns.iter().all(|action| action == "*" || action.contains(':')) {
            return Err(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".into(),
            );
        }
        if let Some(bad) =
            resources.patterns.iter().find(|one| *one != "*" && !one.starts_with("arn:"))
        {
            return Err(format!("Resource {bad} must be in ARN format or \"*\"."));
        }
        let conditions = match statement.get("Condition") {
            None => Vec::new(),
            Some(conditions) => Condition::parse(conditions)?,
        };
        Ok(Self { allows, actions, resources, conditions, variables })
    }

    fn applies(&self, action: &str, resource: &str, context: &Context) -> bool {
        let pattern = |text: &str| Pattern::new(text, self.variables.then_some(context));
        let action = action.to_ascii_lowercase();
        self.actions.holds(|one| pattern(&one.to_ascii_lowercase()).matches(&action))
            && self.resources.holds(|one| pattern(one).matches(resource))
            && self.conditions.iter().all(|one| one.holds(context, pattern))
    }
}

impl List {
    fn parse(statement: &Map<String, Value>, [name, inverse]: [&str; 2]) -> Result<Self, String> {
        let (inverted, value) = match (statement.get(name), statement.get(inverse)) {
            (Some(value), None) => (false, value),
            (None, Some(value)) => (true, value),
            (None, None) if name == "Resource" => {
                return Err("Policy statement must contain resources.".to_owned());
            }
            (None, None) => return Err("Policy statement must contain actions.".to_owned()),
            (Some(_), Some(_)) => return Err("Syntax errors in policy.".to_owned()),
        };
        Ok(Self { inverted, patterns: strings(value)? })
    }

    fn holds(&self, matches: impl Fn(&str) -> bool) -> bool {
        self.patterns.iter().any(|one| matches(one)) != self.inverted
    }
}

impl Condition {
    fn parse(value: &Value) -> Result<Vec<Self>, String> {
        let operators = value.as_object().ok_or("Syntax errors in policy.")?;
        let mut conditions = Vec::new();
        for (name, keys) in operators {
            let (stem, if_exists) =
                name.strip_suffix("IfExists").map_or((name.as_str(), false), |stem| (stem, true));
            let operator = match stem {
                "StringEquals" => Operator::Equals,
                "StringNotEquals" => Operator::NotEquals,
                "StringLike" => Operator::Like,
                "StringNotLike" => Operator::NotLike,
                "Null" if !if_exists => Operator::Null,
                _ => return Err(format!("Invalid Condition type : {name}.")),
            };
            for (key, values) in keys.as_object().ok_or("Syntax errors in policy.")? {
                if !key.contains(':') {
                    return Err(format!("Condition key {key} must be prefaced by a vendor."));
                }
                let (key, values) = (key.clone(), strings(values)?);
                conditions.push(Self { operator, if_exists, key, values });
            }
        }
        Ok(conditions)
    }

    /// The negated operators hold where the key is absent, the others do not.
    fn holds(&self, context: &Context, pattern: impl Fn(&str) -> Pattern) -> bool {
        let value = context.get(&self.key);
        let any = |matches: &dyn Fn(&str, &str) -> bool| {
            value.map(|value| self.values.iter().any(|one| matches(one, value)))
        };
        let like = |one: &str, value: &str| pattern(one).matches(value);
        let equal = |one: &str, value: &str| pattern(one).is(value);
        match self.operator {
            Operator::Equals => any(&equal).unwrap_or(self.if_exists),
            Operator::NotEquals => !any(&equal).unwrap_or(false),
            Operator::Like => any(&like).unwrap_or(self.if_exists),
            Operator::NotLike => !any(&like).unwrap_or(false),
            Operator::Null => self.values.iter().any(|one| (one == "true") == value.is_none()),
        }
    }
}

/// A text with wildcards, its variables replaced. Replaced text stands for itself.
struct Pattern(Option<Vec<Part>>);

#[derive(Clone, Copy)]
enum Part {
    Letter(char),
    One,
    Any,
}

impl Pattern {
    /// A variable without a value makes a pattern that nothing matches
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>).
    fn new(text: &str, variables: Option<&Context>) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let variable = rest.strip_prefix("${").and_then(|inside| inside.split_once('}'));
            if let (Some(context), Some((name, behind))) = (variables, variable) {
                let value =
                    if matches!(name, "*" | "?" | "$") { Some(name) } else { context.get(name) };
                let Some(value) = value else {
                    return Self(None);
                };
                parts.extend(value.chars().map(Part::Letter));
                rest = behind;
                continue;
            }
            parts.push(match letter {
                '*' => Part::Any,
                '?' => Part::One,
                plain => Part::Letter(plain),
            });
            rest = &rest[letter.len_utf8()..];
        }
        Self(Some(parts))
    }

    /// Wildcards stand for anything.
    fn matches(&self, text: &str) -> bool {
        let Some(parts) = &self.0 else {
            return false;
        };
        // reachable[i]: the first i parts match the text so far.
        let mut reachable = vec![false; parts.len() + 1];
        reachable[0] = true;
        skip(parts, &mut reachable);
        for letter in text.chars() {
            let mut next = vec![false; parts.len() + 1];
            for (at, part) in parts.iter().enumerate().filter(|(at, _)| reachable[*at]) {
                match part {
                    Part::Letter(wanted) => next[at + 1] |= *wanted == letter,
                    Part::One => next[at + 1] = true,
                    Part::Any => next[at] = true,
                }
            }
            skip(parts, &mut next);
            reachable = next;
        }
        reachable[parts.len()]
    }

    /// Wildcards stand for themselves.
    fn is(&self, text: &str) -> bool {
        self.0
            .as_ref()
            .is_some_and(|parts| parts.iter().copied().map(Part::letter).eq(text.chars()))
    }
}

impl Part {
    const fn letter(self) -> char {
        match self {
            Self::Letter(letter) => letter,
            Self::One => '?',
            Self::Any => '*',
        }
    }
}

/// An `Any` may stand for nothing.
fn skip(parts: &[Part], reachable: &mut [bool]) {
    for (at, part) in parts.iter().enumerate() {
        reachable[at + 1] |= reachable[at] && matches!(part, Part::Any);
    }
}

fn only(map: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    let unknown = map.keys().find(|key| !known.contains(&key.as_str()));
    unknown.map_or(Ok(()), |_| Err("Syntax errors in policy.".to_owned()))
}

/// One string, or several.
fn strings(value: &Value) -> Result<Vec<String>, String> {
    let texts = match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => {
            let texts = all.iter().map(|one| one.as_str().map(str::to_owned)).collect();
            Option::unwrap_or_default(texts)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    if texts.is_empty() { Err("Syntax errors in policy.".to_owned()) } else { Ok(texts) }
}
