//! What of Label Studio's answers leaves, by the class that the catalogue gives each route. No header of it comes through
//! but a content type from a list; no answer of a kind that was not expected; no text of its errors but JSON, rewritten.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::sync::Semaphore;

use super::super::error::Code;
use super::super::send::{Answer, Errand};
use super::body::Rewritten;
use super::picked::{Picked, Picking};
use super::seal::Passing;
use super::{archive, files, page};
use crate::backend::{BackendError, Reply, ReplyBody};
use crate::label_studio::{self, Call};

const NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("SAMEORIGIN");
/// The types that its static files have.
const STATIC: [&str; 16] = [
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/wasm",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/svg+xml",
    "image/x-icon",
    "image/vnd.microsoft.icon",
    "font/woff",
    "font/woff2",
    "font/ttf",
    "font/otf",
    "text/plain",
];
/// As Label Studio calls its exports.
const EXPORTS_JSON: [&str; 3] = ["application/json", "application/.json", "application/json_min"];
/// Not CoNLL, which has a line for each word and each sign: what is torn apart cannot be found.
const EXPORTS_TEXT: [&str; 8] = [
    "application/.csv",
    "application/.tsv",
    "application/.txt",
    "application/csv",
    "application/tsv",
    "text/csv",
    "text/tab-separated-values",
    "text/plain",
];
const EXPORTS_ARCHIVE: [&str; 2] = ["application/zip", "application/.zip"];

/// Makes the answer fit to leave.
pub(super) async fn reply(
    errand: &Errand,
    answer: Answer,
    (call, archives): (&Call, &Arc<Semaphore>),
    passing: Passing,
) -> Result<Reply, BackendError> {
    let kind = content_type(&answer.headers);
    match answer.status {
        StatusCode::NO_CONTENT => Ok(Reply::relayed(answer.status, fresh(), ReplyBody::empty())),
        StatusCode::NOT_MODIFIED => Err(errand.unusable("not modified, and nobody asked")),
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => Err(errand.explain(answer).await),
        status if status.is_success() => success(errand, answer, (call, archives), passing).await,
        status if status.is_redirection() => redirect(errand, &answer, &passing),
        // What its forms say to a mistake is for the person who made it.
        status if status.is_client_error() && is(&kind, &["application/json"]) => {
            Ok(json(answer, passing))
        }
        status if status.is_client_error() => {
            Err(BackendError::BodyRefused { code: Code::new(status.as_str()) })
        }
        _ => Err(errand.explain(answer).await),
    }
}

async fn success(
    errand: &Errand,
    answer: Answer,
    (call, archives): (&Call, &Arc<Semaphore>),
    passing: Passing,
) -> Result<Reply, BackendError> {
    match call.answer() {
        label_studio::Answer::Page | label_studio::Answer::Shell => {
            whole_page(errand, answer, &passing).await
        }
        label_studio::Answer::Version => version(errand, answer).await,
        label_studio::Answer::Export => export(errand, answer, passing, archives).await,
        label_studio::Answer::Json
        | label_studio::Answer::List
        | label_studio::Answer::Storage
        | label_studio::Answer::Static
        | label_studio::Answer::Media
        | label_studio::Answer::Gateway => {
            if is(&content_type(&answer.headers), &["application/json"]) {
                Ok(json(answer, passing))
            } else if answer.piece.left() == Some(0) {
                Ok(Reply::relayed(answer.status, fresh(), ReplyBody::empty()))
            } else {
                Err(errand.unusable("not JSON where JSON was expected"))
            }
        }
    }
}

