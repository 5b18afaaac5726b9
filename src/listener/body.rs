//! The unread body of a request: data only, trailers are dropped.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use super::Protocol;
use super::gate::{LINGER, LINGER_BYTES};
use super::line::Line;
use crate::telemetry::{Count, add};

/// The body as it comes from the client; nothing is read before it is asked for.
pub struct RequestBody(Source);

enum Source {
    Wire(Upload),
    Whole(Full<Bytes>),
}

/// A body that a connection carries; a client that sends nothing more of it is cut off.
struct Upload {
    /// Always there until it is dropped.
    body: Option<hyper::body::Incoming>,
    protocol: Protocol,
    line: Rc<Line>,
    stall: Duration,
    ended: bool,
    /// It was found empty before its end, and somebody waits.
    awaited: bool,
}

impl Upload {
    fn note(&mut self, is_pending: bool) {
        if is_pending {
            self.awaited = true;
            self.line.expect_giving(Some(self.stall));
        } else if std::mem::take(&mut self.awaited) {
            self.line.expect_giving(None);
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(body) = self.body.take()
            && !self.ended
            && !body.is_end_stream()
        {
            match self.protocol {
                Protocol::Http1 => self.line.leave_unread(),
                Protocol::Http2 => drop(tokio::task::spawn_local(throw_away(body))),
            }
        }
        self.note(false);
    }
}

/// Lets an HTTP/2 client finish a body that nobody wants. Else h2 resets its stream, and clients that are still sending
/// (curl, for one) then lose an answer that they had received already.
async fn throw_away(mut body: hyper::body::Incoming) {
    let discard = async {
        let mut thrown_away = 0;
        while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
        {
            thrown_away += frame.data_ref().map_or(0, Bytes::len);
            if thrown_away > LINGER_BYTES {
                return;
            }
        }
    };
    // whoever is still sending after it is told by the reset
    tokio::time::timeout(LINGER, discard).await.unwrap_or_default();
}

/// The client's body broke off or was malformed.
#[derive(Debug, thiserror::Error)]
#[error("the request's body broke off or is malformed")]
pub struct BodyError(#[source] hyper::Error);

impl RequestBody {
    pub(super) const fn from_wire(
        body: hyper::body::Incoming,
        protocol: Protocol,
        line: Rc<Line>,
        stall: Duration,
    ) -> Self {
        Self(Source::Wire(Upload {
            body: Some(body),
            protocol,
            line,
            stall,
            ended: false,
            awaited: false,
        }))
    }

    pub(super) fn whole(bytes: Bytes) -> Self {
        Self(Source::Whole(Full::new(bytes)))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let frame = match &mut self.0 {
                Source::Wire(upload) => {
                    let Some(body) = &mut upload.body else { return Poll::Ready(None) };
                    let frame = Pin::new(body).poll_frame(context);
                    upload.note(frame.is_pending());
                    let frame = ready!(frame);
                    upload.line.is_alive(upload.stall);
                    upload.ended = frame.is_none();
                    frame
                }
                Source::Whole(body) => {
                    let frame = ready!(Pin::new(body).poll_frame(context));
                    return Poll::Ready(
                        frame.map(|frame| Ok(frame.unwrap_or_else(|never| match never {}))),
                    );
                }
            };
            match frame {
                Some(Ok(frame)) if !frame.is_data() => (),
                Some(Ok(frame)) => {
                    let bytes = frame.data_ref().map_or(0, Bytes::len);
                    add(Count::BytesIn, u64::try_from(bytes).unwrap_or(u64::MAX));
                    return Poll::Ready(Some(Ok(frame)));
                }
                other => return Poll::Ready(other.map(|frame| frame.map_err(BodyError))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Wire(upload) => upload.body.as_ref().is_none_or(Body::is_end_stream),
            Source::Whole(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Wire(upload) => {
                upload.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
            }
            Source::Whole(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestBody")
    }
}
