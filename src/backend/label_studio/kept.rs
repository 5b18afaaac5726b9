//! Files that Label Studio itself keeps, made into answers as HTTP means them. It says how long a file is only where one
//! range of it was asked for, so one always is; it takes no notice of a range past the end; and uploads, whose bytes never
//! change under their names, have no entity tag.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::super::kind::Act;
use super::super::send::Answer;
use super::super::span::ContentRange;
use crate::ground::digest::sha256;
use crate::request::ObjectKey;

const ALL: HeaderValue = HeaderValue::from_static("bytes=0-");
const FIRST_BYTE: HeaderValue = HeaderValue::from_static("bytes=0-0");

/// Asks for a range where nobody did.
pub(super) fn range(act: Act<'_>, headers: &mut HeaderMap) {
    match act {
        Act::Get(_) => {
            headers.entry(RANGE).or_insert(ALL);
        }
        Act::Head(_) => {
            headers.insert(RANGE, FIRST_BYTE);
        }
        Act::Put(_) | Act::List(_) | Act::Call(..) => {}
    }
}

/// Takes back what [`range`] has added. `asked`: whether the client wants one range.
pub(super) fn settle(act: Act<'_>, asked: bool, answer: &mut Answer) -> Result<(), &'static str> {
    let (Act::Get(key) | Act::Head(key)) = act else { return Ok(()) };
    match (answer.status, answer.piece.left()) {
        (StatusCode::PARTIAL_CONTENT, _) => {
            let said = answer.headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
            let part =
                said.and_then(ContentRange::parse).ok_or("it does not say which range it is")?;
            let length = part.of.ok_or("it does not say how long it is")?;
            if let Some(tag) = tag(key, length) {
                answer.headers.insert(ETAG, tag);
            }
            if asked {
                return Ok(());
            }
            if matches!(act, Act::Head(_)) {
                answer.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            } else if part.span.length() != length {
                return Err("it is not all of it");
            }
            answer.headers.remove(CONTENT_RANGE);
            answer.status = StatusCode::OK;
        }
        (StatusCode::OK, None) if asked => answer.status = StatusCode::RANGE_NOT_SATISFIABLE,
        // Only the end of the connection would end it: one that is cut short would pass for whole (R22).
        (StatusCode::OK, None) => return Err("it does not say how long it is"),
        _ => {}
    }
    Ok(())
}

/// An upload's name is new for each upload.
fn tag(key: &ObjectKey, length: u64) -> Option<HeaderValue> {
    let name = key.as_str().strip_prefix("data/upload/")?;
    let digest = sha256(format!("{length} {name}").as_bytes());
    let text = URL_SAFE_NO_PAD.encode(digest.get(..12)?);
    HeaderValue::try_from(format!("\"{text}\"")).ok()
}
