//! The operations address: is it alive, is it ready, how is it doing. Never on the public address.

use std::net::SocketAddr;
use std::time::Duration;

/// `[operations]`
#[derive(Debug, Clone)]
pub struct Settings {
    pub address: SocketAddr,
    /// How long `/readyz` fails before the drain begins.
    pub drain_delay: Duration,
}
