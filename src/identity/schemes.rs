//! The ways in, and what is known of who came that way. A known proof costs one hash, one cache read and one clone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ahash::RandomState;
use arc_swap::ArcSwap;
use http::{HeaderMap, Method};
use moka::policy::EvictionPolicy;
use tokio::sync::Semaphore;

use super::attempts::{Attempts, TooMany};
use super::label_studio::{HELD_LATELY, TOKEN_KEPT, TOKEN_UNKNOWN};
use super::origin::{self, Demand, Ours};
use super::person::Pulse;
use super::shown::{ShownToken, proof_id, session_in, token_in};
use super::{
    Exchanged, Identity, IdentityError, NativeSignIn, PasswordError, Passwords, Person, Proof,
    Settings,
};
use crate::catalog::{AccountId, Asserted, OrganizationId, OrganizationName, Scope};
use crate::ground::clock::{Clock, Timestamp};
use crate::ground::control::Control;
use crate::ground::random::Random;
use crate::ground::seal::{MasterKey, SealKey};
use crate::ground::secret::Secret;
use crate::ground::subscriber::Subscriber;
use crate::label_studio::{self, Bridge, UserToken};
use crate::listener::Incoming;
use crate::records::{KnownPerson, Records, Watch};
use crate::request::{Ask, Operation, Visit};

/// What [`Schemes`] stand on.
#[derive(Debug, Clone)]
pub struct Parts {
    pub watch: Watch,
    pub control: Control,
    pub clock: Clock,
    pub random: Random,
    pub master: MasterKey,
    pub settings: Settings,
    /// The clear-text listener serves (TLS ends in front, or nowhere): `http://` origins are ours too.
    pub serves_clear_text: bool,
    /// A configured Label Studio, whose users may come too.
    pub studio: Option<(label_studio::Settings, Arc<Bridge>)>,
}

/// The ways in, shared by all threads.
#[derive(Debug)]
pub struct Schemes {
    pub(super) parts: Parts,
    pub(super) passwords: Passwords,
    pub(super) attempts: Attempts,
    address_key: SealKey,
    /// Who may come with a password, as the settings say now.
    native: ArcSwap<BTreeMap<OrganizationName, NativeSignIn>>,
    /// So many passwords are shown to Label Studio at once.
    pub(super) at_studio: Semaphore,
    /// The generation is part of the key: an outdated entry cannot even be found.
    people: moka::future::Cache<Key, Arc<Person>, RandomState>,
    /// Proofs that do not hold, apart, so that inventing them pushes nobody real out.
    unknown: moka::sync::Cache<Key, (), RandomState>,
    /// Whose Label Studio's tokens are, by its word.
    pub(super) holders: moka::future::Cache<Key, AccountId, RandomState>,
    /// What was given for personal ones.
    pub(super) exchanged: moka::future::Cache<Key, Arc<Exchanged>, RandomState>,
    /// Those that it does not know.
    pub(super) not_holding: moka::sync::Cache<Key, (), RandomState>,
    /// Those that held lately: asking about them again is nobody's attempt.
    pub(super) held_lately: moka::sync::Cache<Proof, (), RandomState>,
}

/// What is known of a proof in one generation.
pub(super) type Key = (Proof, u64);

const AT_STUDIO: usize = 2;
const PEOPLE_KEPT: u64 = 100_000;
const UNKNOWN_KEPT: u64 = 10_000;
/// Entries of past generations are never read again; they leave after so long.
const KEPT_UNUSED: Duration = Duration::from_secs(120);

/// What identity reads of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) method: &'a Method,
    pub(super) host: &'a str,
    pub(super) client: IpAddr,
    /// The operation is anybody's (R12).
    pub(super) public: bool,
    /// It changes a little, whatever its method.
    pub(super) locks: bool,
    /// It comes from another site by its nature, and is bound to the browser in a way of its own.
    pub(super) from_elsewhere: bool,
}

