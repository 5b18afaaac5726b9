//! A client of the account's STS and S3, which signs as AWS's own do.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use reqwest::Method;
use sluicegate::ground::clock::{Clock, Timestamp};

use super::account::Account;
use super::s3::S3;
use super::sts::{REGION, Sts};

/// It follows no proxy of the machine's.
#[derive(Debug)]
pub struct Client(reqwest::Client);

/// An answer of either.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub text: String,
}

/// As they are issued.
#[derive(Debug, Clone)]
pub struct Keys {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

/// The form of a call for this role, by the provider `idp`, with what the identity provider posted.
pub fn with_saml(account: &Account, role: &str, posted: &str) -> Vec<(String, String)> {
    [
        ("Action", "AssumeRoleWithSAML"),
        ("Version", "2011-06-15"),
        ("RoleArn", &account.role_arn(role)),
        ("PrincipalArn", &account.provider_arn("idp")),
        ("SAMLAssertion", posted),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

impl Client {
    pub fn new() -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        Self(reqwest::Client::builder().no_proxy().build().unwrap())
    }

    /// Sends a form; the later parameters stand instead of earlier ones of their names.
    pub async fn ask(&self, sts: &Sts, form: &[(String, String)], more: &[(&str, &str)]) -> Answer {
        send(self.0.post(sts.url()).body(written(form, more))).await
    }

    /// The same, signed with these keys at this time.
    pub async fn ask_signed(
        &self,
        sts: &Sts,
        (keys, now): (&Keys, Timestamp),
        form: &[(String, String)],
        more: &[(&str, &str)],
    ) -> Answer {
        let body = written(form, more);
        let url = format!("{}/", sts.url());
        let signed = signed_headers(keys, (now, REGION, "sts"), ("POST", &url), &body);
        let mut request = self.0.post(url).body(body);
        for (name, value) in signed {
            request = request.header(name, value);
        }
        send(request).await
    }

    /// Asks the S3 for this target, signed with these keys.
    pub async fn s3(
        &self,
        s3: &S3,
        keys: &Keys,
        method: Method,
        target: &str,
        body: &str,
    ) -> Answer {
        let url = format!("{}{target}", s3.url());
        let now = Clock::system().now();
        let signed =
            signed_headers(keys, (now, "eu-central-1", "s3"), (method.as_str(), &url), body);
        let mut request = self.0.request(method, url).body(body.to_owned());
        for (name, value) in signed {
            request = request.header(name, value);
        }
        send(request).await
    }
}

async fn send(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    Answer { status: answer.status().as_u16(), text: answer.text().await.unwrap() }
}

impl Answer {
    /// The text of the only element of this name, if it is there.
    pub fn element(&self, name: &str) -> Option<String> {
        let document = roxmltree::Document::parse(&self.text).ok()?;
        let mut found = document.descendants().filter(|node| node.tag_name().name() == name);
        let (first, second) = (found.next()?, found.next());
        assert!(second.is_none(), "{name} is there twice: {}", self.text);
        Some(first.text().unwrap_or_default().to_owned())
    }

    pub fn keys(&self) -> Keys {
        assert_eq!(self.status, 200, "{}", self.text);
        Keys {
            id: self.element("AccessKeyId").unwrap(),
            secret: self.element("SecretAccessKey").unwrap(),
            token: self.element("SessionToken"),
        }
    }

    pub fn expiration(&self) -> Timestamp {
        assert_eq!(self.status, 200, "{}", self.text);
        self.element("Expiration").unwrap().parse().unwrap()
    }

    /// It is a refusal with this status and code, in whose message this stands.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str, words: &str) {
        let said = (self.status, self.element("Code"), self.element("Message").unwrap_or_default());
        let right = said.0 == status && said.1.as_deref() == Some(code) && said.2.contains(words);
        assert!(right, "wanted {status} {code} {words:?}, got {}", self.text);
    }
}

fn written(form: &[(String, String)], more: &[(&str, &str)]) -> String {
    let kept = form.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(kept).extend_pairs(more);
    text.finish()
}

/// What signs a request, as headers.
pub fn signed_headers(
    keys: &Keys,
    (now, region, service): (Timestamp, &str, &str),
    (method, url): (&str, &str),
    body: &str,
) -> Vec<(String, String)> {
    let identity =
        Credentials::new(&keys.id, &keys.secret, keys.token.clone(), None, "test").into();
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let since = Duration::from_secs(now.as_second().unsigned_abs());
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::UNIX_EPOCH + since)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let body = SignableBody::Bytes(body.as_bytes());
    let request = SignableRequest::new(method, url, std::iter::empty(), body).unwrap();
    let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
    instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
