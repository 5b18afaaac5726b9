//! One data-plane thread's connections to one host. The most recently used is used again first, so that what is not
//! needed grows old and is closed. A connection comes back only after its answer was read to a clean end; whatever
//! else happens to it, dropping its [`Line`] closes it.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::Instant;

use super::BackendError;
use super::budget::Budget;
use super::upload::Payload;
use crate::outbound::{Door, Host, Rules};
use crate::telemetry::{Count, count};

/// What one connection reads ahead of its reader: fewer and larger pieces cost less, but each slow client holds one or
/// two. So the first connections of a thread read far ahead, and those of a crowd do not.
const FAR: usize = 256 * 1024;
const NEAR: usize = 16 * 1024;
const FEW: usize = 32;

/// How many connections are kept, and for how long.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Kept open without work, per host and data-plane thread.
    pub idle_most: usize,
    /// Kept open without work for so long.
    pub idle_longest: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { idle_most: 256, idle_longest: Duration::from_secs(15) }
    }
}

/// The connections to one host.
#[derive(Debug)]
pub(super) struct Pool {
    host: Host,
    settings: Settings,
    idle: RefCell<Idle>,
    pub(super) budget: Budget,
    open: Rc<Open>,
    /// Whether what comes is acknowledged at once: see [`crate::outbound::Wire::prompt`].
    prompt: bool,
}

/// Counts the open connections of one thread, to all hosts.
#[derive(Debug, Default)]
pub(super) struct Open(Cell<usize>);

/// One of them.
#[derive(Debug)]
struct Counted(Rc<Open>);

impl Counted {
    fn new(open: &Rc<Open>) -> Self {
        open.0.set(open.0.get() + 1);
        Self(Rc::clone(open))
    }

    fn reads_ahead(&self) -> usize {
        if self.0.0.get() <= FEW { FAR } else { NEAR }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.set(self.0.0.get().saturating_sub(1));
    }
}

#[derive(Debug, Default)]
struct Idle {
    /// Oldest first.
    lines: Vec<Line>,
    swept: bool,
}

/// One connection, in use or idle.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) sender: SendRequest<Payload>,
    task: JoinHandle<()>,
    /// Made under these rules; not used again under others.
    rules: Arc<Rules>,
    idle_since: Instant,
    _counted: Counted,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pool {
    pub(super) fn new(host: Host, settings: Settings, open: Rc<Open>) -> Rc<Self> {
        let (idle, budget) = (RefCell::default(), Budget::default());
        Rc::new(Self { host, settings, idle, budget, open, prompt: false })
    }

    /// One for a server that waits for acknowledgements.
    pub(super) fn prompt(host: Host, settings: Settings, open: Rc<Open>) -> Rc<Self> {
        let (idle, budget) = (RefCell::default(), Budget::default());
        Rc::new(Self { host, settings, idle, budget, open, prompt: true })
    }

    /// The host's name for an error.
    pub(super) fn name(&self) -> Box<str> {
        self.host.to_string().into()
    }

    /// An idle connection that can take a request now.
    pub(super) fn take(&self, door: &Door) -> Option<Line> {
        let lines = &mut self.idle.borrow_mut().lines;
        // Closed ones are never ready: the storage may close at any time, and the connection's task has seen it.
        while let Some(at) = lines.iter().rposition(|line| line.sender.is_ready()) {
            let line = lines.remove(at);
            if line.idle_since.elapsed() < self.settings.idle_longest && door.still(&line.rules) {
                return Some(line);
            }
        }
        None
    }

    /// A new connection.
    pub(super) async fn open(&self, door: &Door) -> Result<Line, BackendError> {
        let (wire, rules) = door.connect(&self.host).await.map_err(BackendError::Unreachable)?;
        let wire = if self.prompt { wire.prompt() } else { wire };
        count(Count::UpstreamConnections);
        let counted = Counted::new(&self.open);
        let broken = |cause| BackendError::Broken { host: self.name(), cause };
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(counted.reads_ahead())
            .handshake(TokioIo::new(wire))
            .await
            .map_err(broken)?;
        // Its errors come out where the answer is awaited or read.
        let task = spawn_local(async move { drop(connection.await) });
        sender.ready().await.map_err(broken)?;
        Ok(Line { sender, task, rules, idle_since: Instant::now(), _counted: counted })
    }

    /// Gives a connection back whose answer was read to a clean end.
    pub(super) fn put_back(self: &Rc<Self>, mut line: Line) {
        let idle = &mut *self.idle.borrow_mut();
        if line.sender.is_closed() || idle.lines.len() >= self.settings.idle_most {
            return;
        }
        line.idle_since = Instant::now();
        idle.lines.push(line);
        if !idle.swept {
            idle.swept = true;
            drop(spawn_local(sweep(Rc::downgrade(self), self.settings.idle_longest)));
        }
    }

    /// Closes what is closed already or idle for too long. Whether anything is left.
    fn sweep(&self) -> bool {
        let idle = &mut *self.idle.borrow_mut();
        let longest = self.settings.idle_longest;
        idle.lines.retain(|line| !line.sender.is_closed() && line.idle_since.elapsed() < longest);
        idle.swept = !idle.lines.is_empty();
        idle.swept
    }
}

/// Sweeps as long as there are idle connections.
async fn sweep(pool: Weak<Pool>, longest: Duration) {
    loop {
        tokio::time::sleep(longest / 2).await;
        if !pool.upgrade().is_some_and(|pool| pool.sweep()) {
            return;
        }
    }
}
