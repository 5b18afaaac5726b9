//! Readiness: whether traffic should come here. Each check by its name, so that a no says why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::{Reloads, Requests};
use crate::audit::Audit;
use crate::ground::clock::{Clock, SignedDuration};
use crate::ground::generation::Generation;
use crate::listener::CertificateFiles;
use crate::records::Records;
use crate::sign_in::{Expiry, Providers};

/// Whom the operations address asks.
#[derive(Debug)]
pub struct Health {
    pub records: Records,
    pub audit: Arc<Audit>,
    pub requests: Arc<Requests>,
    pub reloads: Arc<Reloads>,
    pub generation: Generation,
    /// Their ends are told by `/metrics`.
    pub certificates: Vec<CertificateFiles>,
    pub clock: Clock,
    /// Their metadata end.
    pub providers: Arc<Providers>,
    /// The sockets are open and threads accept on them.
    pub listening: AtomicBool,
    /// The program was told to stop.
    pub stopping: AtomicBool,
}

/// What `/readyz` answers.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Readiness {
    pub ready: bool,
    pub checks: Checks,
    /// What will be wrong soon, or is already for some.
    pub warnings: Vec<String>,
    /// Of the settings: one more for every reload that worked.
    pub settings_generation: u64,
    /// Of everything that decides: members, sessions, tokens, catalogue, policies.
    pub generation: u64,
}

/// Each `true` is sound.
#[derive(Debug, Serialize, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of checks, read by their names")]
pub struct Checks {
    pub records: bool,
    pub audit: bool,
    pub listening: bool,
    pub not_stopping: bool,
}

/// Metadata that end sooner are warned of: who must act on it has other work too.
const METADATA_SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Records that take longer do not answer.
const PATIENCE: Duration = Duration::from_secs(1);

impl Health {
    fn warnings(&self) -> Vec<String> {
        let now = self.clock.now();
        let told = |Expiry { organization, valid_until }: Expiry| {
            let until = valid_until.filter(|until| until.duration_since(now) < METADATA_SOON)?;
            let ends = if until <= now { "ended" } else { "end" };
            Some(format!("saml.{organization}: the identity provider's metadata {ends} on {until}"))
        };
        self.providers.expiries().into_iter().filter_map(told).collect()
    }

    pub async fn readiness(&self) -> Readiness {
        let asked = tokio::time::timeout(PATIENCE, self.records.last_change()).await;
        let checks = Checks {
            records: matches!(asked, Ok(Ok(_))),
            audit: self.audit.healthy(),
            listening: self.listening.load(Ordering::Relaxed),
            not_stopping: !self.stopping.load(Ordering::Relaxed),
        };
        Readiness {
            ready: checks.records && checks.audit && checks.listening && checks.not_stopping,
            checks,
            warnings: self.warnings(),
            settings_generation: self.reloads.generation(),
            generation: self.generation.current(),
        }
    }
}
