//! Sends one signed request and reads the head of its answer. The only place that repeats requests: what was never
//! written to a connection goes to another one; what may have been is repeated only if it has no body, once, and within
//! the budget (R23).

use std::rc::Rc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, RANGE, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;

use super::BackendError;
use super::error::Code;
use super::kind::{Act, Failure, Kind, Signed, Wanted};
use super::piece::{Piece, Reuse};
use super::pool::{Line, Pool};
use super::upload::{Payload, Progress, State, Upload};
use super::vigil::Vigil;
use crate::credential::Credential;
use crate::ground::clock::Clock;
use crate::outbound::Door;
use crate::telemetry::{Count, count};

/// How much of an error's body is read; it is for us, and never relayed.
const ERROR_BODY: usize = 16 * 1024;
/// Before a request is repeated that the storage answered with trouble.
const PAUSE: Duration = Duration::from_millis(50);

/// One storage under one grant's credential: everything that a request to it needs. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub way: Rc<Way>,
    pub kind: Rc<dyn Kind>,
    pub pool: Rc<Pool>,
    pub credential: Credential,
}

/// The way out, the same for all storages.
#[derive(Debug)]
pub(super) struct Way {
    pub door: std::sync::Arc<Door>,
    pub clock: Clock,
    pub random: crate::ground::random::Random,
}

/// An answer whose head is well-formed.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub piece: Piece,
}

/// No answer.
struct Lost {
    error: BackendError,
    /// Whether another connection may do better.
    again: bool,
}

fn missed(_lost: &Lost) {
    count(Count::UpstreamErrors);
}

impl Errand {
    /// Asks for something that changes nothing. Any status but those of trouble comes back as an answer.
    pub(super) async fn ask(
        &self,
        act: Act<'_>,
        headers: HeaderMap,
    ) -> Result<Answer, BackendError> {
        self.pool.budget.earn();
        let (spare, ranged) = (headers.clone(), headers.contains_key(RANGE));
        let first = self.sign(act, headers)?;
        let first = self.attempt(first, None, Fresh::IfNeeded).await.inspect_err(missed);
        let trouble = match first {
            Ok(answer) if is_trouble(answer.status) => {
                count(Count::UpstreamErrors);
                let error = self.explain(answer).await;
                if !self.pool.budget.spend() {
                    return Err(error);
                }
                tokio::time::sleep(PAUSE).await;
                error
            }
            Ok(answer) => return self.settled(act, ranged, answer),
            Err(lost) if lost.again && self.pool.budget.spend() => lost.error,
            Err(lost) => return Err(lost.error),
        };
        tracing::debug!(error = %trouble, "asking the storage once more");
        count(Count::UpstreamRetries);
        let second = self.sign(act, spare)?;
        let second = self.attempt(second, None, Fresh::Always).await.inspect_err(missed);
        let answer = second.map_err(|lost| lost.error)?;
        if is_trouble(answer.status) {
            Err(self.explain(answer).await)
        } else {
            self.settled(act, ranged, answer)
        }
    }

    fn settled(
        &self,
        act: Act<'_>,
        ranged: bool,
        mut answer: Answer,
    ) -> Result<Answer, BackendError> {
        let settled = self.kind.settle(act, ranged, &mut answer);
        settled.map_err(|what| self.unusable(what))?;
        Ok(answer)
    }

    /// Sends a body. Once.
    pub(super) async fn put(
        &self,
        act: Act<'_>,
        headers: HeaderMap,
        upload: (Upload, Rc<Progress>),
    ) -> Result<Answer, BackendError> {
        let signed = self.sign(act, headers)?;
        let answered = self.attempt(signed, Some(upload), Fresh::IfNeeded).await;
        answered.inspect_err(missed).map_err(|lost| lost.error)
    }

    /// What an answer that is a no means. Reads the beginning of its body.
    pub(super) async fn explain(&self, answer: Answer) -> BackendError {
        let Answer { status, headers, piece } = answer;
        let unasked = status.is_success() || status == StatusCode::NOT_MODIFIED;
        if unasked || status.is_informational() {
            return self.unusable("its status is not one that was asked for");
        }
        // A body that breaks off explains as much as it can.
        let body = piece.read(ERROR_BODY).await.map(|(body, _complete)| body).unwrap_or_default();
        let error = self.kind.explain(&Failure { status, headers: &headers, body: &body });
        if error.rejects_credential() {
            self.credential.reject(self.way.clock.now());
        }
        error
    }

    pub(super) fn unusable(&self, what: &'static str) -> BackendError {
        BackendError::Unusable { host: self.pool.name(), what }
    }

    fn sign(&self, act: Act<'_>, headers: HeaderMap) -> Result<Signed, BackendError> {
        self.kind.sign(Wanted { act, headers }, &self.credential, self.way.clock.now())
    }

