//! An identity provider whose every word is the test's, in front of the real gateway: for answers that no real one gives.

use std::io::Read as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::DeflateDecoder;
use sluicegate::ground::clock::Clock;

use crate::company::{Behind, Browser, Draft, prepared};
use crate::support::account::{Account, Policy, Trust};
use crate::support::assertion::{Algorithm, Claims, IdentityProvider, Signed};
use crate::support::s3::S3;
use crate::support::site::{Answer, Site};
use crate::support::sts::Sts;
use crate::world::{ADMIN, ANNOTATOR, INSIDE, Reach};

/// All of it, running.
pub struct Forge {
    pub idp: IdentityProvider,
    pub account: Arc<Account>,
    pub sts: Sts,
    pub s3: S3,
    pub site: Site,
}

/// A browser on its way.
pub struct Way<'f> {
    pub browser: Browser<'f>,
    /// The id of its request.
    pub request: String,
    pub relay_state: String,
}

const ORIGIN: &str = "https://idp.example.com";

impl Forge {
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Draft)) -> Self {
        Self::of_roles(|reach| Policy::of_prefix(reach.bucket, reach.prefix), |_, it| change(it))
    }

    /// The same, with the permissions of each role, and a draft that may know the account.
    pub fn of_roles(
        permissions: impl Fn(Reach) -> String,
        change: impl FnOnce(&Account, &mut Draft),
    ) -> Self {
        Self::before(permissions, |behind, draft| change(behind.account, draft))
    }

    /// The same, and the draft may know all that is behind the install.
    pub fn before(
        permissions: impl Fn(Reach) -> String,
        change: impl FnOnce(Behind<'_>, &mut Draft),
    ) -> Self {
        let (mut site, _) = prepared();
        let idp = IdentityProvider::new(&format!("{ORIGIN}/metadata"), Algorithm::RsaSha256);
        let account = Account::new("123456789012", Clock::system()).with_provider("idp", &idp);
        let trust = Trust::saml(account.provider_arn("idp"), &site.url("/-/saml/acme/acs"));
        let account = [ANNOTATOR, ADMIN].into_iter().fold(account, |account, reach| {
            account.with_role_of(reach.role, vec![trust.clone()], &permissions(reach), 3_600)
        });
        let account = Arc::new(account);
        let (sts, s3) = (Sts::start(&account), S3::start(&account));
        for Reach { bucket, prefix, .. } in [ANNOTATOR, ADMIN] {
            let key = format!("{prefix}{INSIDE}");
            s3.put(bucket, &key, "text/plain", key.as_bytes());
        }
        let behind = Behind { account: &account, sts: &sts, s3: &s3 };
        let mut draft = Draft::default();
        change(behind, &mut draft);
        draft.install(&mut site, &idp.metadata(&format!("{ORIGIN}/sso")), behind);
        Self { idp, account, sts, s3, site }
    }

    /// A fresh browser that has asked to sign in.
    pub async fn depart(&self, query: &str) -> Way<'_> {
        self.depart_with(Browser::at(&self.site, ORIGIN), query).await
    }

    /// The same with a browser that there is.
    pub async fn depart_with<'f>(&'f self, browser: Browser<'f>, query: &str) -> Way<'f> {
        let location = browser.depart(query).await;
        let xml = asked(&location);
        let (_, id) = xml.split_once(" ID=\"").unwrap();
        let request = id.split('"').next().unwrap().to_owned();
        let relay_state = parameter(&location, "RelayState").unwrap();
        Way { browser, request, relay_state }
    }

    /// Sound claims about somebody in these groups with both roles, in answer to a request.
    pub fn claims(&self, person: &str, groups: &[&str], request: Option<&str>) -> Claims {
        let endpoint = self.site.url("/-/saml/acme/acs");
        let provider = self.account.provider_arn("idp");
        let roles = [ANNOTATOR, ADMIN].map(|reach| self.account.role_arn(reach.role));
        let pairs = roles.each_ref().map(|role| (role.as_str(), provider.as_str()));
        let claims = Claims::new(&self.idp.entity_id, person, &endpoint, Clock::system().now())
            .for_audiences(&[&self.site.url("/-/saml/acme/metadata"), "urn:amazon:webservices"])
            .with("groups", groups)
            .for_roles(&pairs, person);
        request.map_or(claims.clone(), |request| claims.in_response_to(request))
    }

    /// Signs somebody in; he is in.
    pub async fn sign_in(&self, person: &str, groups: &[&str]) -> Browser<'_> {
        let way = self.depart("").await;
        let claims = self.claims(person, groups, Some(&way.request));
        let answer = way.post(&self.idp.posted(&claims, Signed::Both)).await;
        assert_eq!(answer.status.as_u16(), 303, "{}\n{}", answer.text(), self.site.log());
        way.browser
    }
}

impl Way<'_> {
    /// Posts this field, as the identity provider's page would.
    pub async fn post(&self, response: &str) -> Answer {
        self.post_with(response, &self.relay_state).await
    }

    pub fn request_to_post(&self, response: &str) -> reqwest::RequestBuilder {
        let fields = [("SAMLResponse", response), ("RelayState", &self.relay_state)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let endpoint = self.browser.site().url("/-/saml/acme/acs");
        self.browser.request_to_post(&endpoint, &fields)
    }

    pub async fn post_with(&self, response: &str, relay_state: &str) -> Answer {
        let fields = [("SAMLResponse", response), ("RelayState", relay_state)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let endpoint = self.browser.site().url("/-/saml/acme/acs");
        self.browser.post_to(&endpoint, &fields).await
    }
}

/// A parameter of an address's query.
pub fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// The request in an address of the identity provider's.
pub fn asked(location: &str) -> String {
    let packed = STANDARD.decode(parameter(location, "SAMLRequest").unwrap()).unwrap();
    let mut xml = String::new();
    DeflateDecoder::new(&*packed).read_to_string(&mut xml).unwrap();
    xml
}
