//! Reading one object: whole, one range of it, or its head. Several ranges: `several`.

use http::header::{
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_MATCH, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderMap, StatusCode};

use super::send::{Answer, Errand, upstream_id};
use super::span::{ContentRange, number, range_header};
use super::validators::{Validators, Verdict, conditions_for_storage};
use super::{BackendError, Reply, ReplyBody, headers, several};
use crate::request::{ByteRange, IfRange, ObjectKey, ObjectRead};

use super::kind::Act;

/// Answers a read.
pub(super) async fn read(
    errand: &Errand,
    key: &ObjectKey,
    read: &ObjectRead,
) -> Result<Reply, BackendError> {
    if read.head_only {
        // A range is of GET only: RFC 9110, section 14.2.
        let answer = head(errand, key, read).await?;
        return answer.into_head(errand, read);
    }
    let Some(ranges) = &read.ranges else {
        return whole(errand, key, read).await;
    };
    match ranges.as_slice() {
        _ if matches!(read.conditions.if_range, Some(IfRange::Never)) => {
            whole(errand, key, read).await
        }
        // Storages differ on it; it reaches nothing.
        [ByteRange::Suffix { length: 0 }] => unsatisfiable(errand, key, read).await,
        [one] => single(errand, key, read, *one).await,
        // Boxed: rare, and large.
        _ => Box::pin(several::read(errand, key, read, ranges)).await,
    }
}

/// All of the object.
pub(super) async fn whole(
    errand: &Errand,
    key: &ObjectKey,
    read: &ObjectRead,
) -> Result<Reply, BackendError> {
    let mut headers = HeaderMap::new();
    conditions_for_storage(&read.conditions, &mut headers);
    let answer = errand.ask(Act::Get(key), headers).await?;
    match answer.status {
        StatusCode::OK => answer.into_whole(errand, read),
        _ => answer.into_no(errand, read).await,
    }
}

async fn single(
    errand: &Errand,
    key: &ObjectKey,
    read: &ObjectRead,
    range: ByteRange,
) -> Result<Reply, BackendError> {
    let mut headers = HeaderMap::new();
    conditions_for_storage(&read.conditions, &mut headers);
    let guarded = guard(read, &mut headers);
    if let Some(range) = range_header(range) {
        headers.insert(RANGE, range);
    }
    let answer = errand.ask(Act::Get(key), headers).await?;
    let may_send =
        Validators::of(&answer.headers).may_send_range(read.conditions.if_range.as_ref());
    match answer.status {
        // A server may ignore a range.
        StatusCode::OK => answer.into_whole(errand, read),
        StatusCode::PARTIAL_CONTENT if may_send => answer.into_part(errand, read, range),
        StatusCode::PARTIAL_CONTENT => whole(errand, key, read).await,
        StatusCode::PRECONDITION_FAILED if guarded => whole(errand, key, read).await,
        StatusCode::RANGE_NOT_SATISFIABLE => unsatisfiable(errand, key, read).await,
        _ => answer.into_no(errand, read).await,
    }
}

/// Lets the storage see to `If-Range`, where the client has no condition of its own in that place. Whether it does.
fn guard(read: &ObjectRead, headers: &mut HeaderMap) -> bool {
    let conditions = &read.conditions;
    if conditions.if_match.is_some() || conditions.if_unmodified_since.is_some() {
        return false;
    }
    match &conditions.if_range {
        Some(IfRange::Tag(tag)) => headers.insert(IF_MATCH, tag.clone()),
        Some(IfRange::Date(date)) => headers.insert(IF_UNMODIFIED_SINCE, date.clone()),
        Some(IfRange::Never) | None => return false,
    };
    true
}

/// The range reaches nothing: says how long the object is, after its conditions had their say.
async fn unsatisfiable(
    errand: &Errand,
    key: &ObjectKey,
    read: &ObjectRead,
) -> Result<Reply, BackendError> {
    let answer = head(errand, key, read).await?;
    if answer.status != StatusCode::OK {
        return answer.into_head(errand, read);
    }
    let validators = Validators::of(&answer.headers);
    match validators.judge(&read.conditions) {
        Verdict::Failed => Err(BackendError::PreconditionFailed),
        Verdict::NotModified => Ok(answer.into_not_modified(errand)),
        Verdict::Proceed if !validators.may_send_range(read.conditions.if_range.as_ref()) => {
            whole(errand, key, read).await
        }
        Verdict::Proceed => {
            let length = answer.said_length(errand)?.unwrap_or(0);
            Err(BackendError::RangeNotSatisfiable { length })
        }
    }
}

/// The head of the object, or a 304. Everything else is an error.
pub(super) async fn head(
    errand: &Errand,
    key: &ObjectKey,
    read: &ObjectRead,
) -> Result<Answer, BackendError> {
    let mut headers = HeaderMap::new();
    conditions_for_storage(&read.conditions, &mut headers);
    let answer = errand.ask(Act::Head(key), headers).await?;
    match answer.status {
        StatusCode::OK => Ok(answer),
        StatusCode::NOT_MODIFIED if asked_for_304(read) => Ok(answer),
        StatusCode::PRECONDITION_FAILED if !asked_for_412(read) => {
            Err(errand.unusable("a condition failed that was not set"))
        }
        _ => Err(errand.explain(answer).await),
    }
}

