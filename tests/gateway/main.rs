//! The real program as a black box, in front of real peers.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    clippy::indexing_slicing,
    reason = "a test may panic, and its parts are its own"
)]

#[path = "../support/mod.rs"]
mod support;

mod objects;
mod operations;
