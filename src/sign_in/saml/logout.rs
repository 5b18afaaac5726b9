//! What we say about signing out at an identity provider (SAML core 3.7; profiles 4.4), by signed redirects: that somebody
//! wants to be signed out there, and our reply when it wants that of us. What it says: `logout_received`.

use super::claims::MAX_AGE;
use super::metadata::IdentityProvider;
use super::redirect::{Head, Kind, NotSent, Redirect, short};
use super::service_provider::ServiceProvider;
use super::{Assertion, instant};
use crate::ground::clock::Timestamp;
use crate::ground::random::Random;

/// Who is to be signed out, in the words of the assertion that signed in: they must be the same to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    pub name_id: &'a str,
    pub name_id_format: Option<&'a str>,
    pub name_qualifier: Option<&'a str>,
    pub sp_name_qualifier: Option<&'a str>,
    /// All sessions there, when none is named.
    pub session_index: Option<&'a str>,
}

impl<'a> From<&'a Assertion> for Subject<'a> {
    fn from(assertion: &'a Assertion) -> Self {
        Self {
            name_id: &assertion.name_id,
            name_id_format: assertion.name_id_format.as_deref(),
            name_qualifier: assertion.name_qualifier.as_deref(),
            sp_name_qualifier: assertion.sp_name_qualifier.as_deref(),
            session_index: assertion.session_index.as_deref(),
        }
    }
}

/// Somebody signed out here, and is to be signed out there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignOutRequest<'a> {
    pub subject: Subject<'a>,
    /// Comes back with the answer: at most 80 bytes, and nothing that is a secret or that is believed.
    pub relay_state: Option<&'a str>,
}

impl SignOutRequest<'_> {
    /// The address to send the browser to, and the request's id, which [`super::receive_logout`] expects in the answer.
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
        let address = provider.sign_out_redirect.as_deref();
        let address = address.ok_or(NotSent::NoAddress("SingleLogoutService"))?;
        let relay_state = short(self.relay_state)?;
        let head = Head::new(address, ours, now, random);
        let end = instant::written(now + MAX_AGE);
        let mut markup = head.open("samlp:LogoutRequest", &[("NotOnOrAfter", Some(end.as_str()))]);
        let name = [
            ("Format", self.subject.name_id_format),
            ("NameQualifier", self.subject.name_qualifier),
            ("SPNameQualifier", self.subject.sp_name_qualifier),
        ];
        markup.text("saml:NameID", &name, self.subject.name_id);
        if let Some(index) = self.subject.session_index {
            markup.text("samlp:SessionIndex", &[], index);
        }
        markup.close("samlp:LogoutRequest");
        head.send(Kind::Request, markup, relay_state)
    }
}

/// What became of a request to sign somebody out (SAML core 3.2.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOutStatus {
    /// No session of ours is left.
    Success,
    /// Some may be.
    Partial,
    /// The request was not one that could be followed.
    Requester,
}

/// Our reply to an identity provider's request to sign somebody out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignOutReply<'a> {
    /// The request's id.
    pub in_response_to: &'a str,
    /// As it came with the request.
    pub relay_state: Option<&'a str>,
    pub status: SignOutStatus,
}

