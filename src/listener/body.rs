//! The unread body of a request: data only, trailers are dropped.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

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
    body: hyper::body::Incoming,
    line: Rc<Line>,
    stall: Duration,
    ended: bool,
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            self.line.leave_unread();
        }
        self.line.expect_giving(None);
    }
}

/// The client's body broke off or was malformed.
#[derive(Debug, thiserror::Error)]
#[error("the request's body broke off or is malformed")]
pub struct BodyError(#[source] hyper::Error);

impl RequestBody {
    pub(super) const fn from_wire(
        body: hyper::body::Incoming,
        line: Rc<Line>,
        stall: Duration,
    ) -> Self {
        Self(Source::Wire(Upload { body, line, stall, ended: false }))
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
                    let frame = Pin::new(&mut upload.body).poll_frame(context);
                    upload.line.expect_giving(frame.is_pending().then_some(upload.stall));
                    let frame = ready!(frame);
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
            Source::Wire(upload) => upload.body.is_end_stream(),
            Source::Whole(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Wire(upload) => upload.body.size_hint(),
            Source::Whole(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestBody")
    }
}
