//! A list of tasks of 50 MB, rewritten on its way: never more of it in memory than what is on its way.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::{Clients, Tls, resident, turn};
use crate::pretender::{Done, Pretender, is_the_gateways};
use crate::support::{Person, Site, raw};

const TASKS: u64 = 270_000;
const MOST_KIB: u64 = 8 * 1024;
const SLOW_READERS: u64 = 40;
/// What each may hold: pieces that are read ahead, before and after the rewriter, and sockets' worth of TLS.
const EACH_KIB: u64 = 1536;
const LIST: &str = "/api/tasks?project=1";

/// A gateway before a Label Studio with that list, each task of which has a location of its own.
fn set() -> (Site, Person, Pretender) {
    let studio = Pretender::start();
    let mut site = crate::pretender::before(&studio, "[limits]\nmax_answers_per_account = 1000\n");
    site.run(&["organization", "create", "--name", "acme"]);
    let ann = site.person("acme", "ann@example.com", "owner");
    site.start();
    (site, ann, studio)
}

/// Waits until the gateway has taken the project in.
fn until_well(site: &Site, who: &Person) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let request = format!(
        "GET {LIST} HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        site.port, who.token
    );
    loop {
        let (head, _) = raw::exchange(site, request.as_bytes());
        if head.starts_with("HTTP/1.1 200") {
            return;
        }
        assert!(Instant::now() < deadline, "{head}\n{}", site.log());
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn asked(clients: &Clients, who: &Person) -> Tls {
    clients.get(LIST, &format!("Authorization: Bearer {}\r\n", who.token))
}

/// Sends the list in chunks; its length.
fn send(socket: &mut TcpStream) -> u64 {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (mut piece, mut sent) = (String::from("{\"tasks\":["), 0);
    if socket.write_all(head.as_bytes()).is_err() {
        return 0;
    }
    for id in 1..=TASKS {
        let comma = if id == 1 { "" } else { "," };
        piece.push_str(&format!(
            "{comma}{{\"id\":{id},\"data\":{{\"image\":\"s3://hush/2026/11/patient-{id:07}/slice-0017.png\",\"text\":\"as it was told \
             by the one who drew it, and no other\"}},\"annotations\":[],\"total_annotations\":0,\"project\":1}}"
        ));
        if id == TASKS {
            piece.push_str("],\"total\":1}");
        }
        if piece.len() > 30_000 || id == TASKS {
            sent += u64::try_from(piece.len()).unwrap();
            // A gateway that goes away ends the answer, not the thread.
            if socket.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).is_err() {
                return sent;
            }
            piece.clear();
        }
    }
    drop(socket.write_all(b"0\r\n\r\n"));
    sent
}

#[test]
fn a_task_list_of_fifty_megabytes_takes_eight_more_at_most() {
    let _turn = turn();
    let (site, ann, studio) = set();
    let clients = Clients::of(&site);
    // What is made once is made before the count begins: connections, the person's user, room for what passes.
    until_well(&site, &ann);
    studio.does(|head, socket| {
        if is_the_gateways(head) || !head.contains("GET /api/tasks") {
            return Done::No;
        }
        let sent = send(socket);
        assert!(sent > 50_000_000, "{sent}");
        Done::Yes
    });
    let before = resident(&site);
    let mut stream = BufReader::new(asked(&clients, &ann));
    let (mut most, mut taken, mut tail) = (before, 0, Vec::new());
    let mut piece = vec![0; 64 * 1024];
    while !tail.ends_with(b"0\r\n\r\n") {
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "it broke off after {taken} bytes\n{}", site.log());
        taken += length;
        tail = [&tail[tail.len().saturating_sub(64)..], &piece[..length]].concat();
        most = most.max(resident(&site));
    }
    println!("{} KiB more, for a list that is {taken} bytes when it leaves", most - before);
    assert!(taken > 50_000_000 && String::from_utf8_lossy(&tail).contains("\"total\":1}"));
    assert!(most - before <= MOST_KIB, "{} KiB more than {before}", most - before);
}

#[test]
fn many_who_take_such_a_list_slowly_take_a_bounded_amount() {
    let _turn = turn();
    let (site, ann, studio) = set();
    let clients = Clients::of(&site);
    until_well(&site, &ann);
    studio.does(|head, socket| {
        if is_the_gateways(head) || !head.contains("GET /api/tasks") {
            return Done::No;
        }
        send(socket);
        Done::Yes
    });
    let before = resident(&site);
    let mut readers: Vec<_> = (0..SLOW_READERS).map(|_| asked(&clients, &ann)).collect();
    let mut most = before;
    for _round in 0..20 {
        for stream in &mut readers {
            stream.read_exact(&mut [0; 32 * 1024]).unwrap();
        }
        most = most.max(resident(&site));
    }
    let each = (most - before) / SLOW_READERS;
    println!("{each} KiB for each of {SLOW_READERS} slow readers");
    assert!(each <= EACH_KIB, "{each} KiB for each");
}
