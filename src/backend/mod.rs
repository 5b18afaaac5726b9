//! Stage 6: where the bytes live. A storage kind turns (operation, credential) into one signed request; sending,
//! retrying and checking the answer are one code path for all kinds (D6).

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Frame;

use crate::credential::Credential;
use crate::listener::RequestBody;
use crate::policy::Grant;

/// An answer on its way to the client: no header of it came through unread. Made in this stage, and by
/// [`Reply::ours`] for our own pages.
#[derive(Debug)]
pub struct Reply {
    pub(crate) status: StatusCode,
    /// Ours, or copied from the upstream's by the allow-list.
    pub(crate) headers: HeaderMap,
    pub(crate) body: ReplyBody,
    /// The upstream's id for its request, for the audit.
    pub(crate) upstream_id: Option<Box<str>>,
}

/// The bytes of a reply.
#[derive(Debug)]
pub enum ReplyBody {
    Whole(Bytes),
    // Upstream(..): a stream of one or several parts
}

/// Why the place did not give what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    #[error("the object does not exist")]
    NoSuchObject,
}

impl http_body::Body for ReplyBody {
    type Data = Bytes;
    type Error = BackendError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BackendError>>> {
        todo!()
    }
}

impl Reply {
    /// A reply that the gateway makes by itself.
    #[must_use]
    pub const fn ours(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body: ReplyBody::Whole(body), upstream_id: None }
    }

    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

/// The way out, one per data-plane thread (its connections are never shared).
#[derive(Debug)]
pub struct Store {}

impl Store {
    /// Sends what the grant permits and checks the answer's head.
    ///
    /// # Errors
    /// [`BackendError`]; never a reply that could be cut short unnoticed.
    pub async fn send(
        &self,
        grant: &Grant,
        credential: &Credential,
        body: Option<RequestBody>,
    ) -> Result<Reply, BackendError> {
        let _ = (grant, credential, body);
        todo!()
    }
}
