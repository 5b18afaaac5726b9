//! The bytes of a reply: what we made ourselves, one upstream answer, or several in one.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::BackendError;
use super::label_studio::Rewritten;
use super::piece::Piece;
use super::several::Several;

/// The bytes of a reply. Ends cleanly only when all of them were handed out.
#[derive(Debug)]
pub enum ReplyBody {
    Whole(Bytes),
    Upstream(Upstream),
}

/// Bytes that come from a storage while they leave.
#[derive(Debug)]
pub struct Upstream(Parts);

#[derive(Debug)]
enum Parts {
    One(Piece),
    Several(Box<Several>),
    Rewritten(Box<Rewritten>),
}

impl ReplyBody {
    pub(super) const fn empty() -> Self {
        Self::Whole(Bytes::new())
    }

    pub(super) const fn one(piece: Piece) -> Self {
        Self::Upstream(Upstream(Parts::One(piece)))
    }

    pub(super) fn several(several: Several) -> Self {
        Self::Upstream(Upstream(Parts::Several(Box::new(several))))
    }

    pub(super) fn rewritten(rewritten: Rewritten) -> Self {
        Self::Upstream(Upstream(Parts::Rewritten(Box::new(rewritten))))
    }

    /// How many bytes are still to come, if that is known.
    fn left(&self) -> Option<u64> {
        match self {
            Self::Whole(bytes) => u64::try_from(bytes.len()).ok(),
            Self::Upstream(Upstream(Parts::One(piece))) => piece.left(),
            Self::Upstream(Upstream(Parts::Several(several))) => Some(several.left()),
            Self::Upstream(Upstream(Parts::Rewritten(_))) => None,
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BackendError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BackendError>>> {
        let polled = match self.get_mut() {
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Self::Upstream(Upstream(Parts::One(piece))) => piece.poll(context),
            Self::Upstream(Upstream(Parts::Several(several))) => several.poll(context),
            Self::Upstream(Upstream(Parts::Rewritten(rewritten))) => rewritten.poll(context),
        };
        polled.map(|data| data.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Upstream(Upstream(Parts::One(piece))) => piece.is_done(),
            Self::Upstream(Upstream(Parts::Several(several))) => several.left() == 0,
            Self::Upstream(Upstream(Parts::Rewritten(rewritten))) => rewritten.is_done(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