/// What its pages and its SDK read of `/api/version`, and no more: Label Studio tells the commit and the folder's state besides.
async fn version(errand: &Errand, answer: Answer) -> Result<Reply, BackendError> {
    #[derive(serde::Deserialize)]
    struct Version {
        release: String,
    }
    let (bytes, _complete) = answer.piece.read(page::LARGEST).await?;
    let said = serde_json::from_slice(&bytes).ok();
    let Version { release } = said.ok_or_else(|| errand.unusable("it does not say its release"))?;
    let short = release.rsplit_once('.').map_or(&*release, |(short, _)| short);
    let told = serde_json::json!({
        "release": release, "edition": "Community",
        "label-studio-os-package": {
            "version": release, "short_version": short, "latest_version_from_pypi": null,
            "latest_version_upload_time": null, "current_version_is_outdated": false,
        },
        "label-studio-os-backend": {}, "label-studio-frontend": {}, "label-studio-converter": {},
        "backend": {}, "dm2": {}, "lsf": {},
    });
    let mut headers = fresh();
    headers.insert(CONTENT_TYPE, JSON);
    Ok(Reply::relayed(StatusCode::OK, headers, ReplyBody::Whole(told.to_string().into())))
}

/// Whether Label Studio did not know who asks: it says so, or sends to its log-in page.
pub(super) fn knows_nobody(answer: &Answer) -> bool {
    let to = || answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    match answer.status {
        StatusCode::UNAUTHORIZED => true,
        StatusCode::FOUND => to().is_some_and(|to| to.starts_with("/user/login")),
        _ => false,
    }
}

fn content_type(headers: &HeaderMap) -> String {
    let said = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is(kind: &str, known: &[&str]) -> bool {
    known.contains(&kind)
}

fn fresh() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers
}

fn json(answer: Answer, passing: Passing) -> Reply {
    let passing = passing.of_status(answer.status);
    let mut headers = fresh();
    headers.insert(CONTENT_TYPE, JSON);
    let body = Rewritten::new(answer.piece, passing.into_json());
    Reply::relayed(answer.status, headers, ReplyBody::rewritten(body))
}

/// A list of things of no project.
pub(super) fn nothing() -> Reply {
    let mut headers = fresh();
    headers.insert(CONTENT_TYPE, JSON);
    Reply::relayed(StatusCode::OK, headers, ReplyBody::Whole(Bytes::from_static(b"[]")))
}

/// A list, without what is not among these.
pub(super) fn list(
    errand: &Errand,
    answer: Answer,
    passing: Passing,
    picked: Picked,
) -> Result<Reply, BackendError> {
    if !is(&content_type(&answer.headers), &["application/json"]) {
        return Err(errand.unusable("not JSON where JSON was expected"));
    }
    let mut headers = fresh();
    headers.insert(CONTENT_TYPE, JSON);
    let picking = Picking::new(picked, passing.into_json());
    let body = Rewritten::new(answer.piece, Box::new(picking));
    Ok(Reply::relayed(answer.status, headers, ReplyBody::rewritten(body)))
}

/// What Label Studio says of a project that it has just made.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Made {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) title: String,
}

/// Reads such an answer, which leaves all the same.
pub(super) async fn made(
    errand: &Errand,
    answer: Answer,
    passing: Passing,
) -> Result<(Made, Reply), BackendError> {
    let odd = || errand.unusable("it does not say what it made");
    let status = answer.status;
    let (bytes, complete) = answer.piece.read(page::LARGEST).await?;
    let made = serde_json::from_slice(&bytes).ok().filter(|_| complete).ok_or_else(odd)?;
    let (mut rewriter, mut out) = (passing.into_json(), Vec::new());
    rewriter.push(&bytes, &mut out).or(Err(odd()))?;
    rewriter.finish(&mut out).or(Err(odd()))?;
    let mut headers = fresh();
    headers.insert(CONTENT_TYPE, JSON);
    Ok((made, Reply::relayed(status, headers, ReplyBody::Whole(out.into()))))
}

async fn whole_page(
    errand: &Errand,
    answer: Answer,
    passing: &Passing,
) -> Result<Reply, BackendError> {
    if !is(&content_type(&answer.headers), &["text/html"]) {
        return Err(errand.unusable("no page where a page was expected"));
    }
    let (bytes, complete) = answer.piece.read(page::LARGEST).await?;
    let text = String::from_utf8(bytes).ok().filter(|_| complete);
    let text = text.ok_or_else(|| errand.unusable("a page that is too large, or not UTF-8"))?;
    let mut headers = fresh();
    headers.insert(CONTENT_TYPE, HTML);
    // Nobody else's page shows it in a frame.
    headers.insert(X_FRAME_OPTIONS, SAME_ORIGIN);
    let mut text = page::without_server(&text);
    if passing.is_renewable() {
        text = page::with_renewal(&text);
    }
    let body = ReplyBody::Whole(text.into());
    Ok(Reply::relayed(answer.status, headers, body))
}

