//! Builds the stages from the settings, each from those before it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::studio::Studio;
use crate::admin::{Desk, Explanations, Occasion};
use crate::audit::{Audit, AuditNotOpened, Questions};
use crate::backend::{self, Store};
use crate::credential::{self, Minter, Sources, Tools};
use crate::gateway::Gateway;
use crate::ground::clock::Clock;
use crate::ground::control::Control;
use crate::ground::generation::Generation;
use crate::ground::random::Random;
use crate::identity::{Parts, PasswordError, Schemes};
use crate::label_studio::{BadTable, Routes};
use crate::listener::{self, ClearTextMode, Drain, Limits, ListenError};
use crate::operations::{OperationsError, Requests};
use crate::outbound::{Door, OutboundError, Rules};
use crate::policy::{Inquiry, Policy, RulesError};
use crate::records::{Records, RecordsError, Watch};
use crate::settings::Settings;
use crate::sign_in::{self, Fetcher, Prepared, Providers, Sso, SsoParts};
use crate::stream::{Present, Running, watch};

/// What all threads share. Clones share it too.
#[derive(Debug, Clone)]
pub(super) struct Stages {
    pub clock: Clock,
    pub random: Random,
    pub generation: Generation,
    pub watch: Watch,
    pub door: Arc<Door>,
    pub minter: Arc<Minter>,
    pub schemes: Arc<Schemes>,
    pub sso: Arc<Sso>,
    pub fetcher: Fetcher,
    pub studio: Option<Studio>,
    pub routes: Arc<Routes>,
    pub inquiry: Arc<Inquiry>,
    pub policy: Arc<Policy>,
    pub desk: Arc<Desk>,
    pub audit: Arc<Audit>,
    pub requests: Arc<Requests>,
}

