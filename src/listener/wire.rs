//! A client's socket under watch: a write that makes no progress is noticed, and a connection that was cut
//! leaves nothing behind in the kernel.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::line::Line;

/// See the head of this file.
pub(super) struct Wire {
    tcp: TcpStream,
    line: Rc<Line>,
    stall: Duration,
}

impl Wire {
    pub(super) const fn new(tcp: TcpStream, line: Rc<Line>, stall: Duration) -> Self {
        Self { tcp, line, stall }
    }

    fn note<T>(&self, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match wrote {
            Poll::Pending => self.line.write_is_blocked(self.stall),
            Poll::Ready(_) => self.line.wrote(),
        }
        wrote
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.line.is_cut() {
            // with zero linger, close() discards what was not sent: nothing of a lapsed answer trickles out
            let discarded = SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
            if let Err(error) = discarded {
                tracing::debug!(%error, "a cut connection could not be reset");
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.tcp).poll_write(context, bytes);
        self.note(wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.tcp).poll_write_vectored(context, slices);
        self.note(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
