//! Stands between an HTTP/1 socket and hyper: lets whole, judged heads and exactly their bodies through. A head that is
//! refused is replaced by a harmless one, and the fault noted under its number in the [`Line`], so that it is answered
//! and recorded the ordinary way; nothing that follows it on the connection is ever read as a request.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::RequestFault;
use super::chunks::Chunks;
use super::head::{Framing, judge_beginning, judge_head};
use super::line::{LAST_REQUEST, Line};

/// Where sockets are read to before it is known whose bytes these are; one per thread.
pub(super) type Scratch = Rc<RefCell<Box<[u8]>>>;

/// What hyper reads instead of a refused head.
const REPLACEMENT: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";
const REPLACEMENT_HEAD: &[u8] = b"HEAD / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";

/// After the last answer the client's bytes are read and thrown away for so long: closing a socket
/// with unread bytes resets it, and a reset can overtake the answer (RFC 9112, 9.6).
pub(super) const LINGER: Duration = Duration::from_secs(2);
pub(super) const LINGER_BYTES: usize = 8 << 20;

/// An idle connection keeps no larger buffer than this.
const KEPT_CAPACITY: usize = 2048;

/// Deadlines of a connection's reading side.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) head: Duration,
    pub(super) idle: Duration,
}

/// See the head of this file.
pub(super) struct Gate<T> {
    io: T,
    line: Rc<Line>,
    scratch: Scratch,
    patience: Patience,
    stage: Stage,
    /// Bytes read and not yet passed on, from `start`.
    held: Vec<u8>,
    start: usize,
    /// How many held bytes may pass.
    clear: usize,
    /// How far `held` was searched for the end of a head.
    searched: usize,
    waiting: Waiting,
    thrown_away: usize,
}

enum Stage {
    Head,
    Body(u64),
    Chunked(Chunks),
    Refused,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    No,
    ForRequest,
    /// The listener drains.
    ForLastRequest,
    ForHead,
}

impl<T: AsyncRead + Unpin> Gate<T> {
    pub(super) const fn new(io: T, line: Rc<Line>, scratch: Scratch, patience: Patience) -> Self {
        Self {
            io,
            line,
            scratch,
            patience,
            stage: Stage::Head,
            held: Vec::new(),
            start: 0,
            clear: 0,
            searched: 0,
            waiting: Waiting::No,
            thrown_away: 0,
        }
    }

    fn pending(&self) -> &[u8] {
        self.held.get(self.start..).unwrap_or_default()
    }

    /// Passes cleared bytes on.
    fn pass(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.clear.min(buffer.remaining());
        let end = self.start + length;
        buffer.put_slice(self.held.get(self.start..end).unwrap_or_default());
        self.start = end;
        self.clear -= length;
        if self.start == self.held.len() {
            self.held.clear();
            self.start = 0;
            self.held.shrink_to(KEPT_CAPACITY);
        }
        self.searched = self.start;
    }

