//! Stage 7: the bytes leave: relay with back-pressure, header hygiene (R21), metering, and lapse: a grant that no
//! longer holds ends its stream within a second.

#[cfg(test)]
pub(crate) mod fixture;
mod headers;
mod relay;
mod running;
mod to_the_end;
mod watch;

use http::StatusCode;

pub use relay::{RelayBody, RelayError, answer, relay};
pub use running::{BrokenOff, Held, Running, TooManyAtOnce};
pub use to_the_end::to_the_end;
pub use watch::{Judge, Present, watch};

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
    /// The gateway stopped before the answer was whole.
    Stopped,
}

/// Told once how it ended and after how many bytes of body; dropping it unfinished means [`Outcome::Aborted`].
pub trait Witness {
    fn finished(self, status: StatusCode, bytes: u64, outcome: Outcome);
}
