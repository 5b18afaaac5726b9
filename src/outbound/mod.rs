//! The only way out: every connection of ours to another machine is resolved, checked, then made here (R20). Redirects
//! are never followed, environment proxies never read, certificates always verified, an empty server name never sent.

mod address;
mod connect;
mod exchange;
#[cfg(test)]
mod tests;
mod tls;
mod wire;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ClientConfig;

pub use address::{Allowed, BadAllowed};
pub use connect::{Host, Scheme};
pub use wire::Wire;

/// The settings' `[outbound]`.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Addresses that are not public and may be connected to all the same.
    pub allow_private: Vec<Allowed>,
    /// PEM files of roots trusted besides the system's.
    pub ca_files: Vec<PathBuf>,
    pub patience: Patience,
}

/// How long the other side may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the name to an established connection, TLS included.
    pub connect: Duration,
    /// From the sent request to the first byte of its answer.
    pub answer: Duration,
    /// Between bytes of an answer.
    pub stall: Duration,
}

/// Opens checked connections. Shared by all threads; the connections themselves are not.
#[derive(Debug)]
pub struct Door {
    rules: ArcSwap<Rules>,
}

/// Settings, with their files read: what [`Door::install`] takes, made in advance so that a reload is all or nothing.
#[derive(Debug)]
pub struct Rules {
    allow_private: Vec<Allowed>,
    patience: Patience,
    tls: Arc<ClientConfig>,
}

/// Why there is no connection, or no answer on it.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("{host} resolves to {address}, which [outbound] allow_private does not name")]
    PrivateAddress { host: String, address: IpAddr },
    #[error("{host} is clear text, and [outbound] allow_private does not name {address}")]
    ClearText { host: String, address: IpAddr },
    #[error("{host} cannot be resolved")]
    Unresolved {
        host: String,
        #[source]
        cause: std::io::Error,
    },
    #[error("{host} resolves to no address at all")]
    NoAddress { host: String },
    #[error("{host} ({address}) cannot be connected to")]
    Unreachable {
        host: String,
        address: SocketAddr,
        #[source]
        cause: std::io::Error,
    },
    #[error("{host}: no verified TLS connection")]
    Unverified {
        host: String,
        #[source]
        cause: std::io::Error,
    },
    #[error("{host} did not answer in time")]
    Timeout { host: String },
    #[error("{host} gave no complete HTTP answer")]
    Garbled {
        host: String,
        #[source]
        cause: hyper::Error,
    },
    #[error("{host} answered with more than {limit} bytes")]
    TooLarge { host: String, limit: usize },
    #[error("{uri} is not http(s)://host[:port]/…")]
    BadAddress { uri: String },
    #[error("{}: no certificates in it", path.display())]
    BadRoots {
        path: PathBuf,
        #[source]
        cause: rustls::pki_types::pem::Error,
    },
    #[error("no TLS with these settings")]
    BadTls(#[source] rustls::Error),
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(5), answer: seconds(30), stall: seconds(30) }
    }
}

impl Rules {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// [`OutboundError::BadRoots`] and [`OutboundError::BadTls`].
    pub fn read(settings: &Settings) -> Result<Self, OutboundError> {
        Ok(Self {
            allow_private: settings.allow_private.clone(),
            patience: settings.patience,
            tls: Arc::new(tls::config(&settings.ca_files)?),
        })
    }
}

impl Door {
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules: ArcSwap::from_pointee(rules) }
    }

    /// Replaces the rules: connections made from here on follow the new ones.
    pub fn install(&self, rules: Rules) {
        self.rules.store(Arc::new(rules));
    }

    /// How long others may take, as the settings say now.
    #[must_use]
    pub fn patience(&self) -> Patience {
        self.rules.load().patience
    }

    /// The present rules: a connection made under others is not to be used again.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    /// Whether `rules` are still the present ones.
    #[must_use]
    pub fn still(&self, rules: &Arc<Rules>) -> bool {
        Arc::ptr_eq(&self.rules.load(), rules)
    }
}
