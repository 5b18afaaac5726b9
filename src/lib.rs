//! Sluicegate stands in front of a Label Studio install and of storage buckets: people and programs get
//! bytes, never a raw URI, a bucket name, a presigned URL or a cloud key.
//!
//! The modules stand in the order of a request. A stage may name an earlier stage's types, never a later
//! one's (`tests/tidy.rs`). Start reading at [`gateway`].

pub mod ground;
pub mod telemetry;

pub mod catalog;
pub mod label_studio;
pub mod outbound;
pub mod records;

pub mod audit;
pub mod backend;
pub mod credential;
pub mod identity;
pub mod listener;
pub mod policy;
pub mod request;
pub mod stream;

pub mod admin;
pub mod command;
pub mod refusal;
pub mod sign_in;

pub mod demo;
pub mod gateway;
pub mod operations;
pub mod settings;
