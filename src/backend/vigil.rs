//! A watch over something that must keep moving. One timer per request, armed only when there is really something to
//! wait for and not moved at every byte: it looks when it rings whether there was progress.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Rings when nothing moved for a time.
#[derive(Debug)]
pub(super) struct Vigil {
    moved: Instant,
    /// Since it moved last, somebody found nothing to do. While nobody asks, nothing is late.
    waiting: bool,
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Vigil {
    pub(super) fn new(limit: Duration) -> Self {
        Self { moved: Instant::now(), waiting: false, limit, timer: None }
    }

    /// Something moved.
    pub(super) fn moved(&mut self) {
        self.moved = Instant::now();
        self.waiting = false;
    }

    /// Something moved then, as seen by somebody else.
    pub(super) fn moved_at(&mut self, at: Instant) {
        self.moved = self.moved.max(at);
    }

    /// Another limit holds from now on.
    pub(super) fn limit(&mut self, limit: Duration) {
        self.moved();
        if limit < self.limit
            && let Some(timer) = &mut self.timer
        {
            timer.as_mut().reset(self.moved + limit);
        }
        self.limit = limit;
    }

    pub(super) const fn waited(&self) -> Duration {
        self.limit
    }

    /// Whether nothing moved for too long. To be called when there is nothing to do; wakes the task otherwise.
    pub(super) fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if !self.waiting {
            self.waiting = true;
            self.moved = Instant::now();
        }
        let due = self.moved + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        while timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= due {
                return true;
            }
            timer.as_mut().reset(due);
        }
        false
    }

    /// Waits for `what`, or until nothing moved for too long (`None`).
    pub(super) async fn over<T>(&mut self, what: impl Future<Output = T>) -> Option<T> {
        let mut what = std::pin::pin!(what);
        std::future::poll_fn(|context| match what.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.is_over(context) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }
}
