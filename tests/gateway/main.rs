//! The real program as a black box, in front of real peers.

#[path = "../support/mod.rs"]
mod support;

mod objects;
mod operations;
