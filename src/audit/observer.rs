//! Who counts what happened (metrics) is told here, once per request.

use http::StatusCode;

use crate::listener::RequestId;
use crate::stream::Outcome;

/// Counts requests. Called on the data plane: must be cheap and must not wait.
pub trait Observer: Send + Sync + std::fmt::Debug {
    /// One more request is in flight.
    fn began(&self) {}
    /// One fewer.
    fn ended(&self, _ended: &Ended) {}
}

/// What there is to count about one request.
#[derive(Debug)]
pub struct Ended {
    pub request: RequestId,
    /// `None`: what was asked is not an operation.
    pub operation: Option<&'static str>,
    pub status: StatusCode,
    /// The refusal's code.
    pub code: Option<&'static str>,
    pub bytes: u64,
    pub outcome: Outcome,
    pub duration_us: u64,
}

/// Counts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Observer for Nobody {}
