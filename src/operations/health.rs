//! Readiness: whether traffic should come here. Each check by its name, so that a no says why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::{Reloads, Requests};
use crate::audit::Audit;
use crate::ground::generation::Generation;
use crate::listener::CertificateFiles;
use crate::records::Records;

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

/// Records that take longer do not answer.
const PATIENCE: Duration = Duration::from_secs(1);

impl Health {
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
            settings_generation: self.reloads.generation(),
            generation: self.generation.current(),
        }
    }
}
