//! Connections over TLS, and whole exchanges, on loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Door, Host, OutboundError, Patience, Rules, Settings};

const SECOND: Duration = Duration::from_secs(1);

/// A certificate authority that only the test knows, and a server with a certificate for `name`.
async fn tls_server(name: &str) -> (SocketAddr, tempfile::NamedTempFile) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), issuer.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate.der().to_vec())],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut request = [0; 1024];
                drop(stream.read(&mut request).await);
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await);
                drop(stream.shutdown().await);
            }
        }
    }));
    (address, file)
}

/// Answers every connection with the same bytes, and tells what was asked.
async fn clear_server(answer: &'static str) -> (SocketAddr, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    drop(tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            drop(sender.send(String::from_utf8_lossy(&request[..length]).into_owned()).await);
            stream.write_all(answer.as_bytes()).await.unwrap();
            if answer.is_empty() {
                drop(stream.read(&mut request).await);
            }
        }
    }));
    (address, receiver)
}

fn door(allow: &str, ca: Option<&tempfile::NamedTempFile>) -> Door {
    let settings = Settings {
        allow_private: vec![allow.parse().unwrap()],
        ca_files: ca.map(|file| file.path().to_owned()).into_iter().collect(),
        patience: Patience { connect: SECOND * 5, answer: SECOND, stall: SECOND },
    };
    Door::new(Rules::read(&settings).unwrap())
}

fn get(uri: &str) -> Request<Bytes> {
    Request::get(uri).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn a_certificate_must_be_of_a_known_root_and_of_the_name_asked_for() {
    let (address, ca) = tls_server("127.0.0.1").await;
    let uri = format!("https://{address}/");
    let answer = door("127.0.0.1", Some(&ca)).exchange(get(&uri), SECOND * 5, 64).await.unwrap();
    assert_eq!(&answer.body()[..], b"hello");
    let unknown = door("127.0.0.1", None).exchange(get(&uri), SECOND * 5, 64).await;
    assert!(matches!(unknown, Err(OutboundError::Unverified { .. })), "{unknown:?}");
    let (address, ca) = tls_server("storage.example").await;
    let uri = format!("https://{address}/");
    let other = door("127.0.0.1", Some(&ca)).exchange(get(&uri), SECOND * 5, 64).await;
    assert!(matches!(other, Err(OutboundError::Unverified { .. })), "{other:?}");
}

#[tokio::test]
async fn rules_are_replaced_while_the_door_is_in_use() {
    let (address, ca) = tls_server("127.0.0.1").await;
    let door = door("127.0.0.1", None);
    let host: Host = format!("https://{address}").parse().unwrap();
    assert!(matches!(door.connect(&host).await, Err(OutboundError::Unverified { .. })));
    let settings = Settings {
        allow_private: vec!["127.0.0.0/8".parse().unwrap()],
        ca_files: vec![ca.path().to_owned()],
        patience: Patience::default(),
    };
    door.install(Rules::read(&settings).unwrap());
    let (_wire, rules) = door.connect(&host).await.unwrap();
    assert!(door.still(&rules));
    door.install(Rules::read(&Settings::default()).unwrap());
    assert!(!door.still(&rules));
    let refused = door.connect(&host).await;
    assert!(matches!(refused, Err(OutboundError::PrivateAddress { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_exchange_is_whole_bounded_and_never_redirected() {
    let (address, mut asked) = clear_server(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 4\r\n\r\nbody",
    )
    .await;
    let door = door("127.0.0.1", None);
    let uri = format!("http://{address}/a/../b?c");
    let answer = door.exchange(get(&uri), SECOND, 4).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (302, b"body".as_slice()));
    let asked = asked.recv().await.unwrap();
    assert!(asked.starts_with("GET /a/../b?c HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("host: {address}\r\n")), "{asked}");
    let large = door.exchange(get(&uri), SECOND, 3).await;
    assert!(matches!(large, Err(OutboundError::TooLarge { limit: 3, .. })), "{large:?}");
    let (silent, _asked) = clear_server("").await;
    let late = door.exchange(get(&format!("http://{silent}/")), SECOND / 10, 3).await;
    assert!(matches!(late, Err(OutboundError::Timeout { .. })), "{late:?}");
}

#[tokio::test]
async fn metadata_is_asked_only_by_those_who_may() {
    let door = door("10.0.0.1", None);
    let refused = door.exchange(get("http://169.254.169.254/"), SECOND / 10, 3).await;
    assert!(matches!(refused, Err(OutboundError::PrivateAddress { .. })), "{refused:?}");
    let other = door.exchange_with_metadata(get("http://169.254.169.253/"), SECOND / 10, 3).await;
    assert!(matches!(other, Err(OutboundError::PrivateAddress { .. })), "{other:?}");
    let loopback = door.exchange_with_metadata(get("http://127.0.0.1:1/"), SECOND / 10, 3).await;
    assert!(matches!(loopback, Err(OutboundError::PrivateAddress { .. })), "{loopback:?}");
}

#[tokio::test]
async fn clear_text_to_a_public_address_is_refused_unless_the_address_is_named() {
    let refused = door("10.0.0.1", None).exchange(get("http://192.31.196.1/"), SECOND, 3).await;
    assert!(matches!(refused, Err(OutboundError::ClearText { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_resolves_to() {
    let refused = door("10.0.0.1", None).exchange(get("http://localhost:9/"), SECOND, 3).await;
    assert!(matches!(refused, Err(OutboundError::PrivateAddress { .. })), "{refused:?}");
}
