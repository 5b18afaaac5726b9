//! What a kind of storage must tell: how to ask for something, and what its answers mean. Sending, retrying,
//! relaying, ranges, conditions and headers are the same for all kinds (D6).

use std::fmt;
use std::rc::Rc;

use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};

use super::BackendError;
use super::s3::Bucket;
use super::send::Answer;
use crate::catalog::Place;
use crate::credential::Credential;
use crate::ground::clock::Timestamp;
use crate::outbound::Host;
use crate::request::{ObjectKey, Page};

/// RFC 1864; no header of HTTP's registry, but one that storages check.
pub(super) const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

/// One storage, ready to be asked.
pub(super) trait Kind: fmt::Debug {
    /// Where requests go.
    fn host(&self) -> &Host;

    /// One request as it will stand on the wire. `headers` are those of the wanted; the kind adds its own.
    fn sign(
        &self,
        wanted: Wanted<'_>,
        credential: &Credential,
        at: Timestamp,
    ) -> Result<Signed, BackendError>;

    /// The answer's header that names the request to the storage's own support.
    fn request_id(&self) -> &'static str;

    /// What an answer other than a success, 304 or 416 means.
    fn explain(&self, failure: &Failure<'_>) -> BackendError;

    /// Makes the head of an answer to a read what HTTP means by it, where the kind has ways of its own. `ranged`: whether the
    /// request asked for a range. The error says why no use can be made of it.
    fn settle(
        &self,
        _act: Act<'_>,
        _ranged: bool,
        _answer: &mut Answer,
    ) -> Result<(), &'static str> {
        Ok(())
    }

    /// Whether some of its answers have no other end than the connection's, and are taken all the same.
    fn may_end_with_connection(&self) -> bool {
        false
    }

    /// Reads one page of a listing.
    fn listing(&self, page: &Page, body: &[u8]) -> Result<Listing, BackendError>;
}

/// What is wanted of a storage.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub act: Act<'a>,
    /// Range, conditions, a body's type and length: the same in every kind.
    pub headers: HeaderMap,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Act<'a> {
    Get(&'a ObjectKey),
    Head(&'a ObjectKey),
    Put(&'a ObjectKey),
    List(&'a Page),
    /// Of Label Studio only: any method, with path and query.
    Call(&'a Method, &'a str),
}

/// A request that lacks only its body.
#[derive(Debug)]
pub(super) struct Signed {
    pub method: Method,
    /// Origin form, sent as it is.
    pub target: Uri,
    pub headers: HeaderMap,
}

/// An answer that is a no.
#[derive(Debug)]
pub(super) struct Failure<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    /// The beginning of the body.
    pub body: &'a [u8],
}

/// One page of keys, relative to the storage's prefix.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Listing {
    pub objects: Vec<Listed>,
    /// Ask for what comes after it, when there is more.
    pub next: Option<String>,
}

#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Listed {
    pub key: String,
    pub size: u64,
    pub modified: Option<String>,
}

/// Every kind there is.
pub(super) fn of(place: &Place) -> Result<Rc<dyn Kind>, BackendError> {
    match place {
        Place::S3(place) => Ok(Rc::new(Bucket::new(place)?)),
    }
}
