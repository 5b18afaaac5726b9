//! An object behind a tap: in every answer, its bytes leave when the test lets them. For what happens while somebody reads.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Shut at first. Shared by the server and the test.
#[derive(Debug, Clone, Default)]
pub struct Tap(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    open: usize,
    waiting: Vec<Waker>,
    cut: usize,
}

/// What is read of the object by one answer.
#[derive(Debug)]
pub(super) struct Poured {
    tap: Tap,
    given: usize,
    left: Bytes,
}

impl Tap {
    /// So many bytes more may leave, in each answer.
    pub fn let_out(&self, count: usize) {
        let mut state = self.0.lock().unwrap();
        state.open = state.open.saturating_add(count);
        state.waiting.drain(..).for_each(Waker::wake);
    }

    /// How many answers ended before the object did: their connections were closed from outside.
    pub fn cut(&self) -> usize {
        self.0.lock().unwrap().cut
    }

    pub(super) fn pour(&self, bytes: Bytes) -> Poured {
        Poured { tap: self.clone(), given: 0, left: bytes }
    }
}

impl Body for Poured {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        if this.left.is_empty() {
            return Poll::Ready(None);
        }
        let mut state = this.tap.0.lock().unwrap();
        let may = (state.open - this.given).min(this.left.len());
        if may == 0 {
            state.waiting.push(context.waker().clone());
            return Poll::Pending;
        }
        this.given += may;
        Poll::Ready(Some(Ok(Frame::data(this.left.split_to(may)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.left.len()).unwrap())
    }
}

impl Drop for Poured {
    fn drop(&mut self) {
        if !self.left.is_empty() {
            self.tap.0.lock().unwrap().cut += 1;
        }
    }
}