impl Schemes {
    /// # Errors
    /// [`PasswordError::Failed`] when this machine cannot hash a password.
    pub fn new(parts: Parts) -> Result<Self, PasswordError> {
        let passwords = Passwords::new(parts.random.clone())?;
        let people = moka::future::Cache::builder()
            .max_capacity(PEOPLE_KEPT)
            .time_to_idle(KEPT_UNUSED)
            .eviction_policy(EvictionPolicy::lru());
        let unknown = moka::sync::Cache::builder()
            .max_capacity(UNKNOWN_KEPT)
            .time_to_idle(KEPT_UNUSED)
            .eviction_policy(EvictionPolicy::lru());
        let holders =
            moka::future::Cache::builder().max_capacity(PEOPLE_KEPT).time_to_live(TOKEN_KEPT);
        let exchanged =
            moka::future::Cache::builder().max_capacity(PEOPLE_KEPT).time_to_live(TOKEN_KEPT);
        let not_holding =
            moka::sync::Cache::builder().max_capacity(UNKNOWN_KEPT).time_to_live(TOKEN_UNKNOWN);
        let held_lately =
            moka::sync::Cache::builder().max_capacity(PEOPLE_KEPT).time_to_idle(HELD_LATELY);
        Ok(Self {
            passwords,
            attempts: Attempts::new(parts.settings.attempts_per_minute),
            address_key: parts.master.derive(&[b"address"]),
            native: ArcSwap::from_pointee(parts.settings.native.clone()),
            at_studio: Semaphore::new(AT_STUDIO),
            people: people.build_with_hasher(RandomState::new()),
            unknown: unknown.build_with_hasher(RandomState::new()),
            holders: holders.build_with_hasher(RandomState::new()),
            exchanged: exchanged.build_with_hasher(RandomState::new()),
            not_holding: not_holding.build_with_hasher(RandomState::new()),
            held_lately: held_lately.build_with_hasher(RandomState::new()),
            parts,
        })
    }

    /// Takes up who may come with a password.
    pub fn install_native(&self, native: BTreeMap<OrganizationName, NativeSignIn>) {
        self.native.store(Arc::new(native));
    }

    /// Who of the organization may come with a password, if not everybody.
    pub(super) fn native(&self, organization: OrganizationId) -> Option<NativeSignIn> {
        let catalog = self.parts.watch.catalog().current();
        let name = catalog.organization(organization).map(|one| &one.name)?;
        self.native.load().get(name).cloned()
    }

    /// Who asks. Nobody when nothing was shown. A cookie that does not hold is ignored on what is anybody's, so that
    /// a stale one does not lock its owner out of the sign-in page.
    ///
    /// # Errors
    /// [`IdentityError`] when something was shown and it does not hold.
    pub async fn identify(
        &self,
        incoming: &Incoming,
        operation: &Operation,
    ) -> Result<Identity, IdentityError> {
        let public = match operation.ask() {
            Ask::Visit(visit) => visit.is_public(),
            Ask::Read(_) | Ask::Write(_) | Ask::List { .. } | Ask::LabelStudio(_) => false,
        };
        let (headers, method, host) = (incoming.headers(), incoming.method(), incoming.host());
        let client = incoming.client();
        // Whoever gets the next task holds it for a while, though he asks with GET.
        let locks = matches!(
            operation.ask(),
            Ask::LabelStudio(call) if call.deed() == label_studio::Deed::LabelTask
        );
        let from_elsewhere = matches!(
            operation.ask(),
            Ask::Visit(Visit::AcceptAssertion(_) | Visit::SingleLogout(_))
        );
        let asked = Asked { headers, method, host, client, public, locks, from_elsewhere };
        self.identify_shown(asked).await
    }

    /// The same person by the same proof, as of now: fails when the proof no longer holds (R14). A session that is
    /// asked for here is in use, by the stream that asks; streams ask often enough to keep theirs from becoming idle. Of a
    /// token of Label Studio's, which may be at its end by itself, the account is what must still hold.
    ///
    /// # Errors
    /// [`IdentityError::NotValid`] when it no longer does.
    pub async fn again(&self, identity: &Identity) -> Result<Identity, IdentityError> {
        match identity.person() {
            None => Ok(Identity::NOBODY),
            Some(person) => {
                let again = match person.proof {
                    Proof::LabelStudio(_) => {
                        let generation = self.parts.watch.catalog().generation().current();
                        self.person_of((person.proof, generation), person.account).await?
                    }
                    proof @ (Proof::Session(_) | Proof::Token(_)) => self.known(proof).await?,
                };
                Ok(Identity(Some(again)))
            }
        }
    }

