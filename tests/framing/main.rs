//! The listener as a black box: raw bytes in, answers out, with a trivial app behind it. What a hostile client may
//! try with framing, deadlines and connections, on both HTTP versions.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    unreachable_pub,
    reason = "a test may panic; its parts are its own; a table is as long as it is"
)]

mod http1;
mod http2;
mod limits;
mod server;
mod tls;
