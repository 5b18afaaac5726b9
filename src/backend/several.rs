//! Several ranges of one object in one answer (RFC 9110, section 15.3.7.2), part by part, never more than one part at
//! a time. Every part is asked for with the same entity tag, so parts of two states of an object never mix (R22).

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, IF_MATCH, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::kind::Act;
use super::piece::Piece;
use super::send::Errand;
use super::span::range_header;
use super::validators::{Validators, Verdict};
use super::{BackendError, Reply, ReplyBody, headers, read};
use crate::request::{ByteRange, ObjectKey, ObjectRead, Ranges, Resolved, Span};

/// Answers a read of several ranges.
pub(super) async fn read(
    errand: &Errand,
    key: &ObjectKey,
    read: &ObjectRead,
    ranges: &Ranges,
) -> Result<Reply, BackendError> {
    let head = read::head(errand, key, read).await?;
    let validators = Validators::of(&head.headers);
    match validators.judge(&read.conditions) {
        _ if head.status == StatusCode::NOT_MODIFIED => return Ok(head.into_not_modified(errand)),
        Verdict::NotModified => return Ok(head.into_not_modified(errand)),
        Verdict::Failed => return Err(BackendError::PreconditionFailed),
        Verdict::Proceed => (),
    }
    let length = head.said_length(errand)?;
    let may_send = validators.may_send_range(read.conditions.if_range.as_ref());
    let (Some(length), Some(etag), true) = (length, validators.strong().cloned(), may_send) else {
        // Nothing to hold the parts together by, or another object than the client's: then all of it.
        return read::whole(errand, key, read).await;
    };
    let spans = match ranges.resolve(length) {
        Resolved::Parts(spans) => spans,
        Resolved::Unsatisfiable => return Err(BackendError::RangeNotSatisfiable { length }),
        Resolved::Whole => return read::whole(errand, key, read).await,
    };
    let object = Object { errand: errand.clone(), key: key.clone(), etag, length };
    let mut headers = headers::of_object(&head.headers, None);
    let body = if let [one] = spans.as_slice() {
        let piece = object.part(*one).await?;
        put(&mut headers, http::header::CONTENT_RANGE, &content_range(*one, length))?;
        ReplyBody::one(piece)
    } else {
        let several = Several::open(object, spans, &mut headers).await?;
        ReplyBody::several(several)
    };
    let left = http_body::Body::size_hint(&body).exact();
    put(&mut headers, http::header::CONTENT_LENGTH, &left.unwrap_or_default().to_string())?;
    Ok(head.reply(errand, StatusCode::PARTIAL_CONTENT, headers, body))
}

fn put(headers: &mut HeaderMap, name: http::HeaderName, text: &str) -> Result<(), BackendError> {
    let value =
        HeaderValue::from_str(text).map_err(|cause| BackendError::Unwritable(cause.into()))?;
    headers.insert(name, value);
    Ok(())
}

fn content_range(span: Span, of: u64) -> String {
    format!("bytes {}-{}/{of}", span.first, span.last)
}

/// One state of one object.
#[derive(Debug, Clone)]
struct Object {
    errand: Errand,
    key: ObjectKey,
    etag: HeaderValue,
    length: u64,
}

impl Object {
    /// The bytes of one span, of this state and no other.
    async fn part(&self, span: Span) -> Result<Piece, BackendError> {
        let range = ByteRange::Bounded { first: span.first, last: span.last };
        let mut headers = HeaderMap::new();
        headers.insert(IF_MATCH, self.etag.clone());
        if let Some(range) = range_header(range) {
            headers.insert(RANGE, range);
        }
        let mut answer = self.errand.ask(Act::Get(&self.key), headers).await?;
        match answer.status {
            StatusCode::PARTIAL_CONTENT => (),
            StatusCode::PRECONDITION_FAILED
            | StatusCode::NOT_FOUND
            | StatusCode::RANGE_NOT_SATISFIABLE => return Err(BackendError::ChangedMidRead),
            _ => return Err(self.errand.explain(answer).await),
        }
        let same = Validators::of(&answer.headers).strong() == Some(&self.etag);
        let (_, part) = answer.check_part(&self.errand, range)?;
        if !same || part.of.is_some_and(|of| of != self.length) {
            return Err(BackendError::ChangedMidRead);
        }
        Ok(answer.piece)
    }
}

