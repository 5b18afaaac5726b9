//! What a request turns out to be about, where its address alone does not say.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

use super::NotFoundWhy;
use super::room::Share;
use crate::catalog::{ProjectId, StorageId};
use crate::request::{Conditions, ObjectKey};

/// Found by [`super::Inquiry::find`], before anybody was asked whether it may be.
#[derive(Debug, Default)]
pub enum Matter {
    /// The operation says it all.
    #[default]
    Told,
    /// Nothing that exists, or nothing that this could be about.
    Nothing(NotFoundWhy),
    /// An object that a task refers to.
    Object { project: ProjectId, storage: StorageId, key: ObjectKey },
    /// Something that Label Studio is to do.
    Work(Box<Work>),
}

/// A request to Label Studio, as it is to be sent.
#[derive(Debug, Default)]
pub struct Work {
    /// Every project that it touches, by Label Studio's number.
    pub projects: Vec<u64>,
    /// See [`super::question::Question`].
    pub own: Option<bool>,
    /// Path and query in canonical form.
    pub target: Box<str>,
    /// Whether it compares raw values with what may hold locations.
    pub filters_raw: bool,
    pub body: Option<WorkBody>,
    /// The gateway's own origin, as the client named it.
    pub origin: Box<str>,
    pub asked: Asked,
}

/// What a client says of the form that it wants a file in.
#[derive(Debug, Default)]
pub struct Asked {
    pub conditions: Conditions,
    pub takes_gzip: bool,
}

/// A body that was read, decided about and, where it held handles, opened.
#[derive(Debug, Clone)]
pub struct WorkBody {
    pub content_type: HeaderValue,
    pub bytes: Bytes,
    /// Taken for as long as the body is held.
    pub(super) _share: Arc<Share>,
}
