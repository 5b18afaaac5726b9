//! The one thread that writes. Whatever waits is committed together, so that a thousand requests share one fsync; what
//! cannot be written is kept and tried again, while those who wait for it are told no.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::Durability;
use super::log::Log;
use super::mark::{What, Why};
use super::record::Record;
use crate::ground::clock::{Clock, Timestamp};

/// What comes to the writer.
#[derive(Debug)]
pub(super) enum Message {
    Record { record: Record, ticket: Option<Ticket> },
    Stop,
}

/// Told whether its record is on disk.
pub(super) type Ticket = oneshot::Sender<Result<(), Unwritten>>;

/// The disk did not take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unwritten;

/// What the writer and the data plane both see.
#[derive(Debug)]
pub(super) struct State {
    pub(super) queued: AtomicUsize,
    pub(super) healthy: AtomicBool,
    /// Nobody writes any more: the audit was stopped, or its writer died.
    pub(super) ended: AtomicBool,
    /// Wakes who waits for room in the queue.
    pub(super) room: Notify,
    /// Requests refused without a record.
    pub(super) unrecorded: AtomicU64,
}

/// How much is committed at once, at most.
const BATCH: usize = 4096;
/// Under load without durability, one wake per so long rather than one per record.
const LINGER: Duration = Duration::from_millis(5);
/// A signature covers every record that is older than this or so.
const SIGN_EVERY: Duration = Duration::from_secs(1);
const SIGN_RECORDS: u64 = 10_000;
const RETRY: Duration = Duration::from_millis(200);
/// A stop does not wait longer than this for a broken disk.
const STOP_RETRIES: u32 = 10;

pub(super) struct Writer {
    log: Log,
    queue: Receiver<Message>,
    state: Arc<State>,
    durability: Durability,
    clock: Clock,
    /// Records that came while the disk took nothing.
    waiting: VecDeque<Record>,
    stopping: bool,
}

impl Drop for Writer {
    /// Before the queue is closed, so that no record is sent into the void and called sent.
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        self.state.healthy.store(false, Ordering::Relaxed);
    }
}

/// Records of one commit.
#[derive(Default)]
struct Batch {
    records: usize,
    tickets: Vec<Ticket>,
}

/// The disk failed until a stop could wait no longer.
struct GaveUp;

impl Writer {
    pub(super) const fn new(
        log: Log,
        queue: Receiver<Message>,
        state: Arc<State>,
        durability: Durability,
        clock: Clock,
    ) -> Self {
        let waiting = VecDeque::new();
        Self { log, queue, state, durability, clock, waiting, stopping: false }
    }

    /// Writes until told to stop, or until nobody is left who could send.
    pub(super) fn run(mut self) {
        if let Err(GaveUp) = self.write() {
            tracing::error!("the audit stops with records that could not be written");
        }
    }

    fn write(&mut self) -> Result<(), GaveUp> {
        let mut signed = Instant::now();
        loop {
            let batch = self.gather(signed + SIGN_EVERY);
            self.commit(batch)?;
            let due = self.log.unsigned() >= SIGN_RECORDS || signed.elapsed() >= SIGN_EVERY;
            if self.stopping && self.waiting.is_empty() {
                return self.persist(|log, now| log.checkpoint(Why::Stop, now), Vec::new());
            } else if self.log.is_full() {
                self.persist(Log::rotate, Vec::new())?;
                signed = Instant::now();
            } else if due && self.log.unsigned() > 0 {
                self.persist(|log, now| log.checkpoint(Why::Interval, now), Vec::new())?;
                signed = Instant::now();
            }
        }
    }