    async fn attempt(
        &self,
        signed: Signed,
        upload: Option<(Upload, Rc<Progress>)>,
        fresh: Fresh,
    ) -> Result<Answer, Lost> {
        count(Count::UpstreamRequests);
        let (payload, progress) = match upload {
            Some((upload, progress)) => (Payload::Upload(upload), Some(progress)),
            None => (Payload::Nothing, None),
        };
        let mut request = Request::new(payload);
        *request.method_mut() = signed.method;
        *request.uri_mut() = signed.target;
        *request.headers_mut() = signed.headers;
        loop {
            let (mut line, used) = self.line(fresh).await?;
            let sending = line.sender.try_send_request(request);
            let mut vigil = Vigil::new(self.way.door.patience().answer);
            let answered = match &progress {
                None => vigil.over(sending).await,
                Some(progress) => wait_for_upload(&mut vigil, progress, sending).await,
            };
            let mut error = match answered {
                Some(Ok(response)) => {
                    let reuse = reuse(progress.as_deref());
                    vigil.limit(self.way.door.patience().stall);
                    return self.head(response, vigil, (line, reuse)).map_err(Lost::finally);
                }
                None => return Err(Lost::finally(self.silent(&vigil, progress.as_deref()))),
                Some(Err(error)) => error,
            };
            match (error.take_message(), used) {
                // Closed before anything was written: nobody has seen the request.
                (Some(unsent), Used::Before) => request = unsent,
                (Some(_) | None, used) => {
                    return Err(self.broken(error.into_error(), used, progress.as_deref()));
                }
            }
        }
    }

    async fn line(&self, fresh: Fresh) -> Result<(Line, Used), Lost> {
        if fresh == Fresh::IfNeeded
            && let Some(line) = self.pool.take(&self.way.door)
        {
            return Ok((line, Used::Before));
        }
        // Boxed: rare, and large (a TLS handshake).
        let open = Box::pin(self.pool.open(&self.way.door));
        open.await.map(|line| (line, Used::Never)).map_err(Lost::finally)
    }

    /// Checks how the body is framed: one that only the connection's end would end could be cut short unnoticed.
    fn head(
        &self,
        response: Response<Incoming>,
        vigil: Vigil,
        (line, mut reuse): (Line, Reuse),
    ) -> Result<Answer, BackendError> {
        let (parts, incoming) = response.into_parts();
        let mut codings = parts.headers.get_all(TRANSFER_ENCODING).iter();
        let length = incoming.size_hint().exact();
        match (codings.next(), codings.next(), length) {
            (None, None, Some(_)) => (),
            (Some(_), _, _) if parts.headers.contains_key(CONTENT_LENGTH) => {
                return Err(self.unusable("it says its length in two ways"));
            }
            (Some(one), None, _)
                if one.as_bytes().eq_ignore_ascii_case(b"chunked")
                    && parts.version == Version::HTTP_11 => {}
            (None, None, None) if self.kind.may_end_with_connection() => reuse = Reuse::Never,
            _ => return Err(self.unusable("only the end of the connection would end it")),
        }
        let piece = Piece::new(incoming, length, vigil, (Rc::clone(&self.pool), line, reuse));
        Ok(Answer { status: parts.status, headers: parts.headers, piece })
    }

    fn silent(&self, vigil: &Vigil, progress: Option<&Progress>) -> BackendError {
        let waited = vigil.waited();
        match progress.map(Progress::state) {
            Some(State::Awaiting) => BackendError::ClientStalled { waited },
            Some(State::Failed) => BackendError::ClientGone,
            Some(State::Sending | State::Complete) | None => {
                BackendError::Silent { host: self.pool.name(), waited }
            }
        }
    }

    fn broken(&self, cause: hyper::Error, used: Used, progress: Option<&Progress>) -> Lost {
        if progress.is_some_and(|progress| progress.state() == State::Failed) {
            return Lost::finally(BackendError::ClientGone);
        }
        // A head that cannot be read will not be better the next time.
        let garbled = cause.is_parse() || (used == Used::Never && progress.is_some());
        let error = BackendError::Broken { host: self.pool.name(), cause };
        Lost { error, again: !garbled }
    }
}

/// Whether a new connection is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fresh {
    IfNeeded,
    Always,
}

/// Whether a connection has served before: such a one may have been closed in the meantime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Used {
    Before,
    Never,
}

impl Lost {
    const fn finally(error: BackendError) -> Self {
        Self { error, again: false }
    }
}

/// An answer that came before all of the body was sent leaves the connection in the middle of a request.
fn reuse(progress: Option<&Progress>) -> Reuse {
    match progress.map(Progress::state) {
        None | Some(State::Complete) => Reuse::AfterCleanEnd,
        Some(State::Sending | State::Awaiting | State::Failed) => Reuse::Never,
    }
}

/// Waits as long as bytes of the upload move, and then for the answer.
async fn wait_for_upload<T>(
    vigil: &mut Vigil,
    progress: &Progress,
    answer: impl Future<Output = T>,
) -> Option<T> {
    let mut answer = std::pin::pin!(answer);
    loop {
        let seen = progress.moved();
        vigil.moved_at(seen);
        match vigil.over(answer.as_mut()).await {
            None if progress.moved() > seen => (),
            done => return done,
        }
    }
}

/// Statuses of a storage in trouble: the same request may succeed later.
const fn is_trouble(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// The storage's own name for the request.
pub(super) fn upstream_id(kind: &dyn Kind, headers: &HeaderMap) -> Option<Box<str>> {
    let text = headers.get(kind.request_id())?.to_str().ok()?;
    let code = Code::new(text);
    (!code.as_str().is_empty()).then(|| code.as_str().into())
}
