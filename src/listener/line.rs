//! One connection's state that is not bytes: its deadlines, what is under way on it, and the switch that cuts it.
//! Deadlines are counted in ticks and looked at by one sweep per thread, so that a request arms no timer.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

use super::RequestFault;

/// How often [`Lines::sweep`] is to be called; no deadline is sharper than this.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// While the listener drains, a client that keeps its connection busy is answered once more and told to close;
/// one that does not is closed after this.
pub(super) const LAST_REQUEST: Duration = Duration::from_secs(1);

/// Cuts the connection that a request came on, from the same thread and at once, even while the client
/// reads nothing. What the kernel has not sent yet is discarded.
#[derive(Clone, Default)]
pub struct ConnectionSwitch(Rc<Line>);

/// A moment, in ticks since the thread began.
type Moment = u64;

const NEVER: Moment = Moment::MAX;

/// See the head of this file.
pub(super) struct Line {
    now: Rc<Cell<Moment>>,
    cut: Cell<bool>,
    draining: Cell<bool>,
    /// The client must have sent what is waited for.
    read_by: Cell<Moment>,
    read_overdue: Cell<bool>,
    /// The client must have taken bytes that the socket holds.
    write_by: Cell<Moment>,
    /// The client must have asked for more of a stream (HTTP/2 windows).
    take_by: Cell<Moment>,
    /// A part of an answer waits for [`Self::wrote`].
    held_back: Cell<bool>,
    /// How many streams wait for it to do so.
    offered: Cell<usize>,
    /// The client must have sent more of a body that somebody reads.
    give_by: Cell<Moment>,
    begun: Cell<u64>,
    finished: Cell<u64>,
    fault: Cell<Option<(u64, RequestFault)>>,
    /// A body was dropped before its end.
    left_unread: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl ConnectionSwitch {
    pub(super) const fn new(line: Rc<Line>) -> Self {
        Self(line)
    }

    /// Ends the connection. Doing it again changes nothing.
    pub fn abort(&self) {
        self.0.cut();
    }
}

impl fmt::Debug for ConnectionSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionSwitch").field("cut", &self.0.is_cut()).finish()
    }
}

impl Default for Line {
    fn default() -> Self {
        Self::new(Rc::default())
    }
}

impl Line {
    fn new(now: Rc<Cell<Moment>>) -> Self {
        Self {
            now,
            cut: Cell::new(false),
            draining: Cell::new(false),
            read_by: Cell::new(NEVER),
            read_overdue: Cell::new(false),
            write_by: Cell::new(NEVER),
            take_by: Cell::new(NEVER),
            offered: Cell::new(0),
            held_back: Cell::new(false),
            give_by: Cell::new(NEVER),
            begun: Cell::new(0),
            finished: Cell::new(0),
            fault: Cell::new(None),
            left_unread: Cell::new(false),
            waker: RefCell::new(None),
        }
    }

    /// The task to wake when something here changes: the one that polls the connection.
    pub(super) fn watch(&self, context: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
    }

