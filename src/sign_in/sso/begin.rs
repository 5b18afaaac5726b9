//! To the identity provider: a signed request in the address, and a cookie that remembers it.

use std::sync::Arc;

use http::HeaderMap;

use super::super::saml::SignInRequest;
use super::super::settings::SamlSettings;
use super::pending::{PATIENCE, Pending, Slot};
use super::provider::Provider;
use super::{Sso, SsoError, Wish};
use crate::ground::clock::Timestamp;
use crate::identity::{ProofId, session_shown};
use crate::request::Renewal;

/// Where the browser goes, and what it is given to keep.
#[derive(Debug)]
pub struct Departure {
    /// An address of the identity provider's.
    pub location: String,
    pub set_cookie: String,
}

impl Sso {
    /// Sends a browser to the identity provider.
    ///
    /// # Errors
    /// [`SsoError::NoProvider`], [`SsoError::NotSent`], [`SsoError::NotOurPage`] for what a page of another site wants
    /// without being left for it.
    pub async fn begin(
        self: &Arc<Self>,
        headers: &HeaderMap,
        wish: Wish,
    ) -> Result<Departure, SsoError> {
        let provider = self.provider(&wish.organization)?;
        let session = session_shown(headers).or(wish.session);
        if !is_for_the_person(headers) || (wish.how == Renewal::Unseen && session.is_none()) {
            return Err(SsoError::NotOurPage);
        }
        let how = self.renewed_or_begun(&provider, &wish, session).await?;
        let wish = Wish { how, ..wish };
        let [chance] = self.parts.random.bytes::<1>();
        let slot = Slot::free(headers, chance);
        let sso = Arc::clone(self);
        // Signing is slow work.
        let work = async move {
            let turn = sso.turns.turn(wish.client).await?;
            let departure = sso.depart(&provider, wish, (slot, session));
            drop(turn);
            departure
        };
        self.parts.control.run(work).await?
    }

    /// Where everybody is to prove who he is, nobody comes in unseen who has no session that could go on.
    async fn renewed_or_begun(
        self: &Arc<Self>,
        provider: &Provider,
        wish: &Wish,
        session: Option<ProofId>,
    ) -> Result<Renewal, SsoError> {
        if !provider.settings.force_sign_in || wish.how != Renewal::Quietly {
            return Ok(wish.how);
        }
        let Some(session) = session else { return Ok(Renewal::No) };
        let sso = Arc::clone(self);
        let work =
            self.parts.control.run(async move { sso.parts.schemes.can_go_on(session).await });
        Ok(if work.await?? { wish.how } else { Renewal::No })
    }

    fn depart(
        &self,
        provider: &Provider,
        wish: Wish,
        (slot, session): (Slot, Option<ProofId>),
    ) -> Result<Departure, SsoError> {
        let Wish { organization, return_to, how, .. } = wish;
        let now = self.parts.clock.now();
        let theirs = provider.theirs.load();
        if theirs.valid_until.is_some_and(|end| end <= now) {
            return Err(SsoError::MetadataOver);
        }
        let quiet = matches!(how, Renewal::Quietly | Renewal::Unseen);
        let relay_state = slot.relay_state();
        let request = SignInRequest {
            force: forces(&provider.settings, how),
            passive: quiet,
            contexts: &provider.settings.sign_in_contexts,
            name_id_format: None,
            relay_state: Some(&relay_state),
        };
        let redirect = request.redirect(&provider.ours, &theirs, now, &self.parts.random)?;
        let until = now.checked_add(PATIENCE).unwrap_or(Timestamp::MAX);
        let pending = Pending { request: redirect.id, return_to, how, session, begun: now, until };
        let set_cookie = pending.set_cookie(slot, &organization, &self.key);
        Ok(Departure { location: redirect.location, set_cookie })
    }
}

/// Whether a person must prove who he is though he has a session there. Nobody does without being seen.
pub(super) const fn forces(settings: &SamlSettings, how: Renewal) -> bool {
    match how {
        Renewal::Anew => true,
        Renewal::No | Renewal::Window => settings.force_sign_in,
        Renewal::Quietly | Renewal::Unseen => false,
    }
}

/// Somebody goes there with his browser, or a page of ours does it for him: not an image or a frame of another site, which
/// would fill the browser's room for requests.
fn is_for_the_person(headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).map(|value| value.as_bytes());
    let of_another = !matches!(said("sec-fetch-site"), None | Some(b"same-origin" | b"none"));
    let leaves = matches!(said("sec-fetch-dest"), None | Some(b"document"));
    !of_another || leaves
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::is_for_the_person;

    #[test]
    fn another_sites_pages_are_left_for_it_or_get_nothing() {
        for (site, destination, expected) in [
            (None, None, true),
            (Some("none"), Some("document"), true),
            (Some("same-origin"), Some("iframe"), true),
            (Some("cross-site"), Some("document"), true),
            (Some("cross-site"), Some("iframe"), false),
            (Some("cross-site"), Some("image"), false),
            (Some("same-site"), Some("empty"), false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("sec-fetch-site", site), ("sec-fetch-dest", destination)] {
                headers.extend(value.map(|value| {
                    (name.parse::<http::HeaderName>().unwrap(), HeaderValue::from_static(value))
                }));
            }
            assert_eq!(is_for_the_person(&headers), expected, "{site:?} {destination:?}");
        }
    }
}
