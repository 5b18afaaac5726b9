//! Connections that are kept open and ask for nothing.

use std::io::{BufRead as _, BufReader, Read as _};

use crate::client::{Clients, Tls, resident, turn};
use crate::support::Site;

const CLIENTS: u64 = 2_000;
const MOST_KIB: u64 = 40;

#[test]
fn idle_tls_connections_take_forty_kib_each_at_most() {
    let _turn = turn();
    let mut site = Site::prepare(
        "",
        &[],
        "[limits]\nmax_connections_per_address = 20000\nidle_seconds = 600\n",
    );
    site.start();
    let clients = Clients::of(&site);
    // What is made once is made before the count begins.
    let mut kept: Vec<_> = (0..100).map(|_| asked(&clients)).collect();
    let before = resident(&site);
    kept.extend((0..CLIENTS).map(|_| asked(&clients)));
    let each = (resident(&site) - before) / CLIENTS;
    println!("{each} KiB for each idle connection");
    assert!(each <= MOST_KIB, "{each} KiB for each connection");
    // They are open indeed: the first and the last are answered again.
    for at in [0, kept.len() - 1] {
        clients.ask(&mut kept[at], "/-/sign-in", "");
        answered(&mut kept[at]);
    }
}

fn asked(clients: &Clients) -> Tls {
    let mut stream = clients.get("/-/sign-in", "");
    answered(&mut stream);
    stream
}

/// Reads one answer to its end.
fn answered(stream: &mut Tls) {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut length = 0;
    let mut first = true;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if first {
            assert_eq!(&line[..12], "HTTP/1.1 200");
            first = false;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
}
