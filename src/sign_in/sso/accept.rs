//! Back from the identity provider: its answer, verified, makes a session, once. Each step can only narrow: the form, this
//! browser's request, the gate with engine and claims; then [`super::arrive`].

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;

use super::super::saml::{self, Assertion, Expected, NotAccepted, Refused};
use super::super::settings::Unsolicited;
use super::super::{BadForm, ReturnAddress, form};
use super::arrive::Arriving;
use super::begin::{Departure, forces};
use super::pending::{Pending, Slot};
use super::provider::Provider;
use super::{Sso, SsoError, Wish};
use crate::catalog::OrganizationName;
use crate::ground::clock::Timestamp;
use crate::ground::control::ControlFailed;
use crate::ground::secret::Secret;
use crate::identity::{NewSession, SignedIn};
use crate::request::Renewal;

/// What the identity provider's page posts.
#[derive(Debug)]
pub struct AssertionForm {
    response: Secret<String>,
    relay_state: Option<String>,
}

/// Where an answer leads.
#[derive(Debug)]
pub enum Come {
    In(Box<Arrival>),
    /// The identity provider would not answer without being seen: there again, seen.
    Again(Departure),
}

/// Somebody is signed in.
#[derive(Debug)]
pub struct Arrival {
    /// `None`: the browser's own session goes on.
    pub session: Option<NewSession>,
    pub return_to: ReturnAddress,
    /// In a frame or window beside the page that the person is on.
    pub aside: bool,
    /// `Set-Cookie` that forgets the request.
    pub clearing: Option<String>,
    pub signed_in: SignedIn,
    /// Of each project whose storages stay closed to him: which, and why, in words for him.
    pub not_opened: Vec<String>,
    /// Another try may open more of them.
    pub incomplete: bool,
}

/// Why an answer signs nobody in, and where the browser learns of it.
#[derive(Debug)]
pub struct NotIn {
    pub error: SsoError,
    pub aside: bool,
    /// Where he was about to go, when the browser's request is known.
    pub return_to: Option<ReturnAddress>,
    /// Whom a verified answer named, and what his account became.
    pub about: Option<Box<SignedIn>>,
}

/// An error, and whom it is about as far as a verified answer said it.
pub(super) type Failed = (SsoError, Option<Box<SignedIn>>);

/// What else is known of the request.
#[derive(Debug)]
pub struct Browser {
    pub headers: HeaderMap,
    pub client: IpAddr,
    pub user_agent: String,
}

impl AssertionForm {
    /// Reads `application/x-www-form-urlencoded` (SAML bindings 3.5.4).
    ///
    /// # Errors
    /// [`BadForm`] as its variants say.
    pub fn parse(body: &[u8]) -> Result<Self, BadForm> {
        let (mut response, mut relay_state) = (None, None);
        for (name, value) in form_urlencoded::parse(body) {
            let value: Cow<'_, str> = value;
            match &*name {
                "SAMLResponse" => form::once(&mut response, "SAMLResponse", value)?,
                "RelayState" => form::once(&mut relay_state, "RelayState", value)?,
                _ => return Err(BadForm::Unknown),
            }
        }
        let response = response.ok_or(BadForm::Missing("SAMLResponse"))?;
        Ok(Self { response: Secret::new(response), relay_state })
    }
}

impl Sso {
    /// Signs in whom the answer names.
    ///
    /// # Errors
    /// [`NotIn`]: nobody is, and nothing is changed but what the answer itself proved.
    pub async fn accept(
        self: &Arc<Self>,
        organization: OrganizationName,
        form: AssertionForm,
        browser: Browser,
    ) -> Result<Come, NotIn> {
        let now = self.parts.clock.now();
        let slot = form.relay_state.as_deref().and_then(Slot::parse);
        let shown = |slot| Pending::shown(&browser.headers, slot, &organization, &self.key, now);
        let pending = slot.and_then(shown);
        let aside = pending.as_ref().is_some_and(Pending::is_aside);
        let return_to = pending.as_ref().map(|pending| pending.return_to.clone());
        // An answer that does not hold leaves the request as it is: anybody can post one from anywhere.
        let clearing = slot.filter(|_| pending.is_some()).map(Slot::clearing);
        let attempt = Attempt { organization, form, browser, pending };
        let sso = Arc::clone(self);
        let work = self.parts.control.run(async move { sso.attempt(attempt, now).await });
        let come = work.await.map_err(|error| (error.into(), None)).and_then(|come| come);
        match come {
            Ok(Come::In(mut arrival)) => {
                arrival.clearing = clearing;
                Ok(Come::In(arrival))
            }
            Ok(again) => Ok(again),
            Err((error, about)) => Err(NotIn { error, aside, return_to, about }),
        }
    }

