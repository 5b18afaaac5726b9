//! The operations address: is it alive, is it ready, how is it doing. Plain HTTP, loopback by default, never on the
//! public address; no answer names a user, a key, a path or a project.

mod health;
mod page;
mod reloads;
mod requests;
mod server;

use std::net::SocketAddr;
use std::time::Duration;

pub use health::{Health, Readiness};
pub use page::metrics_page;
pub use reloads::Reloads;
pub use requests::Requests;
pub use server::{OperationsError, Server};

/// `[operations]`
#[derive(Debug, Clone)]
pub struct Settings {
    pub address: SocketAddr,
    /// How long `/readyz` fails before the drain begins.
    pub drain_delay: Duration,
}
