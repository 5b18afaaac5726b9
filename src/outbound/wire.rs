//! An established connection: clear text or TLS, read and written alike.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Bytes to and from another machine, made by [`super::Door::connect`] only.
#[derive(Debug)]
pub enum Wire {
    Clear(TcpStream),
    /// Clear text, and what comes is acknowledged at once.
    Prompt(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Acknowledges at once what comes. For a server that writes head and body apart and does not switch Nagle's algorithm off
    /// (RFC 896): it holds the body back until the head is acknowledged, which by itself takes 40 ms (RFC 1122, 4.2.3.2).
    #[must_use]
    pub fn prompt(self) -> Self {
        match self {
            Self::Clear(stream) | Self::Prompt(stream) => Self::Prompt(stream),
            Self::Tls(stream) => Self::Tls(stream),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Prompt(stream) => {
                // The kernel forgets it, so it is said again before each read; without it all is well but slow.
                drop(SockRef::from(&*stream).set_tcp_quickack(true));
                Pin::new(stream).poll_read(context, buffer)
            }
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(stream) | Self::Prompt(stream) => {
                Pin::new(stream).poll_write(context, bytes)
            }
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) | Self::Prompt(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) | Self::Prompt(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(stream) | Self::Prompt(stream) => {
                Pin::new(stream).poll_write_vectored(context, slices)
            }
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Clear(stream) | Self::Prompt(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
