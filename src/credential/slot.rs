//! One place for one set of keys: read without a lock while they are good, renewed early in the background, fetched by
//! one flight at a time however many wait, and left alone for a while after a failure.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use super::aws::Keys;
use super::backoff::Backoff;
use super::chain::Chain;
use super::error::{CredentialError, Ended, SourceError};
use super::role::{Cut, Role};
use super::session::Vault;
use super::shelf::SessionKey;
use super::tools::Tools;
use crate::catalog::CredentialName;
use crate::ground::causes::told;
use crate::ground::clock::{SignedDuration, Timestamp};
use crate::ground::control::ControlFailed;
use crate::telemetry::{Count, count};

/// Keys in use, with the slot that they came from.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) keys: Arc<Keys>,
    pub(super) acting: Option<Acting>,
    obtained: Timestamp,
    /// Not served from here on.
    until: Option<Timestamp>,
    /// Milliseconds since 1970: when the next background renewal may begin. `MAX` while one is under way.
    due: AtomicI64,
    slot: Weak<Slot>,
}

/// Keys as they come.
struct Fetched {
    keys: Arc<Keys>,
    acting: Option<Acting>,
}

/// As whom the keys act at AWS: what its own records call them.
#[derive(Debug)]
pub(super) struct Acting {
    /// The role's ARN.
    pub(super) role: Box<str>,
    pub(super) session: Box<str>,
}

/// Everything that a fetch may know: what is not in here cannot influence whose keys come back (R25).
#[derive(Debug)]
pub(super) enum Order {
    Given(Arc<Keys>),
    Chain(Arc<Chain>),
    /// Uncut: only as the source of another role, never for a request.
    Role {
        role: Arc<Role>,
        cut: Option<Cut>,
    },
    /// Had when the person signed in, and never again.
    Brought {
        key: SessionKey,
        vault: Arc<Vault>,
    },
}

#[derive(Debug)]
pub(super) struct Slot {
    name: CredentialName,
    order: Order,
    held: ArcSwapOption<Held>,
    flight: Mutex<Flight>,
}

type Outcome = Result<Arc<Held>, Arc<SourceError>>;
type Landing = watch::Receiver<Option<Outcome>>;

/// The fetch under way, and what became of the ones before it.
#[derive(Debug, Default)]
struct Flight {
    /// Closed when the flight is over, however it ended.
    landing: Option<Landing>,
    failures: Backoff,
    last_failure: Option<Arc<SourceError>>,
    /// The id of keys that were brought and are refused: there are no others, so they are not tried again.
    refused: Option<Box<str>>,
}

/// Why keys are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// There are none.
    Want,
    /// Those that there are will end soon.
    Renewal,
}

/// Keys are renewed in the last fifth of their life, at most this long before their end.
const RENEW_AT_MOST: SignedDuration = SignedDuration::from_mins(5);
/// A request that is signed now must still be good when it arrives.
pub(super) const MARGIN: SignedDuration = SignedDuration::from_secs(10);
/// Keys refused sooner than this would come back the same: whoever refuses them is told by his own refusals.
const FRESH: SignedDuration = SignedDuration::from_mins(1);

impl Slot {
    pub(super) fn new(name: CredentialName, order: Order) -> Arc<Self> {
        let (held, flight) = (ArcSwapOption::empty(), Mutex::default());
        Arc::new(Self { name, order, held, flight })
    }

    /// The keys, when they are good now. Starts their renewal when it is time.
    pub(super) fn ready(self: &Arc<Self>, tools: &Tools, now: Timestamp) -> Option<Arc<Held>> {
        let held = self.held.load();
        let good = held.as_ref().filter(|held| held.good(now))?;
        if good.take_turn(now) && self.board(tools, now, Why::Renewal).is_err() {
            good.put_off(now);
        }
        Some(Arc::clone(good))
    }

    /// The keys, fetched if need be.
    pub(super) async fn keys(self: &Arc<Self>, tools: &Tools) -> Outcome {
        let now = tools.clock.now();
        if let Some(held) = self.ready(tools, now) {
            return Ok(held);
        }
        self.fetched(tools, now, Why::Want).await
    }

