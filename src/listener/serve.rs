//! Serves one connection: handshake, protocol by ALPN, then every request on it until the client, a deadline, the drain or
//! the switch ends it.

use std::cell::Cell;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{LOCATION, STRICT_TRANSPORT_SECURITY};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::census::{Census, Seat};
use super::frames::Frames;
use super::gate::{Gate, Patience, Scratch};
use super::line::Line;
use super::outgoing::{After, Answer, Outgoing, Underway, dress, without_body};
use super::room::Room;
use super::validator::{Origin, RequestIds, Rules};
use super::wire::Wire;
use super::{ClearTextMode, Incoming, Limits, Protocol, RequestFault};
use crate::telemetry::{Count, count};

/// Uploads over a long fat network: the connection's window bounds what is unread in all.
const HTTP2_STREAM_WINDOW: u32 = 1 << 20;
const HTTP2_CONNECTION_WINDOW: u32 = 2 << 20;
const GOODBYE: Duration = Duration::from_secs(5);
/// More than the validator takes, so that it refuses what is too large, with its code and in the record: what h2 refuses
/// itself nobody else sees. RFC 9113, 6.5.2, counts 32 bytes more for each field.
const HTTP2_HEADER_LIST: u32 = 64 * 1024;

/// What answers requests: any closure of this shape (see [`super::Bound::run`]).
pub(super) trait App: 'static {
    type Body: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Unpin + 'static;
    type Answer: Future<Output = Response<Self::Body>> + 'static;

    fn answer(&self, incoming: Incoming) -> Self::Answer;
}

impl<A, F, B> App for A
where
    A: Fn(Incoming) -> F + 'static,
    F: Future<Output = Response<B>> + 'static,
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Unpin + 'static,
{
    type Body = B;
    type Answer = F;

    fn answer(&self, incoming: Incoming) -> F {
        self(incoming)
    }
}

/// What all connections of one thread share.
pub(super) struct Thread<A> {
    pub(super) app: A,
    pub(super) rules: Arc<Rules>,
    pub(super) census: Arc<Census>,
    pub(super) limits: Limits,
    pub(super) ids: RequestIds,
    pub(super) scratch: Scratch,
}

/// What a socket is for.
#[derive(Clone)]
pub(super) enum Kind {
    Https(TlsAcceptor),
    ClearText(ClearTextMode),
}

/// One accepted connection.
pub(super) struct Accepted {
    pub(super) tcp: TcpStream,
    pub(super) peer: IpAddr,
    pub(super) line: Rc<Line>,
    pub(super) seat: Seat,
}

impl<A: App> Thread<A> {
    pub(super) async fn serve(self: Rc<Self>, accepted: Accepted, kind: Kind) {
        let Accepted { tcp, peer, line, seat } = accepted;
        let wire = Wire::new(tcp, Rc::clone(&line), self.limits.stall);
        let room = self.census.room();
        let connection = |mode| {
            let origin = Origin { peer, line: Rc::clone(&line) };
            Rc::new(Connection {
                thread: Rc::clone(&self),
                origin,
                mode,
                room,
                calls: Cell::new(0),
            })
        };
        match kind {
            Kind::ClearText(mode) => connection(mode).http1(wire).await,
            Kind::Https(acceptor) => {
                line.expect_read(self.limits.handshake);
                let handshake = Held::until_overdue(acceptor.accept(wire), Rc::clone(&line)).await;
                line.expect_no_read();
                // a handshake that fails or takes too long leaves nobody to tell
                if let Some(Ok(mut tls)) = handshake {
                    tls.get_mut().1.set_buffer_limit(Some(room.tls));
                    let connection = connection(ClearTextMode::Serve);
                    match tls.get_ref().1.alpn_protocol() {
                        Some(b"h2") => connection.http2(tls).await,
                        Some(_) | None => connection.http1(tls).await,
                    }
                } else {
                    count(Count::HandshakesFailed);
                }
            }
        }
        drop(seat);
    }
}

/// One connection that speaks HTTP.
struct Connection<A> {
    thread: Rc<Thread<A>>,
    origin: Origin,
    mode: ClearTextMode,
    room: Room,
    /// HTTP/1 requests that hyper read.
    calls: Cell<u64>,
}

impl<A: App> Connection<A> {
    fn patience(&self) -> Patience {
        Patience { head: self.thread.limits.head, idle: self.thread.limits.idle }
    }

    async fn http1(self: Rc<Self>, io: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let line = Rc::clone(&self.origin.line);
        let scratch = Rc::clone(&self.thread.scratch);
        let gate = Gate::new(io, Rc::clone(&line), scratch, self.patience());
        let mut builder = http1::Builder::new();
        // the gate keeps the deadlines and refuses what is too large
        builder.header_read_timeout(None).max_buf_size(self.room.http1);
        let service = service_fn(move |request| Rc::clone(&self).answer(request));
        let connection = builder.serve_connection(TokioIo::new(gate), service);
        if let Some(Err(error)) = Held::until_cut(connection, line).await {
            tracing::debug!(%error, "an HTTP/1 connection broke off");
        }
    }

