//! Stage 6: where the bytes live. A storage kind turns (operation, credential) into one signed request; sending,
//! retrying and checking the answer are one code path for all kinds (D6).

mod body;
mod budget;
mod content;
mod error;
mod headers;
mod kind;
mod label_studio;
mod list;
mod piece;
mod pool;
mod read;
mod s3;
mod send;
mod several;
mod span;
mod store;
#[cfg(test)]
mod tests;
mod upload;
mod validators;
mod vigil;
mod write;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};

use crate::catalog::Place;
use crate::identity::Attendance;
use crate::outbound::Host;
use crate::policy::Grant;

pub use body::{ReplyBody, Upstream};
pub use error::{BackendError, Code};
pub use label_studio::{Install, Withheld};
pub use pool::Settings;
pub use s3::place as s3_place;
pub use store::Store;

/// The server that holds a place.
///
/// # Errors
/// [`BackendError`] for a place that no request could ever be made to.
pub fn host_of(place: &Place) -> Result<Host, BackendError> {
    Ok(kind::of(place)?.host().clone())
}

/// An answer on its way to the client: no header of it came through unread. Made by [`Store::send`], and by
/// [`Reply::ours`] for our own pages: by neither without a grant.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    /// Ours, or copied from the upstream's by the allow-list.
    headers: HeaderMap,
    body: ReplyBody,
    /// The upstream's id for its request.
    upstream_id: Option<Box<str>>,
    attendance: Option<Box<Attendance>>,
}

impl Reply {
    /// A reply that the gateway makes by itself, for what was granted. `attendance`: who came or went by this request.
    #[must_use]
    pub(crate) fn ours(
        _granted: &Grant,
        response: Response<Bytes>,
        attendance: Option<Box<Attendance>>,
    ) -> Self {
        let (head, body) = response.into_parts();
        let (status, headers) = (head.status, head.headers);
        Self { status, headers, body: ReplyBody::Whole(body), upstream_id: None, attendance }
    }

    /// What an upstream answered, fit to leave.
    fn relayed(status: StatusCode, headers: HeaderMap, body: ReplyBody) -> Self {
        Self { status, headers, body, upstream_id: None, attendance: None }
    }

    /// The upstream's id for its request, for the audit.
    #[must_use]
    pub(crate) fn upstream_id(&self) -> Option<&str> {
        self.upstream_id.as_deref()
    }

    /// Who came or went by this request, for the audit: when it came, that was nobody.
    #[must_use]
    pub(crate) fn attendance(&self) -> Option<&Attendance> {
        self.attendance.as_deref()
    }

    #[must_use]
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// Bytes of a body that is here whole.
    #[must_use]
    pub(crate) fn length(&self) -> u64 {
        match &self.body {
            ReplyBody::Whole(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            ReplyBody::Upstream(_) => 0,
        }
    }

    /// What the client gets.
    #[must_use]
    pub(crate) fn into_response(self) -> Response<ReplyBody> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
