//! The body of every answer: one frame at a time from the place where the bytes live to the connection, counted.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::headers::Asked;
use super::running::{End, Held};
use super::{Outcome, Witness};
use crate::backend::{BackendError, Reply, ReplyBody};
use crate::listener::Incoming;

/// The body of every answer. An error of it makes HTTP/1 close the connection and HTTP/2 reset the stream, so that a
/// truncated answer never looks whole (R22).
#[derive(Debug)]
pub struct RelayBody<W: Witness, B = ReplyBody> {
    body: Option<B>,
    status: StatusCode,
    /// How many bytes there must be, where that is known.
    length: Option<u64>,
    bytes: u64,
    witness: Option<W>,
    held: Option<Held>,
}

/// Why an answer ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("the upstream failed in the middle of its answer")]
    Upstream(#[source] BackendError),
    #[error("the upstream gave {given} bytes of {promised}")]
    WrongLength { promised: u64, given: u64 },
    #[error("the grant lapsed")]
    Lapsed,
    #[error("the gateway stops")]
    Stopped,
}

/// Sends a reply on under its grant.
pub fn relay<W: Witness>(
    reply: Reply,
    held: Held,
    incoming: &Incoming,
    witness: W,
) -> Response<RelayBody<W>> {
    let Reply { status, headers, body, .. } = reply;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    relayed(response, Some(held), incoming, witness)
}

/// A small answer of ours that no grant stands behind: a refusal.
pub fn answer<W: Witness>(
    response: Response<Bytes>,
    incoming: &Incoming,
    witness: W,
) -> Response<RelayBody<W>> {
    relayed(response.map(ReplyBody::Whole), None, incoming, witness)
}

fn relayed<W: Witness, B: Body>(
    response: Response<B>,
    held: Option<Held>,
    incoming: &Incoming,
    witness: W,
) -> Response<RelayBody<W, B>> {
    let asked = Asked::of(incoming);
    let (mut parts, body) = response.into_parts();
    let length = body.size_hint().exact();
    asked.finish(&mut parts.headers, length);
    let takes_body = asked.takes_body(parts.status) && length != Some(0);
    let relay = RelayBody {
        body: takes_body.then_some(body),
        status: parts.status,
        length: if takes_body { length } else { Some(0) },
        bytes: 0,
        witness: Some(witness),
        // An answer without bytes has nothing left to be cut off.
        held: held.filter(|_| takes_body),
    };
    Response::from_parts(parts, relay)
}

impl<W: Witness, B> RelayBody<W, B> {
    fn is_whole(&self) -> bool {
        self.length == Some(self.bytes)
    }

    /// Lets go of everything, and says once how it ended.
    fn finish(&mut self, outcome: Outcome) {
        self.body = None;
        self.held = None;
        if let Some(witness) = self.witness.take() {
            witness.finished(self.status, self.bytes, outcome);
        }
    }

    fn fail(&mut self, error: RelayError) -> Poll<Option<Result<Frame<Bytes>, RelayError>>> {
        self.finish(match error {
            RelayError::Upstream(_) | RelayError::WrongLength { .. } => Outcome::Truncated,
            RelayError::Lapsed => Outcome::Lapsed,
            RelayError::Stopped => Outcome::Stopped,
        });
        Poll::Ready(Some(Err(error)))
    }

    fn count(&mut self, data: Bytes) -> Poll<Option<Result<Frame<Bytes>, RelayError>>> {
        self.bytes += u64::try_from(data.len()).unwrap_or(u64::MAX);
        match self.length {
            Some(promised) if self.bytes > promised => {
                return self.fail(RelayError::WrongLength { promised, given: self.bytes });
            }
            // hyper drops a body whose Content-Length is satisfied without asking for its end.
            Some(promised) if self.bytes == promised => self.finish(Outcome::Complete),
            Some(_) | None => {}
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

impl<W, B> Body for RelayBody<W, B>
where
    W: Witness + Unpin,
    B: Body<Data = Bytes, Error = BackendError> + Unpin,
{
    type Data = Bytes;
    type Error = RelayError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RelayError>>> {
        let this = &mut *self;
        match this.held.as_ref().and_then(|held| held.must_end(context)) {
            None => {}
            Some(End::Lapsed) => return this.fail(RelayError::Lapsed),
            Some(End::Stopped) => return this.fail(RelayError::Stopped),
        }
        loop {
            let Some(body) = &mut this.body else {
                return Poll::Ready(None);
            };
            match ready!(Pin::new(body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    // Trailers are dropped: nothing that came after the head has been read by anybody.
                    if let Ok(data) = frame.into_data() {
                        return this.count(data);
                    }
                }
                Some(Err(error)) => return this.fail(RelayError::Upstream(error)),
                None => {
                    if let Some(promised) = this.length.filter(|promised| *promised > this.bytes) {
                        let given = this.bytes;
                        return this.fail(RelayError::WrongLength { promised, given });
                    }
                    this.finish(Outcome::Complete);
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.bytes)),
            None => SizeHint::default(),
        }
    }
}

impl<W: Witness, B> Drop for RelayBody<W, B> {
    fn drop(&mut self) {
        let outcome = match &self.held {
            _ if self.is_whole() => Outcome::Complete,
            None => Outcome::Aborted,
            Some(held) => held.outcome_when_dropped(),
        };
        self.finish(outcome);
    }
}
