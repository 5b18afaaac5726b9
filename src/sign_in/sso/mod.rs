//! Signing in at the identity provider of one's organization: the browser goes there with a signed request, comes back with
//! an answer, and has a session with the credentials that the answer was good for. What an answer proves is [`super::saml`]'s
//! to say; who that is here, `identity`'s; what it opens at AWS, `credential`'s.

mod accept;
mod arrive;
mod begin;
mod error;
mod leave;
mod pending;
mod provider;
mod providers;
mod refresh;
mod turns;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Uri};

pub use accept::{Arrival, AssertionForm, Browser, Come, NotIn};
pub use begin::Departure;
pub use error::SsoError;
pub use leave::{Away, Told};
pub use provider::Provider;
pub use providers::{Fault, Judged, Prepared, Providers, judge, judge_fetched};
pub use refresh::{Expiry, Fetcher};

use crate::catalog::OrganizationName;
use crate::credential::Minter;
use crate::ground::clock::{Clock, Timestamp};
use crate::ground::control::Control;
use crate::ground::random::Random;
use crate::ground::seal::{MasterKey, SealKey};
use crate::identity::{NativeSignIn, ProofId, Schemes};
use crate::request::Renewal;

use super::{Mode, Organizations, ReturnAddress, Ways};
use turns::Turns;

/// What single sign-on stands on.
#[derive(Debug, Clone)]
pub struct SsoParts {
    pub providers: Arc<Providers>,
    pub schemes: Arc<Schemes>,
    pub minter: Arc<Minter>,
    pub control: Control,
    pub clock: Clock,
    pub random: Random,
    pub master: MasterKey,
}

/// The ways to the identity providers and back. Shared by all threads; works on the control plane.
#[derive(Debug)]
pub struct Sso {
    parts: SsoParts,
    /// Seals what a browser keeps while it is away.
    key: SealKey,
    turns: Turns,
}

/// Whoever waits longer for his answer to be verified is told to try later.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a browser comes from and wants to go.
#[derive(Debug)]
pub struct Wish {
    pub organization: OrganizationName,
    pub return_to: ReturnAddress,
    pub how: Renewal,
    pub client: IpAddr,
    /// The session that is to go on, where the browser does not show it itself.
    pub session: Option<ProofId>,
}

impl Sso {
    #[must_use]
    pub fn new(parts: SsoParts) -> Self {
        let key = parts.master.derive(&[b"saml-request"]);
        Self { parts, key, turns: Turns::new(PATIENCE) }
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    #[must_use]
    pub const fn providers(&self) -> &Arc<Providers> {
        &self.parts.providers
    }

    /// Puts new settings in the old ones' place.
    pub fn install(&self, providers: Prepared, native: BTreeMap<OrganizationName, NativeSignIn>) {
        self.parts.schemes.install_native(native);
        self.parts.providers.install(providers);
    }

    /// The identity provider at which people of this organization may sign in.
    fn provider(&self, organization: &OrganizationName) -> Result<Arc<Provider>, SsoError> {
        let provider = self.parts.providers.of(organization);
        let open = provider.filter(|provider| provider.settings.mode != Mode::NativeOnly);
        open.ok_or(SsoError::NoProvider)
    }

    /// Our metadata for this organization's identity provider.
    ///
    /// # Errors
    /// [`SsoError::NoProvider`]
    pub fn metadata(&self, organization: &OrganizationName) -> Result<String, SsoError> {
        Ok(self.provider(organization)?.ours.metadata())
    }
}

impl Sso {
    /// Whether people of this organization sign in at an identity provider.
    #[must_use]
    pub fn has(&self, organization: &OrganizationName) -> bool {
        self.provider(organization).is_ok()
    }

    /// `scheme://host[:port]` of the identity provider.
    #[must_use]
    pub fn origin(&self, organization: &OrganizationName) -> Option<String> {
        let theirs = self.provider(organization).ok()?.theirs.load_full();
        let address: Uri = theirs.sign_in_redirect.as_ref()?.parse().ok()?;
        Some(format!("{}://{}", address.scheme_str()?, address.authority()?))
    }

    /// How people may come.
    #[must_use]
    pub fn ways(&self) -> Ways {
        let all = self.parts.providers.all();
        let mut open = all.iter().filter(|(_, one)| one.settings.mode != Mode::NativeOnly);
        let organizations = match (open.next(), open.next()) {
            (None, _) => Organizations::None,
            (Some((name, _)), None) => Organizations::One(name.clone()),
            (Some(_), Some(_)) => Organizations::Several,
        };
        let catalog = self.parts.schemes.catalog().current();
        let only = |name| all.get(name).is_some_and(|one| one.settings.mode == Mode::SsoOnly);
        let mut there = catalog.organizations().peekable();
        let password_is_rare = there.peek().is_some() && there.all(|one| only(&one.name));
        let label_studio = self.parts.schemes.take_label_studio_passwords();
        Ways { label_studio, organizations, password_is_rare }
    }
}

/// One value of a header's cookies, when there is exactly one of the name. What other cookies hold does not matter.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(http::header::COOKIE).iter();
    let pairs = all.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let mut found = pairs.filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (found, value) = pair.split_at_checked(at)?;
        let value = value.strip_prefix(b"=")?;
        (found.trim_ascii() == name.as_bytes()).then(|| value.trim_ascii())
    });
    match (found.next(), found.next()) {
        (Some(value), None) => std::str::from_utf8(value).ok(),
        (None, _) | (Some(_), Some(_)) => None,
    }
}
