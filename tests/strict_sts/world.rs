//! One account with its STS and its S3, and the calls that tests make of them.

use std::sync::{Arc, OnceLock};

use reqwest::Method;
use sluicegate::ground::clock::{Clock, Hand, Timestamp};

use crate::support::account::{Account, Policy, Trust};
use crate::support::assertion::{Algorithm, Claims, IdentityProvider, Signed};
use crate::support::aws::{Client, with_saml};
use crate::support::s3::S3;
use crate::support::sts::Sts;

pub use crate::support::aws::{Answer, Keys, signed_headers};

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
        Self { account, hand, sts, s3, client: Client::new() }
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
        with_saml(&self.account, role, posted)
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
        self.client.ask(&self.sts, form, more).await
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
        self.client.ask_signed(&self.sts, (keys, self.now()), &form, more).await
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
        self.client.s3(&self.s3, keys, method, target, body).await
    }

    pub async fn read(&self, keys: &Keys, key: &str) -> Answer {
        self.s3(keys, Method::GET, &format!("/{BUCKET}/{key}"), "").await
    }
}
