//! Stage 1: sockets, TLS, HTTP/1.1 and HTTP/2, limits, drain; and the validator, which turns what a client
//! sent into one canonical [`Incoming`] or refuses it. Nothing later ever looks at the raw request again.

mod fault;
mod incoming;

pub use fault::RequestFault;
pub use incoming::{Incoming, Protocol, RequestBody, RequestId};
