//! Logs: one line per event on standard error, as JSON or text. Lines go through a bounded queue to a thread of their
//! own, so that a slow reader of standard error never stops a data-plane thread; what does not fit is counted.

use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

use super::count::{Count, count};

const QUEUE: usize = 8192;

/// `[log]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    pub level: Level,
    pub form: Form,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    Text,
}

/// The running logs: changes their level; dropping it writes out what is queued.
#[derive(Debug)]
pub struct Logs {
    filter: reload::Handle<Targets, Registry>,
    queue: SyncSender<Line>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    End,
}

/// Starts the logs of this process. Where something else logs already, it goes on and these stay silent.
#[must_use]
pub fn start_logs(settings: Settings) -> Logs {
    let (queue, lines) = sync_channel(QUEUE);
    let thread = std::thread::Builder::new().name("logs".to_owned()).spawn(move || {
        while let Ok(Line::Text(text)) = lines.recv() {
            // With standard error closed there is nobody left to tell.
            io::stderr().write_all(&text).unwrap_or_default();
        }
    });
    let (filter, handle) = reload::Layer::new(targets(settings.level));
    let writer = Queue(queue.clone());
    let layer = fmt::layer().with_writer(writer).with_ansi(false);
    let layer = match settings.form {
        Form::Text => layer.boxed(),
        Form::Json => {
            layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
    };
    // A second start in one process (tests) keeps the first.
    tracing_subscriber::registry().with(filter).with(layer).try_init().unwrap_or_default();
    Logs { filter: handle, queue, thread: thread.ok() }
}

/// Our own events up to the level. Others' only as warnings: an HTTP library's traces hold what clients sent (R26).
fn targets(level: Level) -> Targets {
    let own = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    Targets::new().with_default(own.min(LevelFilter::WARN)).with_target("sluicegate", own)
}

impl Logs {
    /// Logs from here on at this level.
    pub fn set_level(&self, level: Level) {
        // fails only when nothing logs through this filter
        self.filter.reload(targets(level)).unwrap_or_default();
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let told = self.queue.send(Line::End).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| told) {
            thread.join().unwrap_or_default();
        }
    }
}

/// Puts each event's line, which comes in one piece, into the queue.
#[derive(Debug, Clone)]
struct Queue(SyncSender<Line>);

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.0.try_send(Line::Text(line.to_vec())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                count(Count::LogLinesDropped);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
