//! Which AWS role a member's role stands for, where people bring their own credentials from their identity provider. The
//! roles' names are those of IAM; whether any of them may ever be asked for is the settings' to say.

use std::collections::BTreeMap;
use std::fmt;

use super::Role;

/// What `aws = { provider = …, roles = … }` says, of the nearest of storage, project and organization.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Federation {
    /// `arn:PARTITION:iam::ACCOUNT:saml-provider/NAME`
    pub provider: String,
    /// `arn:PARTITION:iam::ACCOUNT:role/NAME`. A role that is not in it opens nothing.
    pub roles: BTreeMap<Role, String>,
}

impl Federation {
    /// The AWS role of a member's role.
    #[must_use]
    pub fn role(&self, role: Role) -> Option<&str> {
        self.roles.get(&role).map(String::as_str)
    }
}

/// `annotator=arn:…, manager=arn:… by arn:…`
impl fmt::Display for Federation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles = self.roles.iter().map(|(role, arn)| format!("{role}={arn}"));
        write!(f, "{} by {}", roles.collect::<Vec<_>>().join(", "), self.provider)
    }
}

/// What an identity provider's assertion says for AWS: kept with the session that began with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asserted {
    pub roles: Vec<AssertedRole>,
    /// What AWS will call the person: the attribute `RoleSessionName`.
    pub session_name: Option<String>,
}

impl Asserted {
    /// Whether it holds this role of this provider: as a pair, since either alone opens nothing.
    #[must_use]
    pub fn holds(&self, role: &str, provider: &str) -> bool {
        self.roles.iter().any(|one| one.role == role && one.provider == provider)
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn length(&self) -> usize {
        let pair =
            |one: &AssertedRole| size_of::<AssertedRole>() + one.role.len() + one.provider.len();
        let name = self.session_name.as_ref().map_or(0, String::len);
        self.roles.iter().map(pair).sum::<usize>() + name
    }
}

/// One value of the attribute `Role`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html>).
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssertedRole {
    pub role: String,
    pub provider: String,
}

impl AssertedRole {
    /// Reads `ROLE-ARN,PROVIDER-ARN`, in either order. `None`: it is not that.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        // A role's name may hold a comma.
        let mut starts = value.match_indices("arn:").map(|(start, _)| start);
        let (_, second, None) = (starts.next()?, starts.next()?, starts.next()) else {
            return None;
        };
        let (one, other) = value.split_at_checked(second)?;
        let one = one.trim_end().strip_suffix(',')?;
        let is = |arn: &str, kind: &str| {
            let name = arn.strip_prefix("arn:").and_then(|rest| rest.split_once(":iam::"));
            name.and_then(|(_, rest)| rest.split_once(kind)).is_some_and(|(account, name)| {
                account.len() == 12
                    && account.bytes().all(|it| it.is_ascii_digit())
                    && !name.is_empty()
            })
        };
        let (one, other) = (one.trim(), other.trim());
        let (role, provider) = match (is(one, ":role/"), is(other, ":role/")) {
            (true, false) => (one, other),
            (false, true) => (other, one),
            (true, true) | (false, false) => return None,
        };
        is(provider, ":saml-provider/")
            .then(|| Self { role: role.to_owned(), provider: provider.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::AssertedRole;

    #[test]
    fn a_pair_is_read_in_either_order_and_nothing_else_is_one() {
        const ROLE: &str = "arn:aws:iam::123456789012:role/team/labeler";
        const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/idp";
        let expected = Some(AssertedRole { role: ROLE.to_owned(), provider: PROVIDER.to_owned() });
        for (value, expected) in [
            (format!("{ROLE},{PROVIDER}"), expected.clone()),
            (format!(" {PROVIDER} , {ROLE} "), expected),
            (ROLE.to_owned(), None),
            (format!("{ROLE},{ROLE}"), None),
            (format!("{PROVIDER},{PROVIDER}"), None),
            (format!("{ROLE},{PROVIDER},{ROLE}"), None),
            ("not-an-arn".to_owned(), None),
            (String::new(), None),
            (format!("{ROLE},arn:aws:iam::12:saml-provider/idp"), None),
            (format!("arn:aws:iam::123456789012:role/,{PROVIDER}"), None),
        ] {
            assert_eq!(AssertedRole::parse(&value), expected, "{value}");
        }
    }
}
