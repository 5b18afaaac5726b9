//! Signing out there and here: who signs out here is sent to the identity provider to end his session there too, and whoever
//! signs out there is signed out here when it says so.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;

use super::super::saml::{
    self, Assertion, Logout, LogoutRequest, SignOutRequest, SignOutStatus, Subject,
};
use super::provider::Provider;
use super::{Sso, SsoError, cookie};
use crate::catalog::OrganizationName;
use crate::ground::clock::Timestamp;
use crate::ground::control::ControlFailed;
use crate::ground::digest::sha256;
use crate::ground::random::Random;
use crate::ground::seal::{MasterKey, SealKey};
use crate::identity::{Person, Proof, ProofId};
use crate::records::SignOutOrder;

/// What a logout at the identity provider names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaving {
    name_id: String,
    name_id_format: Option<String>,
    name_qualifier: Option<String>,
    sp_name_qualifier: Option<String>,
    session_index: Option<String>,
}

/// Where a browser goes that has signed out here.
#[derive(Debug)]
pub struct Away {
    /// An address of the identity provider's.
    pub location: String,
    /// Remembers what its answer must be to.
    pub set_cookie: String,
}

/// What the identity provider was told, or told us.
#[derive(Debug)]
pub enum Told {
    /// The sessions of these addresses ended here; it learns of it at this address, if it takes replies by redirect.
    SignedOut { people: BTreeSet<String>, location: Option<String> },
    /// It has signed out whom we wanted.
    Done,
}

const COOKIE: &str = "__Host-sluicegate-saml-out";
/// As long as an identity provider may take to tell everybody.
const PATIENCE_SECONDS: u32 = 300;

impl Leaving {
    pub(super) fn of(assertion: &Assertion) -> Self {
        Self {
            name_id: assertion.name_id.clone(),
            name_id_format: assertion.name_id_format.clone(),
            name_qualifier: assertion.name_qualifier.clone(),
            sp_name_qualifier: assertion.sp_name_qualifier.clone(),
            session_index: assertion.session_index.clone(),
        }
    }

    /// By which the records find a person's sessions when the identity provider names him.
    pub(super) fn subject(&self, organization: &OrganizationName, issuer: &str) -> [u8; 32] {
        subject(organization, issuer, &self.name_id)
    }

    /// For the records: opens for this session only.
    pub(super) fn sealed(&self, master: &MasterKey, proof: &ProofId) -> String {
        let parts = [
            Some(&self.name_id),
            self.name_id_format.as_ref(),
            self.name_qualifier.as_ref(),
            self.sp_name_qualifier.as_ref(),
            self.session_index.as_ref(),
        ];
        // A text of an assertion holds no line feed: control characters were refused.
        let lines = parts.map(|part| part.map(|text| format!("+{text}")).unwrap_or_default());
        URL_SAFE_NO_PAD.encode(key(master, proof).seal(b"", lines.join("\n").as_bytes()))
    }

    fn open(sealed: &str, master: &MasterKey, proof: &ProofId) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let text = String::from_utf8(key(master, proof).open(b"", &sealed).ok()?).ok()?;
        let mut parts = text.split('\n').map(|line| line.strip_prefix('+').map(str::to_owned));
        let mut part = || parts.next().flatten();
        let name_id = part()?;
        let (name_id_format, name_qualifier, sp_name_qualifier) = (part(), part(), part());
        let session_index = part();
        Some(Self { name_id, name_id_format, name_qualifier, sp_name_qualifier, session_index })
    }
}

impl Sso {
    /// Ends the session that a browser shows, and says where its person ends that at the identity provider, if there is one.
    ///
    /// # Errors
    /// As `Schemes::sign_out`: then the session goes on.
    pub async fn sign_out(
        self: &Arc<Self>,
        session: ProofId,
        person: Option<&Person>,
    ) -> Result<Option<Away>, crate::identity::IdentityError> {
        let sealed = self.parts.schemes.logout_of(session).await?;
        self.parts.schemes.sign_out(session).await?;
        self.parts.minter.forget(&session);
        let person = person.filter(|person| person.proof() == Proof::Session(session));
        let away = person.zip(sealed).and_then(|(person, sealed)| {
            let leaving = Leaving::open(&sealed, &self.parts.master, &session)?;
            self.away(person.organization_name(), &leaving)
        });
        Ok(away)
    }

