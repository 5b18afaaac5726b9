//! Where TLS ends in front of PHP's server, which knows none: bytes go through as they are.

use std::net::TcpListener;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// It listens as long as this lives.
#[derive(Debug)]
pub(super) struct Terminator {
    pub(super) port: u16,
    /// PEM.
    pub(super) authority: String,
    _open: oneshot::Sender<()>,
}

impl Terminator {
    /// On a free port, in front of this one, for who knows this machine by this name.
    pub(super) fn start(host: &str, behind: u16) -> Self {
        let (authority, config) = certificates(host);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (open, closed) = oneshot::channel();
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, acceptor, behind) => {}
                    _ = closed => {}
                }
            });
        });
        Self { port, authority, _open: open }
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, behind: u16) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // Who goes away, on either side, is not an event.
            if let Ok(mut front) = acceptor.accept(socket).await
                && let Ok(mut back) = TcpStream::connect(("127.0.0.1", behind)).await
            {
                drop(tokio::io::copy_bidirectional(&mut front, &mut back).await);
            }
        });
    }
}

/// An authority of its own, and what it certifies: this machine's name.
fn certificates(host: &str) -> (String, ServerConfig) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    let secret = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], secret)
        .unwrap();
    (authority.pem(), config)
}
