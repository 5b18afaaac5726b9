//! The one thread that writes. Whatever waits is committed together, so that a thousand requests share one fsync; what
//! cannot be written is kept and tried again, while those who wait for it are told no.

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
use crate::ground::clock::Clock;

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
    pub(super) log: Log,
    pub(super) queue: Receiver<Message>,
    pub(super) state: Arc<State>,
    pub(super) durability: Durability,
    pub(super) clock: Clock,
}

/// Records of one commit.
#[derive(Default)]
struct Batch {
    records: usize,
    tickets: Vec<Ticket>,
    stop: bool,
}

impl Writer {
    /// Writes until told to stop, or until nobody is left who could send.
    pub(super) fn run(mut self) {
        let mut signed = Instant::now();
        loop {
            let batch = self.gather(signed + SIGN_EVERY);
            let stop = batch.stop;
            self.commit(batch);
            let due = self.log.unsigned() >= SIGN_RECORDS || signed.elapsed() >= SIGN_EVERY;
            if stop {
                self.persist(|log, now| log.checkpoint(Why::Stop, now), Some(STOP_RETRIES));
                return;
            } else if self.log.is_full() {
                self.persist(Log::rotate, None);
                signed = Instant::now();
            } else if due && self.log.unsigned() > 0 {
                self.persist(|log, now| log.checkpoint(Why::Interval, now), None);
                signed = Instant::now();
            }
        }
    }

    /// Waits for something to write, or for the time of a signature that is due.
    fn gather(&mut self, due: Instant) -> Batch {
        let mut batch = Batch::default();
        if self.log.unsigned() > 0 {
            match self.queue.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(message) => self.take(message, &mut batch),
                Err(RecvTimeoutError::Timeout) => return batch,
                Err(RecvTimeoutError::Disconnected) => batch.stop = true,
            }
        } else {
            match self.queue.recv() {
                Ok(message) => self.take(message, &mut batch),
                Err(_nobody_left) => batch.stop = true,
            }
        }
        if self.durability == Durability::Async && !batch.stop {
            std::thread::sleep(LINGER);
        }
        while batch.records < BATCH && !batch.stop {
            match self.queue.try_recv() {
                Ok(message) => self.take(message, &mut batch),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => batch.stop = true,
            }
        }
        batch
    }

    fn take(&mut self, message: Message, batch: &mut Batch) {
        match message {
            Message::Stop => batch.stop = true,
            Message::Record { record, ticket } => {
                batch.records += 1;
                match self.log.append(&record) {
                    Ok(()) => batch.tickets.extend(ticket),
                    Err(error) => {
                        tracing::error!(%error, "an audit record cannot be put into words");
                        self.state.unrecorded.fetch_add(1, Ordering::Relaxed);
                        ticket.map(|ticket| ticket.send(Err(Unwritten)));
                    }
                }
            }
        }
    }

    fn commit(&mut self, batch: Batch) {
        if batch.records == 0 {
            return;
        }
        let sync = self.durability == Durability::BeforeBytes;
        let mut tickets = batch.tickets;
        let retries = batch.stop.then_some(STOP_RETRIES);
        self.persist_telling(|log, _| log.commit(sync), retries, &mut tickets);
        self.state.queued.fetch_sub(batch.records, Ordering::Relaxed);
        self.state.room.notify_waiters();
    }

    fn persist(
        &mut self,
        act: impl FnMut(&mut Log, crate::ground::clock::Timestamp) -> io::Result<()>,
        retries: Option<u32>,
    ) {
        self.persist_telling(act, retries, &mut Vec::new());
    }

    /// Does it until it succeeds. Who waits is told no at the first failure and does not wait for the disk to come back.
    fn persist_telling(
        &mut self,
        mut act: impl FnMut(&mut Log, crate::ground::clock::Timestamp) -> io::Result<()>,
        retries: Option<u32>,
        tickets: &mut Vec<Ticket>,
    ) {
        let mut failures = 0;
        while let Err(error) = act(&mut self.log, self.clock.now()) {
            if self.state.healthy.swap(false, Ordering::Relaxed) {
                tracing::error!(%error, "the audit cannot be written: nothing that must be recorded is served");
            }
            tell(tickets, Err(Unwritten));
            failures += 1;
            if retries.is_some_and(|most| failures >= most) {
                tracing::error!("the audit stops with records that could not be written");
                return;
            }
            std::thread::sleep(RETRY);
        }
        if !self.state.healthy.swap(true, Ordering::Relaxed) {
            tracing::info!("the audit can be written again");
        }
        tell(tickets, Ok(()));
        let requests = self.state.unrecorded.swap(0, Ordering::Relaxed);
        if requests > 0
            && let Err(error) = self.log.mark(What::Unrecorded { requests }, self.clock.now())
        {
            tracing::error!(%error, requests, "requests were refused unrecorded");
        }
    }
}

fn tell(tickets: &mut Vec<Ticket>, word: Result<(), Unwritten>) {
    for ticket in tickets.drain(..) {
        // Who went away does not need to know.
        drop(ticket.send(word));
    }
}
