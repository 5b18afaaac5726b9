//! STS's answers: bounded XML with the expected root, in STS's namespace, read strictly (R15). What is not exactly
//! that is not an answer.

use quick_xml::events::{BytesRef, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::SourceError;
use crate::credential::aws::Keys;
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const DEEPEST: usize = 8;

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

/// Code and message of a refusal, when it is one.
pub(super) fn refusal(body: &[u8]) -> Option<(String, String)> {
    let paths = ["ErrorResponse/Error/Code", "ErrorResponse/Error/Message"].map(str::to_owned);
    let [code, message] = texts(body, &paths, None).ok()?;
    Some((code, message))
}

/// Text of the other side as it may stand in a log: short, one line, no control characters.
pub(super) fn printable(text: &str, most: usize) -> String {
    text.chars().filter(|character| !character.is_control()).take(most).collect()
}

fn bad(problem: &'static str) -> SourceError {
    SourceError::BadAnswer { who: super::WHO, problem }
}

/// The texts of the elements at these paths, each of which must be there exactly once.
fn texts<const N: usize>(
    body: &[u8],
    paths: &[String; N],
    namespace: Option<&str>,
) -> Result<[String; N], &'static str> {
    let mut reader = NsReader::from_str(text_of(body)?);
    let mut found: [Option<String>; N] = std::array::from_fn(|_| None);
    let mut path = Vec::new();
    let mut rooted = false;
    loop {
        match reader.read_resolved_event().or(Err("it is not well-formed XML"))? {
            (within, Event::Start(element)) => {
                check_namespace(&within, namespace)?;
                if (path.is_empty() && rooted) || path.len() >= DEEPEST {
                    return Err("it has several roots or is nested too deep");
                }
                rooted = true;
                path.push(text_of(element.local_name().into_inner())?.to_owned());
                if let Some(at) = position(paths, &path) {
                    let seen = found.get_mut(at).and_then(|one| one.replace(String::new()));
                    seen.map_or(Ok(()), |_| Err("it holds a value twice"))?;
                }
            }
            (_, Event::End(_)) => drop(path.pop()),
            (_, Event::Text(text)) => collect(&mut found, paths, &path, text_of(&text)?)?,
            (_, Event::GeneralRef(entity)) => {
                collect(&mut found, paths, &path, character(&entity)?.encode_utf8(&mut [0; 4]))?;
            }
            (_, Event::Decl(_)) | (_, Event::Empty(_)) => {}
            (_, Event::Eof) if path.is_empty() && rooted => break,
            (_, Event::Eof) => return Err("it ends too early"),
            (_, Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_)) => {
                return Err("it holds what STS never sends");
            }
        }
    }
    let mut texts = [const { String::new() }; N];
    for (text, found) in texts.iter_mut().zip(found) {
        *text = found.ok_or("its root or a value is missing")?;
    }
    Ok(texts)
}

fn check_namespace(within: &ResolveResult<'_>, expected: Option<&str>) -> Result<(), &'static str> {
    let right = match (within, expected) {
        (ResolveResult::Bound(namespace), Some(expected)) => {
            namespace.as_ref() == expected.as_bytes()
        }
        (ResolveResult::Bound(_) | ResolveResult::Unbound, None) => true,
        (ResolveResult::Unbound, Some(_)) | (ResolveResult::Unknown(_), _) => false,
    };
    if right { Ok(()) } else { Err("it is not in STS's namespace") }
}

fn text_of(bytes: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(bytes).or(Err("it is not UTF-8"))
}

fn position(paths: &[String], path: &[String]) -> Option<usize> {
    paths.iter().position(|one| one.split('/').eq(path.iter().map(String::as_str)))
}

/// Adds text to the value it belongs to; text elsewhere is layout.
fn collect(
    found: &mut [Option<String>],
    paths: &[String],
    path: &[String],
    text: &str,
) -> Result<(), &'static str> {
    let value = position(paths, path).and_then(|at| found.get_mut(at)?.as_mut());
    match value {
        Some(value) => value.push_str(text),
        None if path.is_empty() && !text.trim().is_empty() => return Err("it has text around it"),
        None => {}
    }
    Ok(())
}

fn character(entity: &BytesRef<'_>) -> Result<char, &'static str> {
    match text_of(entity)? {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => entity.resolve_char_ref().ok().flatten().ok_or("it holds an unknown entity"),
    }
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

    #[test]
    fn a_refusal_gives_code_and_message() {
        let body = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
            <Code>AccessDenied</Code><Message>not &lt;you&gt;</Message></Error></ErrorResponse>";
        assert_eq!(refusal(body.as_bytes()), Some(("AccessDenied".into(), "not <you>".into())));
        assert_eq!(refusal(b"<html/>"), None);
        assert_eq!(refusal(GOOD.as_bytes()), None);
    }
}
