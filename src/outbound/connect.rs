//! From a host's name to an established connection: resolve, check every address, connect to the checked address
//! itself (so that a second look-up cannot swap it), verify the certificate.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::{Door, OutboundError, Rules, Wire, address};
use crate::ground::secret::without_user;

/// Clear text or TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

/// `http(s)://host[:port]`: another machine's address, as settings and storages name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    scheme: Scheme,
    /// A DNS name in lower case, or an IP address (IPv6 without brackets); never empty.
    name: Box<str>,
    port: u16,
}

/// What may be connected to besides public addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Besides {
    /// What `allow_private` names.
    Named,
    /// That, and the cloud's metadata services.
    Metadata,
}

impl Host {
    /// The port is the scheme's own when `None`.
    ///
    /// # Errors
    /// [`OutboundError::BadAddress`] when the name is neither a DNS name nor an IP address, or for port 0.
    pub fn new(scheme: Scheme, name: &str, port: Option<u16>) -> Result<Self, OutboundError> {
        let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        let own = match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        if ServerName::try_from(bare).is_err() || port == Some(0) {
            return Err(OutboundError::BadAddress { uri: without_user(name).into() });
        }
        Ok(Self { scheme, name: bare.to_ascii_lowercase().into(), port: port.unwrap_or(own) })
    }

    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    #[must_use]
    pub const fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The same place with a label before its name. `None` for an IP address, which takes none.
    ///
    /// # Errors
    /// [`OutboundError::BadAddress`] when the label cannot stand in a name.
    pub fn below(&self, label: &str) -> Option<Result<Self, OutboundError>> {
        if self.name.parse::<IpAddr>().is_ok() {
            return None;
        }
        Some(Self::new(self.scheme, &format!("{label}.{}", self.name), Some(self.port)))
    }

    /// The value of a `Host` header: the port only where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let open = if self.name.contains(':') { ["[", "]"] } else { ["", ""] };
        let [before, after] = open;
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => format!("{before}{}{after}", self.name),
            (Scheme::Http | Scheme::Https, port) => {
                format!("{before}{}{after}:{port}", self.name)
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl FromStr for Host {
    type Err = OutboundError;

    /// Reads `http(s)://host[:port]`, with or without a final slash and nothing after it.
    fn from_str(text: &str) -> Result<Self, OutboundError> {
        let bad = || OutboundError::BadAddress { uri: without_user(text).into() };
        let uri: http::Uri = text.parse().map_err(|_malformed| bad())?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad());
        }
        Self::of(&uri)
    }
}

impl Host {
    /// The host of an absolute URI.
    ///
    /// # Errors
    /// [`OutboundError::BadAddress`] when the URI is not absolute, or of another scheme.
    pub fn of(uri: &http::Uri) -> Result<Self, OutboundError> {
        let bad = || OutboundError::BadAddress { uri: without_user(&uri.to_string()).into() };
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            Some(_) | None => return Err(bad()),
        };
        let (name, authority) = uri.host().zip(uri.authority()).ok_or_else(bad)?;
        // A user's name is not to be passed over, nor a port that is none to be read as the scheme's own.
        let port = match authority.as_str() {
            named if named.contains('@') => return Err(bad()),
            named if named == name => None,
            _ => Some(uri.port_u16().ok_or_else(bad)?),
        };
        Self::new(scheme, name, port)
    }
}

impl Door {
    /// Opens one connection, within the time that the settings give.
    ///
    /// # Errors
    /// [`OutboundError`]: no address that may be connected to, nobody there, or not who it should be.
    pub async fn connect(&self, host: &Host) -> Result<(Wire, Arc<Rules>), OutboundError> {
        let rules = self.rules();
        let by = Instant::now() + rules.patience.connect;
        let wire = rules.connect(host, Besides::Named, by).await?;
        Ok((wire, rules))
    }
}

impl Rules {
    pub(super) async fn connect(
        &self,
        host: &Host,
        besides: Besides,
        by: Instant,
    ) -> Result<Wire, OutboundError> {
        let late = || OutboundError::Timeout { host: host.to_string() };
        let addresses =
            timeout_at(by, self.resolve(host, besides)).await.map_err(|_elapsed| late())??;
        let stream = reach(host, &addresses, by).await?;
        // Requests are written whole; waiting for more only adds delay. Failure to set it costs just that.
        drop(stream.set_nodelay(true));
        if host.scheme == Scheme::Http {
            return Ok(Wire::Clear(stream));
        }
        let name = ServerName::try_from(host.name.to_string())
            .map_err(|_malformed| OutboundError::BadAddress { uri: host.to_string() })?;
        let handshake = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
        let tls = timeout_at(by, handshake)
            .await
            .map_err(|_elapsed| late())?
            .map_err(|cause| OutboundError::Unverified { host: host.to_string(), cause })?;
        Ok(Wire::Tls(Box::new(tls)))
    }

    /// Every address of the host that may be connected to; at least one.
    async fn resolve(
        &self,
        host: &Host,
        besides: Besides,
    ) -> Result<Vec<SocketAddr>, OutboundError> {
        let found: Vec<SocketAddr> = match host.name.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, host.port)],
            Err(_name) => tokio::net::lookup_host((&*host.name, host.port))
                .await
                .map_err(|cause| OutboundError::Unresolved { host: host.to_string(), cause })?
                .collect(),
        };
        let Some(first) = found.first().copied() else {
            return Err(OutboundError::NoAddress { host: host.to_string() });
        };
        let mut permitted = found;
        permitted.retain(|address| self.permits(host.scheme, *address, besides));
        if permitted.is_empty() {
            let (host, address) = (host.to_string(), first.ip());
            return Err(if address::is_public(address) {
                OutboundError::ClearText { host, address }
            } else {
                OutboundError::PrivateAddress { host, address }
            });
        }
        Ok(permitted)
    }

    /// Whether `allow_private` names the address.
    #[must_use]
    pub fn names(&self, address: SocketAddr) -> bool {
        self.allow_private.iter().any(|entry| entry.names(address))
    }

    /// Clear text goes only where the operator named the address.
    fn permits(&self, scheme: Scheme, address: SocketAddr, besides: Besides) -> bool {
        (scheme == Scheme::Https && address::is_public(address.ip()))
            || self.names(address)
            || (besides == Besides::Metadata && address::is_metadata(address.ip()))
    }
}

/// Connects to the first address that answers. Each gets an equal share of the time that is left, so that one dead
/// address does not use it all up.
/// What the kernel may hold of an answer before it is read. Left to itself it grows to what the machine allows (32 MiB on
/// some), for each slow client; with this, 2 ms away, a connection still carries 200 MB/s.
const UNREAD: u32 = 512 * 1024;

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_recv_buffer_size(UNREAD)?;
    socket.connect(address).await
}

async fn reach(
    host: &Host,
    addresses: &[SocketAddr],
    by: Instant,
) -> Result<TcpStream, OutboundError> {
    let mut failure = OutboundError::Timeout { host: host.to_string() };
    for (left, address) in (1_u32..).zip(addresses.iter().rev()).collect::<Vec<_>>().iter().rev() {
        let now = Instant::now();
        let share = by.saturating_duration_since(now) / *left;
        match timeout_at(now + share, connect(**address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(cause)) => {
                let (host, address) = (host.to_string(), **address);
                failure = OutboundError::Unreachable { host, address, cause };
            }
            Err(_late) => failure = OutboundError::Timeout { host: host.to_string() },
        }
    }
    Err(failure)
}
