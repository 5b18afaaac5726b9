//! What a test switches to make the STS slow, failing or busy, and calls that wait for the test's word. Shared by the
//! server and the tests; everything takes effect with the next call.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sluicegate::ground::clock::SignedDuration;
use tokio::sync::watch;

use super::refusal::{Code, Refusal};

/// How a call goes wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Refuse(Code),
    /// The connection ends without an answer.
    HangUp,
}

/// The switches.
#[derive(Debug)]
pub(super) struct Switches {
    delay: Mutex<Duration>,
    faults: Mutex<VecDeque<Fault>>,
    throttled: AtomicBool,
    lifetime: Mutex<Option<SignedDuration>>,
    held: watch::Sender<bool>,
    arrived: watch::Sender<usize>,
}

/// Calls wait as long as this lives.
#[derive(Debug)]
#[must_use]
pub struct Hold<'a>(&'a Switches);

impl Default for Switches {
    fn default() -> Self {
        Self {
            delay: Mutex::default(),
            faults: Mutex::default(),
            throttled: AtomicBool::new(false),
            lifetime: Mutex::default(),
            held: watch::Sender::new(false),
            arrived: watch::Sender::new(0),
        }
    }
}

impl Switches {
    pub(super) fn slow(&self, delay: Duration) {
        *self.delay.lock().unwrap() = delay;
    }

    pub(super) fn fail_next(&self, count: usize, fault: Fault) {
        self.faults.lock().unwrap().extend(std::iter::repeat_n(fault, count));
    }

    pub(super) fn throttle(&self, on: bool) {
        self.throttled.store(on, Ordering::SeqCst);
    }

    pub(super) fn mend(&self) {
        self.slow(Duration::ZERO);
        self.throttle(false);
        self.faults.lock().unwrap().clear();
    }

    pub(super) fn shorten(&self, lifetime: Option<SignedDuration>) {
        *self.lifetime.lock().unwrap() = lifetime;
    }

    /// How long what is issued lives, whatever was asked for.
    pub(super) fn lifetime(&self) -> Option<SignedDuration> {
        *self.lifetime.lock().unwrap()
    }

    pub(super) fn hold(&self) -> Hold<'_> {
        self.held.send_replace(true);
        Hold(self)
    }

    /// How many calls have arrived, waiting ones included.
    pub(super) async fn until_arrived(&self, count: usize) {
        let mut arrived = self.arrived.subscribe();
        arrived.wait_for(|seen| *seen >= count).await.unwrap();
    }

    /// What a call goes through before it is looked at.
    pub(super) async fn pass(&self) -> Result<(), Fault> {
        self.arrived.send_modify(|count| *count += 1);
        let mut held = self.held.subscribe();
        held.wait_for(|held| !held).await.unwrap();
        let delay = *self.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        if let Some(fault) = self.faults.lock().unwrap().pop_front() {
            return Err(fault);
        }
        if self.throttled.load(Ordering::SeqCst) {
            return Err(Fault::Refuse(Code::Throttling));
        }
        Ok(())
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.held.send_replace(false);
    }
}

impl Fault {
    /// What is answered, if anything is.
    pub(super) fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Refuse(code) => Some(code.because(code.words())),
            Self::HangUp => None,
        }
    }
}
