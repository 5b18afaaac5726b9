//! A thousand readers that take a large object slowly cost bounded memory.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::{Domain, Socket, Type};

use crate::support::Site;

const READERS: usize = 1000;
const LARGE: usize = 16 << 20;
const MOST_KIB: u64 = 256 * 1024;

/// Resident memory, in KiB.
fn resident(site: &Site) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_thousand_slow_readers_of_a_large_object_take_bounded_memory() {
    // Not moto: a thousand answers at once are not its business.
    let upstream = large();
    let address = format!("127.0.0.1:{upstream}");
    let mut site = Site::prepare(
        "[credentials.default]\nkind = \"static\"\naccess_key_id = { file = \"id\" }\n\
         secret_access_key = { file = \"secret\" }\n",
        &[&address],
        "",
    );
    site.secret("id", "AKIAEXAMPLEEXAMPLE");
    site.secret("secret", "example-secret-example-secret");
    let place = format!(
        "--bucket b --prefix p/ --region eu-central-1 --endpoint http://{address} --addressing path"
    );
    let reader = site.person("acme", "reader@example.com", "owner");
    site.project("acme", "scans", &place);
    site.start();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(site.ca()).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let config = Arc::new(config);
    let mut most = 0;
    let mut readers = Vec::new();
    for nth in 0..READERS {
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::clone(&config), name).unwrap();
        let tcp = connect(site.port);
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut stream = StreamOwned::new(tls, tcp);
        write!(
            stream,
            "GET /-/objects/scans/media/x.bin HTTP/1.1\r\nHost: localhost:{}\r\n\
             Authorization: Bearer {}\r\n\r\n",
            site.port, reader.token
        )
        .unwrap();
        let mut taken = [0; 12];
        stream.read_exact(&mut taken).unwrap();
        assert_eq!(&taken, b"HTTP/1.1 200", "reader {nth}");
        readers.push(stream);
        if nth % 50 == 0 {
            most = most.max(resident(&site));
        }
    }
    // Each takes a little more, round after round, and nobody is cut.
    for round in 0..4 {
        for (nth, stream) in readers.iter_mut().enumerate() {
            if let Err(fault) = stream.read_exact(&mut [0; 16 * 1024]) {
                panic!(
                    "round {round}, reader {nth}: {fault} {} KiB\n{}",
                    resident(&site),
                    site.log()
                );
            }
        }
        most = most.max(resident(&site));
    }
    assert!(most <= MOST_KIB, "{most} KiB are resident");
}

/// A connection for which the kernel keeps little: what is not taken waits in the gateway or before it.
fn connect(port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    socket.into()
}

/// An upstream that answers everything with the large object, as fast as it is taken.
fn large() -> u16 {
    use crate::support::scripted::{Scripted, say};
    let upstream = Scripted::start(|_, _, socket| {
        say(socket, &format!("HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: {LARGE}\r\n\r\n"));
        let piece = [9; 64 * 1024];
        for _ in 0..LARGE / piece.len() {
            // A gateway that goes away ends the test, not the thread.
            if socket.write_all(&piece).is_err() {
                return;
            }
        }
    });
    upstream.port
}
