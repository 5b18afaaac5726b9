//! Follows the frames that an HTTP/2 client sends, no further than their heads: a field section (HEADERS and what
//! continues it) that was begun must end in time. h2 bounds its size, but waits for it for ever.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::gate::Patience;
use super::line::Line;

/// RFC 9113, 3.4: what a client sends first.
const PREFACE: usize = 24;
/// RFC 9113, 4.1.
const HEAD: usize = 9;
/// RFC 9113, 6.2 and 6.10.
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// An HTTP/2 client's bytes, on their way to h2.
pub(super) struct Frames<T> {
    io: T,
    line: Rc<Line>,
    patience: Patience,
    follower: Follower,
}

/// Where in the client's frames its bytes have come to.
struct Follower {
    /// Bytes of the preface or of a payload that are still to come.
    skip: usize,
    head: [u8; HEAD],
    filled: usize,
    /// The payload that comes ends a field section.
    ends: bool,
    /// A field section was begun and has not ended.
    open: bool,
}

impl<T> Frames<T> {
    pub(super) const fn new(io: T, line: Rc<Line>, patience: Patience) -> Self {
        Self { io, line, patience, follower: Follower::new() }
    }
}

impl Follower {
    const fn new() -> Self {
        Self { skip: PREFACE, head: [0; HEAD], filled: 0, ends: false, open: false }
    }

    /// Whether a field section is open behind these bytes.
    fn follow(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let length = self.skip.min(bytes.len());
                self.skip -= length;
                bytes = bytes.get(length..).unwrap_or_default();
                self.end_payload();
                continue;
            }
            let (Some((first, rest)), Some(slot)) =
                (bytes.split_first(), self.head.get_mut(self.filled))
            else {
                return self.open;
            };
            *slot = *first;
            self.filled += 1;
            bytes = rest;
            if self.filled == HEAD {
                self.begin_payload();
            }
        }
        self.open
    }

    fn begin_payload(&mut self) {
        let [a, b, c, kind, flags, ..] = self.head;
        self.filled = 0;
        self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        if matches!(kind, HEADERS | CONTINUATION) {
            self.open = true;
            self.ends = flags & END_HEADERS != 0;
        }
        self.end_payload();
    }

    fn end_payload(&mut self) {
        if self.skip == 0 && std::mem::take(&mut self.ends) {
            self.open = false;
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Frames<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(context, buffer))?;
        let was_open = this.follower.open;
        let read = buffer.filled().get(before..).unwrap_or_default();
        match (was_open, this.follower.follow(read)) {
            (false, true) => this.line.expect_read(this.patience.head),
            (true, false) => this.line.expect_next(this.patience.idle),
            (false, false) | (true, true) => (),
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Frames<T> {
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

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.extend(vec![HEADERS; usize::from(length)]);
        frame
    }

    #[test]
    fn a_field_section_is_open_until_its_last_byte_however_the_bytes_are_cut() {
        let preface = vec![b'P'; PREFACE];
        let cases: [(&str, Vec<Vec<u8>>, bool); 8] = [
            ("settings", vec![frame(4, 0, 6)], false),
            ("data", vec![frame(0, 0, 50)], false),
            ("a whole head", vec![frame(1, 4, 20)], false),
            ("a head without bytes", vec![frame(1, 4, 0)], false),
            ("a head that goes on", vec![frame(1, 0, 20)], true),
            ("that goes on still", vec![frame(1, 0, 20), frame(9, 0, 3)], true),
            ("that has ended", vec![frame(1, 0, 20), frame(9, 0, 3), frame(9, 4, 3)], false),
            ("and another", vec![frame(1, 4, 9), frame(0, 1, 7), frame(1, 0, 1)], true),
        ];
        for (name, frames, open) in cases {
            let bytes = [preface.clone(), frames.concat()].concat();
            for piece in [1, 7, 10, usize::MAX] {
                let mut follower = Follower::new();
                for part in bytes.chunks(piece.min(bytes.len())) {
                    follower.follow(part);
                }
                assert_eq!(follower.open, open, "{name}, in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_head_whose_payload_is_missing_is_open() {
        let mut follower = Follower::new();
        let mut bytes = vec![b'P'; PREFACE];
        bytes.extend(frame(1, 4, 20));
        bytes.pop();
        assert!(follower.follow(&bytes));
        assert!(!follower.follow(&[0]));
    }
}
