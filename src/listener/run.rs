//! Opens the sockets, then serves on one thread per core until the drain ends.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Body;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_rustls::TlsAcceptor;

use super::census::Census;
use super::line::{Lines, TICK};
use super::serve::{Accepted, App, Kind, Thread};
use super::validator::{RequestIds, Rules};
use super::{
    CertificateError, Certificates, ClearTextMode, Drain, Incoming, Limits, Settings, socket, tls,
};
use crate::ground::control::Control;
use crate::ground::random::Random;
use crate::telemetry::{Count, count};

/// The sockets are open and the certificates read; nothing is accepted yet.
pub struct Bound {
    settings: Settings,
    certificates: Arc<Certificates>,
    /// For each thread.
    sockets: Vec<Vec<(TcpListener, Kind)>>,
    https: Option<SocketAddr>,
    clear_text: Option<SocketAddr>,
}

/// Why the listener cannot start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("cannot listen on {address}")]
    Bind {
        address: SocketAddr,
        #[source]
        cause: io::Error,
    },
    #[error("{} certificate files cannot be used", .0.len())]
    Certificates(Vec<CertificateError>),
    #[error("no certificate, and no clear-text socket that serves: nobody could be served")]
    NothingToServe,
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    #[error("a data-plane thread cannot be started")]
    Thread(#[source] io::Error),
    #[error("a data-plane thread ended before the drain")]
    ThreadEnded,
}

/// Opens all sockets and reads the certificates.
///
/// # Errors
/// [`ListenError`] for the first thing that does not work.
pub fn bind(settings: Settings) -> Result<Bound, ListenError> {
    let certificates = Certificates::load(&settings.certificates);
    let certificates = Arc::new(certificates.map_err(ListenError::Certificates)?);
    let serves_clear_text =
        settings.clear_text.as_ref().is_some_and(|clear| clear.mode == ClearTextMode::Serve);
    if settings.certificates.is_empty() && !serves_clear_text {
        return Err(ListenError::NothingToServe);
    }
    let threads = settings.threads().get();
    let mut sockets: Vec<Vec<(TcpListener, Kind)>> = (0..threads).map(|_| Vec::new()).collect();
    let mut open = |address: SocketAddr, kind: &Kind| {
        let in_bind = |cause| ListenError::Bind { address, cause };
        let opened = socket::listen(address, threads).map_err(in_bind)?;
        let bound = opened.first().map(TcpListener::local_addr).transpose().map_err(in_bind)?;
        for (thread, socket) in sockets.iter_mut().zip(opened) {
            thread.push((socket, kind.clone()));
        }
        Ok(bound)
    };
    let mut https = None;
    if !settings.certificates.is_empty() {
        let config = tls::server_config(Arc::clone(&certificates)).map_err(ListenError::Tls)?;
        https = open(settings.address, &Kind::Https(TlsAcceptor::from(config)))?;
    }
    let clear_text = match &settings.clear_text {
        Some(clear) => open(clear.address, &Kind::ClearText(clear.mode))?,
        None => None,
    };
    Ok(Bound { settings, certificates, sockets, https, clear_text })
}

impl Bound {
    /// Where HTTPS is served (the real port, when 0 was asked).
    #[must_use]
    pub const fn https(&self) -> Option<SocketAddr> {
        self.https
    }

    #[must_use]
    pub const fn clear_text(&self) -> Option<SocketAddr> {
        self.clear_text
    }

    /// Serves until the drain has ended. `make_app` is called once on each data-plane thread, inside its runtime and
    /// `LocalSet`; what it makes may hold `Rc`s.
    ///
    /// # Errors
    /// [`ListenError`] when a thread cannot be started or ends by itself.
    pub async fn run<A, F, B>(
        self,
        control: &Control,
        random: &Random,
        drain: &Drain,
        make_app: impl Fn() -> A + Send + Clone + 'static,
    ) -> Result<(), ListenError>
    where
        A: Fn(Incoming) -> F + 'static,
        F: Future<Output = Response<B>> + 'static,
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Unpin + 'static,
    {
        control.start(watch_certificates(self.certificates, drain.clone()));
        let rules = Arc::new(Rules::new(&self.settings));
        let census = Arc::new(Census::new(&self.settings.limits));
        let mut ends = JoinSet::new();
        for (index, sockets) in self.sockets.into_iter().enumerate() {
            let plan = Plan {
                sockets,
                rules: Arc::clone(&rules),
                census: Arc::clone(&census),
                limits: self.settings.limits.clone(),
                random: random.clone(),
                drain: drain.clone(),
            };
            let (ended, end) = oneshot::channel();
            let make_app = make_app.clone();
            let run = move || {
                let done = plan.run(make_app);
                // nobody waits for it when `run` was dropped
                ended.send(done).unwrap_or_default();
            };
            let builder = thread::Builder::new().name(format!("data-{index}"));
            drop(builder.spawn(run).map_err(ListenError::Thread)?);
            drop(ends.spawn(end));
        }
        // The first that fails is enough to end: a thread that is gone would be missed by nobody else.
        while let Some(ended) = ends.join_next().await {
            ended.map_or(Err(ListenError::ThreadEnded), |end| {
                end.unwrap_or(Err(ListenError::ThreadEnded))
            })?;
        }
        Ok(())
    }
}