impl SignOutReply<'_> {
    /// The address to send the browser to.
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
        let address = provider.sign_out_reply.as_deref().or(provider.sign_out_redirect.as_deref());
        let address = address.ok_or(NotSent::NoAddress("SingleLogoutService"))?;
        let head = Head::new(address, ours, now, random);
        let answered = [("InResponseTo", Some(self.in_response_to))];
        let mut markup = head.open("samlp:LogoutResponse", &answered);
        markup.open("samlp:Status", &[]);
        let (first, second) = match self.status {
            SignOutStatus::Success => ("urn:oasis:names:tc:SAML:2.0:status:Success", None),
            SignOutStatus::Partial => (
                "urn:oasis:names:tc:SAML:2.0:status:Success",
                Some("urn:oasis:names:tc:SAML:2.0:status:PartialLogout"),
            ),
            SignOutStatus::Requester => ("urn:oasis:names:tc:SAML:2.0:status:Requester", None),
        };
        markup.open("samlp:StatusCode", &[("Value", Some(first))]);
        if second.is_some() {
            markup.empty("samlp:StatusCode", &[("Value", second)]);
        }
        markup.close("samlp:StatusCode");
        markup.close("samlp:Status");
        markup.close("samlp:LogoutResponse");
        head.send(Kind::Response, markup, self.relay_state)
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::{ASSERTIONS, PROTOCOL};
    use super::super::peer::{self, NOW, elliptic, rsa, time};
    use super::super::redirect::{Kind, NotSent};
    use super::{IdentityProvider, SignOutReply, SignOutRequest, SignOutStatus, Subject};
    use crate::ground::random::Random;

    const ALICE: Subject<'static> = Subject {
        name_id: "o'brien\"<b>&amp;@corp.example",
        name_id_format: Some("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
        name_qualifier: Some("https://idp.example.com/\"n"),
        sp_name_qualifier: Some("https://gateway.example.com/s"),
        session_index: Some("_session-1"),
    };

    fn begin(name: &str, id: &str, destination: &str, besides: &str) -> String {
        format!(
            "<samlp:{name} xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTIONS}\" ID=\"{id}\" Version=\"2.0\" \
             IssueInstant=\"2026-11-26T08:00:00Z\" Destination=\"{destination}\" {besides}>\
             <saml:Issuer>https://gateway.example.com/-/saml/acme/metadata</saml:Issuer>"
        )
    }

    #[test]
    fn a_request_names_the_person_as_the_assertion_did() {
        let plain = Subject {
            name_id: "alice",
            name_id_format: None,
            name_qualifier: None,
            sp_name_qualifier: None,
            session_index: None,
        };
        for (subject, inside) in [
            (
                ALICE,
                "<saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\" \
                 NameQualifier=\"https://idp.example.com/&quot;n\" \
                 SPNameQualifier=\"https://gateway.example.com/s\">\
                 o&apos;brien&quot;&lt;b&gt;&amp;amp;@corp.example</saml:NameID>\
                 <samlp:SessionIndex>_session-1</samlp:SessionIndex>",
            ),
            (plain, "<saml:NameID>alice</saml:NameID>"),
        ] {
            let request = SignOutRequest { subject, relay_state: Some("/") };
            let (ours, provider) = (peer::ours(elliptic()), peer::provider(&[rsa()]));
            let sent = request.redirect(&ours, &provider, time(NOW), &Random::system()).unwrap();
            let received =
                peer::received(&sent.location, "https://idp.example.com/slo?", elliptic());
            assert_eq!(received.kind, Kind::Request);
            assert_eq!(received.relay_state.as_deref(), Some("/"));
            let end = "NotOnOrAfter=\"2026-11-26T08:05:00Z\"";
            let start = begin("LogoutRequest", &sent.id, "https://idp.example.com/slo", end);
            assert_eq!(received.xml, format!("{start}{inside}</samlp:LogoutRequest>"));
        }
    }

    #[test]
    fn a_reply_tells_what_became_of_it() {
        let code = |inside: &str| format!("\"urn:oasis:names:tc:SAML:2.0:status:{inside}\"");
        let (success, partial) = (code("Success"), code("PartialLogout"));
        let requester = code("Requester");
        // Longer than one of ours may be.
        let relay_state = "https://idp.example.com/".repeat(10);
        for (status, inside) in [
            (SignOutStatus::Success, format!("<samlp:StatusCode Value={success}>")),
            (
                SignOutStatus::Partial,
                format!("<samlp:StatusCode Value={success}><samlp:StatusCode Value={partial}/>"),
            ),
            (SignOutStatus::Requester, format!("<samlp:StatusCode Value={requester}>")),
        ] {
            let reply =
                SignOutReply { in_response_to: "_1", relay_state: Some(&relay_state), status };
            let (ours, provider) = (peer::ours(rsa()), peer::provider(&[rsa()]));
            let sent = reply.redirect(&ours, &provider, time(NOW), &Random::system()).unwrap();
            let received = peer::received(&sent.location, "https://idp.example.com/slo?", rsa());
            assert_eq!(received.kind, Kind::Response);
            assert_eq!(received.relay_state.as_ref(), Some(&relay_state));
            let to = "InResponseTo=\"_1\"";
            let start = begin("LogoutResponse", &sent.id, "https://idp.example.com/slo", to);
            let end = "</samlp:StatusCode></samlp:Status></samlp:LogoutResponse>";
            assert_eq!(received.xml, format!("{start}<samlp:Status>{inside}{end}"));
        }
    }

    #[test]
    fn each_goes_where_the_metadata_say() {
        let sent = |change: fn(&mut IdentityProvider)| {
            let (ours, mut provider) = (peer::ours(rsa()), peer::provider(&[rsa()]));
            change(&mut provider);
            let request = SignOutRequest { subject: ALICE, relay_state: None };
            let request = request.redirect(&ours, &provider, time(NOW), &Random::system());
            let status = SignOutStatus::Success;
            let reply = SignOutReply { in_response_to: "_1", relay_state: None, status };
            let reply = reply.redirect(&ours, &provider, time(NOW), &Random::system());
            [request, reply]
                .map(|sent| sent.map(|sent| sent.location.split_once('?').unwrap().0.to_owned()))
        };
        let slo = || Ok("https://idp.example.com/slo".to_owned());
        let replies = || Ok("https://idp.example.com/slo-replies".to_owned());
        let nowhere = || Err(NotSent::NoAddress("SingleLogoutService"));
        assert_eq!(sent(|_| {}), [slo(), slo()]);
        let own = |provider: &mut IdentityProvider| {
            let text = peer::metadata(&[rsa()]);
            let text = text.replace(
                "/slo\"",
                "/slo\" ResponseLocation=\"https://idp.example.com/slo-replies\"",
            );
            *provider = IdentityProvider::read(&text, None, time(NOW)).unwrap();
        };
        assert_eq!(sent(own), [slo(), replies()]);
        assert_eq!(sent(|provider| provider.sign_out_redirect = None), [nowhere(), nowhere()]);
        let text =
            peer::metadata(&[rsa()]).replace("/slo\"", "/slo\" ResponseLocation=\"javascript:a\"");
        let fault = IdentityProvider::read(&text, None, time(NOW)).unwrap_err();
        assert_eq!(fault.what, super::super::What::Location);
    }

    #[test]
    fn a_long_relay_state_of_ours_is_not_sent() {
        let long = "a".repeat(81);
        let request = SignOutRequest { subject: ALICE, relay_state: Some(&long) };
        let (ours, provider) = (peer::ours(rsa()), peer::provider(&[rsa()]));
        let sent = request.redirect(&ours, &provider, time(NOW), &Random::system());
        assert_eq!(sent, Err(NotSent::RelayState));
    }
}
