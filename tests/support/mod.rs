//! What the black-box tests stand on: the real program, real peers, and a client that trusts its authority.
//! Only `scripted` fakes anything, and only at a socket.

pub mod demo;
pub mod moto;
pub mod peer;
pub mod raw;
pub mod scripted;
pub mod site;

pub use demo::Demo;
pub use moto::Moto;
pub use site::{Person, Site};
