//! What an operator decides about the listener. Filled and checked by `settings`; plain values here.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;

use super::{CorsOrigin, Network, ServedHost};

/// `[listen]` and `[limits]`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// HTTPS. Port 0 takes any free one.
    pub address: SocketAddr,
    /// The hosts served; all others are answered with 421.
    pub hosts: Vec<ServedHost>,
    /// By SNI; the first serves clients that send none. Empty only with [`ClearTextMode::Serve`]: then
    /// there is no HTTPS listener.
    pub certificates: Vec<CertificateFiles>,
    pub clear_text: Option<ClearText>,
    /// Data-plane threads; `None` is one per core.
    pub threads: Option<NonZeroUsize>,
    /// Peers whose [`Self::client_address_header`] is believed.
    pub trusted_proxies: Vec<Network>,
    pub client_address_header: Option<HeaderName>,
    /// Other sites whose scripts may read answers.
    pub cors_origins: Vec<CorsOrigin>,
    pub limits: Limits,
}

/// One certificate: chain (leaf first) and private key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    pub chain: PathBuf,
    pub key: PathBuf,
}

/// A second, clear-text socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearText {
    pub address: SocketAddr,
    pub mode: ClearTextMode,
}

/// What the clear-text socket does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClearTextMode {
    /// Sends every visitor to HTTPS.
    Redirect,
    /// Serves: TLS ends in front of this gateway.
    Serve,
}

/// Bounds on what a client may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The whole request head arrives within it.
    pub head: Duration,
    pub handshake: Duration,
    /// A connection without a request is closed after it.
    pub idle: Duration,
    /// A client that takes nothing for so long is cut off.
    pub stall: Duration,
    /// What still runs so long after the drain began is cut off.
    pub drain: Duration,
    pub max_connections: usize,
    pub max_connections_per_address: usize,
    /// Per HTTP/2 connection.
    pub max_streams: u32,
    /// In all; what runs is counted by `stream`.
    pub max_answers_per_account: usize,
    pub max_upload_bytes: u64,
    /// `None`: unlimited.
    pub requests_per_second_per_address: Option<NonZeroUsize>,
}

impl Settings {
    /// How many data-plane threads there are.
    #[must_use]
    pub fn threads(&self) -> NonZeroUsize {
        self.threads
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            stall: Duration::from_secs(60),
            drain: Duration::from_secs(30),
            max_connections: 20_000,
            max_connections_per_address: 4096,
            max_streams: 128,
            max_answers_per_account: 512,
            max_upload_bytes: 5 << 30,
            requests_per_second_per_address: None,
        }
    }
}
