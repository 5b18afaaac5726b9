//! The pages in a real Chromium: the gateway's own, and Label Studio's through it. A machine of two cores has one browser
//! at a time, and nothing else to do.
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
    pub mod browser;
    pub mod company;
    pub mod demo;
    pub mod idp;
    pub mod label_studio;
    pub mod moto;
    pub mod peer;
    pub mod s3;
    pub mod served;
    pub mod site;
    pub mod sts;
    pub mod world;

    pub use moto::Moto;
    pub use site::{Person, Site};
}

mod journey;
mod saml;
mod visitor;