    fn wake(&self) {
        let waker = self.waker.borrow().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn cut(&self) {
        self.cut.set(true);
        self.wake();
    }

    pub(super) const fn is_cut(&self) -> bool {
        self.cut.get()
    }

    pub(super) const fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Nobody will read the rest of a request's body.
    pub(super) fn leave_unread(&self) {
        self.left_unread.set(true);
    }

    pub(super) const fn has_left_unread(&self) -> bool {
        self.left_unread.get()
    }

    fn moment(&self, within: Duration) -> Moment {
        let ticks = within.as_millis().div_ceil(TICK.as_millis()).max(1);
        self.now.get().saturating_add(Moment::try_from(ticks).unwrap_or(NEVER))
    }

    pub(super) fn expect_read(&self, within: Duration) {
        self.read_overdue.set(false);
        self.read_by.set(self.moment(within));
    }

    pub(super) fn expect_no_read(&self) {
        self.read_overdue.set(false);
        self.read_by.set(NEVER);
    }

    /// Nothing is waited for but the next request, if none is under way.
    pub(super) fn expect_next(&self, idle: Duration) {
        if self.is_idle() {
            self.expect_read(if self.draining.get() { LAST_REQUEST } else { idle });
        } else {
            self.expect_no_read();
        }
    }

    /// Whether what [`Self::expect_read`] waited for did not come in time.
    pub(super) const fn read_is_overdue(&self) -> bool {
        self.read_overdue.get()
    }

    /// The socket takes no more. Keeps the first moment until [`Self::wrote`].
    pub(super) fn write_is_blocked(&self, limit: Duration) {
        if self.write_by.get() == NEVER {
            self.write_by.set(self.moment(limit));
        }
    }

    pub(super) fn wrote(&self) {
        self.write_by.set(NEVER);
        if self.held_back.take() {
            self.wake();
        }
    }

    /// Whether an answer should wait: the socket takes no more. It is woken when it does.
    pub(super) fn holds_back(&self) -> bool {
        let blocked = self.write_by.get() != NEVER;
        self.held_back.set(blocked);
        blocked
    }

    /// A frame of a stream was handed over: it is offered until [`Self::taken`].
    pub(super) fn offer(&self, within: Duration) {
        self.offered.set(self.offered.get() + 1);
        self.take_by.set(self.moment(within));
    }

    /// The client wants more of a stream, or the stream is over. A client that takes nothing of any stream is cut, one
    /// that leaves some of them for later is not.
    pub(super) fn taken(&self, within: Duration) {
        self.offered.set(self.offered.get().saturating_sub(1));
        self.is_alive(within);
    }

    /// The client did something that a dead one does not.
    pub(super) fn is_alive(&self, within: Duration) {
        self.take_by.set(if self.offered.get() == 0 { NEVER } else { self.moment(within) });
    }

    /// A body was read to where nothing more has come yet, or (`None`) something came or nobody reads any more. As
    /// above, with several streams it cuts a client that sends nothing of any of them.
    pub(super) fn expect_giving(&self, within: Option<Duration>) {
        match within {
            Some(within) if self.give_by.get() == NEVER => self.give_by.set(self.moment(within)),
            Some(_) => (),
            None => self.give_by.set(NEVER),
        }
    }

    /// A request has begun; gives its number on this connection, from 1.
    pub(super) fn begin(&self) -> u64 {
        let number = self.begun.get() + 1;
        self.begun.set(number);
        number
    }

    /// A request has ended; the next one must come within `idle`.
    pub(super) fn finish(&self, idle: Duration) {
        self.finished.set(self.finished.get() + 1);
        // the beginning of a next head may be waiting for its end already
        if self.is_idle() && self.read_by.get() == NEVER {
            self.expect_next(idle);
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.begun.get() == self.finished.get()
    }

    /// Holds a fault against the request of this number.
    pub(super) fn hold(&self, number: u64, fault: RequestFault) {
        self.fault.set(Some((number, fault)));
    }

    pub(super) fn fault_of(&self, number: u64) -> Option<RequestFault> {
        self.fault.get().filter(|(held, _)| *held == number).map(|(_, fault)| fault)
    }

    fn sweep(&self) {
        let now = self.now.get();
        // Who still takes an answer cannot be late with the next request: his time does not run.
        if self.write_by.get() != NEVER && self.read_by.get() != NEVER {
            self.read_by.set(self.read_by.get().saturating_add(1));
        }
        let deadlines = [&self.write_by, &self.take_by, &self.give_by];
        if deadlines.into_iter().any(|deadline| deadline.get() <= now) {
            self.cut();
        }
        if self.read_by.get() <= now {
            self.read_by.set(NEVER);
            self.read_overdue.set(true);
            self.wake();
        }
    }
}

/// All connections of one thread.
#[derive(Default)]
pub(super) struct Lines {
    now: Rc<Cell<Moment>>,
    lines: RefCell<Vec<Weak<Line>>>,
    draining: Cell<bool>,
}

impl Lines {
    pub(super) fn open(&self) -> Rc<Line> {
        let line = Rc::new(Line::new(Rc::clone(&self.now)));
        line.draining.set(self.draining.get());
        self.lines.borrow_mut().push(Rc::downgrade(&line));
        line
    }

    /// One tick has passed.
    pub(super) fn sweep(&self) {
        self.now.set(self.now.get() + 1);
        self.each(Line::sweep);
    }

    pub(super) fn drain(&self) {
        self.draining.set(true);
        self.each(|line| {
            line.draining.set(true);
            line.wake();
        });
    }

    pub(super) fn cut_all(&self) {
        self.each(Line::cut);
    }

    /// Whether no connection is left. Exact after any sweep.
    pub(super) fn are_gone(&self) -> bool {
        self.lines.borrow().iter().all(|line| line.strong_count() == 0)
    }

    fn each(&self, act: impl Fn(&Line)) {
        self.lines.borrow_mut().retain(|line| match line.upgrade() {
            Some(line) => {
                act(&line);
                true
            }
            None => false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(lines: &Lines, times: u32) {
        for _ in 0..times {
            lines.sweep();
        }
    }

    #[test]
    fn a_read_deadline_passes_once() {
        let lines = Lines::default();
        let line = lines.open();
        line.expect_read(TICK * 3);
        sweep(&lines, 2);
        assert!(!line.read_is_overdue());
        sweep(&lines, 1);
        assert!(line.read_is_overdue() && !line.is_cut());
        line.expect_read(TICK);
        assert!(!line.read_is_overdue());
    }

    #[test]
    fn a_client_that_takes_nothing_is_cut_and_one_that_takes_is_not() {
        let lines = Lines::default();
        let (slow, dead, unread, silent) = (lines.open(), lines.open(), lines.open(), lines.open());
        unread.offer(TICK * 4);
        for _ in 0..4 {
            silent.expect_giving(Some(TICK * 4));
            slow.write_is_blocked(TICK * 2);
            dead.write_is_blocked(TICK * 2);
            lines.sweep();
            slow.wrote();
        }
        assert!(!slow.is_cut());
        assert!(dead.is_cut());
        assert!(unread.is_cut());
        assert!(silent.is_cut(), "asking again gives no more time");
    }

    #[test]
    fn a_stream_that_is_over_leaves_no_deadline_and_one_that_waits_keeps_its_own() {
        let lines = Lines::default();
        let line = lines.open();
        line.offer(TICK * 2);
        line.taken(TICK * 2);
        sweep(&lines, 4);
        assert!(!line.is_cut(), "nothing is offered");
        line.offer(TICK * 2);
        line.offer(TICK * 2);
        for _ in 0..3 {
            sweep(&lines, 1);
            line.is_alive(TICK * 2);
        }
        line.taken(TICK * 2);
        assert!(!line.is_cut(), "the client is alive");
        sweep(&lines, 2);
        assert!(line.is_cut(), "one is still offered, and nothing happens");
    }

    #[test]
    fn the_time_to_ask_again_does_not_run_while_an_answer_is_being_taken() {
        let lines = Lines::default();
        let line = lines.open();
        line.expect_read(TICK * 2);
        line.write_is_blocked(TICK * 100);
        sweep(&lines, 10);
        assert!(!line.read_is_overdue());
        line.wrote();
        sweep(&lines, 1);
        assert!(!line.read_is_overdue());
        sweep(&lines, 1);
        assert!(line.read_is_overdue());
    }

    #[test]
    fn lines_are_forgotten_with_their_connections() {
        let lines = Lines::default();
        let line = lines.open();
        assert!(!lines.are_gone());
        drop(line);
        assert!(lines.are_gone());
        lines.sweep();
        assert!(lines.lines.borrow().is_empty());
    }
}