    pub(super) async fn identify_shown(&self, asked: Asked<'_>) -> Result<Identity, IdentityError> {
        let token = token_in(asked.headers)?;
        let session = forgiving(asked, session_in(asked.headers))?.flatten();
        let session = session.map(|text| Proof::Session(proof_id(text)));
        if let Some(demand) = demand(asked, session.is_some(), token.is_some()) {
            let clear_text = self.parts.serves_clear_text;
            origin::check(asked.headers, Ours { host: asked.host, clear_text }, demand)?;
        }
        let by_session = match session {
            None => None,
            Some(proof) => forgiving(asked, self.known(proof).await)?,
        };
        let by_token = match token {
            None => None,
            Some(token) => Some(self.known_by(token, asked.client).await?),
        };
        match (by_session, by_token) {
            (Some(one), Some(other)) if one.account != other.account => {
                Err(IdentityError::TwoPeople)
            }
            (by_session, by_token) => Ok(Identity(by_token.or(by_session))),
        }
    }

    async fn known_by(
        &self,
        token: ShownToken<'_>,
        client: IpAddr,
    ) -> Result<Arc<Person>, IdentityError> {
        let token = match token {
            ShownToken::Ours(text) => return self.known(Proof::Token(proof_id(text))).await,
            ShownToken::Legacy(text) => UserToken::Legacy(Secret::new(text.to_owned())),
            ShownToken::Jwt(text) => UserToken::Access(Secret::new(text.to_owned())),
        };
        self.known_by_user_token(token, client).await
    }

    /// The person of this account, who was known by that proof, in that generation.
    pub(super) async fn person_of(
        &self,
        key: Key,
        account: AccountId,
    ) -> Result<Arc<Person>, IdentityError> {
        if let Some(person) = self.people.get(&key).await {
            return Ok(person);
        }
        let records = self.parts.watch.records().clone();
        let master = self.parts.master.clone();
        let (proof, generation) = key;
        let work = self.parts.control.run(async move {
            let person = records.person(account).await?.ok_or(IdentityError::NotValid)?;
            // One for all tokens of his: an access token lives for minutes, and what a program was given lasts longer.
            let handle_key = master.derive(&[b"handle", b"label-studio", &account.0.to_be_bytes()]);
            let facts = Facts {
                person,
                scope: Scope::ALL,
                valid_until: Timestamp::MAX,
                asserted: None,
                pulse: Pulse::new(Timestamp::MAX),
            };
            Ok(facts.of(proof, generation, handle_key))
        });
        let loaded = self.people.try_get_with(key, async { work.await? }).await;
        loaded.map_err(|error: Arc<IdentityError>| IdentityError::clone(&error))
    }

    /// The person of this proof, from the cache or from the records, if the proof holds at this moment.
    async fn known(&self, proof: Proof) -> Result<Arc<Person>, IdentityError> {
        // Read before the records are: what changes in between voids what was read.
        let key = (proof, self.parts.watch.catalog().generation().current());
        let person = match self.people.get(&key).await {
            Some(person) => person,
            // Boxed: a rare and large future must not make every connection's larger.
            None => Box::pin(self.load(key)).await?,
        };
        let now = self.parts.clock.now();
        let limit = self.parts.settings.idle;
        let too_idle = matches!(proof, Proof::Session(_)) && person.pulse.idle(now) >= limit;
        if now >= person.valid_until || too_idle {
            return Err(IdentityError::NotValid);
        }
        if person.pulse.beat(now, limit) {
            self.tell(proof, now);
        }
        Ok(person)
    }

    /// Reads the person behind a proof on the control plane, once for all who wait for it.
    async fn load(&self, key: (Proof, u64)) -> Result<Arc<Person>, IdentityError> {
        if self.unknown.contains_key(&key) {
            return Err(IdentityError::NotValid);
        }
        let records = self.parts.watch.records().clone();
        let master = self.parts.master.clone();
        let work = self.parts.control.run(async move { read(&records, &master, key).await });
        let loaded = self.people.try_get_with(key, async { work.await? }).await;
        loaded.map_err(|error| {
            if matches!(*error, IdentityError::NotValid) {
                self.unknown.insert(key, ());
            }
            (*error).clone()
        })
    }

