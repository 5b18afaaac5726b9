//! The life of the program: start, be ready, reload, drain, end.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::reload::{DrainDelay, Reloader};
use super::stages::{Share, Stages, StartError};
use crate::ground::control::Control;
use crate::listener::{self, CertificateFiles, Drain, ListenError};
use crate::operations::{Health, Reloads, Server};
use crate::records::Records;
use crate::settings::{self, Environment, Loaded, Settings};
use crate::telemetry::{self, Logs};

/// What is to be run.
#[derive(Debug)]
pub struct Plan {
    pub loaded: Loaded,
    /// The files that the settings came from, for a reload.
    pub files: Vec<PathBuf>,
    pub environment: Environment,
    /// The demo's gateway shows a little more on its pages.
    pub demo: bool,
}

/// Where it serves, with real ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    pub https: Option<SocketAddr>,
    pub clear_text: Option<SocketAddr>,
    pub operations: SocketAddr,
}

/// Slow work: SQL, password hashes, STS, reloads.
const CONTROL_THREADS: usize = 2;

/// Runs a gateway until SIGTERM or SIGINT, then drains it. `ready` is called once, when requests are answered.
///
/// # Errors
/// [`StartError`] when it cannot start, or ended by itself.
pub fn run(plan: Plan, ready: impl FnOnce(Addresses)) -> Result<(), StartError> {
    let logs = telemetry::start_logs(plan.loaded.settings.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    let ended = runtime.block_on(live(plan, logs, ready));
    // Whatever slow work is left concerns nobody any more.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

async fn live(plan: Plan, logs: Logs, ready: impl FnOnce(Addresses)) -> Result<(), StartError> {
    let stop = Stop::new().map_err(StartError::Signals)?;
    let hang_up = signal(SignalKind::hangup()).map_err(StartError::Signals)?;
    let control = Control::new(tokio::runtime::Handle::current());
    let settings = &plan.loaded.settings;
    warn_of(settings);
    // Sockets first: a second gateway on the same address must not touch the records.
    let operations = Server::bind(settings.operations.address).await?;
    let bound = listener::bind(settings.listener.clone())?;
    let stages = Stages::build(settings, control.clone(), plan.demo).await?;
    let addresses = Addresses {
        https: bound.https(),
        clear_text: bound.clear_text(),
        operations: operations.address(),
    };
    let health = Arc::new(health(&stages, settings.listener.certificates.clone()));
    control.start(operations.run(Arc::clone(&health)));
    control.start(stages.watch.clone().run());
    control.start(Arc::clone(&stages.minter).forget_ended(stages.generation.clone()));
    let providers = Arc::clone(stages.sso.providers());
    control.start(providers.run(stages.fetcher.clone(), stages.clock.clone()));
    if let Some(studio) = &stages.studio {
        control.start(Arc::clone(&studio.adoption).run());
    }
    let share = Share::of(&settings.listener);
    let reloader = Reloader::new(plan, logs, &stages, Arc::clone(&health.reloads));
    let ending = Ending { stop, delay: reloader.drain_delay(), drain: Drain::default() };
    control.start(reloader.run(hang_up));
    let (shared, drain) = (stages.clone(), ending.drain.clone());
    let app = move || {
        let gateway = Rc::new(shared.gateway(drain.clone(), share));
        move |incoming| Rc::clone(&gateway).answer(incoming)
    };
    let drain = ending.drain.clone();
    let serving = bound.run(&control, &stages.random, &drain, app);
    health.listening.store(true, Ordering::Relaxed);
    announce(addresses);
    ready(addresses);
    let ended = ending.of(serving, &health).await;
    finish(stages).await;
    tracing::info!("ended");
    ended.map_err(StartError::from)
}

fn warn_of(settings: &Settings) {
    let open = Records::open_to_others(&settings.records)
        .then_some("others than the owner can get at the records' file: chmod 600");
    for remark in settings::remark(&settings.listener).into_iter().chain(open) {
        tracing::warn!("{remark}");
    }
}

fn announce(addresses: Addresses) {
    let Addresses { https, clear_text, operations } = addresses;
    tracing::info!(?https, ?clear_text, %operations, "serving");
}

/// How the program is brought to its end.
struct Ending {
    stop: Stop,
    delay: DrainDelay,
    drain: Drain,
}

impl Ending {
    /// Runs what serves until it ends: by itself, or because it was told to. Whoever tells it again does not wait for
    /// what runs, which is cut off; but for the threads that serve, so that the audit has the end of each request.
    async fn of(
        mut self,
        serving: impl Future<Output = Result<(), ListenError>>,
        health: &Health,
    ) -> Result<(), ListenError> {
        let mut serving = std::pin::pin!(serving);
        if let Some(ended) = self.unless_asked(&mut serving).await {
            return ended;
        }
        health.stopping.store(true, Ordering::Relaxed);
        tracing::info!("told to stop: not ready from now on, then draining");
        let delay = tokio::time::sleep(self.delay.load());
        self.unless_asked(delay).await;
        self.drained(serving).await
    }

    async fn drained(
        &mut self,
        mut serving: Pin<&mut impl Future<Output = Result<(), ListenError>>>,
    ) -> Result<(), ListenError> {
        self.drain.begin();
        if let Some(ended) = self.unless_asked(&mut serving).await {
            return ended;
        }
        tracing::warn!("told to stop again: running answers are cut off");
        self.drain.cut();
        serving.await
    }

    /// What the work gives; `None` when the program was told to stop before.
    async fn unless_asked<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.stop.asked() => None,
        }
    }
}

/// The audit is closed in order, after the last stream; then the records.
async fn finish(stages: Stages) {
    let audit = Arc::clone(&stages.audit);
    if tokio::task::spawn_blocking(move || audit.stop()).await.is_err() {
        tracing::error!("the audit could not be closed in order");
    }
    stages.watch.records().close().await;
}

fn health(stages: &Stages, certificates: Vec<CertificateFiles>) -> Health {
    Health {
        records: stages.watch.records().clone(),
        audit: Arc::clone(&stages.audit),
        requests: Arc::clone(&stages.requests),
        reloads: Arc::new(Reloads::begun(stages.clock.now())),
        generation: stages.generation.clone(),
        clock: stages.clock.clone(),
        providers: Arc::clone(stages.sso.providers()),
        certificates,
        listening: AtomicBool::new(false),
        stopping: AtomicBool::new(false),
    }
}

/// SIGTERM or SIGINT, as often as they come.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
