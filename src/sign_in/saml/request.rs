//! Asking an identity provider to sign somebody in (SAML core 3.4; profiles 4.1.4.1), by a signed redirect.

use super::metadata::{IdentityProvider, POST};
use super::redirect::{Head, Kind, NotSent, Redirect, short};
use super::service_provider::ServiceProvider;
use crate::ground::clock::Timestamp;
use crate::ground::random::Random;

/// How somebody is to be signed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignInRequest<'a> {
    /// Anew, also where the identity provider has a session (ForceAuthn).
    pub force: bool,
    /// Without asking the person anything, or not at all (IsPassive).
    pub passive: bool,
    /// By one of these means (AuthnContextClassRef); by any, when there are none.
    pub contexts: &'a [String],
    /// How the person is to be named; as the identity provider likes, when nothing is said.
    pub name_id_format: Option<&'a str>,
    /// Comes back with the answer: at most 80 bytes, and nothing that is a secret or that is believed.
    pub relay_state: Option<&'a str>,
}

impl SignInRequest<'_> {
    /// The address to send the browser to, and the request's id, which [`super::Expected::request`] is to be.
    ///
    /// # Errors
    /// [`NotSent`] as its variants say.
    pub fn redirect(
        &self,
        ours: &ServiceProvider,
        provider: &IdentityProvider,
        now: Timestamp,
        random: &Random,
    ) -> Result<Redirect, NotSent> {
        let address = provider.sign_in_redirect.as_deref();
        let address = address.ok_or(NotSent::NoAddress("SingleSignOnService"))?;
        let relay_state = short(self.relay_state)?;
        let head = Head::new(address, ours, now, random);
        let attributes = [
            ("ForceAuthn", self.force.then_some("true")),
            ("IsPassive", self.passive.then_some("true")),
            ("ProtocolBinding", Some(POST)),
            ("AssertionConsumerServiceURL", Some(ours.endpoint())),
        ];
        let mut markup = head.open("samlp:AuthnRequest", &attributes);
        let policy = [("Format", self.name_id_format), ("AllowCreate", Some("true"))];
        markup.empty("samlp:NameIDPolicy", &policy);
        if !self.contexts.is_empty() {
            markup.open("samlp:RequestedAuthnContext", &[("Comparison", Some("exact"))]);
            for context in self.contexts {
                markup.text("saml:AuthnContextClassRef", &[], context);
            }
            markup.close("samlp:RequestedAuthnContext");
        }
        markup.close("samlp:AuthnRequest");
        head.send(Kind::Request, markup, relay_state)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use roxmltree::Document;

    use super::super::names::{ASSERTIONS, PROTOCOL};
    use super::super::peer::{self, Made, NOW, elliptic, rsa, time};
    use super::super::redirect::{Kind, NotSent, Redirect};
    use super::SignInRequest;
    use crate::ground::random::Random;

    fn sent(request: &SignInRequest<'_>, key: &Made) -> Redirect {
        let provider = peer::provider(&[rsa()]);
        request.redirect(&peer::ours(key), &provider, time(NOW), &Random::system()).unwrap()
    }

    #[test]
    fn a_plain_request_says_what_it_must() {
        let sent = sent(&SignInRequest::default(), rsa());
        let received =
            peer::received(&sent.location, "https://idp.example.com/sso?realm=1&", rsa());
        assert_eq!((received.kind, received.relay_state.as_deref()), (Kind::Request, None));
        assert_eq!(
            received.xml,
            format!(
                "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTIONS}\" ID=\"{}\" \
                 Version=\"2.0\" IssueInstant=\"2026-11-26T08:00:00Z\" \
                 Destination=\"https://idp.example.com/sso?realm=1\" \
                 ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
                 AssertionConsumerServiceURL=\"https://gateway.example.com/-/saml/acme/acs\">\
                 <saml:Issuer>https://gateway.example.com/-/saml/acme/metadata</saml:Issuer>\
                 <samlp:NameIDPolicy AllowCreate=\"true\"/></samlp:AuthnRequest>",
                sent.id
            )
        );
    }

    #[test]
    fn all_that_can_be_asked_for() {
        let contexts =
            ["urn:oasis:names:tc:SAML:2.0:ac:classes:X509", "urn:a&b<c"].map(str::to_owned);
        let request = SignInRequest {
            force: true,
            passive: true,
            contexts: &contexts,
            name_id_format: Some("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
            relay_state: Some("a b+c&d=é/~"),
        };
        for key in [rsa(), elliptic()] {
            let sent = sent(&request, key);
            assert!(sent.location.contains("&RelayState=a%20b%2Bc%26d%3D%C3%A9%2F~&SigAlg="));
            let received =
                peer::received(&sent.location, "https://idp.example.com/sso?realm=1&", key);
            assert_eq!(received.relay_state, request.relay_state.map(str::to_owned));
            let document = Document::parse(&received.xml).unwrap();
            let root = document.root_element();
            assert_eq!(root.attribute("ForceAuthn"), Some("true"));
            assert_eq!(root.attribute("IsPassive"), Some("true"));
            let policy = root.children().nth(1).unwrap();
            assert_eq!(policy.attribute("Format"), request.name_id_format);
            let asked = root.children().nth(2).unwrap();
            assert!(asked.has_tag_name((PROTOCOL, "RequestedAuthnContext")));
            assert_eq!(asked.attribute("Comparison"), Some("exact"));
            let found: Vec<_> = asked.children().filter_map(|node| node.text()).collect();
            assert_eq!(found, contexts);
        }
    }

    #[test]
    fn ids_are_names_of_160_bits_and_differ() {
        let ids: HashSet<String> =
            (0..100).map(|_| sent(&SignInRequest::default(), elliptic()).id).collect();
        assert_eq!(ids.len(), 100);
        for id in ids {
            let digits = id.strip_prefix('_').unwrap();
            assert!(
                digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{id}"
            );
        }
    }

    #[test]
    fn without_an_address_or_with_a_long_relay_state_nothing_is_sent() {
        let asked = |relay_state: &str, redirect: bool| {
            let mut provider = peer::provider(&[rsa()]);
            provider.sign_in_redirect = provider.sign_in_redirect.filter(|_| redirect);
            let request =
                SignInRequest { relay_state: Some(relay_state), ..SignInRequest::default() };
            let sent =
                request.redirect(&peer::ours(rsa()), &provider, time(NOW), &Random::system());
            sent.err()
        };
        assert_eq!(asked("a", true), None);
        assert_eq!(asked(&"a".repeat(80), true), None);
        assert_eq!(asked(&"é".repeat(41), true), Some(NotSent::RelayState));
        assert_eq!(asked("a", false), Some(NotSent::NoAddress("SingleSignOnService")));
    }
}