const fn asked_for_304(read: &ObjectRead) -> bool {
    read.conditions.if_none_match.is_some() || read.conditions.if_modified_since.is_some()
}

const fn asked_for_412(read: &ObjectRead) -> bool {
    read.conditions.if_match.is_some() || read.conditions.if_unmodified_since.is_some()
}

impl Answer {
    /// A reply to HEAD, from an answer of [`head`].
    fn into_head(self, errand: &Errand, read: &ObjectRead) -> Result<Reply, BackendError> {
        if self.status == StatusCode::NOT_MODIFIED {
            return Ok(self.into_not_modified(errand));
        }
        let length = self.said_length(errand)?;
        match Validators::of(&self.headers).judge(&read.conditions) {
            Verdict::Failed => Err(BackendError::PreconditionFailed),
            Verdict::NotModified => Ok(self.into_not_modified(errand)),
            Verdict::Proceed => {
                let headers = headers::of_object(&self.headers, length);
                Ok(self.reply(errand, StatusCode::OK, headers, ReplyBody::empty()))
            }
        }
    }

    /// The length that the head of an answer without a body says.
    pub(super) fn said_length(&self, errand: &Errand) -> Result<Option<u64>, BackendError> {
        let mut values = self.headers.get_all(CONTENT_LENGTH).iter();
        let Some(first) = values.next() else { return Ok(None) };
        let length = first.to_str().ok().and_then(number);
        match (length, values.all(|other| other == first)) {
            (Some(length), true) => Ok(Some(length)),
            _ => Err(errand.unusable("its length is not one number")),
        }
    }

    fn into_whole(self, errand: &Errand, read: &ObjectRead) -> Result<Reply, BackendError> {
        match Validators::of(&self.headers).judge(&read.conditions) {
            Verdict::Failed => Err(BackendError::PreconditionFailed),
            Verdict::NotModified => Ok(self.into_not_modified(errand)),
            Verdict::Proceed => {
                let headers = headers::of_object(&self.headers, self.piece.left());
                Ok(self.stream(errand, StatusCode::OK, headers))
            }
        }
    }

    fn into_part(
        mut self,
        errand: &Errand,
        read: &ObjectRead,
        range: ByteRange,
    ) -> Result<Reply, BackendError> {
        let (header, _) = self.check_part(errand, range)?;
        match Validators::of(&self.headers).judge(&read.conditions) {
            Verdict::Failed => Err(BackendError::PreconditionFailed),
            Verdict::NotModified => Ok(self.into_not_modified(errand)),
            Verdict::Proceed => {
                let mut headers = headers::of_object(&self.headers, self.piece.left());
                headers.insert(CONTENT_RANGE, header);
                Ok(self.stream(errand, StatusCode::PARTIAL_CONTENT, headers))
            }
        }
    }

    /// Whether a 206 is the very part that was asked for. Its `Content-Range`, as sent and as read.
    pub(super) fn check_part(
        &mut self,
        errand: &Errand,
        range: ByteRange,
    ) -> Result<(http::HeaderValue, ContentRange), BackendError> {
        let several = self.headers.get(CONTENT_TYPE).is_some_and(|kind| {
            kind.as_bytes().to_ascii_lowercase().starts_with(b"multipart/byteranges")
        });
        let mut values = self.headers.get_all(CONTENT_RANGE).iter();
        let (Some(header), None, false) = (values.next(), values.next(), several) else {
            return Err(errand.unusable("it does not say which one range it is"));
        };
        let part = header.to_str().ok().and_then(ContentRange::parse);
        let Some(part) = part.filter(|part| part.answers(range)) else {
            return Err(errand.unusable("it is not the range that was asked for"));
        };
        let length = part.span.length();
        match self.piece.left() {
            None => self.piece.expect(length),
            Some(said) if said == length => (),
            Some(_other) => return Err(errand.unusable("its length is not its range's")),
        }
        Ok((header.clone(), part))
    }

    /// What an answer without the object means.
    async fn into_no(self, errand: &Errand, read: &ObjectRead) -> Result<Reply, BackendError> {
        match self.status {
            StatusCode::NOT_MODIFIED if asked_for_304(read) => Ok(self.into_not_modified(errand)),
            StatusCode::PRECONDITION_FAILED if !asked_for_412(read) => {
                Err(errand.unusable("a condition failed that was not set"))
            }
            _ => Err(errand.explain(self).await),
        }
    }

    pub(super) fn into_not_modified(self, errand: &Errand) -> Reply {
        let headers = headers::not_modified(&self.headers);
        self.reply(errand, StatusCode::NOT_MODIFIED, headers, ReplyBody::empty())
    }

    fn stream(self, errand: &Errand, status: StatusCode, headers: HeaderMap) -> Reply {
        let upstream_id = upstream_id(&*errand.kind, &self.headers);
        Reply { status, headers, body: ReplyBody::one(self.piece), upstream_id, attendance: None }
    }

    /// A reply without this answer's body.
    pub(super) fn reply(
        self,
        errand: &Errand,
        status: StatusCode,
        headers: HeaderMap,
        body: ReplyBody,
    ) -> Reply {
        let upstream_id = upstream_id(&*errand.kind, &self.headers);
        Reply { status, headers, body, upstream_id, attendance: None }
    }
}
