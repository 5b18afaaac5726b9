//! A TLS client over a blocking socket, of which thousands fit in one process.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::{Domain, Socket, Type};

use crate::support::Site;

pub type Tls = StreamOwned<ClientConnection, TcpStream>;

static TURN: Mutex<()> = Mutex::new(());

/// Waits for the tests before.
pub fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Resident memory of the program, in KiB.
pub fn resident(site: &Site) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

pub struct Clients {
    config: Arc<ClientConfig>,
    port: u16,
}

impl Clients {
    pub fn of(site: &Site) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(site.ca()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Self { config: Arc::new(config), port: site.port }
    }

    /// Sends a GET. The kernel keeps little for this connection: what is not taken waits in the gateway or before it.
    pub fn get(&self, path: &str, more: &str) -> Tls {
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let mut stream = StreamOwned::new(tls, self.connect());
        self.ask(&mut stream, path, more);
        stream
    }

    pub fn ask(&self, stream: &mut Tls, path: &str, more: &str) {
        let port = self.port;
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{more}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
    }

    fn connect(&self) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        socket.connect(&SocketAddr::from(([127, 0, 0, 1], self.port)).into()).unwrap();
        let tcp = TcpStream::from(socket);
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        tcp
    }
}