/// Why the gateway cannot start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("no thread can be started for the control plane")]
    Runtime(#[source] std::io::Error),
    #[error("signals cannot be received")]
    Signals(#[source] std::io::Error),
    #[error("the records")]
    Records(#[from] RecordsError),
    #[error("the policies")]
    Policy(#[from] RulesError),
    #[error("the credentials:\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Credentials(Vec<credential::Fault>),
    #[error("the identity providers:\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Saml(Vec<sign_in::Fault>),
    #[error("the way out")]
    Outbound(#[from] OutboundError),
    #[error("the catalogue of Label Studio's routes")]
    Routes(#[from] BadTable),
    #[error("Label Studio's address")]
    LabelStudio(#[from] backend::BackendError),
    #[error("passwords")]
    Passwords(#[from] PasswordError),
    #[error(transparent)]
    Audit(#[from] AuditNotOpened),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Operations(#[from] OperationsError),
}

/// What one data-plane thread is to keep to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    drain: Duration,
    answers_per_account: usize,
}

impl Share {
    pub(super) fn of(listener: &listener::Settings) -> Self {
        let Limits { drain, max_answers_per_account, .. } = listener.limits;
        let answers_per_account = max_answers_per_account.div_ceil(listener.threads().get());
        Self { drain, answers_per_account }
    }
}

impl Stages {
    /// Builds all of them. The audit comes last: from then on it must be stopped.
    pub(super) async fn build(
        settings: &Settings,
        control: Control,
        demo: bool,
    ) -> Result<Self, StartError> {
        let (clock, random) = (Clock::system(), Random::system());
        let generation = Generation::default();
        let records = Records::open(&settings.records, clock.clone()).await?;
        let watch = Watch::begin(records, generation.clone()).await?;
        let door = Arc::new(Door::new(Rules::read(&settings.outbound)?));
        let sources = Sources::read(&settings.credential).map_err(StartError::Credentials)?;
        let tools =
            Tools { door: Arc::clone(&door), control: control.clone(), clock: clock.clone() };
        let studio = studio(settings, &door, &watch, (&control, &clock, &random))?;
        let bridge = studio.as_ref().map(|studio| Arc::clone(&studio.bridge));
        let minter = Minter::new(sources, tools).with_bridge(bridge.clone());
        let minter = Arc::new(minter.with_records(watch.records().clone(), settings.seal.clone()));
        let schemes = Arc::new(Schemes::new(Parts {
            watch: watch.clone(),
            control: control.clone(),
            clock: clock.clone(),
            random: random.clone(),
            master: settings.seal.clone(),
            settings: settings.identity.clone(),
            serves_clear_text: serves_clear_text(settings),
            studio: settings.label_studio.clone().zip(bridge),
        })?);
        let fetcher = Fetcher { door: Arc::clone(&door), records: watch.records().clone() };
        let parts = (Arc::clone(&schemes), Arc::clone(&minter));
        let sso = sso(settings, &fetcher, parts, (&control, &clock, &random)).await?;
        let policy = Arc::new(Policy::new(&settings.policy, watch.catalog().clone())?);
        let install = settings.label_studio.as_ref().zip(studio.as_ref());
        let install = install.map(|(settings, studio)| studio.inquired(settings));
        let inquiry = Arc::new(Inquiry::new(watch.catalog().clone(), install));
        let desk = Arc::new(Desk {
            policy: Arc::clone(&policy),
            schemes: Arc::clone(&schemes),
            sso: Arc::clone(&sso),
            control,
            explanations: Explanations::new(Questions::new(&settings.audit.folder)),
            occasion: occasion(demo, &watch),
        });
        let requests = Arc::new(Requests::default());
        let observer = Arc::clone(&requests);
        let audit = Arc::new(Audit::start(&settings.audit, clock.clone(), observer)?);
        Ok(Self {
            clock,
            random,
            generation,
            watch,
            door,
            minter,
            schemes,
            sso,
            fetcher,
            routes: studio.as_ref().map_or_else(Arc::default, |studio| Arc::clone(&studio.routes)),
            studio,
            inquiry,
            policy,
            desk,
            audit,
            requests,
        })
    }

    /// What one data-plane thread serves with; to be called on that thread, inside its `LocalSet`. Streams that outlast
    /// the drain's limit are cut off.
    pub(super) fn gateway(&self, drain: Drain, share: Share) -> Gateway {
        let running = Rc::new(Running::new(share.answers_per_account));
        let present =
            Present { schemes: Arc::clone(&self.schemes), policy: Arc::clone(&self.policy) };
        let (generation, clock) = (self.generation.clone(), self.clock.clone());
        drop(tokio::task::spawn_local(watch(
            Rc::clone(&running),
            Rc::new(present),
            generation,
            clock,
        )));
        let late = Rc::clone(&running);
        drop(tokio::task::spawn_local(async move {
            drain.begun().await;
            tokio::select! {
                () = tokio::time::sleep(share.drain) => {}
                () = drain.is_cut() => {}
            }
            late.stop_all();
        }));
        let store = Store::new(
            Arc::clone(&self.door),
            self.clock.clone(),
            self.random.clone(),
            backend::Settings::default(),
        );
        let front = self.studio.as_ref().map(|studio| Arc::clone(&studio.front));
        let store = store.before(front);
        Gateway {
            audit: Arc::clone(&self.audit),
            routes: Arc::clone(&self.routes),
            schemes: Arc::clone(&self.schemes),
            inquiry: Arc::clone(&self.inquiry),
            policy: Arc::clone(&self.policy),
            minter: Arc::clone(&self.minter),
            desk: Arc::clone(&self.desk),
            store,
            running,
        }
    }
}

fn occasion(demo: bool, watch: &Watch) -> Occasion {
    if demo { Occasion::Demo(watch.catalog().clone()) } else { Occasion::Service }
}

/// What stands between us and Label Studio, where there is one.
fn studio(
    settings: &Settings,
    door: &Arc<Door>,
    watch: &Watch,
    timely: (&Control, &Clock, &Random),
) -> Result<Option<Studio>, StartError> {
    let built = settings.label_studio.as_ref().map(|studio| {
        let banks = Studio::banks(studio, door, watch, timely);
        Studio::build(studio, banks, watch, &settings.seal)
    });
    built.transpose()
}

/// Signing in at identity providers, all of which have what it takes.
async fn sso(
    settings: &Settings,
    fetcher: &Fetcher,
    (schemes, minter): (Arc<Schemes>, Arc<Minter>),
    (control, clock, random): (&Control, &Clock, &Random),
) -> Result<Arc<Sso>, StartError> {
    let prepared = Prepared::read(&settings.sign_in, fetcher, clock.now()).await;
    let providers = Arc::new(Providers::new(prepared.map_err(StartError::Saml)?));
    let (control, clock, random) = (control.clone(), clock.clone(), random.clone());
    let master = settings.seal.clone();
    let parts = SsoParts { providers, schemes, minter, control, clock, random, master };
    Ok(Arc::new(Sso::new(parts)))
}

fn serves_clear_text(settings: &Settings) -> bool {
    let clear_text = settings.listener.clear_text.as_ref();
    clear_text.is_some_and(|socket| socket.mode == ClearTextMode::Serve)
}
