//! A client that sends a path as it is told, over HTTP/2.

use std::sync::Arc;

use bytes::Bytes;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::support::{Person, Site};

/// The answer's status, once all of it is here. `None`: no such request can be written, or the gateway ended the stream.
pub async fn ask(
    site: &Site,
    who: &Person,
    (method, target): (&str, &str),
    (kind, body): (&str, &[u8]),
) -> Option<u16> {
    let uri = format!("https://localhost:{}{target}", site.port);
    let mut request = http::Request::builder()
        .method(method)
        .uri(uri)
        .header("authorization", format!("Bearer {}", who.token));
    if !kind.is_empty() {
        request = request.header("content-type", kind);
    }
    let request = request.body(()).ok()?;
    // What stands behind a mark like this never leaves a client that is built on this crate.
    if target.contains('#') || !target.starts_with('/') {
        return None;
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(site.ca()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = tokio::net::TcpStream::connect(("127.0.0.1", site.port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    let (sender, connection) = h2::client::handshake(tls).await.unwrap();
    tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let (response, mut stream) = sender.send_request(request, body.is_empty()).ok()?;
    if !body.is_empty() {
        stream.send_data(Bytes::copy_from_slice(body), true).ok()?;
    }
    let (head, mut body) = response.await.ok()?.into_parts();
    while let Some(data) = body.data().await {
        body.flow_control().release_capacity(data.ok()?.len()).ok()?;
    }
    Some(head.status.as_u16())
}