/// The body: preamble, part, preamble, part, …, closing line.
pub(super) struct Several {
    object: Object,
    /// What is to come, the next one last.
    ahead: Vec<(Bytes, Span)>,
    closing: Bytes,
    now: Now,
    left: u64,
}

enum Now {
    /// A part is open, but its preamble is still to be sent.
    Before(Bytes, Piece),
    Within(Piece),
    Opening(Bytes, Pin<Box<dyn Future<Output = Result<Piece, BackendError>>>>),
    Closed,
}

impl Several {
    /// Opens the first part; sets the type of the whole.
    async fn open(
        object: Object,
        spans: Vec<Span>,
        headers: &mut HeaderMap,
    ) -> Result<Self, BackendError> {
        let boundary = boundary(object.errand.way.random.bytes::<16>());
        let part_type = headers.get(CONTENT_TYPE).cloned();
        put(headers, CONTENT_TYPE, &format!("multipart/byteranges; boundary={boundary}"))?;
        // The parts are of the coded bytes and say nothing of a coding: the whole is to be saved as it is.
        if headers.remove(CONTENT_ENCODING).is_some() {
            headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
        }
        let of = object.length;
        let mut ahead: Vec<(Bytes, Span)> = spans
            .into_iter()
            .enumerate()
            .map(|(at, span)| (preamble(&boundary, part_type.as_ref(), (at, span), of), span))
            .collect();
        let closing = Bytes::from(format!("\r\n--{boundary}--\r\n"));
        let size = |bytes: &Bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let left = ahead
            .iter()
            .map(|(text, span)| size(text).saturating_add(span.length()))
            .fold(size(&closing), u64::saturating_add);
        ahead.reverse();
        let now = match ahead.pop() {
            Some((text, span)) => Now::Before(text, object.part(span).await?),
            None => Now::Closed,
        };
        Ok(Self { object, ahead, closing, now, left })
    }

    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BackendError>>> {
        let polled = std::task::ready!(self.advance(context));
        if let Some(Ok(data)) = &polled {
            self.left -= u64::try_from(data.len()).unwrap_or(u64::MAX).min(self.left);
        }
        Poll::Ready(polled)
    }

    fn advance(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BackendError>>> {
        loop {
            match std::mem::replace(&mut self.now, Now::Closed) {
                Now::Before(text, piece) => {
                    self.now = Now::Within(piece);
                    return Poll::Ready(Some(Ok(text)));
                }
                Now::Within(mut piece) => match piece.poll(context) {
                    Poll::Ready(None) => match self.ahead.pop() {
                        Some((text, span)) => self.now = self.opening(text, span),
                        None => return Poll::Ready(Some(Ok(std::mem::take(&mut self.closing)))),
                    },
                    polled @ (Poll::Ready(Some(_)) | Poll::Pending) => {
                        self.now = Now::Within(piece);
                        return polled;
                    }
                },
                Now::Opening(text, mut part) => match part.as_mut().poll(context) {
                    Poll::Ready(Ok(piece)) => self.now = Now::Before(text, piece),
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Poll::Pending => {
                        self.now = Now::Opening(text, part);
                        return Poll::Pending;
                    }
                },
                Now::Closed => return Poll::Ready(None),
            }
        }
    }

    fn opening(&self, text: Bytes, span: Span) -> Now {
        let object = self.object.clone();
        Now::Opening(text, Box::pin(async move { object.part(span).await }))
    }
}

impl std::fmt::Debug for Several {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Several").field("left", &self.left).finish_non_exhaustive()
    }
}

/// 128 random bits: no object can hold it but by chance.
fn boundary(bits: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(bits))
}

fn preamble(
    boundary: &str,
    part_type: Option<&HeaderValue>,
    (at, span): (usize, Span),
    of: u64,
) -> Bytes {
    let mut text = Vec::with_capacity(192);
    text.extend_from_slice(if at == 0 { b"--" } else { b"\r\n--" });
    text.extend_from_slice(boundary.as_bytes());
    if let Some(part_type) = part_type {
        text.extend_from_slice(b"\r\nContent-Type: ");
        text.extend_from_slice(part_type.as_bytes());
    }
    let range = format!("\r\nContent-Range: {}\r\n\r\n", content_range(span, of));
    text.extend_from_slice(range.as_bytes());
    Bytes::from(text)
}
