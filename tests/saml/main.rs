//! Signing in at a real SAML identity provider, and what the strict STS and its S3 make of what it asserts.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
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
    pub mod company;
    pub mod idp;
    pub mod moto;
    pub mod peer;
    pub mod s3;
    pub mod served;
    pub mod site;
    pub mod sts;

    pub use moto::Moto;
}

mod bound;
mod check;
mod download;
mod exchange;
mod forced;
mod forge;
mod hang_up;
mod hostile;
mod iam;
mod install;
mod membership;
mod memory;
mod messages;
mod modes;
mod peer;
mod sessions;
mod sign_in;
mod sign_out;
mod streaming;
mod told;
mod writes;

use support::company::{self, world};