    async fn attempt(self: Arc<Self>, attempt: Attempt, now: Timestamp) -> Result<Come, Failed> {
        let nobody = |error: SsoError| (error, None);
        let Attempt { organization, form, browser, pending } = attempt;
        let provider = self.provider(&organization).map_err(nobody)?;
        let unsolicited = provider.settings.unsolicited == Unsolicited::Accepted;
        if pending.is_none() && !unsolicited {
            return Err(nobody(SsoError::NotAsked));
        }
        let xml = saml::decode(form.response.expose()).map_err(|bad| nobody(bad.into()))?;
        let asked = pending.as_ref().map_or_else(
            || Asked::nothing(&provider, now),
            |pending| Asked::of(&provider, pending),
        );
        let verified =
            self.verify(&provider, xml, (asked, unsolicited), (browser.client, now)).await;
        let (assertion, pending) = match (verified, pending) {
            // What nobody asked for has nothing of what somebody asked for.
            (Ok((assertion, solicited)), pending) => (assertion, pending.filter(|_| solicited)),
            (Err(SsoError::Refused(why)), Some(pending))
                if pending.how == Renewal::Quietly && saml::says_no_passive(&why) =>
            {
                let Pending { return_to, session, .. } = pending;
                let client = browser.client;
                let wish = Wish { organization, return_to, how: Renewal::No, client, session };
                let departure = self.again(&browser.headers, wish).await;
                return departure.map(Come::Again).map_err(nobody);
            }
            (Err(error), _) => return Err(nobody(error)),
        };
        let response = form.response.expose().split_ascii_whitespace().collect();
        let response = Secret::new(response);
        let arriving = Arriving { provider, organization, assertion, pending, browser, response };
        self.arrive(arriving).await
    }

    /// On a thread of its own: it is nothing but computing. Says too whether it answers the request.
    async fn verify(
        self: &Arc<Self>,
        provider: &Arc<Provider>,
        xml: String,
        (asked, unsolicited): (Asked, bool),
        (client, now): (IpAddr, Timestamp),
    ) -> Result<(Assertion, bool), SsoError> {
        let turn = self.turns.turn(client).await?;
        let provider = Arc::clone(provider);
        let work = tokio::task::spawn_blocking(move || {
            let theirs = provider.theirs.load();
            let verify = |asked: &Asked| {
                let expected = Expected {
                    contexts: &provider.settings.sign_in_contexts,
                    authenticated_since: asked.since,
                    ..provider.ours.expected(asked.request.as_deref())
                };
                saml::verify(&xml, &theirs.trust, &expected, &provider.decryption, now)
            };
            let found = match (verify(&asked), &asked.request) {
                // The browser waited for another answer; this one is nobody's.
                (Err(Refused::NotAccepted(NotAccepted::ResponseTo)), Some(_)) if unsolicited => {
                    verify(&Asked::nothing(&provider, now)).map(|assertion| (assertion, false))
                }
                (found, request) => found.map(|assertion| (assertion, request.is_some())),
            };
            found.map_err(SsoError::Refused)
        });
        let verified = work.await.map_err(|_panicked| ControlFailed)?;
        drop(turn);
        verified
    }

    /// Once more to the identity provider, on behalf of a browser that has just come from there.
    async fn again(
        self: &Arc<Self>,
        headers: &HeaderMap,
        wish: Wish,
    ) -> Result<Departure, SsoError> {
        let mut headers = headers.clone();
        for name in ["sec-fetch-site", "sec-fetch-dest"] {
            headers.remove(name);
        }
        self.begin(&headers, wish).await
    }
}

/// What the answer must be to.
struct Asked {
    request: Option<String>,
    /// The person was to prove himself anew since then.
    since: Option<Timestamp>,
}

impl Asked {
    fn of(provider: &Provider, pending: &Pending) -> Self {
        let since = forces(&provider.settings, pending.how).then_some(pending.begun);
        Self { request: Some(pending.request.clone()), since }
    }

    /// Nobody asked, so nobody could be told that people are to prove themselves anew: who did so lately may come.
    fn nothing(provider: &Provider, now: Timestamp) -> Self {
        let lately = || now.checked_sub(saml::MAX_AGE).unwrap_or(now);
        Self { request: None, since: provider.settings.force_sign_in.then(lately) }
    }
}

struct Attempt {
    organization: OrganizationName,
    form: AssertionForm,
    browser: Browser,
    pending: Option<Pending>,
}

#[cfg(test)]
mod tests {
    use super::super::super::BadForm;
    use super::AssertionForm;

    #[test]
    fn the_form_has_an_answer_and_perhaps_a_relay_state() {
        let form = AssertionForm::parse(b"SAMLResponse=PGEvPg%3D%3D&RelayState=0").unwrap();
        assert_eq!(form.response.expose(), "PGEvPg==");
        assert_eq!(form.relay_state.as_deref(), Some("0"));
        assert!(!format!("{form:?}").contains("PGEvPg"));
        for (body, fault) in [
            ("", BadForm::Missing("SAMLResponse")),
            ("RelayState=0", BadForm::Missing("SAMLResponse")),
            ("SAMLResponse=a&SAMLResponse=b", BadForm::Doubled("SAMLResponse")),
            ("SAMLResponse=a&RelayState=0&RelayState=1", BadForm::Doubled("RelayState")),
            ("SAMLResponse=a&SAMLart=b", BadForm::Unknown),
            ("samlresponse=a", BadForm::Unknown),
        ] {
            assert_eq!(AssertionForm::parse(body.as_bytes()).err(), Some(fault), "{body}");
        }
    }
}
