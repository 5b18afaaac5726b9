//! One organization, one account, and the whole of identity around it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};

use super::super::schemes::Asked;
use crate::catalog::{AccountId, OrganizationId, Role, Scope};
use crate::ground::clock::{Clock, Hand, SignedDuration, Timestamp};
use crate::ground::control::Control;
use crate::ground::generation::Generation;
use crate::ground::random::Random;
use crate::ground::seal::MasterKey;
use crate::ground::secret::Secret;
use crate::identity::{
    Identity, IdentityError, NewSession, Parts, Passwords, Schemes, Settings, SignIn, SignInError,
    TokenWish, create_token,
};
use crate::records::{NewAccount, Records, Watch};

pub(super) const EMAIL: &str = "ann@example.com";
pub(super) const PASSWORD: &str = "correct horse";
pub(super) const HOME: &str = "192.0.2.1";
pub(super) const ELSEWHERE: &str = "198.51.100.7";
pub(super) const HOST: &str = "gw.example.com:8443";

pub(super) struct World {
    pub(super) schemes: Arc<Schemes>,
    pub(super) records: Records,
    pub(super) hand: Hand,
    pub(super) organization: OrganizationId,
    pub(super) account: AccountId,
    pub(super) folder: tempfile::TempDir,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(super) async fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, hand) = Clock::manual(Timestamp::from_second(1_800_000_000).unwrap());
        let records = Records::open(&folder.path().join("r.sqlite"), clock.clone()).await.unwrap();
        let organization =
            records.create_organization(&"acme".parse().unwrap(), "Acme").await.unwrap();
        let watch = Watch::begin(records.clone(), Generation::default()).await.unwrap();
        let parts = Parts {
            watch,
            control: Control::new(tokio::runtime::Handle::current()),
            clock,
            random: Random::system(),
            master: MasterKey::new(Secret::new([7; 32])),
            settings,
            serves_clear_text: false,
            studio: None,
        };
        let schemes = Arc::new(Schemes::new(parts).unwrap());
        let account = AccountId(0);
        let mut world = Self { schemes, records, hand, organization, account, folder };
        world.account = world.account(EMAIL, Some(Role::Manager)).await;
        world.catch_up().await;
        world
    }

    /// Another account with the same password.
    pub(super) async fn account(&self, email: &str, role: Option<Role>) -> AccountId {
        let email = email.parse().unwrap();
        let passwords = Passwords::new(Random::system()).unwrap();
        let hash = passwords.hash(&email, Secret::new(PASSWORD.to_owned())).await.unwrap();
        let new = NewAccount { email: &email, role, password_hash: Some(hash) };
        self.records.create_account(self.organization, new).await.unwrap()
    }

    pub(super) async fn catch_up(&self) {
        self.schemes.parts.watch.catch_up().await.unwrap();
    }

    /// Waits until the use at this moment, which is told in the background, stands in the records.
    pub(super) async fn written(&self, used: impl AsyncFn(&Records) -> Option<Timestamp>) {
        let now = Some(self.schemes.parts.clock.now());
        let written = async { while used(&self.records).await != now {} };
        tokio::time::timeout(Duration::from_secs(10), written).await.expect("it is not told");
    }

    /// The same file, as another process sees it.
    pub(super) async fn other_process(&self) -> Records {
        let path = self.folder.path().join("r.sqlite");
        Records::open(&path, self.schemes.parts.clock.clone()).await.unwrap()
    }

    pub(super) fn minutes(&self, minutes: i64) {
        self.hand.advance(SignedDuration::from_mins(minutes));
    }

    pub(super) async fn sign_in(
        &self,
        email: &str,
        password: &str,
        from: &str,
    ) -> Result<NewSession, SignInError> {
        let asked = SignIn {
            email: email.to_owned(),
            password: Secret::new(password.to_owned()),
            client: from.parse::<IpAddr>().unwrap(),
            user_agent: "a browser".to_owned(),
            replaces: None,
        };
        self.schemes.sign_in(asked).await
    }

    /// Signs Ann in and gives the header that her browser sends from then on.
    pub(super) async fn session(&self) -> String {
        let session = self.sign_in(EMAIL, PASSWORD, HOME).await.unwrap();
        format!("__Host-sluicegate={}", session.cookie_value().expose())
    }

    pub(super) async fn token(&self, account: AccountId, expires: Option<Timestamp>) -> String {
        let wish = TokenWish {
            organization: self.organization,
            account,
            name: "ci",
            scope: &Scope::ALL,
            expires,
        };
        let made = create_token(&self.records, &Random::system(), wish).await.unwrap();
        format!("Bearer {}", made.1.expose())
    }

    pub(super) async fn get(&self, headers: &[(&str, &str)]) -> Result<Identity, IdentityError> {
        self.ask(Method::GET, false, headers).await
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        public: bool,
        headers: &[(&str, &str)],
    ) -> Result<Identity, IdentityError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let client = HOME.parse().unwrap();
        let (headers, method, locks, from_elsewhere) = (&map, &method, false, false);
        let asked = Asked { headers, method, host: HOST, client, public, locks, from_elsewhere };
        self.schemes.identify_shown(asked).await
    }
}
