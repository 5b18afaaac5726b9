//! The real program in front of a real, unmodified Label Studio, with real storage behind both.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_arguments,
    clippy::excessive_nesting,
    unreachable_pub,
    reason = "a test may panic, and its parts are its own"
)]

#[expect(dead_code, reason = "each test binary uses its own part")]
#[path = "../support"]
mod support {
    pub mod label_studio;
    pub mod moto;
    pub mod peer;
    pub mod postgres;
    pub mod raw;
    pub mod scripted;
    pub mod site;
    pub mod world;

    pub use moto::Moto;
    pub use site::{Person, Site};
}

mod bridging;
mod catalogue;
mod check;
mod exports;
mod handles;
mod hostile;
mod kept;
mod leaks;
mod lists;
mod locations;
mod matrix;
mod media;
mod moves;
mod operator;
mod origins;
mod page;
mod relay;
mod resilience;
mod rows;
mod sdk;
mod spellings;
mod things;
mod tokens;
mod tricks;
mod wire;
