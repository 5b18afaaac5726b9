//! TLS: versions, names, protocols, and certificates that change.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};

use crate::server::{Server, certificate};

/// Takes any certificate: which one came is what these tests look at.
#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

pub fn client_config(
    versions: &[&'static rustls::SupportedProtocolVersion],
    alpn: &[&[u8]],
) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let mut config = builder
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

pub type Tls = StreamOwned<ClientConnection, TcpStream>;

pub fn connect(server: &Server, name: &str, config: Arc<ClientConfig>) -> std::io::Result<Tls> {
    let mut socket = TcpStream::connect(server.https)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut connection = ClientConnection::new(config, name).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    Ok(StreamOwned::new(connection, socket))
}

fn leaf(tls: &Tls) -> Vec<u8> {
    tls.conn.peer_certificates().unwrap()[0].to_vec()
}

const ALL: &[&rustls::SupportedProtocolVersion] = rustls::ALL_VERSIONS;

#[test]
fn both_versions_serve_http1() {
    let server = Server::start();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for alpn in [&[][..], &[&b"http/1.1"[..]][..]] {
            let mut tls =
                connect(&server, "gw.example.com", client_config(&[version], alpn)).unwrap();
            tls.write_all(b"GET / HTTP/1.1\r\nHost: gw.example.com\r\nConnection: close\r\n\r\n")
                .unwrap();
            let mut answer = String::new();
            tls.read_to_string(&mut answer).unwrap();
            assert!(answer.contains("told GET / "), "{answer}");
            assert!(answer.contains("strict-transport-security: "), "{answer}");
        }
    }
}

#[test]
fn the_protocol_is_chosen_by_alpn_only() {
    let server = Server::start();
    let tls =
        connect(&server, "gw.example.com", client_config(ALL, &[b"h2", b"http/1.1"])).unwrap();
    assert_eq!(tls.conn.alpn_protocol(), Some(&b"h2"[..]));
    assert!(connect(&server, "gw.example.com", client_config(ALL, &[b"spdy/3"])).is_err());
    // HTTP/2 on a connection that agreed on HTTP/1.1
    let mut tls = connect(&server, "gw.example.com", client_config(ALL, &[b"http/1.1"])).unwrap();
    tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut answer = String::new();
    tls.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("fault MalformedHead\n"), "{answer}");
}

#[test]
fn certificates_go_by_name() {
    let server = Server::with(|settings| {
        let folder = settings.certificates[0].chain.parent().unwrap().to_owned();
        settings.certificates.push(certificate(&folder, "*.wild.example.com"));
    });
    let config = || client_config(ALL, &[]);
    let first = leaf(&connect(&server, "gw.example.com", config()).unwrap());
    let wild = leaf(&connect(&server, "a.wild.example.com", config()).unwrap());
    let by_address = leaf(&connect(&server, "127.0.0.1", config()).unwrap());
    assert_ne!(first, wild);
    assert_eq!(first, by_address);
    assert!(connect(&server, "unknown.example.com", config()).is_err());
}

#[test]
fn changed_certificates_are_picked_up_and_broken_ones_are_not() {
    let server = Server::start();
    let now = || leaf(&connect(&server, "gw.example.com", client_config(ALL, &[])).unwrap());
    let first = now();
    std::fs::write(server.folder.path().join("gw.example.com.pem"), "broken").unwrap();
    let until = Instant::now() + Duration::from_millis(2500);
    while Instant::now() < until {
        assert_eq!(now(), first, "a broken file must not change anything");
    }
    certificate(server.folder.path(), "gw.example.com");
    let until = Instant::now() + Duration::from_secs(10);
    while now() == first {
        assert!(Instant::now() < until, "the new certificate is not served");
    }
}
