//! The last touch on every answer: what belongs to the connection rather than to the request's story.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, STRICT_TRANSPORT_SECURITY};
use http::{HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};

use super::line::Line;
use super::{Limits, Protocol};

/// One year, this host only: what is said of other hosts is not ours to say (RFC 6797, 6.1).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// A request under way on its connection; finished when dropped.
pub(super) struct Underway {
    line: Rc<Line>,
    /// The next request must come within it.
    idle: Duration,
    /// HTTP/2 only, where the socket does not tell: how long a frame may wait for the client to want the next one.
    stall: Option<Duration>,
    /// A frame waits.
    offers: bool,
}

impl Underway {
    /// Of a request that the gate has counted already.
    pub(super) const fn http1(line: Rc<Line>, limits: &Limits) -> Self {
        Self { line, idle: limits.idle, stall: None, offers: false }
    }

    pub(super) fn http2(line: Rc<Line>, limits: &Limits) -> Self {
        line.begin();
        line.expect_no_read();
        Self { line, idle: limits.idle, stall: Some(limits.stall), offers: false }
    }
}

impl Underway {
    fn offer(&mut self) {
        if let Some(stall) = self.stall {
            self.offers = true;
            self.line.offer(stall);
        }
    }

    fn taken(&mut self) {
        if let Some(stall) = self.stall
            && std::mem::take(&mut self.offers)
        {
            self.line.taken(stall);
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.taken();
        self.line.finish(self.idle);
    }
}

/// A body on its way to the client. Notes whether the client takes it.
pub(super) struct Outgoing<B> {
    body: Option<B>,
    underway: Underway,
}

/// What becomes of an HTTP/1 connection after an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    KeepAlive,
    Close,
}

/// Finishes an answer that the gateway gave.
pub(super) fn dress<B>(mut response: Response<B>, protocol: Protocol, after: After) -> Response<B> {
    let headers = response.headers_mut();
    headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    match (protocol, after) {
        (Protocol::Http1, After::Close) => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        (Protocol::Http1, After::KeepAlive) => (),
        (Protocol::Http2, _) => drop(headers.remove(CONNECTION)),
    }
    response
}

/// An answer to HEAD: the length of the body that GET would have, and no body (hyper does so for HTTP/1 only). The body
/// is still asked for, so that who waits for its end sees it.
pub(super) async fn without_body<B: Body + Unpin>(response: Response<B>) -> Response<Option<B>> {
    let (mut head, mut body) = response.into_parts();
    if let Some(length) = body.size_hint().exact()
        && length > 0
        && !head.headers.contains_key(CONTENT_LENGTH)
    {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    while let Some(Ok(_)) =
        std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
    {}
    Response::from_parts(head, None)
}

impl<B> Outgoing<B> {
    pub(super) const fn new(body: Option<B>, underway: Underway) -> Self {
        Self { body, underway }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Outgoing<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        if this.underway.stall.is_none() && this.underway.line.holds_back() {
            return Poll::Pending;
        }
        this.underway.taken();
        let frame = ready!(Pin::new(body).poll_frame(context));
        if matches!(frame, Some(Ok(_))) {
            this.underway.offer();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// What a service of hyper's gives: it never fails.
pub(super) type Answer<B> = Result<Response<Outgoing<B>>, Infallible>;
