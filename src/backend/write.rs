//! Writing one object, whole.

use std::rc::Rc;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::kind::{Act, CONTENT_MD5};
use super::send::Errand;
use super::upload::{Progress, Upload};
use super::validators::is_strong_tag;
use super::{BackendError, Reply, ReplyBody, headers};
use crate::request::{Conditions, ObjectKey, ObjectWrite};

/// Answers a write.
pub(super) async fn write(
    errand: &Errand,
    key: &ObjectKey,
    write: &ObjectWrite,
    upload: (Upload, Rc<Progress>),
) -> Result<Reply, BackendError> {
    let mut wanted = HeaderMap::new();
    wanted.insert(CONTENT_LENGTH, HeaderValue::from(write.length));
    for (name, value) in [(CONTENT_TYPE, &write.content_type), (CONTENT_MD5, &write.content_md5)] {
        if let Some(value) = value {
            wanted.insert(name, value.clone());
        }
    }
    conditions(&write.conditions, &mut wanted)?;
    let only_new = wanted.contains_key(IF_NONE_MATCH);
    let answer = errand.put(Act::Put(key), wanted, upload).await?;
    match answer.status {
        StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => {
            // Only then is it known that there was nothing before.
            let status = if only_new { StatusCode::CREATED } else { StatusCode::OK };
            let headers = headers::of_write(&answer.headers);
            Ok(answer.reply(errand, status, headers, ReplyBody::empty()))
        }
        _ => Err(errand.explain(answer).await),
    }
}

/// What a write may depend on: a condition that the storage would not judge must not be dropped unsaid.
fn conditions(conditions: &Conditions, wanted: &mut HeaderMap) -> Result<(), BackendError> {
    let unsupported = |header| Err(BackendError::UnsupportedCondition { header });
    match &conditions.if_none_match {
        Some(any) if any == "*" => wanted.insert(IF_NONE_MATCH, any.clone()),
        Some(_) => return unsupported("If-None-Match"),
        None => None,
    };
    match &conditions.if_match {
        Some(tag) if is_strong_tag(tag.as_bytes()) => wanted.insert(IF_MATCH, tag.clone()),
        Some(_) => return unsupported("If-Match"),
        None => None,
    };
    if conditions.if_unmodified_since.is_some() && conditions.if_match.is_none() {
        return unsupported("If-Unmodified-Since");
    }
    Ok(())
}
