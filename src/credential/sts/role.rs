//! A role's ARN, and what STS must answer for it.

use std::str::FromStr;

/// `arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::credential) struct RoleArn {
    text: String,
    partition: String,
    account: String,
    name: String,
}

/// Text that is not a role's ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::credential) struct NotARole;

impl RoleArn {
    pub(in crate::credential) fn as_str(&self) -> &str {
        &self.text
    }

    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub(in crate::credential) fn partition(&self) -> &str {
        &self.partition
    }

    /// The ARN of the one who has assumed the role. The role's path is not part of it
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>).
    pub(super) fn assumed_by(&self, session: &str) -> String {
        let Self { partition, account, name, .. } = self;
        format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}")
    }
}

impl FromStr for RoleArn {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        let rest = text.strip_prefix("arn:").ok_or(NotARole)?;
        let (partition, rest) = rest.split_once(":iam::").ok_or(NotARole)?;
        let (account, path) = rest.split_once(":role/").ok_or(NotARole)?;
        let name = path.rsplit('/').next().unwrap_or_default();
        let partition_byte = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        let path_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@-_/".contains(&byte);
        let sound = partition.starts_with("aws")
            && partition.bytes().all(partition_byte)
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && path.bytes().all(path_byte)
            && (1..=64).contains(&name.len())
            && text.len() <= 2048;
        if !sound {
            return Err(NotARole);
        }
        let [partition, account, name] = [partition, account, name].map(str::to_owned);
        Ok(Self { text: text.to_owned(), partition, account, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_and_their_answer_is_known() {
        for (text, answer) in [
            ("arn:aws:iam::123456789012:role/x", "arn:aws:sts::123456789012:assumed-role/x/s"),
            (
                "arn:aws-cn:iam::123456789012:role/a/b/x",
                "arn:aws-cn:sts::123456789012:assumed-role/x/s",
            ),
        ] {
            assert_eq!(text.parse::<RoleArn>().unwrap().assumed_by("s"), answer);
        }
    }

    #[test]
    fn what_is_not_a_role_is_refused() {
        for text in [
            "",
            "x",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::12345678901:role/x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/x y",
            "arn:aws:sts::123456789012:assumed-role/x/s",
            "arn:evil:iam::123456789012:role/x",
        ] {
            assert_eq!(text.parse::<RoleArn>(), Err(NotARole), "{text}");
        }
    }
}
