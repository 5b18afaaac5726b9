//! The real program as a black box, in front of real peers.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_arguments,
    clippy::excessive_nesting,
    clippy::expect_used,
    clippy::wrong_self_convention,
    unreachable_pub,
    reason = "a test may panic, and its parts are its own"
)]

#[path = "../support/mod.rs"]
mod support;

mod assumed_role;
mod audit;
mod cors;
mod demo;
mod drain;
mod handles;
mod invitations;
mod keys;
mod leaks;
mod objects;
mod operations;
mod revocation;
mod strangers;
mod upstream;
mod verbs;
