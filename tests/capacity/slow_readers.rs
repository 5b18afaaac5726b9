//! Readers that take a large object slowly.

use std::io::{Read as _, Write as _};

use socket2::SockRef;

use crate::client::{Clients, resident, turn};
use crate::support::Site;
use crate::support::scripted::{Scripted, say};

const READERS: usize = 1000;
const LARGE: usize = 256 << 20;
const MOST_KIB: u64 = 256 * 1024;

#[test]
fn a_thousand_slow_readers_of_a_large_object_take_bounded_memory() {
    let _turn = turn();
    // Not moto: a thousand answers at once are not its business.
    let upstream = large();
    let address = format!("127.0.0.1:{upstream}");
    let mut site = Site::prepare(
        "[credentials.default]\nkind = \"static\"\naccess_key_id = { file = \"id\" }\n\
         secret_access_key = { file = \"secret\" }\n",
        &[&address],
        "[limits]\nmax_answers_per_account = 4000\n",
    );
    site.secret("id", "AKIAEXAMPLEEXAMPLE");
    site.secret("secret", "example-secret-example-secret");
    let place = format!(
        "--bucket b --prefix p/ --region eu-central-1 --endpoint http://{address} --addressing path"
    );
    let reader = site.person("acme", "reader@example.com", "owner");
    site.project("acme", "scans", &place);
    site.start();
    let clients = Clients::of(&site);
    let mut most = 0;
    let mut readers = Vec::new();
    for nth in 0..READERS {
        let bearer = format!("Authorization: Bearer {}\r\n", reader.token);
        let mut stream = clients.get("/-/objects/scans/media/x.bin", &bearer);
        let mut taken = [0; 12];
        stream.read_exact(&mut taken).unwrap();
        assert_eq!(&taken, b"HTTP/1.1 200", "reader {nth}");
        readers.push(stream);
        if nth % 50 == 0 {
            most = most.max(resident(&site));
        }
    }
    // Each takes a little more, round after round, and nobody is cut.
    for round in 0..10 {
        for (nth, stream) in readers.iter_mut().enumerate() {
            if let Err(fault) = stream.read_exact(&mut [0; 64 * 1024]) {
                let memory = resident(&site);
                panic!("round {round}, reader {nth}: {fault}; {memory} KiB\n{}", site.log());
            }
        }
        most = most.max(resident(&site));
    }
    println!("{most} KiB for {READERS} readers");
    assert!(most <= MOST_KIB, "{most} KiB are resident");
}

/// An upstream that answers everything with the large object, as fast as it is taken.
fn large() -> u16 {
    let upstream = Scripted::start(|_, _, socket| {
        // It shares the machine's memory for sockets with those that are under test.
        SockRef::from(&*socket).set_send_buffer_size(64 * 1024).unwrap();
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
