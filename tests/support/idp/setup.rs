//! What an identity provider is told by a test: its people, its service providers, its times. Written as the file that
//! `tests/peers/saml-idp/run` describes.

use std::collections::BTreeMap;

use serde::Serialize;

/// All of it. What a test leaves alone is SimpleSAMLphp's own default.
#[derive(Debug, Clone, Serialize)]
pub struct Setup {
    /// By the name that they sign in with.
    pub people: BTreeMap<String, Member>,
    pub service_providers: Vec<ServiceProvider>,
    /// From the password to `SessionNotOnOrAfter`.
    pub session_seconds: u32,
    /// How long an assertion is good.
    pub assertion_seconds: u32,
    /// Its cookies are `SameSite=None; Secure`, as the large providers' are, so that it knows a browser again in a frame.
    /// It is reached by TLS then. Settled at the start.
    pub cross_site_cookies: bool,
    /// Of this machine, as browsers know it. One that the service provider has too makes both one site, whatever their
    /// ports. Settled at the start.
    #[serde(skip)]
    pub host: &'static str,
}

/// Somebody who can sign in.
#[derive(Debug, Clone, Serialize)]
pub struct Member {
    pub password: String,
    /// `mail` is the `NameID`.
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// Whom the identity provider answers.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceProvider {
    pub entity_id: String,
    /// Where answers are posted.
    pub assertions: String,
    /// Where messages about signing out go, by redirect.
    pub sign_out: Option<String>,
    /// PEM. Any of them may have signed what the service provider sends; the first is encrypted to.
    pub certificates: Vec<String>,
    /// Besides its entity id, in the same `AudienceRestriction`.
    pub audiences: Vec<String>,
    pub sign_response: bool,
    pub sign_assertion: bool,
    /// It is answered only when its requests are signed.
    pub signed_requests: bool,
    pub encryption: Option<Encryption>,
}

/// What an assertion is encrypted with; the key of that goes by RSA-OAEP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Encryption {
    /// What SimpleSAMLphp 1.19 knows by itself.
    #[serde(rename = "aes128-cbc")]
    Aes128Cbc,
    #[serde(rename = "aes128-gcm")]
    Aes128Gcm,
    #[serde(rename = "aes256-gcm")]
    Aes256Gcm,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            people: BTreeMap::new(),
            service_providers: Vec::new(),
            session_seconds: 8 * 60 * 60,
            assertion_seconds: 5 * 60,
            cross_site_cookies: false,
            host: "127.0.0.1",
        }
    }
}

impl Setup {
    /// With somebody whose password is `NAME-password`.
    #[must_use]
    pub fn with_person(mut self, name: &str, attributes: &[(&str, &[&str])]) -> Self {
        let texts = |values: &[&str]| values.iter().map(|&one| one.to_owned()).collect();
        let attributes = attributes.iter().map(|&(name, values)| (name.to_owned(), texts(values)));
        let person =
            Member { password: format!("{name}-password"), attributes: attributes.collect() };
        self.people.insert(name.to_owned(), person);
        self
    }
}

impl ServiceProvider {
    /// One without keys, whose answers are signed twice and are good for AWS too.
    pub fn new(entity_id: &str, assertions: &str) -> Self {
        Self {
            entity_id: entity_id.to_owned(),
            assertions: assertions.to_owned(),
            sign_out: None,
            certificates: Vec::new(),
            audiences: vec!["urn:amazon:webservices".to_owned()],
            sign_response: true,
            sign_assertion: true,
            signed_requests: false,
            encryption: None,
        }
    }
}