    /// Tells the records that the proof is in use; nobody waits for it.
    fn tell(&self, proof: Proof, now: Timestamp) {
        let records = self.parts.watch.records().clone();
        self.parts.control.start(async move {
            let told = match proof {
                Proof::Session(id) => records.touch_session(&id.0, now).await,
                Proof::Token(id) => records.touch_token(&id.0, now).await,
                // Of those the records hold nothing.
                Proof::LabelStudio(_) => Ok(()),
            };
            if let Err(error) = told {
                tracing::warn!(cause = %error, "the last use of a session or token was not recorded");
            }
        });
    }

    /// What an account knows an address by: without the operator's key, nobody reads addresses out of the records.
    pub(super) fn address_hash(&self, account: AccountId, client: IpAddr) -> String {
        let sealed =
            self.address_key.seal(&account.0.to_be_bytes(), Subscriber::of(client).octets());
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, sealed)
    }
}

/// On what is anybody's, a cookie that does not hold counts as none.
fn forgiving<T>(
    asked: Asked<'_>,
    result: Result<T, IdentityError>,
) -> Result<Option<T>, IdentityError> {
    match result {
        Err(IdentityError::NotValid | IdentityError::TwoSessions) if asked.public => Ok(None),
        result => result.map(Some),
    }
}

/// What must be said about where this came from. A token is never sent by a browser on its own, so it needs nothing.
fn demand(asked: Asked<'_>, session: bool, token: bool) -> Option<Demand> {
    match (origin::changes(asked.method), asked.public, session, token) {
        (true, true, _, _) if asked.from_elsewhere => None,
        (true, true, _, _) => Some(Demand::NotForeign),
        (true, false, true, false) => Some(Demand::Proven),
        (false, false, true, false) if asked.locks => Some(Demand::NotForeign),
        (true, false, false, _) | (true, false, true, true) | (false, _, _, _) => None,
    }
}

async fn read(
    records: &Records,
    master: &MasterKey,
    (proof, generation): (Proof, u64),
) -> Result<Arc<Person>, IdentityError> {
    let (person, scope, valid_until, asserted, seen) = match proof {
        Proof::Session(id) => {
            let found = records.find_session(&id.0).await?.ok_or(IdentityError::NotValid)?;
            let asserted = found.vouched.map(|it| (it.asserted, it.credentials_end));
            (found.person, Scope::ALL, found.absolute_end, asserted, found.last_seen)
        }
        Proof::Token(id) => {
            let found = records.find_token(&id.0).await?.ok_or(IdentityError::NotValid)?;
            let valid_until = found.expires.unwrap_or(Timestamp::MAX);
            // A token has no idle limit; its first use is told at once.
            let used = found.last_used.unwrap_or(Timestamp::UNIX_EPOCH);
            (found.person, found.scope, valid_until, None, used)
        }
        // Label Studio says whose those are.
        Proof::LabelStudio(_) => return Err(IdentityError::NotValid),
    };
    let account = person.account.0.to_be_bytes();
    let handle_key = master.derive(&[b"handle", &proof.id().0, &account]);
    let facts = Facts { person, scope, valid_until, asserted, pulse: Pulse::new(seen) };
    Ok(facts.of(proof, generation, handle_key))
}

/// What is known of a person, however he came.
struct Facts {
    person: KnownPerson,
    scope: Scope,
    valid_until: Timestamp,
    /// What the session began with, and when the first of its credentials ends.
    asserted: Option<(Asserted, Option<Timestamp>)>,
    pulse: Pulse,
}

impl Facts {
    fn of(self, proof: Proof, generation: u64, handle_key: SealKey) -> Arc<Person> {
        let Self { person, scope, valid_until, asserted, pulse } = self;
        let (asserted, credentials_end) =
            asserted.map_or((None, None), |(asserted, end)| (Some(asserted), end));
        let KnownPerson {
            account, email, organization, organization_name, organization_role, ..
        } = person;
        Arc::new(Person {
            account,
            email,
            organization,
            organization_name,
            organization_role,
            workspace_roles: person.memberships.workspaces,
            project_roles: person.memberships.projects,
            proof,
            scope,
            valid_until,
            generation,
            handle_key,
            asserted: asserted.map(Arc::new),
            credentials_end,
            pulse,
        })
    }
}

impl From<TooMany> for IdentityError {
    fn from(TooMany { retry_after_seconds }: TooMany) -> Self {
        Self::TooManyAttempts { retry_after_seconds }
    }
}