/// Reads certificates again within a second or two of a change.
async fn watch_certificates(certificates: Arc<Certificates>, drain: Drain) {
    let mut known = certificates.fingerprint();
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    while !drain.has_begun() {
        interval.tick().await;
        let certificates = Arc::clone(&certificates);
        let seen = known.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let now = certificates.fingerprint();
            if now != seen {
                tell(certificates.reload());
            }
            now
        });
        known = looked.await.unwrap_or(known);
    }
}

fn tell(reload: Result<(), Vec<CertificateError>>) {
    match reload {
        Ok(()) => tracing::info!("certificates were read again"),
        Err(faults) => faults.iter().for_each(complain),
    }
}

fn complain(fault: &CertificateError) {
    let cause: &dyn std::error::Error = &fault.cause;
    tracing::error!(cause, "the old certificates stay: {fault}");
}

/// What one data-plane thread is given.
struct Plan {
    sockets: Vec<(TcpListener, Kind)>,
    rules: Arc<Rules>,
    census: Arc<Census>,
    limits: Limits,
    random: Random,
    drain: Drain,
}

impl Plan {
    fn run<A: App>(self, make_app: impl FnOnce() -> A) -> Result<(), ListenError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ListenError::Thread)?;
        LocalSet::new().block_on(&runtime, self.serve(make_app))
    }

    async fn serve<A: App>(self, make_app: impl FnOnce() -> A) -> Result<(), ListenError> {
        let drain_limit = self.limits.drain;
        let thread = Rc::new(Thread {
            app: make_app(),
            rules: self.rules,
            census: self.census,
            limits: self.limits,
            ids: RequestIds::new(&self.random),
            scratch: Rc::new(vec![0; SCRATCH].into_boxed_slice().into()),
        });
        let lines = Rc::new(Lines::default());
        let mut accepting = Vec::new();
        for (socket, kind) in self.sockets {
            let socket = tokio::net::TcpListener::from_std(socket).map_err(ListenError::Thread)?;
            let accept = accept(Rc::clone(&thread), socket, kind, Rc::clone(&lines));
            accepting.push(tokio::task::spawn_local(until_drained(accept, self.drain.clone())));
        }
        sweep_until_begun(&lines, &self.drain).await;
        for task in accepting {
            // an accept loop cannot panic; if one did, its socket is closed all the same
            task.await.unwrap_or_default();
        }
        lines.drain();
        tokio::select! {
            biased;
            () = self.drain.is_cut() => {}
            () = tokio::time::sleep(drain_limit) => {}
            () = gone(&lines) => {}
        }
        tokio::select! {
            biased;
            () = gone(&lines) => {}
            () = tokio::time::sleep(FAREWELL) => lines.cut_all(),
        }
        gone(&lines).await;
        Ok(())
    }
}

/// Where all reads of a thread's HTTP/1 sockets go first.
const SCRATCH: usize = 32 * 1024;

/// Ticks that were missed are not made up for: after a pause of the whole machine everybody has his time still.
fn ticks() -> Interval {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn sweep_until_begun(lines: &Lines, drain: &Drain) {
    let mut interval = ticks();
    let mut begun = std::pin::pin!(drain.begun());
    loop {
        tokio::select! {
            biased;
            () = &mut begun => break,
            _ = interval.tick() => lines.sweep(),
        }
    }
}

/// After the drain's limit those who answer end their streams, and say why; then whatever is left is cut.
const FAREWELL: Duration = Duration::from_millis(500);

/// Waits until no connection is left.
async fn gone(lines: &Lines) {
    let mut interval = ticks();
    while !lines.are_gone() {
        tokio::select! {
            _ = interval.tick() => lines.sweep(),
            () = tokio::time::sleep(Duration::from_millis(20)) => (),
        }
    }
}

/// Runs `accept` until the drain begins, and then for as long as connections wait to be accepted: whoever was let
/// in by the kernel is served.
async fn until_drained(accept: impl Future<Output = ()>, drain: Drain) {
    tokio::select! {
        biased;
        () = accept => (),
        () = drain.begun() => (),
    }
}

async fn accept<A: App>(
    thread: Rc<Thread<A>>,
    socket: tokio::net::TcpListener,
    kind: Kind,
    lines: Rc<Lines>,
) {
    loop {
        let (tcp, peer) = match socket.accept().await {
            Ok((tcp, peer)) => (tcp, peer.ip().to_canonical()),
            Err(error) => {
                back_off(&error).await;
                continue;
            }
        };
        // refused by closing: an answer would cost what the limit saves
        if let Some(seat) = thread.census.admit(peer) {
            count(Count::Connections);
            let accepted = Accepted { tcp, peer, line: lines.open(), seat };
            let serve = Rc::clone(&thread).serve(accepted, kind.clone());
            drop(tokio::task::spawn_local(serve));
        } else {
            count(Count::ConnectionsRefused);
        }
    }
}

async fn back_off(error: &io::Error) {
    // unless the client just went away while it waited, we are out of file descriptors or memory: give what runs
    // time to end
    if error.kind() != io::ErrorKind::ConnectionAborted {
        tracing::warn!(%error, "cannot accept connections");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
