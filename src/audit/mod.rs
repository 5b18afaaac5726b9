//! Stage 8: what happened. One entry per request, opened before anything is done and finished by the end of the
//! stream; entries form a hash chain in append-only segments with signed heads (D9, R27).

mod chain;
mod entry;
mod escape;
#[cfg(test)]
mod fixture;
mod found;
mod hex;
mod log;
mod mark;
mod observer;
mod questions;
mod record;
mod segment;
mod settings;
mod verify;
mod writer;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use tokio::sync::Notify;

pub use chain::{Hash, Link, PublicKey};
pub use entry::Entry;
pub use escape::{printable, to_json};
pub use found::{Found, FoundEnd, FoundFacts};
pub use observer::{Ended, Nobody, Observer};
pub use questions::{BadObjectName, Entries, Filter, ObjectName, Questions, Tail};
pub use segment::size;
pub use settings::{Durability, Settings};
pub use verify::{Expected, Fault, FaultWhy, TornTail, Verified, VerifyError, verify};

use crate::ground::clock::Clock;
use crate::listener::Incoming;
use log::Log;
use record::Record;
use writer::{Message, State, Ticket, Writer};

/// The record could not be kept, so the request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    #[error("the audit cannot be written")]
    Unwritten,
    #[error("too many audit records wait for the disk")]
    Full,
}

/// The audit could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the audit in {} cannot be opened", folder.display())]
pub struct AuditNotOpened {
    pub folder: std::path::PathBuf,
    #[source]
    pub cause: io::Error,
}

/// Writes entries: one thread, one chain.
#[derive(Debug)]
pub struct Audit {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What every entry needs of the audit.
#[derive(Debug)]
struct Shared {
    durability: Durability,
    clock: Clock,
    observer: Arc<dyn Observer>,
    queue: mpsc::Sender<Message>,
    state: Arc<State>,
}

impl Shared {
    fn push(&self, record: Record, ticket: Option<Ticket>) {
        self.state.queued.fetch_add(1, Ordering::Relaxed);
        // Without a writer the ticket is dropped, which its holder reads as a no.
        if self.queue.send(Message::Record { record, ticket }).is_err() {
            self.state.queued.fetch_sub(1, Ordering::Relaxed);
            self.state.unrecorded.fetch_add(1, Ordering::Relaxed);
            tracing::error!("a record came after the audit's end");
        }
    }
}

impl Audit {
    /// Takes over the folder and starts to write.
    ///
    /// # Errors
    /// [`AuditNotOpened`] when the folder cannot be used, or another process writes there.
    pub fn start(
        settings: &Settings,
        clock: Clock,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, AuditNotOpened> {
        let failed = |cause| AuditNotOpened { folder: settings.folder.clone(), cause };
        let now = clock.now();
        let log = Log::open(&settings.folder, &host_name(), settings.segment_bytes, now)
            .map_err(failed)?;
        let (queue, messages) = mpsc::channel();
        let state = Arc::new(State {
            queued: AtomicUsize::new(0),
            healthy: AtomicBool::new(true),
            ended: AtomicBool::new(false),
            room: Notify::new(),
            unrecorded: AtomicU64::new(0),
        });
        let durability = settings.durability;
        let writer = Writer::new(log, messages, Arc::clone(&state), durability, clock.clone());
        let thread = std::thread::Builder::new()
            .name("audit".into())
            .spawn(move || writer.run())
            .map_err(failed)?;
        let shared = Shared { durability, clock, observer, queue, state };
        Ok(Self { shared: Arc::new(shared), writer: Mutex::new(Some(thread)) })
    }

    /// Opens the entry of a request. Waits while too many records wait for the disk.
    pub async fn open(&self, incoming: &Incoming) -> Entry {
        Entry::open(&self.shared, incoming).await
    }

    /// Whether records reach the disk: a part of readiness.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.shared.state.healthy.load(Ordering::Relaxed)
    }

    /// Records that wait for the disk, for metrics.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.state.queued.load(Ordering::Relaxed)
    }

    /// Writes what is queued, signs the end and stops. Blocks: for the end of the program, after the streams.
    pub fn stop(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = writer {
            drop(self.shared.queue.send(Message::Stop));
            if thread.join().is_err() {
                tracing::error!("the audit's writer died");
            }
        }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Names this machine in every record.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "node".to_owned(),
        name => name.to_owned(),
    }
}
