//! One connection's state that is not bytes: its deadlines, and the switch that cuts it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::task::Waker;

/// Cuts the connection that a request came on, from the same thread and at once, even while the client
/// reads nothing. What the kernel has not sent yet is discarded.
#[derive(Clone, Default)]
pub struct ConnectionSwitch(Rc<Line>);

#[derive(Default)]
struct Line {
    cut: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl ConnectionSwitch {
    /// Ends the connection. Doing it again changes nothing.
    pub fn abort(&self) {
        self.0.cut.set(true);
        if let Some(waker) = self.0.waker.take() {
            waker.wake();
        }
    }
}

impl fmt::Debug for ConnectionSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionSwitch").field("cut", &self.0.cut.get()).finish()
    }
}
