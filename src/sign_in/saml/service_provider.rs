//! Our side, for one organization: what identity providers know us by. Addresses are made of the gateway's own address and
//! the organization's name, never of what a request says its host is (R11).

use http::Uri;

use super::Expected;
use super::service_key::ServiceKey;
use crate::catalog::OrganizationName;

/// A second one announces itself before it is the first, and is still there after it was.
const MAX_KEYS: usize = 2;

/// SAML core 8.3.6.
const MAX_ENTITY_ID: usize = 1_024;

/// The service provider of one organization.
#[derive(Debug)]
pub struct ServiceProvider {
    entity_id: Box<str>,
    metadata_address: Box<str>,
    endpoint: Box<str>,
    sign_out: Box<str>,
    first: ServiceKey,
    second: Option<ServiceKey>,
}

/// Why there is no service provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadServiceProvider {
    #[error("the gateway's address is not https://HOST[:PORT] (or http on this machine)")]
    Address,
    #[error("our entity id is empty, longer than 1,024 characters, or has blanks in it")]
    EntityId,
    #[error("there is no key pair to sign requests with")]
    NoKey,
    #[error("there are more than 2 key pairs")]
    TooManyKeys,
}

impl ServiceProvider {
    /// `address` is where browsers reach the gateway: `https://HOST[:PORT]`. Of the keys the first signs; both are announced. The
    /// entity id is the address of our metadata, unless the identity provider knows us by another.
    ///
    /// # Errors
    /// [`BadServiceProvider`] as its variants say.
    pub fn new(
        address: &str,
        organization: &OrganizationName,
        entity_id: Option<&str>,
        keys: Vec<ServiceKey>,
    ) -> Result<Self, BadServiceProvider> {
        let address = address.strip_suffix('/').unwrap_or(address);
        if !is_origin(address) {
            return Err(BadServiceProvider::Address);
        }
        let of =
            |what: &str| -> Box<str> { format!("{address}/-/saml/{organization}/{what}").into() };
        let metadata_address = of("metadata");
        let entity_id = entity_id.map_or_else(|| metadata_address.clone(), Into::into);
        if !is_entity_id(&entity_id) {
            return Err(BadServiceProvider::EntityId);
        }
        if keys.len() > MAX_KEYS {
            return Err(BadServiceProvider::TooManyKeys);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(BadServiceProvider::NoKey)?;
        let (endpoint, sign_out) = (of("acs"), of("slo"));
        Ok(Self { entity_id, metadata_address, endpoint, sign_out, first, second: keys.next() })
    }

    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// Where our metadata are read.
    #[must_use]
    pub fn metadata_address(&self) -> &str {
        &self.metadata_address
    }

    /// The assertion endpoint: where a browser posts an answer to.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where a browser is sent to with what is said about signing out.
    #[must_use]
    pub fn sign_out(&self) -> &str {
        &self.sign_out
    }

    /// Our key pairs; the first signs.
    pub fn keys(&self) -> impl Iterator<Item = &ServiceKey> {
        std::iter::once(&self.first).chain(&self.second)
    }

    /// What an answer to this request must be for.
    #[must_use]
    pub fn expected<'a>(&'a self, request: Option<&'a str>) -> Expected<'a> {
        Expected {
            entity_id: &self.entity_id,
            endpoint: &self.endpoint,
            request,
            contexts: &[],
            authenticated_since: None,
        }
    }

    pub(super) const fn signing(&self) -> &ServiceKey {
        &self.first
    }
}

/// A scheme, a host, perhaps a port, and nothing else, in the one spelling that browsers use.
fn is_origin(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    let ours = matches!(authority.host(), "127.0.0.1" | "localhost" | "[::1]");
    let plain = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && byte != b'@';
    address == format!("{scheme}://{authority}")
        && !authority.host().is_empty()
        && address.bytes().all(plain)
        && (scheme == "https" || scheme == "http" && ours)
}

fn is_entity_id(text: &str) -> bool {
    let strange = |one: char| one.is_whitespace() || one.is_control();
    !text.is_empty() && text.chars().count() <= MAX_ENTITY_ID && !text.contains(strange)
}

#[cfg(test)]
mod tests {
    use super::super::peer::{elliptic, other, rsa};
    use super::{BadServiceProvider, ServiceProvider};