    async fn http2(self: Rc<Self>, io: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let line = Rc::clone(&self.origin.line);
        let limits = &self.thread.limits;
        line.expect_read(limits.idle);
        let io = Frames::new(io, Rc::clone(&line), self.patience());
        let mut builder = http2::Builder::new(LocalExecutor);
        builder
            .timer(TokioTimer::new())
            .adaptive_window(false)
            .initial_stream_window_size(HTTP2_STREAM_WINDOW)
            .initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
            .max_concurrent_streams(limits.max_streams)
            .max_header_list_size(HTTP2_HEADER_LIST)
            .max_send_buf_size(self.room.http2)
            // rapid reset (CVE-2023-44487) and its kin
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(256)
            // a peer that is gone without a word; the answer to a ping comes behind all that a slow one has yet to take
            .keep_alive_interval(limits.idle / 2)
            .keep_alive_timeout(limits.stall);
        let service = service_fn(move |request| Rc::clone(&self).answer(request));
        let connection = Box::pin(builder.serve_connection(TokioIo::new(io), service));
        let ending = Http2Ending { connection, line: Rc::clone(&line), told: false };
        if let Some(Err(error)) = Held::until_cut(ending, line).await {
            tracing::debug!(%error, "an HTTP/2 connection broke off");
        }
    }

    async fn answer(self: Rc<Self>, request: Request<hyper::body::Incoming>) -> Answer<A::Body> {
        let thread = &self.thread;
        let (underway, fault) = self.admit(request.version());
        let mut incoming = thread.rules.incoming(request, &self.origin, thread.ids.next(), fault);
        // Faults count as well: else whoever sends nothing but them would never be stopped.
        let too_many = thread.census.is_too_many(incoming.client);
        if too_many && incoming.fault.is_none() {
            incoming.fault = Some(RequestFault::TooManyFromAddress);
        }
        let protocol = incoming.protocol;
        if incoming.fault.is_none() && self.mode == ClearTextMode::Redirect {
            let response = thread.rules.to_https(&incoming).map(|()| None);
            drop(incoming);
            let response = self.dressed(response, protocol, After::KeepAlive);
            return Ok(response.map(|body| Outgoing::new(body, underway)));
        }
        let is_head = *incoming.method() == Method::HEAD;
        let is_refused = incoming.fault.is_some();
        let response = thread.app.answer(incoming).await;
        let after = if is_refused { After::Close } else { After::KeepAlive };
        let response = self.dressed(response, protocol, after);
        let response = match protocol {
            Protocol::Http2 if is_head => without_body(response).await,
            Protocol::Http1 | Protocol::Http2 => response.map(Some),
        };
        Ok(response.map(|body| Outgoing::new(body, underway)))
    }

    fn dressed<B>(&self, response: Response<B>, protocol: Protocol, after: After) -> Response<B> {
        // Over HTTP/1 hyper ends a connection whose body was left unread; a client that is not told would use it again.
        let line = &self.origin.line;
        let close = line.is_draining() || line.has_left_unread();
        let mut response = dress(response, protocol, if close { After::Close } else { after });
        if self.mode == ClearTextMode::Redirect {
            // RFC 6797, 7.2: not over clear text
            response.headers_mut().remove(STRICT_TRANSPORT_SECURITY);
        }
        response
    }

    /// Counts a request in; what the gate held against it.
    fn admit(&self, version: Version) -> (Underway, Option<RequestFault>) {
        let line = Rc::clone(&self.origin.line);
        if version == Version::HTTP_2 {
            return (Underway::http2(line, &self.thread.limits), None);
        }
        let number = self.calls.get() + 1;
        self.calls.set(number);
        let fault = line.fault_of(number);
        (Underway::http1(line, &self.thread.limits), fault)
    }
}

impl Rules {
    /// Sends a visitor of the clear-text socket to the same address under HTTPS.
    fn to_https(&self, incoming: &Incoming) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
        let location = self.served(incoming.host()).and_then(|host| {
            let port = host.port().map(|port| format!(":{port}")).unwrap_or_default();
            let target = &incoming.target;
            HeaderValue::try_from(format!("https://{}{port}{target}", host.name())).ok()
        });
        if let Some(location) = location {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}

/// An HTTP/2 connection that says goodbye (GOAWAY) when the listener drains or nothing was asked for long.
struct Http2Ending<C> {
    connection: Pin<Box<C>>,
    line: Rc<Line>,
    told: bool,
}

impl<T, S, B> Future for Http2Ending<http2::Connection<T, S, LocalExecutor>>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Future: 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    T: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    LocalExecutor: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    type Output = hyper::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        let this = &mut *self;
        let overdue = this.line.read_is_overdue();
        if !this.told && (this.line.is_draining() || overdue) {
            this.told = true;
            this.connection.as_mut().graceful_shutdown();
            if overdue {
                this.line.expect_read(GOODBYE);
            }
        } else if overdue {
            return Poll::Ready(Ok(())); // it did not answer the goodbye
        }
        this.connection.as_mut().poll(context)
    }
}

/// A future that its [`Line`] ends early: then its output is `None`.
struct Held<F> {
    future: Pin<Box<F>>,
    line: Rc<Line>,
    ends_overdue: bool,
}

impl<F> Held<F> {
    fn until_cut(future: F, line: Rc<Line>) -> Self {
        Self { future: Box::pin(future), line, ends_overdue: false }
    }

    fn until_overdue(future: F, line: Rc<Line>) -> Self {
        Self { future: Box::pin(future), line, ends_overdue: true }
    }
}

impl<F: Future> Future for Held<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        self.line.watch(context);
        let ends = self.line.is_cut() || (self.ends_overdue && self.line.read_is_overdue());
        if ends {
            return Poll::Ready(None);
        }
        self.future.as_mut().poll(context).map(Some)
    }
}

/// Runs the streams of an HTTP/2 connection on this thread.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, stream: F) {
        drop(tokio::task::spawn_local(async move { drop(stream.await) }));
    }
}
