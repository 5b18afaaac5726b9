//! Stage 6: where the bytes live. A storage kind turns (operation, credential) into one signed request; sending,
//! retrying and checking the answer are one code path for all kinds (D6).

mod body;
mod budget;
mod content;
mod error;
mod headers;
mod kind;
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
use http::{HeaderMap, StatusCode};

use crate::catalog::Place;
use crate::outbound::Host;

pub use body::{ReplyBody, Upstream};
pub use error::{BackendError, Code};
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
    /// Who signed in by this request, for the audit: when it came, that was nobody.
    pub(crate) signed_in: Option<Box<str>>,
}

impl Reply {
    /// A reply that the gateway makes by itself.
    #[must_use]
    pub const fn ours(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body: ReplyBody::Whole(body), upstream_id: None, signed_in: None }
    }

    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}
