//! How much memory many clients take. A binary of its own, and one test at a time: it counts the whole program's memory,
//! and thousands of connections are no neighbours for other tests.
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
#[path = "../support/mod.rs"]
mod support;

mod client;
mod idle;
#[expect(dead_code, reason = "each test binary uses its own part")]
#[path = "../label_studio/resilience/pretender.rs"]
mod pretender;
mod slow_readers;
mod task_list;
