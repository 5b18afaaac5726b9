//! Stage 7: the bytes leave: relay with back-pressure, header hygiene (R21), metering, and lapse: a grant that no
//! longer holds ends its stream within a second.

use bytes::Bytes;
use http::StatusCode;

use crate::backend::{BackendError, Reply};
use crate::policy::Grant;

/// How an answer ended, as seen from the side of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All bytes went to the connection.
    Complete,
    /// The client went away.
    Aborted,
    /// The upstream failed after the answer had begun: the client saw a truncated answer.
    Truncated,
    /// The grant lapsed: revoked, ended, expired, or no longer permitted.
    Lapsed,
}

/// Told once how it ended and after how many bytes of body; dropping it unfinished means [`Outcome::Aborted`].
pub trait Witness {
    fn finished(self, status: StatusCode, bytes: u64, outcome: Outcome);
}

/// The body of every answer.
#[derive(Debug)]
pub struct RelayBody<W: Witness> {
    _witness: Option<W>,
}

/// The streams that run on one data-plane thread.
#[derive(Debug, Default)]
pub struct Running {}

/// Sends a reply on under its grant.
pub fn relay<W: Witness>(
    reply: Reply,
    grant: Grant,
    witness: W,
    running: &std::rc::Rc<Running>,
) -> http::Response<RelayBody<W>> {
    let _ = (reply, grant, witness, running);
    todo!()
}

/// A small answer of ours that no grant stands behind: a refusal.
pub fn answer<W: Witness>(
    response: http::Response<Bytes>,
    witness: W,
) -> http::Response<RelayBody<W>> {
    let _ = (response, witness);
    todo!()
}

impl<W: Witness + Unpin> http_body::Body for RelayBody<W> {
    type Data = Bytes;
    type Error = BackendError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, BackendError>>> {
        todo!()
    }
}
