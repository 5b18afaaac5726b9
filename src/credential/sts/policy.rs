//! The session policy: cuts an assumed role down to the buckets and prefixes of one storage, or of one project's storages,
//! so that its keys, were they ever used wrongly, open nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::SourceError;
use crate::catalog::{Place, S3Place, Storage};
use crate::outbound::Host;

/// A policy document for `AssumeRole`'s `Policy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::credential) struct SessionPolicy(String);

impl SessionPolicy {
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>: `Policy` has 1 to 2,048 characters,
    /// as they are sent.
    pub(in crate::credential) const MOST: usize = 2048;

    /// See [`Self::for_storages`].
    ///
    /// # Errors
    /// [`SourceError::PolicyTooLarge`].
    pub(in crate::credential) fn for_storage(
        storage: &Storage,
        partition: &str,
    ) -> Result<Self, SourceError> {
        Self::for_storages([storage], partition)
    }

    /// Reading, writing and listing below the storages' prefixes, and nothing else: a session policy takes away, it never
    /// gives what the role has not. What one prefix covers is not said again for another; what is still too large is too
    /// large, since any prefix that several have in common opens more than they do.
    ///
    /// S3 says 404 of a missing key only to who may list the bucket, else 403
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>), and a read has no `s3:prefix` to hold against
    /// the condition: below a prefix, a missing key is an `AccessDenied`. A condition that also holds where there is no
    /// `s3:prefix` (`StringLikeIfExists`, `Null`) would cure that and let these keys list the names in the whole bucket.
    ///
    /// # Errors
    /// [`SourceError::PolicyTooLarge`].
    pub(in crate::credential) fn for_storages<'s>(
        storages: impl IntoIterator<Item = &'s Storage>,
        partition: &str,
    ) -> Result<Self, SourceError> {
        let mut prefixes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut keys_via = BTreeSet::new();
        for storage in storages {
            let Place::S3(place) = &storage.place;
            prefixes.entry(&place.bucket).or_default().insert(place.prefix.as_str());
            keys_via.extend(encryption(place, partition));
        }
        let (mut objects, mut whole, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        for (bucket, prefixes) in prefixes {
            let bucket = format!("arn:{partition}:s3:::{}", literal(bucket));
            let prefixes = outermost(&prefixes);
            objects.extend(prefixes.iter().map(|prefix| format!("{bucket}/{prefix}*")));
            if prefixes.iter().any(String::is_empty) {
                whole.push(bucket);
            } else {
                let below = prefixes.iter().map(|prefix| format!("{prefix}*")).collect();
                lists.push(json!({
                    "Effect": "Allow",
                    "Action": "s3:ListBucket",
                    "Resource": bucket,
                    "Condition": { "StringLike": { "s3:prefix": one_or_all(below) } },
                }));
            }
        }
        let mut statements = vec![json!({
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": one_or_all(objects),
        })];
        if !whole.is_empty() {
            let resource = one_or_all(whole);
            statements.push(
                json!({ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": resource }),
            );
        }
        statements.extend(lists);
        if !keys_via.is_empty() {
            statements.push(json!({
                "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": "*",
                "Condition": {
                    "StringEquals": { "kms:ViaService": one_or_all(keys_via.into_iter().collect()) },
                },
            }));
        }
        let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let policy = in_latin_1(&policy);
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

/// The prefixes that no other covers. They end with `/` or are empty, so one that begins with another lies below it.
fn outermost(prefixes: &BTreeSet<&str>) -> Vec<String> {
    let mut outermost: Vec<&str> = Vec::new();
    // In this order, between a prefix and what it covers stands only what it covers too.
    for prefix in prefixes {
        if !outermost.last().is_some_and(|last| prefix.starts_with(*last)) {
            outermost.push(prefix);
        }
    }
    outermost.into_iter().map(literal).collect()
}

/// A list of one is that one: shorter, and every character counts.
fn one_or_all(mut texts: Vec<String>) -> Value {
    match (texts.len(), texts.pop()) {
        (1, Some(one)) => Value::String(one),
        (_, last) => texts.into_iter().chain(last).collect::<Vec<_>>().into(),
    }
}

/// Through which S3 keys of KMS are used on behalf of who reads and writes (SSE-KMS), which nobody else may do
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html>): which keys is the role's to say. Only for
/// Amazon's own S3: others' STS may refuse a policy with actions that they do not know.
fn encryption(place: &S3Place, partition: &str) -> Option<String> {
    let china = if partition == "aws-cn" { ".cn" } else { "" };
    let amazon = format!(".amazonaws.com{china}");
    let at_amazon = |endpoint: &String| {
        endpoint.parse::<Host>().is_ok_and(|host| host.name().ends_with(&amazon))
    };
    let ours = place.endpoint.as_ref().is_none_or(at_amazon);
    ours.then(|| format!("s3.{}{amazon}", literal(&place.region)))
}

/// The same JSON in the characters that `Policy` may have, `[\u0009\u000A\u000D\u0020-\u00FF]+`: all others are written as
/// escapes, of which one beyond the basic plane takes two (RFC 8259, 7). They stand in strings only.
fn in_latin_1(json: &str) -> String {
    let mut written = String::with_capacity(json.len());
    for character in json.chars() {
        if character <= '\u{ff}' {
            written.push(character);
        } else {
            let mut units = [0; 2];
            let units = character.encode_utf16(&mut units).iter();
            written.extend(units.map(|unit| format!("\\u{unit:04x}")));
        }
    }
    written
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
        let read: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({
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
                {
                    "Effect": "Allow",
                    "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                    "Resource": "*",
                    "Condition": {
                        "StringEquals": { "kms:ViaService": "s3.eu-central-1.amazonaws.com" },
                    },
                },
            ],
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn a_storage_that_is_the_whole_bucket_may_list_it_and_so_tells_what_is_missing() {
        let text = policy("media", "").unwrap().0;
        let read: Value = serde_json::from_str(&text).unwrap();
        let list = json!({
            "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::media",
        });
        assert_eq!(read["Statement"][1], list);
    }

    #[test]
    fn keys_of_kms_are_for_amazons_own_s3_in_the_storages_region() {
        for (endpoint, partition, via) in [
            (None, "aws", Some("s3.eu-central-1.amazonaws.com\"")),
            (None, "aws-cn", Some("s3.eu-central-1.amazonaws.com.cn\"")),
            (
                Some("https://bucket.vpce-1.s3.eu-central-1.vpce.amazonaws.com"),
                "aws",
                Some("s3.eu-central-1.amazonaws.com\""),
            ),
            (Some("https://minio.example.com"), "aws", None),
            (Some("https://amazonaws.com.example.com"), "aws", None),
        ] {
            let mut storage = storage(1, 1, "team", ("media", "scans"));
            let Place::S3(place) = &mut storage.place;
            place.endpoint = endpoint.map(str::to_owned);
            let policy = SessionPolicy::for_storage(&storage, partition).unwrap();
            let found = via.map_or(!policy.as_str().contains("kms"), |via| {
                policy.as_str().contains(&format!("\"kms:ViaService\":\"{via}"))
            });
            assert!(found, "{endpoint:?}: {policy:?}");
        }
    }

    #[test]
    fn the_storages_of_a_project_have_one_policy_that_says_nothing_twice() {
        let storages = [
            ("media", "scans"),
            ("media", "scans/left"),
            ("media", "scans-old"),
            ("media", "films"),
            ("exports", ""),
            ("exports", "below"),
        ];
        let storages: Vec<_> =
            (0..).zip(storages).map(|(id, place)| storage(1, id, "team", place)).collect();
        let text = SessionPolicy::for_storages(&storages, "aws").unwrap().0;
        let read: Value = serde_json::from_str(&text).unwrap();
        let objects = ["exports/", "media/films/", "media/scans-old/", "media/scans/"]
            .map(|prefix| format!("arn:aws:s3:::{prefix}*"));
        let expected = json!([
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject"],
                "Resource": objects,
            },
            { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::exports" },
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::media",
                "Condition": { "StringLike": { "s3:prefix": ["films/*", "scans-old/*", "scans/*"] } },
            },
            {
                "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": "*",
                "Condition": {
                    "StringEquals": { "kms:ViaService": "s3.eu-central-1.amazonaws.com" },
                },
            },
        ]);
        assert_eq!(read["Statement"], expected);
    }

    #[test]
    fn a_project_of_too_many_prefixes_is_refused_and_not_opened_wider() {
        let many = |count: i64| {
            let all: Vec<_> = (0..count)
                .map(|id| storage(1, id, "team", ("media", &format!("batches/of-2026/{id:04}"))))
                .collect();
            SessionPolicy::for_storages(&all, "aws")
        };
        assert!(many(15).is_ok());
        let refused = many(40).unwrap_err();
        assert!(matches!(refused, SourceError::PolicyTooLarge { characters: 2049.. }), "{refused}");
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
    fn letters_that_sts_does_not_take_are_escaped_and_mean_the_same() {
        let text = policy("media", "größe/партия/🎬").unwrap().0;
        assert!(
            text.chars().all(|one| matches!(one, '\t' | '\n' | '\r' | ' '..='\u{ff}')),
            "{text}"
        );
        assert!(text.contains(r"größe/\u043f\u0430"), "{text}");
        assert!(text.contains(r"\ud83c\udfac"), "{text}");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["Statement"][0]["Resource"], "arn:aws:s3:::media/größe/партия/🎬/*");
        let below = &read["Statement"][1]["Condition"]["StringLike"]["s3:prefix"];
        assert_eq!(*below, "größe/партия/🎬/*");
    }

    #[test]
    fn what_is_escaped_counts_as_it_is_sent() {
        // Each is six characters, twice.
        assert!(policy("media", &"п".repeat(130)).is_ok());
        let refused = policy("media", &"п".repeat(150)).unwrap_err();
        assert!(matches!(refused, SourceError::PolicyTooLarge { characters: 2049.. }), "{refused}");
    }

    #[test]
    fn a_policy_that_sts_would_not_take_is_refused_here() {
        assert!(policy("media", &"p".repeat(750)).is_ok());
        let refused = policy("media", &"p".repeat(1000)).unwrap_err();
        assert!(
            matches!(refused, SourceError::PolicyTooLarge { characters: 2300..=2600 }),
            "{refused}"
        );
    }
}
