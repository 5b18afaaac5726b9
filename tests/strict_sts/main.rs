//! The peers that the tests of federation stand on, tried themselves: an STS and an S3 that let something through would
//! prove nothing of a gateway.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_arguments,
    unreachable_pub,
    reason = "a test may panic, and its parts are its own"
)]

#[expect(dead_code, unused_imports, reason = "each test binary uses its own part")]
#[path = "../support"]
mod support {
    pub mod account;
    pub mod assertion;
    pub mod aws;
    pub mod moto;
    pub mod peer;
    pub mod s3;
    pub mod served;
    pub mod site;
    pub mod sts;

    pub use moto::Moto;
    pub use site::Site;
}

mod assume_role;
mod crowd;
mod exchange;
mod gateway;
mod isolation;
mod saml;
mod storage;
mod switches;
mod world;
mod worth;
