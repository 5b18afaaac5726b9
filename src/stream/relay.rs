//! The body of every answer: one frame at a time from the place where the bytes live to the connection, counted.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::headers::Asked;
use super::running::{End, Held};
use super::{Outcome, Witness};
use crate::backend::{BackendError, Reply, ReplyBody};
use crate::listener::{ConnectionSwitch, Incoming, Protocol};

/// The body of every answer. An error of it makes HTTP/1 close the connection and HTTP/2 reset the stream, so that a
/// truncated answer never looks whole (R22).
#[derive(Debug)]
pub struct RelayBody<W: Witness, B = ReplyBody> {
    body: Option<B>,
    status: StatusCode,
    /// How many bytes there must be, where that is known.
    length: Option<u64>,
    bytes: u64,
    witness: Option<W>,
    held: Option<Held>,
    /// Where only the end of the connection tells that the answer is over (HTTP/1.0): cut, it cannot look whole.
    ends_with: Option<ConnectionSwitch>,
}

/// Why an answer ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("the upstream failed in the middle of its answer")]
    Upstream(#[source] BackendError),
    #[error("the upstream gave {given} bytes of {promised}")]
    WrongLength { promised: u64, given: u64 },
    #[error("the grant lapsed")]
    Lapsed,
    #[error("the gateway stops")]
    Stopped,
}

/// Sends a reply on under its grant.
pub fn relay<W: Witness>(
    reply: Reply,
    held: Held,
    incoming: &Incoming,
    witness: W,
) -> Response<RelayBody<W>> {
    relayed(reply.into_response(), Some(held), incoming, witness)
}

/// A small answer of ours that no grant stands behind: a refusal.
pub fn answer<W: Witness>(
    response: Response<Bytes>,
    incoming: &Incoming,
    witness: W,
) -> Response<RelayBody<W>> {
    relayed(response.map(ReplyBody::Whole), None, incoming, witness)
}

fn relayed<W: Witness, B: Body>(
    response: Response<B>,
    held: Option<Held>,
    incoming: &Incoming,
    witness: W,
) -> Response<RelayBody<W, B>> {
    let asked = Asked::of(incoming);
    let (mut parts, body) = response.into_parts();
    let length = body.size_hint().exact();
    asked.finish(&mut parts.headers, length);
    let takes_body = asked.takes_body(parts.status) && length != Some(0);
    let relay = RelayBody {
        body: takes_body.then_some(body),
        status: parts.status,
        length: if takes_body { length } else { Some(0) },
        bytes: 0,
        witness: Some(witness),
        // An answer without bytes has nothing left to be cut off.
        held: held.filter(|_| takes_body),
        ends_with: (takes_body && length.is_none() && incoming.protocol() == Protocol::Http1)
            .then(|| incoming.connection()),
    };
    Response::from_parts(parts, relay)
}

impl<W: Witness, B> RelayBody<W, B> {
    fn is_whole(&self) -> bool {
        self.length == Some(self.bytes)
    }

    /// Lets go of everything, and says once how it ended.
    fn finish(&mut self, outcome: Outcome) {
        self.body = None;
        self.held = None;
        if let Some(witness) = self.witness.take() {
            witness.finished(self.status, self.bytes, outcome);
        }
    }

    fn fail(&mut self, error: RelayError) -> Poll<Option<Result<Frame<Bytes>, RelayError>>> {
        self.finish(match error {
            RelayError::Upstream(_) | RelayError::WrongLength { .. } => Outcome::Truncated,
            RelayError::Lapsed => Outcome::Lapsed,
            RelayError::Stopped => Outcome::Stopped,
        });
        if let Some(connection) = &self.ends_with {
            connection.abort();
        }
        Poll::Ready(Some(Err(error)))
    }

