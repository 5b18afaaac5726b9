//! A request on its way, as the browser keeps it: a cookie that comes back with the identity provider's page (so it is
//! `SameSite=None`), sealed, so that nobody else makes one and nothing can be read in it. It binds an answer to the browser that
//! asked (R6), and outlives no sign-in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;

use super::super::ReturnAddress;
use super::cookie;
use crate::catalog::OrganizationName;
use crate::ground::clock::{SignedDuration, Timestamp};
use crate::ground::digest::hex;
use crate::ground::seal::SealKey;
use crate::identity::ProofId;
use crate::request::Renewal;

/// One request of this browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) request: String,
    pub(super) return_to: ReturnAddress,
    pub(super) how: Renewal,
    /// The session that the browser had when it went.
    pub(super) session: Option<ProofId>,
    pub(super) begun: Timestamp,
    pub(super) until: Timestamp,
}

/// Which of the browser's requests: tabs have one each. Goes to the identity provider and back (RelayState), and is believed for
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(u8);

/// As long as a person may take at the identity provider.
pub(super) const PATIENCE: SignedDuration = SignedDuration::from_mins(15);
/// More tabs than that are seldom on their way at once, and cookies must not fill a request's head.
const SLOTS: u8 = 4;
/// Of a longer address nothing is kept: the person then comes home.
const LONGEST_RETURN: usize = 1_024;

impl Slot {
    /// One that no request of this browser is in, else one by chance.
    pub(super) fn free(headers: &HeaderMap, chance: u8) -> Self {
        let mut all = (0..SLOTS).map(Self);
        let free = all.find(|slot| cookie(headers, &slot.cookie_name()).is_none());
        free.unwrap_or(Self(chance % SLOTS))
    }

    pub(super) fn parse(relay_state: &str) -> Option<Self> {
        let slot = relay_state.parse().ok().filter(|slot| *slot < SLOTS)?;
        (relay_state.len() == 1).then_some(Self(slot))
    }

    pub(super) fn relay_state(self) -> String {
        self.0.to_string()
    }

    fn cookie_name(self) -> String {
        format!("__Host-sluicegate-saml-{}", self.0)
    }

    /// `Set-Cookie` that makes the browser forget it.
    pub(super) fn clearing(self) -> String {
        format!("{}=; Path=/; Secure; HttpOnly; SameSite=None; Max-Age=0", self.cookie_name())
    }
}

impl Pending {
    /// `Set-Cookie` that gives it to the browser.
    pub(super) fn set_cookie(
        &self,
        slot: Slot,
        organization: &OrganizationName,
        key: &SealKey,
    ) -> String {
        let sealed = URL_SAFE_NO_PAD.encode(key.seal(&context(slot, organization), &self.text()));
        let (name, seconds) = (slot.cookie_name(), PATIENCE.as_secs());
        format!("{name}={sealed}; Path=/; Secure; HttpOnly; SameSite=None; Max-Age={seconds}")
    }

    /// The request that this browser shows, if it is for this organization and not too old.
    pub(super) fn shown(
        headers: &HeaderMap,
        slot: Slot,
        organization: &OrganizationName,
        key: &SealKey,
        now: Timestamp,
    ) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(cookie(headers, &slot.cookie_name())?).ok()?;
        let text = key.open(&context(slot, organization), &sealed).ok()?;
        Self::read(std::str::from_utf8(&text).ok()?).filter(|pending| now < pending.until)
    }

    /// What the session got from the identity provider is to be renewed, and the session goes on.
    pub(super) const fn renews(&self) -> bool {
        !matches!(self.how, Renewal::No | Renewal::Anew)
    }

    /// In a frame or window beside the page that the person is on.
    pub(super) const fn is_aside(&self) -> bool {
        matches!(self.how, Renewal::Unseen | Renewal::Window)
    }

    fn text(&self) -> Vec<u8> {
        let how = match self.how {
            Renewal::No => "no",
            Renewal::Anew => "anew",
            Renewal::Quietly => "quietly",
            Renewal::Unseen => "unseen",
            Renewal::Window => "window",
        };
        let session = self.session.map(|proof| hex(&proof.0)).unwrap_or_default();
        let address = self.return_to.as_str();
        let address = if address.len() > LONGEST_RETURN { "/-/" } else { address };
        let (begun, until) = (self.begun.as_millisecond(), self.until.as_millisecond());
        format!("{}\n{how}\n{session}\n{begun}\n{until}\n{address}", self.request).into_bytes()
    }

    fn read(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let mut line = || lines.next();
        let (request, how, session) = (line()?.to_owned(), line()?, line()?);
        let how = match how {
            "no" => Renewal::No,
            "anew" => Renewal::Anew,
            "quietly" => Renewal::Quietly,
            "unseen" => Renewal::Unseen,
            "window" => Renewal::Window,
            _ => return None,
        };
        let session = if session.is_empty() { None } else { Some(proof(session)?) };
        let mut time = || Timestamp::from_millisecond(line()?.parse().ok()?).ok();
        let (begun, until) = (time()?, time()?);
        let return_to = ReturnAddress::parse(line()?)?;
        Some(Self { request, return_to, how, session, begun, until })
    }
}

