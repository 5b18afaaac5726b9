//! The minter against an STS at a socket.

mod crowd;
mod exchange;
mod isolation;
mod isolation_of_people;
mod minting;
mod people;
mod sessions;
pub(super) mod socket;
pub(super) mod sts;
mod world;

pub(super) use world::{World, storage};