    fn away(&self, organization: &OrganizationName, leaving: &Leaving) -> Option<Away> {
        let provider = self.provider(organization).ok()?;
        let theirs = provider.theirs.load();
        theirs.sign_out_redirect.as_ref()?;
        let subject = Subject {
            name_id: &leaving.name_id,
            name_id_format: leaving.name_id_format.as_deref(),
            name_qualifier: leaving.name_qualifier.as_deref(),
            sp_name_qualifier: leaving.sp_name_qualifier.as_deref(),
            session_index: leaving.session_index.as_deref(),
        };
        let now = self.parts.clock.now();
        let request = SignOutRequest { subject, relay_state: None };
        let redirect = request.redirect(&provider.ours, &theirs, now, &self.parts.random);
        let redirect = redirect
            .inspect_err(|error| tracing::warn!(%organization, cause = %error, "no sign-out there"))
            .ok()?;
        let sealed = self.key.seal(organization.as_str().as_bytes(), redirect.id.as_bytes());
        let value = URL_SAFE_NO_PAD.encode(sealed);
        let set_cookie = format!(
            "{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=None; Max-Age={PATIENCE_SECONDS}"
        );
        Some(Away { location: redirect.location, set_cookie })
    }

    /// Hears what the identity provider says about signing out; `query` as it came.
    ///
    /// # Errors
    /// [`SsoError`]: nobody was signed out by it.
    pub async fn hear(
        self: &Arc<Self>,
        organization: &OrganizationName,
        query: &str,
        (headers, client): (&HeaderMap, IpAddr),
    ) -> Result<Told, SsoError> {
        let word = Unheard {
            provider: self.provider(organization)?,
            organization: organization.clone(),
            query: query.to_owned(),
            expected: self.awaited(organization, headers),
        };
        let sso = Arc::clone(self);
        self.parts.control.run(async move { sso.obey(word, client).await }).await?
    }

    /// On the control plane.
    async fn obey(self: Arc<Self>, word: Unheard, client: IpAddr) -> Result<Told, SsoError> {
        let (now, random) = (self.parts.clock.now(), self.parts.random.clone());
        let turn = self.turns.turn(client).await?;
        // On a thread of its own: it is nothing but computing.
        let work = tokio::task::spawn_blocking(move || word.judge(now, &random));
        let judged = work.await.map_err(|_panicked| ControlFailed)?;
        drop(turn);
        let Some(Order { subject, request, location }) = judged? else { return Ok(Told::Done) };
        let order = SignOutOrder {
            subject: &subject,
            session_indexes: &request.session_indexes,
            issued: request.issue_instant,
            until: saml::accepted_until(request.issue_instant),
        };
        let people = self.parts.schemes.end_vouched(&order).await?;
        Ok(Told::SignedOut { people, location })
    }

    /// The id of the request that this browser's answer must be to.
    fn awaited(&self, organization: &OrganizationName, headers: &HeaderMap) -> Option<String> {
        let sealed = URL_SAFE_NO_PAD.decode(cookie(headers, COOKIE)?).ok()?;
        let id = self.key.open(organization.as_str().as_bytes(), &sealed).ok()?;
        String::from_utf8(id).ok()
    }
}

/// What came by redirect, and what it is held against.
struct Unheard {
    provider: Arc<Provider>,
    organization: OrganizationName,
    query: String,
    expected: Option<String>,
}

/// A verified order, with our reply to it, for when it has been obeyed.
struct Order {
    subject: [u8; 32],
    request: LogoutRequest,
    location: Option<String>,
}

impl Unheard {
    /// `None`: it has signed out whom we wanted.
    fn judge(&self, now: Timestamp, random: &Random) -> Result<Option<Order>, SsoError> {
        let Self { provider, organization, query, expected } = self;
        let theirs = provider.theirs.load();
        let heard = saml::receive_logout(query, &provider.ours, &theirs, expected.as_deref(), now)?;
        let request = match heard {
            Logout::Request(request) => request,
            Logout::Answer(_) => return Ok(None),
        };
        let subject = subject(organization, &theirs.entity_id, &request.name_id);
        // They are to be out, whether it can be told so or not.
        let location = request
            .reply(SignOutStatus::Success)
            .redirect(&provider.ours, &theirs, now, random)
            .inspect_err(|error| tracing::warn!(%organization, cause = %error, "no reply there"))
            .ok()
            .map(|redirect| redirect.location);
        Ok(Some(Order { subject, request, location }))
    }
}

fn key(master: &MasterKey, proof: &ProofId) -> SealKey {
    master.derive(&[b"saml-logout", &proof.0])
}

fn subject(organization: &OrganizationName, issuer: &str, name_id: &str) -> [u8; 32] {
    let parts = [organization.as_str(), issuer, name_id].map(|part| sha256(part.as_bytes()));
    sha256(parts.as_flattened())
}
