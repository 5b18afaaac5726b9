//! Takes up changed settings while the gateway runs: on SIGHUP, and when a file changes. All or nothing: everything
//! that can be wrong is tried before anything is replaced, and the old stays on any fault.

use std::collections::{BTreeMap, BTreeSet};
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
use crate::ground::causes::told;
use crate::ground::clock::Clock;
use crate::operations::Reloads;
use crate::outbound::{Door, Rules};
use crate::policy::{self, Policy};
use crate::settings::{self, Examined, Loaded, Settings};
use crate::sign_in::{self, Fetcher, Sso};
use crate::telemetry::Logs;

/// How often files are looked at.
///
/// A changed policy ends the streams that it no longer permits within a second (R14): this is most of what that second may
/// be spent on.
const PERIOD: Duration = Duration::from_millis(250);

/// Who knows the present settings and what may be replaced at run time.
#[derive(Debug)]
pub(super) struct Reloader {
    plan: Plan,
    logs: Logs,
    clock: Clock,
    door: Arc<Door>,
    minter: Arc<Minter>,
    policy: Arc<Policy>,
    sso: Arc<Sso>,
    fetcher: Fetcher,
    reloads: Arc<Reloads>,
    delay: DrainDelay,
    /// All that the settings in force are made of, and what a later try of others named.
    seen: Stamps,
}

/// The drain's delay, as the settings say now.
#[derive(Debug, Clone)]
pub(super) struct DrainDelay(Arc<AtomicU64>);

/// What tells that a file was changed: time, length, number; `None` when it is not there.
type Stamp = Option<(i64, i64, u64, u64)>;

/// Of every file and folder that was named; for a folder also of what lies in it.
type Stamps = BTreeMap<PathBuf, Vec<(PathBuf, Stamp)>>;

/// New settings with everything read and judged that they lead to.
struct Prepared {
    loaded: Loaded,
    rules: Rules,
    sources: Sources,
    providers: sign_in::Prepared,
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
        let seen = named(&plan.loaded.files, Some(&plan.loaded.settings.policy));
        let seen = seen.map(|path| (path.clone(), look_at(path))).collect();
        Self {
            plan,
            logs,
            clock: stages.clock.clone(),
            door: Arc::clone(&stages.door),
            minter: Arc::clone(&stages.minter),
            policy: Arc::clone(&stages.policy),
            sso: Arc::clone(&stages.sso),
            fetcher: stages.fetcher.clone(),
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
        let now = self.seen.keys().map(|path| (path.clone(), look_at(path))).collect();
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

    /// Reads the settings. Whatever they are made of was looked at before it was read, so that a change in between is
    /// seen as one; that holds for what they name without being sound, too.
    fn examine(&mut self) -> Examined {
        loop {
            let examined = settings::examine(&self.plan.files, &self.plan.environment);
            let before = self.seen.len();
            for path in named(&examined.files, examined.parts.policy.as_ref()) {
                self.seen.entry(path.clone()).or_insert_with(|| look_at(path));
            }
            if self.seen.len() == before {
                return examined;
            }
        }
    }

    /// Reads and judges everything, and changes nothing that is in force.
    fn prepare(&mut self) -> Result<Prepared, Vec<String>> {
        let loaded = self.examine().whole();
        let loaded = loaded.map_err(|report| words(report.faults()))?;
        let settings = &loaded.settings;
        let mut faults = Vec::new();
        let rules = Rules::read(&settings.outbound).map_err(|error| faults.push(told(&error)));
        let sources =
            Sources::read(&settings.credential).map_err(|wrong| faults.extend(words(&wrong)));
        if let Err(error) = policy::Rules::load(&settings.policy) {
            faults.extend(words(error.faults()));
        }
        // On a thread of its own, which may wait for metadata.
        let reading = sign_in::Prepared::read(&settings.sign_in, &self.fetcher, self.clock.now());
        let providers = tokio::runtime::Handle::current().block_on(reading);
        let providers = providers.map_err(|wrong| faults.extend(words(&wrong)));
        match (rules, sources, providers) {
            (Ok(rules), Ok(sources), Ok(providers)) if faults.is_empty() => {
                Ok(Prepared { loaded, rules, sources, providers })
            }
            _ => Err(faults),
        }
    }

    /// Puts the new in the old's place. Only the first step can fail, so it is all or nothing.
    fn install(&mut self, prepared: Prepared) -> Result<u64, Vec<String>> {
        let Prepared { loaded, rules, sources, providers } = prepared;
        let settings = &loaded.settings;
        self.policy.reload(&settings.policy).map_err(|error| words(error.faults()))?;
        self.door.install(rules);
        self.minter.install(sources);
        self.sso.install(providers, settings.identity.native.clone());
        self.apply(settings);
        let waiting = self.plan.loaded.need_restart(&loaded);
        if !waiting.is_empty() {
            tracing::warn!(keys = waiting.join(", "), "changed keys that only a restart takes up");
        }
        let needed: BTreeSet<_> = named(&loaded.files, Some(&settings.policy)).collect();
        self.seen.retain(|path, _| needed.contains(path));
        // What a start fixed stays known, so that it is named at every reload until the restart.
        self.plan.loaded = loaded.with_fixed_of(&self.plan.loaded);
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

/// What settings are made of: files, and the policies' folder.
fn named<'a>(
    files: &'a [PathBuf],
    policy: Option<&'a policy::Settings>,
) -> impl Iterator<Item = &'a PathBuf> {
    files.iter().chain(policy.and_then(|policy| policy.folder.as_ref()))
}

fn look_at(path: &Path) -> Vec<(PathBuf, Stamp)> {
    let mut seen = vec![(path.to_owned(), stamp(path))];
    let inside = std::fs::read_dir(path).into_iter().flatten().flatten();
    seen.extend(inside.map(|entry| (entry.path(), stamp(&entry.path()))));
    seen.sort();
    seen
}

fn stamp(path: &Path) -> Stamp {
    let facts = path.metadata().ok()?;
    Some((facts.mtime(), facts.mtime_nsec(), facts.len(), facts.ino()))
}
