//! The body of one upstream answer: counted, watched, and the keeper of its connection. Read to its clean end it gives the
//! connection back; dropped before, it closes it. A short body is an error, never an end.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;

use super::BackendError;
use super::pool::{Line, Pool};
use super::vigil::Vigil;

/// Bytes of one answer.
#[derive(Debug)]
pub(super) struct Piece {
    incoming: Incoming,
    /// How many bytes must still come; `None` when only the framing tells (chunks).
    left: Option<u64>,
    vigil: Vigil,
    pool: Rc<Pool>,
    /// Present until the connection is given back; dropping it closes the connection.
    line: Option<Line>,
    reuse: Reuse,
    ended: bool,
}

/// Whether the connection may serve another request after this answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reuse {
    AfterCleanEnd,
    Never,
}

impl Piece {
    /// Takes over an answer's body of this length, and its connection.
    pub(super) fn new(
        incoming: Incoming,
        length: Option<u64>,
        vigil: Vigil,
        (pool, line, reuse): (Rc<Pool>, Line, Reuse),
    ) -> Self {
        let line = Some(line);
        let mut piece = Self { incoming, left: length, vigil, pool, line, reuse, ended: false };
        piece.release_at_end();
        piece
    }

    /// How many bytes are still to come, if that is known.
    pub(super) const fn left(&self) -> Option<u64> {
        self.left
    }

    /// Fixes the length of a body that only its framing would tell.
    pub(super) const fn expect(&mut self, length: u64) {
        self.left = Some(length);
    }

    pub(super) fn host(&self) -> Box<str> {
        self.pool.name()
    }

    /// Whether all of it was handed out.
    pub(super) fn is_done(&self) -> bool {
        self.ended || (self.left == Some(0) && self.incoming.is_end_stream())
    }

    fn release_at_end(&mut self) {
        if self.is_done() {
            self.release();
        }
    }

    fn release(&mut self) {
        if let Some(line) = self.line.take()
            && self.reuse == Reuse::AfterCleanEnd
        {
            self.pool.put_back(line);
        }
    }

    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BackendError>>> {
        loop {
            if self.is_done() {
                return Poll::Ready(None);
            }
            let frame = match Pin::new(&mut self.incoming).poll_frame(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending if self.vigil.is_over(context) => {
                    let waited = self.vigil.waited();
                    return self.fail(BackendError::Stalled { host: self.host(), waited });
                }
                Poll::Pending => return Poll::Pending,
            };
            match frame {
                Some(Ok(frame)) => {
                    // Trailers are not relayed.
                    let Ok(data) = frame.into_data() else { continue };
                    return match self.count(&data) {
                        Ok(()) => Poll::Ready(Some(Ok(data))),
                        Err(error) => self.fail(error),
                    };
                }
                Some(Err(cause)) => {
                    let cause = Some(cause.into());
                    return self.fail(BackendError::Truncated { host: self.host(), cause });
                }
                None if self.left.is_none_or(|left| left == 0) => {
                    self.ended = true;
                    self.release();
                    return Poll::Ready(None);
                }
                None => {
                    return self.fail(BackendError::Truncated { host: self.host(), cause: None });
                }
            }
        }
    }

    fn count(&mut self, data: &Bytes) -> Result<(), BackendError> {
        self.vigil.moved();
        if let Some(left) = &mut self.left {
            let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
            *left = left.checked_sub(length).ok_or_else(|| BackendError::Unusable {
                host: self.pool.name(),
                what: "its body is longer than it said",
            })?;
        }
        self.release_at_end();
        Ok(())
    }

    /// Closes the connection at once.
    fn fail(&mut self, error: BackendError) -> Poll<Option<Result<Bytes, BackendError>>> {
        self.line = None;
        Poll::Ready(Some(Err(error)))
    }

    /// The beginning of the body, at most `limit` bytes; whether that was all of it.
    pub(super) async fn read(mut self, limit: usize) -> Result<(Vec<u8>, bool), BackendError> {
        let mut whole = Vec::new();
        while let Some(data) = std::future::poll_fn(|context| self.poll(context)).await {
            let data = data?;
            let room = limit - whole.len();
            whole.extend_from_slice(data.get(..room).unwrap_or(&data));
            if data.len() > room {
                return Ok((whole, false));
            }
        }
        Ok((whole, true))
    }
}
