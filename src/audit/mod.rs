//! Stage 8: what happened. One entry per request, opened before anything is done and finished by the end of the
//! stream; entries form a hash chain in append-only segments with signed heads (D9, R27).

mod settings;

use http::StatusCode;

pub use settings::{Durability, Settings};

use crate::backend::Reply;
use crate::credential::Credential;
use crate::identity::Identity;
use crate::listener::Incoming;
use crate::policy::Grant;
use crate::request::Operation;
use crate::stream::{Outcome, Witness};

/// The open record of one request. Dropped unfinished, it says that the request was aborted.
#[derive(Debug)]
pub struct Entry {}

/// The record could not be kept, so the request is not served.
#[derive(Debug, thiserror::Error)]
#[error("the audit cannot be written: {0}")]
pub struct AuditError(String);

/// Writes entries: one thread, one chain.
#[derive(Debug)]
pub struct Audit {}

impl Audit {
    /// Opens the entry of a request.
    #[must_use]
    pub fn open(&self, incoming: &Incoming) -> Entry {
        let _ = incoming;
        todo!()
    }
}

impl Entry {
    pub fn asked(&mut self, operation: &Operation) {
        let _ = operation;
    }

    pub fn identified(&mut self, identity: &Identity) {
        let _ = identity;
    }

    pub fn permitted(&mut self, grant: &Grant) {
        let _ = grant;
    }

    /// The last line before the deed. With `before-bytes`, what changes something waits here for the disk.
    ///
    /// # Errors
    /// [`AuditError`] when it cannot be written.
    pub async fn acting_as(&mut self, credential: &Credential) -> Result<(), AuditError> {
        let _ = credential;
        todo!()
    }

    /// The upstream answered. With `before-bytes`, waits until this entry is on disk.
    ///
    /// # Errors
    /// [`AuditError`] when it is not.
    pub async fn about_to_answer(&mut self, reply: &Reply) -> Result<(), AuditError> {
        let _ = reply;
        todo!()
    }

    /// The request is refused with this documented code, for this reason (the operator's words).
    pub fn refused(&mut self, code: &'static str, reason: &(dyn std::error::Error + 'static)) {
        let _ = (code, reason);
    }
}

impl Witness for Entry {
    fn finished(self, status: StatusCode, bytes: u64, outcome: Outcome) {
        let _ = (status, bytes, outcome);
    }
}
