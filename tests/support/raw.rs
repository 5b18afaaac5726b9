//! A client that sends a request line byte for byte: HTTP/1.1 over TLS, one request, one connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Person, Site};

/// The answer's status and body.
pub fn ask(site: &Site, who: &Person, method: &str, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        site.port,
        who.token,
        body.len()
    );
    let (head, body) = exchange(site, &[head.as_bytes(), body].concat());
    let length = format!("\r\ncontent-length: {}", body.len());
    let whole = body.is_empty() || head.to_lowercase().contains(&length);
    assert!(whole, "{method} {target} was not answered whole:\n{head}");
    (head[9..12].parse().unwrap(), body)
}

/// Sends these bytes; the head and the body of all that comes until the gateway closes.
pub fn exchange(site: &Site, request: &[u8]) -> (String, Vec<u8>) {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(site.ca()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut tls = StreamOwned::new(connection, socket);
    tls.write_all(request).unwrap();
    let mut answer = Vec::new();
    tls.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head, answer.split_off(end + 4))
}
