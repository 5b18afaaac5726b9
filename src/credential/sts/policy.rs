//! The session policy: cuts an assumed role down to one storage's bucket and prefix, so that its keys, were they ever
//! used wrongly, open nothing else.

use super::SourceError;
use crate::catalog::{Place, S3Place, Storage};

/// A policy document for `AssumeRole`'s `Policy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::credential) struct SessionPolicy(String);

impl SessionPolicy {
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>: `Policy` has 1 to 2,048 characters.
    pub(in crate::credential) const MOST: usize = 2048;

    /// Reading, writing and listing below the storage's prefix, and nothing else.
    ///
    /// # Errors
    /// [`SourceError::PolicyTooLarge`].
    pub(in crate::credential) fn for_storage(
        storage: &Storage,
        partition: &str,
    ) -> Result<Self, SourceError> {
        let Place::S3(S3Place { bucket, prefix, .. }) = &storage.place;
        let (bucket, prefix) = (literal(bucket), literal(prefix.as_str()));
        let bucket = format!("arn:{partition}:s3:::{bucket}");
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["s3:GetObject", "s3:PutObject"],
                    "Resource": format!("{bucket}/{prefix}*"),
                },
                {
                    "Effect": "Allow",
                    "Action": "s3:ListBucket",
                    "Resource": bucket,
                    "Condition": { "StringLike": { "s3:prefix": format!("{prefix}*") } },
                },
            ],
        })
        .to_string();
        match policy.chars().count() {
            0..=Self::MOST => Ok(Self(policy)),
            characters => Err(SourceError::PolicyTooLarge { characters }),
        }
    }

    #[must_use]
    pub(in crate::credential) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text that stands for itself where a policy would read wildcards and variables
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>, "special characters").
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '*' | '?' | '$' => literal.extend(['$', '{', character, '}']),
            plain => literal.push(plain),
        }
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::tests::storage;

    fn policy(bucket: &str, prefix: &str) -> Result<SessionPolicy, SourceError> {
        SessionPolicy::for_storage(&storage(1, 1, "team", (bucket, prefix)), "aws")
    }

    #[test]
    fn a_policy_opens_the_prefix_and_no_more() {
        let text = policy("media", "scans").unwrap().0;
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["s3:GetObject", "s3:PutObject"],
                    "Resource": "arn:aws:s3:::media/scans/*",
                },
                {
                    "Effect": "Allow",
                    "Action": "s3:ListBucket",
                    "Resource": "arn:aws:s3:::media",
                    "Condition": { "StringLike": { "s3:prefix": "scans/*" } },
                },
            ],
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn wildcards_and_variables_in_a_prefix_are_letters() {
        let policy = policy("media", "a*b?${aws:username}\"").unwrap();
        assert!(
            policy.as_str().contains(r#"media/a${*}b${?}${$}{aws:username}\"/*""#),
            "{policy:?}"
        );
    }

    #[test]
    fn a_policy_that_sts_would_not_take_is_refused_here() {
        assert!(policy("media", &"p".repeat(800)).is_ok());
        let refused = policy("media", &"p".repeat(1000)).unwrap_err();
        assert!(
            matches!(refused, SourceError::PolicyTooLarge { characters: 2100..=2400 }),
            "{refused}"
        );
    }
}