fn context(slot: Slot, organization: &OrganizationName) -> Vec<u8> {
    [&[slot.0], organization.as_str().as_bytes()].concat()
}

fn proof(text: &str) -> Option<ProofId> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(place * 2..place * 2 + 2)?, 16).ok()?;
    }
    Some(ProofId(bytes))
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::ground::seal::MasterKey;
    use crate::ground::secret::Secret;

    fn key() -> SealKey {
        MasterKey::new(Secret::new([7; 32])).derive(&[b"saml-request"])
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn pending(return_to: &str) -> Pending {
        Pending {
            request: "_0123".to_owned(),
            return_to: ReturnAddress::parse(return_to).unwrap(),
            how: Renewal::Quietly,
            session: Some(ProofId([0xa5; 32])),
            begun: now(),
            until: now() + PATIENCE,
        }
    }

    fn sent(set_cookie: &str) -> HeaderMap {
        let pair = set_cookie.split(';').next().unwrap();
        [(COOKIE, HeaderValue::from_str(&format!("a=b; {pair}")).unwrap())].into_iter().collect()
    }

    #[test]
    fn it_comes_back_as_it_went_to_its_own_organization_and_slot_until_it_is_over() {
        let (acme, other) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let (slot, key, went) = (Slot(2), key(), pending("/projects/1?tab=2"));
        let headers = sent(&went.set_cookie(slot, &acme, &key));
        assert_eq!(Pending::shown(&headers, slot, &acme, &key, now()), Some(went.clone()));
        for (name, shown) in [
            ("another organization", Pending::shown(&headers, slot, &other, &key, now())),
            ("another slot", Pending::shown(&headers, Slot(1), &acme, &key, now())),
            ("too late", Pending::shown(&headers, slot, &acme, &key, now() + PATIENCE)),
            ("no cookie", Pending::shown(&HeaderMap::new(), slot, &acme, &key, now())),
        ] {
            assert_eq!(shown, None, "{name}");
        }
        let mut twice = headers.clone();
        twice.append(COOKIE, headers[COOKIE].clone());
        assert_eq!(Pending::shown(&twice, slot, &acme, &key, now()), None);
        let changed = headers[COOKIE].to_str().unwrap();
        let (other, mut changed) =
            (if changed.ends_with('A') { 'B' } else { 'A' }, changed.to_owned());
        changed.pop();
        changed.push(other);
        let headers = [(COOKIE, HeaderValue::from_str(&changed).unwrap())].into_iter().collect();
        assert_eq!(Pending::shown(&headers, slot, &acme, &key, now()), None);
    }

    #[test]
    fn nothing_is_told_by_the_cookie_and_it_stays_small() {
        let long = format!("/{}", "a".repeat(2_000));
        let acme = "acme".parse().unwrap();
        let cookie = pending(&long).set_cookie(Slot(0), &acme, &key());
        assert!(cookie.len() < 512, "{}", cookie.len());
        let headers = sent(&cookie);
        let shown = Pending::shown(&headers, Slot(0), &acme, &key(), now()).unwrap();
        assert_eq!(shown.return_to.as_str(), "/-/");
        let cookie = pending("/projects/secret-name").set_cookie(Slot(0), &acme, &key());
        assert!(!cookie.contains("secret") && !cookie.contains("_0123"));
        for part in ["__Host-", "; Secure", "; HttpOnly", "; SameSite=None", "; Path=/;"] {
            assert!(cookie.contains(part), "{part}: {cookie}");
        }
    }

    #[test]
    fn tabs_get_slots_of_their_own_while_there_are_some() {
        let mut headers = HeaderMap::new();
        let acme = "acme".parse().unwrap();
        for expected in 0..SLOTS {
            let slot = Slot::free(&headers, 3);
            assert_eq!(slot, Slot(expected));
            assert_eq!(Slot::parse(&slot.relay_state()), Some(slot));
            let went = pending("/").set_cookie(slot, &acme, &key());
            headers.append(COOKIE, sent(&went)[COOKIE].clone());
        }
        assert_eq!(Slot::free(&headers, 7), Slot(3));
        for text in ["", "4", "00", "-1", "+1", "a", "/-/", "https://evil.example"] {
            assert_eq!(Slot::parse(text), None, "{text}");
        }
    }
}
