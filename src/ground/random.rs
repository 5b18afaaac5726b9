//! Randomness as an argument. The only file that asks the machine for random bits.

use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A source of unpredictable bytes.
#[derive(Clone, Debug)]
pub struct Random(Arc<dyn SecureRandom + Send + Sync>);

impl Random {
    /// The operating system's generator.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for it")]
    pub fn system() -> Self {
        Self(Arc::new(SystemRandom::new()))
    }

    /// `N` fresh bytes. A machine without randomness cannot be trusted to go on, so this ends the
    /// request (or the start) that asked.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        #[expect(clippy::expect_used, reason = "no randomness: no service")]
        self.0.fill(&mut bytes).expect("the system's random generator failed");
        bytes
    }
}