    /// Reads once into `held`; 0 at the end.
    fn fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut scratch = self.scratch.borrow_mut();
        let mut buffer = ReadBuf::new(&mut scratch);
        ready!(Pin::new(&mut self.io).poll_read(context, &mut buffer))?;
        self.held.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Until a head is cleared or refused; `false` when the connection is to end instead.
    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            self.skip_empty_lines();
            if let Some(length) = self.head_length() {
                self.judge(length);
                return Poll::Ready(Ok(true));
            }
            if let Err(fault) = judge_beginning(self.pending()) {
                self.refuse(fault);
                return Poll::Ready(Ok(true));
            }
            if self.line.read_is_overdue() {
                self.waiting = Waiting::No;
                if self.pending().is_empty() {
                    return Poll::Ready(Ok(false));
                }
                self.refuse(RequestFault::SlowHead);
                return Poll::Ready(Ok(true));
            }
            self.set_deadline();
            if ready!(self.fill(context))? == 0 {
                return Poll::Ready(Ok(false));
            }
        }
    }

    /// RFC 9112, 2.2: empty lines before a request line are ignored.
    fn skip_empty_lines(&mut self) {
        while self.pending().starts_with(b"\r\n") {
            self.start += 2;
        }
        if self.start == self.held.len() {
            self.held.clear();
            self.start = 0;
            self.searched = 0;
        }
    }

    /// The length of the head that stands whole in `held`. A line feed alone ends the search: `judge` refuses it.
    fn head_length(&mut self) -> Option<usize> {
        let from = self.searched.max(self.start);
        let mut search = from;
        while let Some(found) = self.held.get(search..)?.iter().position(|byte| *byte == b'\n') {
            let end = search + found + 1;
            let line = self.held.get(self.start..end)?;
            let whole = line.ends_with(b"\r\n\r\n");
            if whole || !line.ends_with(b"\r\n") {
                return Some(end - self.start);
            }
            search = end;
        }
        self.searched = search;
        None
    }

    fn judge(&mut self, length: usize) {
        let head = self.held.get(self.start..self.start + length).unwrap_or_default();
        match judge_head(head) {
            Ok(framing) => {
                self.stage = match framing {
                    Framing::Length(0) => Stage::Head,
                    Framing::Length(length) => Stage::Body(length),
                    Framing::Chunked => Stage::Chunked(Chunks::default()),
                };
                self.clear = length;
                self.line.begin();
                self.waiting = Waiting::No;
                self.line.expect_no_read();
            }
            Err(fault) => self.refuse(fault),
        }
    }

    fn refuse(&mut self, fault: RequestFault) {
        let replacement =
            if self.pending().starts_with(b"HEAD ") { REPLACEMENT_HEAD } else { REPLACEMENT };
        let number = self.line.begin();
        self.line.hold(number, fault);
        self.line.expect_no_read();
        self.waiting = Waiting::No;
        self.held = replacement.to_vec();
        self.start = 0;
        self.clear = replacement.len();
        self.stage = Stage::Refused;
    }

    fn set_deadline(&mut self) {
        let waiting = match (self.pending().is_empty(), self.line.is_idle()) {
            (false, _) => Waiting::ForHead,
            (true, true) if self.line.is_draining() => Waiting::ForLastRequest,
            (true, true) => Waiting::ForRequest,
            // a request is under way, and this read only watches for the client's going away
            (true, false) => Waiting::No,
        };
        if waiting != self.waiting {
            self.waiting = waiting;
            match waiting {
                Waiting::No => self.line.expect_no_read(),
                Waiting::ForRequest => self.line.expect_read(self.patience.idle),
                Waiting::ForLastRequest => self.line.expect_read(LAST_REQUEST),
                Waiting::ForHead => self.line.expect_read(self.patience.head),
            }
        }
    }

    /// Clears what of a body is held; `false` when nothing is.
    fn clear_held(&mut self) -> io::Result<bool> {
        let held = self.held.get(self.start..).unwrap_or_default();
        let (length, ended) = match &mut self.stage {
            Stage::Body(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(held.len());
                *left -= u64::try_from(length).unwrap_or(*left);
                (length, *left == 0)
            }
            Stage::Chunked(chunks) => {
                let followed = chunks.follow(held);
                let length =
                    followed.map_err(|bad| io::Error::new(io::ErrorKind::InvalidData, bad))?;
                (length, chunks.at_end())
            }
            Stage::Head | Stage::Refused => (0, false),
        };
        self.clear = length;
        if ended {
            self.stage = Stage::Head;
        }
        Ok(length > 0)
    }

    /// Reads a body of known length straight to where hyper wants it, and not one byte further.
    fn poll_body(
        &mut self,
        left: u64,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let read = if most >= buffer.remaining() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
            buffer.filled().len() - before
        } else {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
            ready!(Pin::new(&mut self.io).poll_read(context, &mut part))?;
            let read = part.filled().len();
            buffer.advance(read);
            read
        };
        let left = left.saturating_sub(u64::try_from(read).unwrap_or(left));
        self.stage = if left == 0 { Stage::Head } else { Stage::Body(left) };
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Gate<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let gate = &mut *self;
        loop {
            if gate.clear > 0 {
                gate.pass(buffer);
                return Poll::Ready(Ok(()));
            }
            match gate.stage {
                Stage::Head => {
                    if !ready!(gate.poll_head(context))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                Stage::Body(left) => {
                    if !gate.clear_held()? {
                        return gate.poll_body(left, context, buffer);
                    }
                }
                Stage::Chunked(_) => {
                    if !gate.clear_held()? && ready!(gate.fill(context))? == 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                // an end here would abort the answer
                Stage::Refused => return Poll::Pending,
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gate<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    /// Ends the sending side, then lingers.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gate = &mut *self;
        ready!(Pin::new(&mut gate.io).poll_shutdown(context))?;
        if gate.thrown_away == 0 {
            gate.thrown_away = 1;
            gate.line.expect_read(LINGER);
        }
        while gate.thrown_away < LINGER_BYTES && !gate.line.read_is_overdue() {
            gate.held.clear();
            gate.start = 0;
            // whatever ends the reading ends the connection; the answer is out
            match ready!(gate.fill(context)) {
                Ok(0) | Err(_) => break,
                Ok(length) => gate.thrown_away += length,
            }
        }
        gate.held = Vec::new();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A socket whose bytes come in given pieces, then end.
    struct Pieces(std::collections::VecDeque<Vec<u8>>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(mut piece) = self.0.pop_front() {
                let rest = piece.split_off(piece.len().min(buffer.remaining()));
                buffer.put_slice(&piece);
                if !rest.is_empty() {
                    self.0.push_front(rest);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    /// What hyper would read, and how many requests were counted and refused.
    fn through(bytes: &[u8], piece: usize, room: usize) -> (Vec<u8>, bool) {
        let line = Rc::new(Line::default());
        let scratch: Scratch = Rc::new(RefCell::new(vec![0; 512].into()));
        let patience = Patience { head: Duration::MAX, idle: Duration::MAX };
        let pieces = Pieces(bytes.chunks(piece).map(<[u8]>::to_vec).collect());
        let mut gate = Gate::new(pieces, Rc::clone(&line), scratch, patience);
        let mut passed = Vec::new();
        let mut buffer = vec![0; room];
        let context = &mut Context::from_waker(std::task::Waker::noop());
        loop {
            let mut into = ReadBuf::new(&mut buffer);
            match Pin::new(&mut gate).poll_read(context, &mut into) {
                Poll::Ready(Ok(())) if into.filled().is_empty() => return (passed, false),
                Poll::Ready(Ok(())) => passed.extend_from_slice(into.filled()),
                Poll::Ready(Err(_)) | Poll::Pending => return (passed, true),
            }
        }
    }

    proptest! {
        #[test]
        fn how_bytes_are_cut_changes_nothing(
            parts in prop::collection::vec(
                prop_oneof![
                    Just("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                    Just("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\nGET /\r\n"),
                    Just("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\na\r\n\r\n0\r\nA: b\r\n\r\n"),
                    Just("\r\n"),
                    Just("GET / HTTP/1.1\r\n"),
                    Just("Host: a\r\n"),
                    Just("0\r\n\r\n"),
                    Just("x\n"),
                ],
                0..8,
            ),
            piece in 1usize..40,
            room in 1usize..600,
        ) {
            let bytes = parts.concat();
            let whole = through(bytes.as_bytes(), usize::MAX, 4096);
            prop_assert_eq!(through(bytes.as_bytes(), piece, room), whole);
        }

        #[test]
        fn any_bytes_are_passed_or_refused_without_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            piece in 1usize..40,
        ) {
            through(&bytes, piece, 64);
        }
    }
}
