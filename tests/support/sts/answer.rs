//! Answers in STS's XML (the API reference of each action, "Examples").

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::escape::escape;

use super::issue::Issued;
use super::refusal::Refusal;
use super::with_saml::Asserted;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Keys for who signed.
pub(super) fn of_assume_role(issued: &Issued, id: &str) -> String {
    success("AssumeRole", &result(issued), id)
}

/// Keys for who was asserted.
pub(super) fn of_saml(asserted: &Asserted, account: &str, id: &str) -> String {
    let Asserted { issued, issuer, recipient, name, name_format, provider } = asserted;
    let kind = name_format.rsplit("nameid-format:").next().unwrap_or(name_format);
    // "Base64 (SHA1 (Issuer + AccountId + "/" + friendly name))"
    let qualified = format!("{issuer}{account}/{provider}");
    let qualified = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, qualified.as_bytes()));
    let more = [
        ("Issuer", issuer.as_str()),
        ("Audience", recipient),
        ("Subject", name),
        ("SubjectType", kind),
        ("NameQualifier", &qualified),
    ];
    let more: String = more.iter().map(|(name, value)| element(name, value)).collect();
    success("AssumeRoleWithSAML", &(more + &result(issued)), id)
}

/// No.
pub(super) fn of_refusal(refusal: &Refusal, id: &str) -> String {
    let Refusal { code, message } = refusal;
    let error = element("Type", code.fault())
        + &element("Code", code.as_str())
        + &element("Message", message);
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\">\n  <Error>{error}</Error>\n  <RequestId>{id}</RequestId>\n</ErrorResponse>\n"
    )
}

fn success(action: &str, result: &str, id: &str) -> String {
    format!(
        "<{action}Response xmlns=\"{NAMESPACE}\">\n  <{action}Result>{result}</{action}Result>\n  \
         <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\n</{action}Response>\n"
    )
}

fn result(issued: &Issued) -> String {
    let Issued { session, packed_percent } = issued;
    let user = element("AssumedRoleId", &format!("{}:{}", session.role.id, session.name))
        + &element("Arn", &session.arn());
    let keys = element("AccessKeyId", &session.access_key_id)
        + &element("SecretAccessKey", &session.secret)
        + &element("SessionToken", &session.token)
        + &element("Expiration", &session.expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let mut result = format!(
        "<AssumedRoleUser>{user}</AssumedRoleUser>\n    <Credentials>{keys}</Credentials>\n"
    );
    if let Some(percent) = packed_percent {
        result += &element("PackedPolicySize", &percent.to_string());
    }
    if let Some(identity) = &session.source_identity {
        result += &element("SourceIdentity", identity);
    }
    result
}

fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}