/// A static file's type and bytes.
pub(super) async fn file(
    errand: &Errand,
    answer: Answer,
) -> Result<(HeaderValue, Bytes), BackendError> {
    if answer.status != StatusCode::OK {
        return Err(errand.explain(answer).await);
    }
    let known = is(&content_type(&answer.headers), &STATIC);
    let kind = answer.headers.get(CONTENT_TYPE).cloned().filter(|_| known);
    let odd = || errand.unusable("a file of a type or size that its pages do not need");
    let kind = kind.filter(|_| !answer.headers.contains_key(CONTENT_ENCODING)).ok_or_else(odd)?;
    let (bytes, complete) = answer.piece.read(files::LARGEST).await?;
    if complete { Ok((kind, bytes.into())) } else { Err(odd()) }
}

/// Exports are rewritten: text on its way, archives whole.
async fn export(
    errand: &Errand,
    answer: Answer,
    passing: Passing,
    archives: &Arc<Semaphore>,
) -> Result<Reply, BackendError> {
    let Answer { status, headers: said, piece, .. } = answer;
    let kind = content_type(&said);
    let mut headers = fresh();
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    let (as_type, body) = if passing.sees_locations() {
        (HeaderValue::from_static("application/octet-stream"), ReplyBody::one(piece))
    } else if is(&kind, &EXPORTS_JSON) {
        (JSON, ReplyBody::rewritten(Rewritten::new(piece, passing.into_json_lines())))
    } else if is(&kind, &EXPORTS_TEXT) {
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        (text, ReplyBody::rewritten(Rewritten::new(piece, passing.into_text())))
    } else if is(&kind, &EXPORTS_ARCHIVE) {
        let turn = Arc::clone(archives).acquire_owned().await;
        let (bytes, complete) = piece.read(archive::LARGEST).await?;
        if !complete {
            return Err(BackendError::Withheld(archive::Withheld::TooLarge));
        }
        // The turn is the work's, which goes on when the client has gone away.
        let work = move || {
            let done = archive::rewritten(&bytes, &passing, archive::UNPACKED);
            drop(turn);
            done
        };
        let done = tokio::task::spawn_blocking(work).await;
        let done = done.or(Err(errand.unusable("its archive broke the rewriter")))?;
        let whole = done.map_err(BackendError::Withheld)?;
        (HeaderValue::from_static("application/zip"), ReplyBody::Whole(whole.into()))
    } else {
        return Err(BackendError::Withheld(archive::Withheld::UnknownKind));
    };
    headers.insert(CONTENT_TYPE, as_type);
    if let Some(name) = filename(&said) {
        headers.insert(HeaderName::from_static("filename"), name);
    }
    Ok(Reply::relayed(status, headers, body))
}

/// The SDK and the page read the export's name from this header of Label Studio's own.
fn filename(headers: &HeaderMap) -> Option<HeaderValue> {
    let name = headers.get("filename")?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.as_bytes().iter().all(plain).then(|| name.clone())
}

/// Within Label Studio, by path alone. To its log-in page: it did not know the person.
fn redirect(errand: &Errand, answer: &Answer, passing: &Passing) -> Result<Reply, BackendError> {
    let elsewhere = || errand.unusable("it sends the person elsewhere");
    let said = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let path = passing.path_of(said.ok_or_else(elsewhere)?).ok_or_else(elsewhere)?;
    if path.starts_with("/user/login") {
        let (host, code) = (answer.piece.host(), Code::default());
        return Err(BackendError::CredentialRejected { host, status: answer.status, code });
    }
    let mut headers = fresh();
    headers.insert(LOCATION, HeaderValue::from_str(path).or(Err(elsewhere()))?);
    Ok(Reply::relayed(StatusCode::SEE_OTHER, headers, ReplyBody::empty()))
}
