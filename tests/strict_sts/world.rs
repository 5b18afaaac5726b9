//! One account with its STS and its S3, and a client that signs as AWS's do.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use reqwest::{Client, Method};
use sluicegate::ground::clock::{Clock, Hand, Timestamp};

use crate::support::account::{Account, Policy, Trust};
use crate::support::assertion::{Algorithm, Claims, IdentityProvider, Signed};
use crate::support::s3::S3;
use crate::support::sts::{REGION, Sts};

/// Where the assertions are addressed to.
pub const RECIPIENT: &str = "https://gateway.example.com/-/saml/acme/acs";
pub const BUCKET: &str = "media";

pub struct World {
    pub account: Arc<Account>,
    pub hand: Hand,
    pub sts: Sts,
    pub s3: S3,
    client: Client,
}

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

/// The provider that the account knows as `idp`: its RSA key takes a moment to make.
pub fn idp() -> &'static IdentityProvider {
    static ONE: OnceLock<IdentityProvider> = OnceLock::new();
    ONE.get_or_init(|| IdentityProvider::new("https://idp.example.com/saml", Algorithm::RsaSha256))
}

/// The one that it knows as `other`.
pub fn other_idp() -> &'static IdentityProvider {
    static ONE: OnceLock<IdentityProvider> = OnceLock::new();
    ONE.get_or_init(|| IdentityProvider::new("https://other.example.com/", Algorithm::EcdsaSha256))
}

impl World {
    /// Roles `annotator` and `admin` of people of `idp`, of one hour and of twelve; `tagged`, which takes tags; `gateway`, a
    /// user who may assume `program`, and `named` with an external id.
    pub fn new() -> Self {
        Self::with(|account| account)
    }

    /// The same, changed before it starts.
    pub fn with(change: impl FnOnce(Account) -> Account) -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let (clock, hand) = Clock::manual(Clock::system().now());
        let account = Account::new("111122223333", clock);
        let [idp_arn, other_arn] = ["idp", "other"].map(|name| account.provider_arn(name));
        let user = account.user_arn("gateway");
        let people = || Trust::saml(idp_arn.clone(), RECIPIENT);
        let of_prefix = |prefix: &str| Policy::of_prefix(BUCKET, prefix);
        let account = account
            .with_provider("idp", idp())
            .with_provider("other", other_idp())
            .with_role("annotator", people(), &of_prefix("cats/"))
            .with_role_of("admin", vec![people()], &of_prefix(""), 43_200)
            .with_role("tagged", people().and_tags(), &of_prefix("${aws:PrincipalTag/team}/"))
            .with_role("elsewhere", Trust::saml(other_arn, RECIPIENT), &of_prefix(""))
            .with_user("gateway")
            .with_user("nobody")
            .with_role("program", Trust::user(user.clone()).and_tags(), &of_prefix(""))
            .with_role("named", Trust::user_with_external_id(user, "acme-1"), &of_prefix(""));
        let account = Arc::new(change(account));
        let (sts, s3) = (Sts::start(&account), S3::start(&account));
        for key in ["cats/one.txt", "cats/two.txt", "dogs/one.txt"] {
            s3.put(BUCKET, key, "text/plain", key.as_bytes());
        }
        let client = Client::builder().no_proxy().build().unwrap();
        Self { account, hand, sts, s3, client }
    }

    pub fn now(&self) -> Timestamp {
        self.account.clock.now()
    }

    /// Sound claims of alice's, for the roles `annotator`, `admin` and `tagged`.
    pub fn claims(&self) -> Claims {
        let roles = ["annotator", "admin", "tagged"].map(|name| self.account.role_arn(name));
        let provider = self.account.provider_arn("idp");
        let pairs = roles.each_ref().map(|role| (role.as_str(), provider.as_str()));
        Claims::new(&idp().entity_id, "alice@example.com", RECIPIENT, self.now())
            .for_roles(&pairs, "alice@example.com")
    }

    /// The form of a call for this role, with what the identity provider posted.
    pub fn form(&self, role: &str, posted: &str) -> Vec<(String, String)> {
        [
            ("Action", "AssumeRoleWithSAML"),
            ("Version", "2011-06-15"),
            ("RoleArn", &self.account.role_arn(role)),
            ("PrincipalArn", &self.account.provider_arn("idp")),
            ("SAMLAssertion", posted),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Asks for the annotator's role with what these claims say, signed as usual.
    pub async fn present(&self, claims: &Claims) -> Answer {
        self.ask(&self.form("annotator", &idp().posted(claims, Signed::Assertion)), &[]).await
    }

    /// Asks for a role with fresh claims and these parameters besides.
    pub async fn present_for(&self, role: &str, more: &[(&str, &str)]) -> Answer {
        let form = self.form(role, &idp().posted(&self.claims(), Signed::Assertion));
        self.ask(&form, more).await
    }

    /// Sends a form; the later parameters stand instead of earlier ones of their names.
    pub async fn ask(&self, form: &[(String, String)], more: &[(&str, &str)]) -> Answer {
        self.send(self.client.post(self.sts.url()).body(written(form, more))).await
    }

    /// `AssumeRole` of this role, signed with these keys.
    pub async fn assume(&self, keys: &Keys, role: &str, more: &[(&str, &str)]) -> Answer {
        let form = [
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", &self.account.role_arn(role)),
            ("RoleSessionName", "alice@example.com"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let body = written(&form, more);
        let url = format!("{}/", self.sts.url());
        let signed = signed_headers(keys, (self.now(), REGION, "sts"), ("POST", &url), &body);
        let mut request = self.client.post(url).body(body);
        for (name, value) in signed {
            request = request.header(name, value);
        }
        self.send(request).await
    }

    /// The keys of the user `gateway`.
    pub fn gateway(&self) -> Keys {
        self.keys_of("gateway")
    }

    pub fn keys_of(&self, user: &str) -> Keys {
        let user = self.account.user(user);
        Keys { id: user.access_key_id.clone(), secret: user.secret.clone(), token: None }
    }

    /// Asks the S3 for this target, signed with these keys.
    pub async fn s3(&self, keys: &Keys, method: Method, target: &str, body: &str) -> Answer {
        let url = format!("{}{target}", self.s3.url());
        let now = Clock::system().now();
        let signed =
            signed_headers(keys, (now, "eu-central-1", "s3"), (method.as_str(), &url), body);
        let mut request = self.client.request(method, url).body(body.to_owned());
        for (name, value) in signed {
            request = request.header(name, value);
        }
        self.send(request).await
    }

    pub async fn read(&self, keys: &Keys, key: &str) -> Answer {
        self.s3(keys, Method::GET, &format!("/{BUCKET}/{key}"), "").await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        Answer { status: answer.status().as_u16(), text: answer.text().await.unwrap() }
    }
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
