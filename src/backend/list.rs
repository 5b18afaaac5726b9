//! Listing a storage's keys, page by page, as JSON.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::kind::Act;
use super::send::{Errand, upstream_id};
use super::{BackendError, Reply, ReplyBody, headers};
use crate::request::Page;

/// A thousand keys of 1,024 bytes, each of which may take three to write, and what stands around them.
const LONGEST: usize = 8 * 1024 * 1024;

/// Answers a list.
pub(super) async fn list(errand: &Errand, page: &Page) -> Result<Reply, BackendError> {
    let answer = errand.ask(Act::List(page), HeaderMap::new()).await?;
    if answer.status != StatusCode::OK {
        return Err(errand.explain(answer).await);
    }
    let upstream_id = upstream_id(&*errand.kind, &answer.headers);
    let (body, complete) = answer.piece.read(LONGEST).await?;
    if !complete {
        return Err(errand.unusable("its listing is longer than a listing can be"));
    }
    let listing = errand.kind.listing(page, &body)?;
    let json = serde_json::to_vec(&listing).map_err(BackendError::Unprintable)?;
    let headers = headers::of_listing(json.len());
    Ok(Reply {
        status: StatusCode::OK,
        headers,
        body: ReplyBody::Whole(Bytes::from(json)),
        upstream_id,
        attendance: None,
    })
}
