//! The only way out: every connection of ours to another machine is resolved, checked, then made here (R20). Redirects
//! are never followed, environment proxies never read, certificates always verified, an empty server name never sent.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

/// Opens checked connections. Shared by all threads; the connections themselves are not.
#[derive(Debug)]
pub struct Door {}

/// Why there is no connection, or no answer on it.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("{host} resolves to {address}, which [outbound] allow_private does not name")]
    PrivateAddress { host: String, address: std::net::IpAddr },
    #[error("{host} did not answer in time")]
    Timeout { host: String },
}

impl Door {
    /// One slow-path exchange (STS, metadata): absolute URI, whole bodies, no retry. At most `body_limit` bytes back.
    ///
    /// # Errors
    /// [`OutboundError`] for anything but a complete HTTP answer.
    pub async fn exchange(
        &self,
        request: Request<Bytes>,
        deadline: Duration,
        body_limit: usize,
    ) -> Result<Response<Bytes>, OutboundError> {
        let _ = (request, deadline, body_limit);
        todo!()
    }
}
