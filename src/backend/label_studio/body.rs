//! An answer of Label Studio's on its way through a rewriter: never more of it in memory than one piece and what the
//! rewriter holds back.

use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::super::piece::Piece;
use crate::backend::BackendError;
use crate::label_studio::Garbled;

/// Takes an answer in pieces of any size and gives it out fit to leave.
pub(super) trait Rewriter {
    fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Garbled>;
    /// What was held back; an answer that is not whole is an error.
    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<(), Garbled>;
}

/// The bytes, rewritten.
pub(in crate::backend) struct Rewritten {
    piece: Piece,
    /// `None` when all was given out.
    rewriter: Option<Box<dyn Rewriter>>,
}

impl Rewritten {
    pub(super) fn new(piece: Piece, rewriter: Box<dyn Rewriter>) -> Self {
        Self { piece, rewriter: Some(rewriter) }
    }

    pub(in crate::backend) const fn is_done(&self) -> bool {
        self.rewriter.is_none()
    }

    pub(in crate::backend) fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BackendError>>> {
        while self.rewriter.is_some() {
            let mut out = Vec::new();
            let passed = match self.piece.poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(piece))) => {
                    let room = piece.len() + piece.len() / 8;
                    out.reserve(room);
                    self.rewriter.as_mut().map_or(Ok(()), |it| it.push(&piece, &mut out))
                }
                Poll::Ready(Some(Err(error))) => {
                    self.rewriter = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => self.rewriter.take().map_or(Ok(()), |it| it.finish(&mut out)),
            };
            if let Err(garbled) = passed {
                self.rewriter = None;
                let (host, cause) = (self.piece.host(), Some(garbled.into()));
                return Poll::Ready(Some(Err(BackendError::Truncated { host, cause })));
            }
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(out.into())));
            }
        }
        Poll::Ready(None)
    }
}

impl fmt::Debug for Rewritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewritten").field("piece", &self.piece).finish_non_exhaustive()
    }
}
