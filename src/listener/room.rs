//! How much is kept for one client that takes its answer more slowly than it comes: much while few are connected, since
//! fewer and larger writes cost less; little in a crowd, since a thousand slow readers are to fit in 256 MiB.

/// A crowd is more connections than this, over all threads.
const FEW: usize = 64;

/// Bytes, for one connection; fixed when it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// hyper takes no more of an HTTP/1 answer while so much is unsent. Not less than a head, which it bounds too.
    pub(super) http1: usize,
    /// The same for one HTTP/2 stream.
    pub(super) http2: usize,
    /// What rustls holds encrypted.
    pub(super) tls: usize,
}

impl Room {
    pub(super) const fn among(connections: usize) -> Self {
        if connections <= FEW {
            Self { http1: 64 * 1024, http2: 64 * 1024, tls: 64 * 1024 }
        } else {
            Self { http1: 33 * 1024, http2: 32 * 1024, tls: 16 * 1024 }
        }
    }
}
