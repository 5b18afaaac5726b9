//! The listener as a black box: raw bytes in, answers out, with a trivial app behind it. What a hostile client may
//! try with framing, deadlines and connections, on both HTTP versions.
#![expect(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test may panic, and its parts are its own"
)]

mod http1;
mod http2;
mod limits;
mod server;
mod tls;
