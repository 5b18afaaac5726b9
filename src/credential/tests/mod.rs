//! The minter against an STS at a socket.

mod isolation;
mod minting;
pub(super) mod socket;
pub(super) mod sts;
mod world;

pub(super) use world::{World, storage};
