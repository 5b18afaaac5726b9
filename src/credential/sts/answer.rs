//! STS's answers: whose keys they are, and until when.

use super::super::query::texts;
use super::SourceError;
use crate::credential::aws::Keys;
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A role's keys, and who STS says they are for.
#[derive(Debug)]
pub(super) struct Assumed {
    pub(super) keys: Keys,
    /// `arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION`
    pub(super) arn: String,
}

/// Reads the answer to `action` (`AssumeRole`, `AssumeRoleWithSAML`, …).
pub(super) fn assumed(action: &str, body: &[u8]) -> Result<Assumed, SourceError> {
    let result = |rest: &str| format!("{action}Response/{action}Result/{rest}");
    let paths = [
        result("Credentials/AccessKeyId"),
        result("Credentials/SecretAccessKey"),
        result("Credentials/SessionToken"),
        result("Credentials/Expiration"),
        result("AssumedRoleUser/Arn"),
    ];
    let [id, secret, token, expires, arn] = texts(body, &paths, Some(NAMESPACE)).map_err(bad)?;
    let (secret, token) = (Secret::new(secret), Secret::new(token));
    let expires: Timestamp = expires.parse().or(Err(bad("its Expiration is not a time")))?;
    let empty = secret.expose().is_empty() || token.expose().is_empty();
    if empty || !(16..=128).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(bad("its credentials are not well-formed"));
    }
    Ok(Assumed { keys: Keys::new(&id, secret, Some(token), Some(expires)), arn })
}

fn bad(problem: &'static str) -> SourceError {
    SourceError::BadAnswer { who: super::STS.who, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"<?xml version="1.0"?>
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser>
    <Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE</AccessKeyId><SecretAccessKey>canary&#43;/secret</SecretAccessKey>
      <SessionToken>canary==</SessionToken><Expiration>2026-01-01T01:00:00Z</Expiration></Credentials>
  </AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</AssumeRoleResponse>"#;

    #[test]
    fn a_good_answer_is_read() {
        let assumed = assumed("AssumeRole", GOOD.as_bytes()).unwrap();
        assert_eq!(assumed.arn, "arn:aws:sts::1:assumed-role/r/s");
        assert_eq!(assumed.keys.access_key_id(), "ASIAEXAMPLEEXAMPLE");
        assert_eq!(assumed.keys.session_token().unwrap().expose(), "canary==");
        assert_eq!(assumed.keys.expires(), Some("2026-01-01T01:00:00Z".parse().unwrap()));
        assert!(!format!("{assumed:?}").contains("canary"));
    }

    #[test]
    fn anything_else_is_not_an_answer() {
        let swap = |from: &str, to: &str| {
            assert!(GOOD.contains(from), "{from}");
            GOOD.replace(from, to)
        };
        let cases = [
            ("nothing", String::new()),
            ("html", "<html><body>proxy login</body></html>".to_owned()),
            ("other root", swap("AssumeRoleResponse", "AssumeRoleWithSAMLResponse")),
            ("no namespace", swap(r#" xmlns="https://sts.amazonaws.com/doc/2011-06-15/""#, "")),
            (
                "other namespace",
                swap("https://sts.amazonaws.com/doc", "https://sts.example.com/doc"),
            ),
            ("namespace left inside", swap("<Credentials>", r#"<Credentials xmlns="urn:other">"#)),
            (
                "doctype",
                swap("<AssumeRoleResponse", "<!DOCTYPE a [<!ENTITY e 'x'>]><AssumeRoleResponse"),
            ),
            ("unknown entity", swap("&#43;", "&e;")),
            ("cut short", swap("</AssumeRoleResponse>", "</AssumeRoleResp")),
            ("two answers", format!("{GOOD}{}", GOOD.split_once("?>").unwrap().1)),
            ("text behind", format!("{GOOD} surprise")),
            (
                "key twice",
                swap(
                    "<SessionToken>",
                    "<AccessKeyId>ASIAOTHEROTHEROTHER</AccessKeyId><SessionToken>",
                ),
            ),
            ("no token", swap("canary==", "")),
            ("no expiry", swap("2026-01-01T01:00:00Z", "never")),
            ("comment", swap("canary==", "can<!-- -->ary==")),
            ("odd id", swap("ASIAEXAMPLEEXAMPLE", "ASIAEXAMPLE/EXAMPLE")),
            ("deep", GOOD.replace("<AssumedRoleId>", &"<a>".repeat(20))),
        ];
        for (name, body) in cases {
            assert!(assumed("AssumeRole", body.as_bytes()).is_err(), "{name}");
        }
        assert!(assumed("AssumeRole", b"\xff\xfe").is_err());
        assert!(assumed("AssumeRoleWithWebIdentity", GOOD.as_bytes()).is_err());
    }
}