    /// Waits for something to write, or for the time of a signature that is due.
    fn gather(&mut self, due: Instant) -> Batch {
        let mut batch = Batch::default();
        while batch.records < BATCH
            && let Some(record) = self.waiting.pop_front()
        {
            self.take(Message::Record { record, ticket: None }, &mut batch);
        }
        if batch.records > 0 || self.stopping {
            return batch;
        }
        let first = if self.log.unsigned() > 0 {
            self.queue.recv_timeout(due.saturating_duration_since(Instant::now()))
        } else {
            self.queue.recv().or(Err(RecvTimeoutError::Disconnected))
        };
        match first {
            Ok(message) => self.take(message, &mut batch),
            Err(RecvTimeoutError::Timeout) => return batch,
            Err(RecvTimeoutError::Disconnected) => self.stopping = true,
        }
        if self.durability == Durability::Async && !self.stopping {
            std::thread::sleep(LINGER);
        }
        while batch.records < BATCH && !self.stopping {
            match self.queue.try_recv() {
                Ok(message) => self.take(message, &mut batch),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.stopping = true,
            }
        }
        batch
    }

    fn take(&mut self, message: Message, batch: &mut Batch) {
        let Message::Record { record, ticket } = message else {
            self.stopping = true;
            return;
        };
        batch.records += 1;
        match self.log.append(&record) {
            Ok(()) => batch.tickets.extend(ticket),
            Err(error) => {
                tracing::error!(%error, "an audit record cannot be put into words");
                self.state.unrecorded.fetch_add(1, Ordering::Relaxed);
                tell(ticket, Err(Unwritten));
            }
        }
    }

    fn commit(&mut self, batch: Batch) -> Result<(), GaveUp> {
        let requests = self.state.unrecorded.swap(0, Ordering::Relaxed);
        if requests > 0
            && let Err(error) = self.log.mark(What::Unrecorded { requests }, self.clock.now())
        {
            tracing::error!(%error, requests, "requests were refused unrecorded");
        }
        if batch.records == 0 && requests == 0 {
            return Ok(());
        }
        let sync = self.durability == Durability::BeforeBytes;
        let written = self.persist(|log, _| log.commit(sync), batch.tickets);
        self.state.queued.fetch_sub(batch.records, Ordering::Relaxed);
        self.state.room.notify_waiters();
        written
    }

    /// Does it until it succeeds. Who waits is told no at the first failure, and who comes meanwhile at once: their
    /// records are kept, but nobody waits for the disk to come back.
    fn persist(
        &mut self,
        mut act: impl FnMut(&mut Log, Timestamp) -> io::Result<()>,
        mut tickets: Vec<Ticket>,
    ) -> Result<(), GaveUp> {
        let mut failures_while_stopping = 0;
        while let Err(error) = act(&mut self.log, self.clock.now()) {
            self.broken(&error);
            tell(tickets.drain(..), Err(Unwritten));
            self.refuse_for_a_while();
            failures_while_stopping += u32::from(self.stopping);
            if failures_while_stopping > STOP_RETRIES {
                return Err(GaveUp);
            }
        }
        self.whole();
        tell(tickets, Ok(()));
        Ok(())
    }

    fn broken(&self, error: &io::Error) {
        if self.state.healthy.swap(false, Ordering::Relaxed) {
            tracing::error!(%error, "the audit cannot be written: what must be recorded is refused");
        }
    }

    fn whole(&self) {
        if !self.state.healthy.swap(true, Ordering::Relaxed) {
            tracing::info!("the audit can be written again");
        }
    }

    /// The pause before the next attempt.
    fn refuse_for_a_while(&mut self) {
        let until = Instant::now() + RETRY;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.queue.recv_timeout(left) {
                Ok(Message::Record { record, ticket }) => {
                    tell(ticket, Err(Unwritten));
                    self.waiting.push_back(record);
                }
                Ok(Message::Stop) => self.stopping = true,
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => {
                    self.stopping = true;
                    std::thread::sleep(left);
                    return;
                }
            }
        }
    }
}

fn tell(tickets: impl IntoIterator<Item = Ticket>, word: Result<(), Unwritten>) {
    for ticket in tickets {
        // An error means that nobody waits any more.
        let _told = ticket.send(word);
    }
}