    fn count(&mut self, data: Bytes) -> Poll<Option<Result<Frame<Bytes>, RelayError>>> {
        self.bytes += u64::try_from(data.len()).unwrap_or(u64::MAX);
        match self.length {
            Some(promised) if self.bytes > promised => {
                return self.fail(RelayError::WrongLength { promised, given: self.bytes });
            }
            // hyper asks for nothing after the last byte, and drops this when the connection has taken it: over HTTP/2 a
            // client that opens no window may let it wait, and the grant must hold until then.
            Some(promised) if self.bytes == promised => self.body = None,
            Some(_) | None => {}
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

impl<W, B> Body for RelayBody<W, B>
where
    W: Witness + Unpin,
    B: Body<Data = Bytes, Error = BackendError> + Unpin,
{
    type Data = Bytes;
    type Error = RelayError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RelayError>>> {
        let this = &mut *self;
        match this.held.as_ref().and_then(|held| held.must_end(context)) {
            None => {}
            Some(End::Lapsed) => return this.fail(RelayError::Lapsed),
            Some(End::Stopped) => return this.fail(RelayError::Stopped),
        }
        loop {
            let Some(body) = &mut this.body else {
                return Poll::Ready(None);
            };
            match ready!(Pin::new(body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    // Trailers are dropped: nothing that came after the head has been read by anybody.
                    if let Ok(data) = frame.into_data() {
                        return this.count(data);
                    }
                }
                Some(Err(error)) => return this.fail(RelayError::Upstream(error)),
                None => {
                    if let Some(promised) = this.length.filter(|promised| *promised > this.bytes) {
                        let given = this.bytes;
                        return this.fail(RelayError::WrongLength { promised, given });
                    }
                    this.finish(Outcome::Complete);
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.bytes)),
            None => SizeHint::default(),
        }
    }
}

impl<W: Witness, B> Drop for RelayBody<W, B> {
    fn drop(&mut self) {
        let ended = self.held.as_ref().and_then(Held::ended);
        self.finish(match ended {
            Some(end) => end.outcome(),
            None if self.is_whole() => Outcome::Complete,
            None => Outcome::Aborted,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::future::poll_fn;
    use std::pin::{Pin, pin};
    use std::rc::Rc;
    use std::task::{Context, Poll, Waker};

    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
    use http_body::{Body, Frame, SizeHint};

    use super::super::fixture::{PATH, incoming, reading};
    use super::super::running::{End, Running};
    use super::{RelayBody, RelayError, relayed};
    use crate::backend::BackendError;
    use crate::stream::{Outcome, Witness};

    #[derive(Clone, Default)]
    struct Notebook(Rc<RefCell<Vec<(u16, u64, Outcome)>>>);

    impl Witness for Notebook {
        fn finished(self, status: StatusCode, bytes: u64, outcome: Outcome) {
            self.0.borrow_mut().push((status.as_u16(), bytes, outcome));
        }
    }

    enum Step {
        Data(&'static str),
        Trailers,
        Wait,
        Fail,
    }
    use Step::{Data, Fail, Trailers, Wait};

    /// Plays its steps; counts how often it was asked.
    struct Script {
        steps: VecDeque<Step>,
        length: Option<u64>,
        asked: Rc<RefCell<usize>>,
    }

    impl Body for Script {
        type Data = Bytes;
        type Error = BackendError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BackendError>>> {
            *self.asked.borrow_mut() += 1;
            Poll::Ready(match self.steps.pop_front() {
                Some(Data(text)) => Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))),
                Some(Trailers) => Some(Ok(Frame::trailers(HeaderMap::new()))),
                Some(Fail) => Some(Err(BackendError::NoSuchObject)),
                Some(Wait) => return Poll::Pending,
                None => None,
            })
        }

        fn size_hint(&self) -> SizeHint {
            self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
        }
    }

    fn answered(
        method: Method,
        status: u16,
        length: Option<u64>,
        steps: impl IntoIterator<Item = Step>,
    ) -> (Response<RelayBody<Notebook, Script>>, Notebook) {
        let notebook = Notebook::default();
        let steps = steps.into_iter().collect();
        let mut response = Response::new(Script { steps, length, asked: Rc::default() });
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        (relayed(response, None, &incoming(method, PATH), notebook.clone()), notebook)
    }

    /// Reads as hyper does: until the end, an error, or nothing comes.
    fn drain(body: &mut RelayBody<Notebook, Script>) -> (String, Option<RelayError>) {
        let mut context = Context::from_waker(Waker::noop());
        let mut text = String::new();
        while !body.is_end_stream() {
            match Pin::new(&mut *body).poll_frame(&mut context) {
                Poll::Ready(Some(Ok(frame))) => {
                    text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
                }
                Poll::Ready(Some(Err(error))) => return (text, Some(error)),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        (text, None)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn every_end_is_told_once_and_as_it_was() {
        type Case = (&'static str, Option<u64>, Vec<Step>, &'static str, u64, Outcome, bool);
        let cases: [Case; 11] = [
            (
                "of known length",
                Some(5),
                vec![Data("ab"), Data("cde")],
                "abcde",
                5,
                Outcome::Complete,
                false,
            ),
            (
                "of unknown length",
                None,
                vec![Data("ab"), Data("c")],
                "abc",
                3,
                Outcome::Complete,
                false,
            ),
            ("empty", Some(0), vec![], "", 0, Outcome::Complete, false),
            ("empty, of unknown length", None, vec![], "", 0, Outcome::Complete, false),
            (
                "trailers are dropped",
                None,
                vec![Data("ab"), Trailers],
                "ab",
                2,
                Outcome::Complete,
                false,
            ),
            (
                "the upstream fails",
                Some(5),
                vec![Data("ab"), Fail],
                "ab",
                2,
                Outcome::Truncated,
                true,
            ),
            ("the upstream fails at once", None, vec![Fail], "", 0, Outcome::Truncated, true),
            ("too short", Some(5), vec![Data("ab")], "ab", 2, Outcome::Truncated, true),
            ("too long", Some(3), vec![Data("ab"), Data("cd")], "ab", 4, Outcome::Truncated, true),
            (
                "the client goes away",
                Some(5),
                vec![Data("ab"), Wait],
                "ab",
                2,
                Outcome::Aborted,
                false,
            ),
            ("the client goes away at once", None, vec![Wait], "", 0, Outcome::Aborted, false),
        ];
        for (name, length, steps, text, bytes, outcome, fails) in cases {
            let (response, notebook) = answered(Method::GET, 200, length, steps);
            let mut body = response.into_body();
            let (read, error) = drain(&mut body);
            assert_eq!((read.as_str(), error.is_some()), (text, fails), "{name}");
            drop(body);
            assert_eq!(*notebook.0.borrow(), [(200, bytes, outcome)], "{name}");
        }
    }

    #[test]
    fn it_is_complete_when_hyper_has_taken_as_many_bytes_as_it_said() {
        let (response, notebook) = answered(Method::GET, 206, Some(2), [Data("ab"), Wait]);
        let mut body = response.into_body();
        assert_eq!(body.size_hint().exact(), Some(2));
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut body).poll_frame(&mut context).is_ready());
        assert!(body.is_end_stream());
        drop(body);
        assert_eq!(*notebook.0.borrow(), [(206, 2, Outcome::Complete)]);
    }

    #[test]
    fn nothing_is_asked_for_before_somebody_takes_it() {
        let asked = Rc::new(RefCell::new(0));
        let steps = [Data("a"), Data("b"), Data("c")].into();
        let script = Script { steps, length: Some(3), asked: Rc::clone(&asked) };
        let incoming = incoming(Method::GET, PATH);
        let response = relayed(Response::new(script), None, &incoming, Notebook::default());
        let mut body = response.into_body();
        let mut context = Context::from_waker(Waker::noop());
        for taken in 0..3 {
            assert_eq!(*asked.borrow(), taken);
            assert!(Pin::new(&mut body).poll_frame(&mut context).is_ready());
        }
    }

    #[test]
    fn answers_without_content_have_headers_and_no_bytes() {
        for (method, status, length, expected) in [
            (Method::HEAD, 200, Some(7), Some("7")),
            (Method::HEAD, 200, None, None),
            (Method::GET, 304, Some(7), None),
            (Method::GET, 204, None, None),
        ] {
            let (response, notebook) = answered(method.clone(), status, length, [Data("content")]);
            let stated = response.headers().get(header::CONTENT_LENGTH);
            assert_eq!(stated.map(|value| value.to_str().unwrap()), expected, "{method} {status}");
            assert!(response.body().is_end_stream());
            drop(response);
            assert_eq!(*notebook.0.borrow(), [(status, 0, Outcome::Complete)], "{method} {status}");
        }
    }

    #[test]
    fn every_answer_carries_the_common_headers_and_keeps_its_own() {
        let incoming = incoming(Method::GET, PATH);
        let mut response =
            Response::new(Script { steps: [].into(), length: None, asked: Rc::default() });
        let own = HeaderValue::from_static("no-referrer");
        response.headers_mut().insert(header::REFERRER_POLICY, own);
        response.headers_mut().insert(header::SERVER, HeaderValue::from_static("upstream"));
        let response = relayed(response, None, &incoming, Notebook::default());
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("x-content-type-options"), Some("nosniff"));
        assert_eq!(header("referrer-policy"), Some("no-referrer"));
        assert_eq!(header("server"), None);
        assert_eq!(header("x-request-id"), Some(&*incoming.id().to_string()));
    }

    #[tokio::test]
    async fn a_stream_whose_grant_lapsed_ends_with_an_error_even_while_nothing_comes() {
        for (end, outcome) in [(End::Lapsed, Outcome::Lapsed), (End::Stopped, Outcome::Stopped)] {
            tokio::task::LocalSet::new().run_until(ended_while_waiting(end, outcome)).await;
        }
    }

    async fn ended_while_waiting(end: End, outcome: Outcome) {
        let (incoming, _policy, grant) = reading();
        let running = Rc::new(Running::new(usize::MAX));
        let held = running.hold(grant, &incoming).unwrap();
        let steps = [Data("ab"), Wait].into();
        let script = Script { steps, length: Some(9), asked: Rc::default() };
        let notebook = Notebook::default();
        let response = relayed(Response::new(script), Some(held), &incoming, notebook.clone());
        let mut body = pin!(response.into_body());
        assert!(poll_fn(|context| body.as_mut().poll_frame(context)).await.is_some());
        let stream = running.all().remove(0);
        let reading = poll_fn(|context| body.as_mut().poll_frame(context));
        // The reader waits first, so that only the lapse itself can wake it.
        let (last, ()) = tokio::join!(biased; reading, async { stream.finish(end) });
        assert!(matches!(last, Some(Err(RelayError::Lapsed | RelayError::Stopped))));
        assert_eq!(*notebook.0.borrow(), [(200, 2, outcome)]);
        assert_eq!(running.count(), 0);
    }
}