    fn made(address: &str, entity_id: Option<&str>) -> Result<ServiceProvider, BadServiceProvider> {
        ServiceProvider::new(
            address,
            &"acme".parse().unwrap(),
            entity_id,
            vec![rsa().service_key()],
        )
    }

    #[test]
    fn addresses_are_made_of_the_gateways_own() {
        let ours = made("https://gateway.example.com:8443", None).unwrap();
        let base = "https://gateway.example.com:8443/-/saml/acme";
        assert_eq!(ours.entity_id(), format!("{base}/metadata"));
        assert_eq!(ours.metadata_address(), format!("{base}/metadata"));
        assert_eq!(ours.endpoint(), format!("{base}/acs"));
        assert_eq!(ours.sign_out(), format!("{base}/slo"));
        let known = made("https://gateway.example.com/", Some("urn:our:own")).unwrap();
        assert_eq!(known.entity_id(), "urn:our:own");
        assert_eq!(known.metadata_address(), "https://gateway.example.com/-/saml/acme/metadata");
        let expected = known.expected(Some("_1"));
        assert_eq!((expected.entity_id, expected.request), ("urn:our:own", Some("_1")));
        assert_eq!(expected.endpoint, known.endpoint());
    }

    #[test]
    fn only_an_origin_is_an_address() {
        for (address, good) in [
            ("https://gateway.example.com", true),
            ("https://gateway.example.com:8443/", true),
            ("https://[2001:db8::1]:8443", true),
            ("http://127.0.0.1:8080", true),
            ("http://localhost", true),
            ("http://[::1]:8080", true),
            ("http://gateway.example.com", false),
            ("http://localhost.example.com", false),
            ("https://gateway.example.com//", false),
            ("https://gateway.example.com/path", false),
            ("https://gateway.example.com?query", false),
            ("https://gateway.example.com#part", false),
            ("https://user@gateway.example.com", false),
            ("https://Gateway.example.com", false),
            ("HTTPS://gateway.example.com", false),
            ("https://gateway.example.com ", false),
            ("https://gateway\\.example.com", false),
            ("https://", false),
            ("https://:8443", false),
            ("gateway.example.com", false),
            ("/path", false),
            ("ftp://gateway.example.com", false),
            ("", false),
        ] {
            assert_eq!(made(address, None).is_ok(), good, "{address}");
        }
    }

    #[test]
    fn entity_ids_and_keys_have_bounds() {
        for (name, entity_id, good) in [
            ("short", "a".to_owned(), true),
            ("as long as may be", "a".repeat(1_024), true),
            ("longer", "a".repeat(1_025), false),
            ("empty", String::new(), false),
            ("a blank", "a b".to_owned(), false),
            ("a line", "a\n".to_owned(), false),
        ] {
            let found = made("https://a.example", Some(&entity_id)).err();
            assert_eq!(found, (!good).then_some(BadServiceProvider::EntityId), "{name}");
        }
        let of =
            |keys| ServiceProvider::new("https://a.example", &"acme".parse().unwrap(), None, keys);
        let key = |made: &super::super::peer::Made| made.service_key();
        assert_eq!(of(vec![]).err(), Some(BadServiceProvider::NoKey));
        let three = vec![key(rsa()), key(elliptic()), key(other())];
        assert_eq!(of(three).err(), Some(BadServiceProvider::TooManyKeys));
        let two = of(vec![key(elliptic()), key(rsa())]).unwrap();
        let found: Vec<_> = two.keys().map(|key| key.certificate().clone()).collect();
        assert_eq!(found, [elliptic(), rsa()].map(|made| key(made).certificate().clone()));
        assert_eq!(two.signing().certificate(), &found[0]);
    }
}