    async fn fetched(self: &Arc<Self>, tools: &Tools, now: Timestamp, why: Why) -> Outcome {
        let mut landing = self.board(tools, now, why)?;
        match landing.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            Ok(None) | Err(_) => Err(Arc::new(SourceError::Control(ControlFailed))),
        }
    }

    /// The keys after these were refused: fetched anew if that can help, else the same.
    pub(super) async fn keys_instead(self: &Arc<Self>, refused: &Held, tools: &Tools) -> Outcome {
        let now = tools.clock.now();
        if self.reject(refused, now) {
            self.fetched(tools, now, Why::Renewal).await
        } else {
            self.keys(tools).await
        }
    }

    /// As [`Self::keys`], with the error of the stage.
    pub(super) async fn take(
        self: &Arc<Self>,
        tools: &Tools,
    ) -> Result<Arc<Held>, CredentialError> {
        let name = || self.name.clone();
        self.keys(tools).await.map_err(|cause| {
            if let SourceError::Ended(why) = *cause {
                CredentialError::SignInAgain { name: name(), why, organization: None }
            } else {
                CredentialError::Unavailable { name: name(), cause }
            }
        })
    }

    pub(super) const fn name(&self) -> &CredentialName {
        &self.name
    }

    /// Nothing good in it, nothing on its way, nothing to remember: it can be made again when it is wanted.
    pub(super) fn idle(&self, now: Timestamp) -> bool {
        let flight = self.flight();
        !self.held.load().as_ref().is_some_and(|held| held.good(now))
            && flight.under_way().is_none()
            && flight.failures.open(now)
            && flight.refused.is_none()
    }

    /// Joins the flight under way, or starts one on the control plane, or recalls why the last one failed.
    fn board(
        self: &Arc<Self>,
        tools: &Tools,
        now: Timestamp,
        why: Why,
    ) -> Result<Landing, Arc<SourceError>> {
        let mut flight = self.flight();
        if let Some(landing) = flight.under_way() {
            return Ok(landing);
        }
        if let (Why::Want, Some(held)) = (why, self.held.load_full().filter(|held| held.good(now)))
        {
            // Another's flight has just landed.
            return Ok(watch::channel(Some(Ok(held))).1);
        }
        if let Some(failure) = flight.pause(now) {
            return Err(failure);
        }
        let (sender, landing) = watch::channel(None);
        flight.landing = Some(landing.clone());
        let (slot, tools_there) = (Arc::clone(self), tools.clone());
        tools.control.start(async move {
            let fetched = slot.fetch(&tools_there).await;
            let outcome = slot.land(fetched, tools_there.clock.now());
            sender.send_replace(Some(outcome));
        });
        Ok(landing)
    }

    async fn fetch(&self, tools: &Tools) -> Result<Fetched, SourceError> {
        let nobody = |keys| Fetched { keys, acting: None };
        match &self.order {
            Order::Given(keys) => Ok(nobody(Arc::clone(keys))),
            Order::Chain(chain) => Box::pin(chain.keys(tools)).await.map(Arc::new).map(nobody),
            Order::Role { role, cut } => {
                let keys = Arc::new(Box::pin(role.assume(tools, cut.as_ref())).await?);
                let acting = cut.as_ref().map(|cut| Acting::new(role.arn(), &cut.session));
                Ok(Fetched { keys, acting })
            }
            Order::Brought { key, vault } => {
                let (keys, name) = Box::pin(vault.open(tools, key, &self.name)).await?;
                Ok(Fetched { keys: Arc::new(keys), acting: Some(Acting::new(&key.role, &name)) })
            }
        }
    }

    fn land(self: &Arc<Self>, fetched: Result<Fetched, SourceError>, now: Timestamp) -> Outcome {
        let mut flight = self.flight();
        flight.landing = None;
        let fetched = fetched.and_then(|fetched| match &flight.refused {
            Some(refused) if **refused == *fetched.keys.access_key_id() => {
                Err(SourceError::Ended(Ended::Refused))
            }
            Some(_) | None => Held::new(fetched, now, self),
        });
        match fetched {
            Ok(held) => {
                self.order.count();
                let held = Arc::new(held);
                flight.failures.succeeded();
                flight.last_failure = None;
                self.held.store(Some(Arc::clone(&held)));
                Ok(held)
            }
            Err(failure) => {
                count(Count::CredentialFailures);
                let failure = Arc::new(failure);
                // A role that is left alone for now knows itself when to go on.
                if !matches!(*failure, SourceError::Paused { .. }) {
                    flight.failures.failed(now);
                    // Of what has ended the person is told, and nothing changes before he signs in again.
                    if !matches!(*failure, SourceError::Ended(_)) {
                        tracing::warn!(credential = %self.name, cause = %told(&*failure), "no fresh keys");
                    }
                }
                flight.last_failure = Some(Arc::clone(&failure));
                if let Some(held) = &*self.held.load() {
                    held.put_off(now.max(flight.failures.not_before()));
                }
                Err(failure)
            }
        }
    }

    /// Says whether these keys, if they are still the ones in use, are to be fetched anew. Where others may use them
    /// too they serve on until then: that one refuses them does not make them bad for the rest (R25).
    fn reject(&self, rejected: &Held, now: Timestamp) -> bool {
        let mut flight = self.flight();
        let held = self.held.load();
        let in_use = held.as_ref().is_some_and(|held| std::ptr::eq(&**held, rejected));
        // A negative age is a clock that went back, and says nothing.
        let age = now.duration_since(rejected.obtained);
        let fresh = (SignedDuration::ZERO..FRESH).contains(&age);
        // How long ago what was brought was read says nothing of how old it is.
        let brought = matches!(self.order, Order::Brought { .. });
        if !in_use || (fresh && !brought) {
            return false;
        }
        match &self.order {
            Order::Given(_) => return false,
            Order::Role { cut: Some(_), .. } => self.held.store(None),
            Order::Brought { .. } => {
                flight.refused = Some(rejected.keys.access_key_id().into());
                self.held.store(None);
            }
            Order::Chain(_) | Order::Role { cut: None, .. } if flight.under_way().is_none() => {
                rejected.due.store(now.as_millisecond(), Ordering::Relaxed);
            }
            Order::Chain(_) | Order::Role { cut: None, .. } => {}
        }
        true
    }

    #[cfg(test)]
    pub(super) fn at_rest(&self) -> bool {
        self.flight().under_way().is_none()
    }

    fn flight(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Acting {
    fn new(role: &str, session: &str) -> Self {
        Self { role: role.into(), session: session.into() }
    }
}

impl Order {
    /// Counts what came of it. What was brought was counted when it was had.
    fn count(&self) {
        match self {
            Self::Given(_) | Self::Chain(_) | Self::Role { .. } => count(Count::CredentialsMinted),
            Self::Brought { .. } => {}
        }
    }

    /// Whether fresh keys can come before these have ended.
    const fn renews(&self) -> bool {
        match self {
            Self::Chain(_) | Self::Role { .. } => true,
            Self::Given(_) | Self::Brought { .. } => false,
        }
    }
}

impl Flight {
    fn under_way(&self) -> Option<Landing> {
        // Closed without an outcome: the work was lost with its runtime, so another may start.
        self.landing.clone().filter(|landing| landing.has_changed().is_ok())
    }

    fn pause(&self, now: Timestamp) -> Option<Arc<SourceError>> {
        self.last_failure.clone().filter(|_| !self.failures.open(now))
    }
}

impl Held {
    fn new(fetched: Fetched, now: Timestamp, slot: &Arc<Slot>) -> Result<Self, SourceError> {
        let (Fetched { keys, acting }, renews) = (fetched, slot.order.renews());
        let slot = Arc::downgrade(slot);
        let Some(end) = keys.expires() else {
            let due = AtomicI64::new(i64::MAX);
            return Ok(Self { keys, acting, obtained: now, until: None, due, slot });
        };
        let until = end.saturating_sub(MARGIN).unwrap_or(now);
        if until <= now {
            return Err(SourceError::ExpiredOnArrival);
        }
        let early = RENEW_AT_MOST.min(end.duration_since(now) / 5);
        let due = end.saturating_sub(early).unwrap_or(now).min(until);
        let due = if renews { due.as_millisecond() } else { i64::MAX };
        let due = AtomicI64::new(due);
        Ok(Self { keys, acting, obtained: now, until: Some(until), due, slot })
    }

    #[cfg(test)]
    pub(super) fn given(keys: Arc<Keys>) -> Self {
        let (obtained, due) = (Timestamp::MIN, AtomicI64::new(i64::MAX));
        Self { keys, acting: None, obtained, until: None, due, slot: Weak::new() }
    }

    fn good(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether it is time to renew and nobody else does.
    fn take_turn(&self, now: Timestamp) -> bool {
        let due = self.due.load(Ordering::Relaxed);
        let (taken, relaxed) = (i64::MAX, Ordering::Relaxed);
        now.as_millisecond() >= due
            && self.due.compare_exchange(due, taken, relaxed, relaxed).is_ok()
    }

    /// The turn was taken for nothing.
    fn put_off(&self, now: Timestamp) {
        self.due.store(now.as_millisecond().saturating_add(1000), Ordering::Relaxed);
    }

    /// The other side refused these keys. Whoever asks for keys next has them fetched, or fetches them.
    pub(super) fn reject(&self, now: Timestamp) {
        if let Some(slot) = self.slot.upgrade() {
            slot.reject(self, now);
        }
    }
}
