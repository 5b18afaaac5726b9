//! Takes up changed settings while the gateway runs: on SIGHUP, and when a file changes. All or nothing: everything
//! that can be wrong is tried before anything is replaced, and the old stays on any fault.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::MissedTickBehavior;

use super::run::Plan;
use super::stages::Stages;
use crate::credential::{Minter, Sources};
use crate::ground::clock::Clock;
use crate::operations::Reloads;
use crate::outbound::{Door, Rules};
use crate::policy::{self, Policy};
use crate::settings::{self, Loaded, Settings};
use crate::telemetry::Logs;

/// How often files are looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// Who knows the present settings and what may be replaced at run time.
#[derive(Debug)]
pub(super) struct Reloader {
    plan: Plan,
    logs: Logs,
    clock: Clock,
    door: Arc<Door>,
    minter: Arc<Minter>,
    policy: Arc<Policy>,
    reloads: Arc<Reloads>,
    delay: DrainDelay,
    seen: Stamps,
}

/// The drain's delay, as the settings say now.
#[derive(Debug, Clone)]
pub(super) struct DrainDelay(Arc<AtomicU64>);

/// What tells that a file was changed: time, length, number; `None` when it is not there.
type Stamps = BTreeMap<PathBuf, Option<(i64, i64, u64, u64)>>;

/// New settings with everything read and judged that they lead to.
struct Prepared {
    loaded: Loaded,
    rules: Rules,
    sources: Sources,
}

impl DrainDelay {
    pub(super) fn load(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn store(&self, delay: Duration) {
        self.0.store(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Reloader {
    pub(super) fn new(plan: Plan, logs: Logs, stages: &Stages, reloads: Arc<Reloads>) -> Self {
        let delay = DrainDelay(Arc::default());
        delay.store(plan.loaded.settings.operations.drain_delay);
        let seen = stamps(&plan.loaded);
        Self {
            plan,
            logs,
            clock: stages.clock.clone(),
            door: Arc::clone(&stages.door),
            minter: Arc::clone(&stages.minter),
            policy: Arc::clone(&stages.policy),
            reloads,
            delay,
            seen,
        }
    }

    pub(super) fn drain_delay(&self) -> DrainDelay {
        self.delay.clone()
    }

    /// Watches for as long as the program lives.
    pub(super) async fn run(mut self, mut hang_up: Signal) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                received = hang_up.recv() => received.is_some(),
                _ = ticks.tick() => false,
            };
            // Files are read here: not on the data plane, and never for long.
            let moved = tokio::task::spawn_blocking(move || {
                self.look(asked);
                self
            });
            match moved.await {
                Ok(reloader) => self = reloader,
                Err(_panicked) => {
                    tracing::error!("settings can no longer be reloaded: restart the gateway");
                    return;
                }
            }
        }
    }

    fn look(&mut self, asked: bool) {
        let now = stamps(&self.plan.loaded);
        if !asked && now == self.seen {
            return;
        }
        // Whatever comes of it, the same files are not tried again before they change.
        self.seen = now;
        match self.prepare().and_then(|prepared| self.install(prepared)) {
            Ok(generation) => tracing::info!(generation, "new settings are in force"),
            Err(faults) => self.stay(&faults),
        }
    }

    fn stay(&self, faults: &[String]) {
        self.reloads.failed();
        for fault in faults {
            tracing::error!(%fault, "the settings are not taken up, the old ones stay");
        }
    }

    /// Reads and judges everything, and changes nothing.
    fn prepare(&self) -> Result<Prepared, Vec<String>> {
        let loaded = settings::load(&self.plan.files, &self.plan.environment);
        let loaded = loaded.map_err(|report| words(report.faults()))?;
        let settings = &loaded.settings;
        let mut faults = Vec::new();
        let rules = Rules::read(&settings.outbound).map_err(|error| faults.push(told(&error)));
        let sources =
            Sources::read(&settings.credential).map_err(|wrong| faults.extend(words(&wrong)));
        if let Err(error) = policy::Rules::load(&settings.policy) {
            faults.extend(words(error.faults()));
        }
        match (rules, sources) {
            (Ok(rules), Ok(sources)) if faults.is_empty() => {
                Ok(Prepared { loaded, rules, sources })
            }
            _ => Err(faults),
        }
    }

    /// Puts the new in the old's place. Only the first step can fail, so it is all or nothing.
    fn install(&mut self, prepared: Prepared) -> Result<u64, Vec<String>> {
        let Prepared { loaded, rules, sources } = prepared;
        let settings = &loaded.settings;
        self.policy.reload(&settings.policy).map_err(|error| words(error.faults()))?;
        self.door.install(rules);
        self.minter.install(sources);
        self.apply(settings);
        let waiting = self.plan.loaded.need_restart(&loaded);
        if !waiting.is_empty() {
            tracing::warn!(keys = waiting.join(", "), "changed keys that only a restart takes up");
        }
        // What a start fixed stays known, so that it is named at every reload until the restart.
        self.plan.loaded = loaded.with_fixed_of(&self.plan.loaded);
        self.seen = stamps(&self.plan.loaded);
        Ok(self.reloads.worked(self.clock.now()))
    }

    fn apply(&self, settings: &Settings) {
        self.logs.set_level(settings.log.level);
        self.delay.store(settings.operations.drain_delay);
    }
}

fn words<T: ToString>(faults: &[T]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// An error with its causes.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// All files that the settings were made of, with the policies' folder.
fn stamps(loaded: &Loaded) -> Stamps {
    let mut stamps = Stamps::new();
    for file in &loaded.files {
        stamps.insert(file.clone(), stamp(file));
    }
    if let Some(folder) = &loaded.settings.policy.folder {
        stamps.insert(folder.clone(), stamp(folder));
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            stamps.insert(entry.path(), stamp(&entry.path()));
        }
    }
    stamps
}

fn stamp(path: &Path) -> Option<(i64, i64, u64, u64)> {
    let facts = path.metadata().ok()?;
    Some((facts.mtime(), facts.mtime_nsec(), facts.len(), facts.ino()))
}
