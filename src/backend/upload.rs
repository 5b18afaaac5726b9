//! What is sent with a request: nothing, or a client's body under back-pressure, counted to its announced length.

use std::cell::Cell;
use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

/// The body of a request to a storage.
#[derive(Debug)]
pub(super) enum Payload {
    Nothing,
    Upload(Upload),
}

/// A client's body on its way.
pub(super) struct Upload {
    body: Pin<Box<dyn Body<Data = Bytes, Error = Cause>>>,
    left: u64,
    progress: Rc<Progress>,
}

type Cause = Box<dyn Error + Send + Sync>;

/// How an upload goes, seen by the one who waits for its answer.
#[derive(Debug)]
pub(super) struct Progress {
    moved: Cell<Instant>,
    state: Cell<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The storage takes no more for now.
    Sending,
    /// The client has not sent more yet.
    Awaiting,
    /// All of it was handed over.
    Complete,
    /// The client broke off, or sent another length than it said.
    Failed,
}

/// The client's fault, whichever it was: the storage never sees the end of such a body.
#[derive(Debug, thiserror::Error)]
#[error("the client's body is not of the length that it said")]
struct OtherLength;

impl Upload {
    pub(super) fn new<B>(body: B, length: u64) -> (Self, Rc<Progress>)
    where
        B: Body<Data = Bytes> + 'static,
        B::Error: Into<Cause>,
    {
        use http_body_util::BodyExt;
        let state = if length == 0 { State::Complete } else { State::Sending };
        let progress =
            Rc::new(Progress { moved: Cell::new(Instant::now()), state: Cell::new(state) });
        let body = Box::pin(body.map_err(Into::into));
        (Self { body, left: length, progress: Rc::clone(&progress) }, progress)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cause>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        loop {
            self.progress.state.set(State::Awaiting);
            let frame = ready!(self.body.as_mut().poll_frame(context));
            self.progress.moved.set(Instant::now());
            self.progress.state.set(State::Failed);
            let data = match frame {
                // Trailers of a client are dropped.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(_trailers) => continue,
                },
                Some(Err(cause)) => return Poll::Ready(Some(Err(cause))),
                None => return Poll::Ready(Some(Err(OtherLength.into()))),
            };
            let sent = u64::try_from(data.len()).unwrap_or(u64::MAX);
            let Some(left) = self.left.checked_sub(sent) else {
                return Poll::Ready(Some(Err(OtherLength.into())));
            };
            self.left = left;
            self.progress.state.set(if left == 0 { State::Complete } else { State::Sending });
            return Poll::Ready(Some(Ok(data)));
        }
    }
}

impl Progress {
    pub(super) fn moved(&self) -> Instant {
        self.moved.get()
    }

    pub(super) fn state(&self) -> State {
        self.state.get()
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        match self.get_mut() {
            Self::Nothing => Poll::Ready(None),
            Self::Upload(upload) => {
                upload.poll(context).map(|polled| polled.map(|data| data.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Upload(upload) => upload.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Nothing => SizeHint::with_exact(0),
            Self::Upload(upload) => SizeHint::with_exact(upload.left),
        }
    }
}
