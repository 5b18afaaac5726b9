//! Deadlines, counts, the switch and the drain.

use std::io::Read;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use sluicegate::listener::{ClearTextMode, Settings};

use crate::server::{LARGE, Server};

const GET: &str = "GET / HTTP/1.1\r\nHost: gw.example.com\r\n\r\n";
const ENDLESS: &str = "GET /-/endless HTTP/1.1\r\nHost: gw.example.com\r\n\r\n";

fn impatient(settings: &mut Settings) {
    settings.limits.head = Duration::from_secs(1);
    settings.limits.idle = Duration::from_secs(2);
    settings.limits.handshake = Duration::from_secs(1);
    settings.limits.stall = Duration::from_secs(1);
    settings.limits.drain = Duration::from_secs(1);
}

#[test]
fn a_head_that_drips_is_refused_at_its_deadline() {
    let server = Server::with(impatient);
    let started = Instant::now();
    let mut client = server.connect();
    client.send(&GET[..20]);
    let answer = client.rest();
    assert!(answer.ends_with("fault SlowHead\n"), "{answer}");
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(700) && took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let server = Server::with(impatient);
    assert_eq!(server.connect().rest(), "", "never a request");
    let mut client = server.connect();
    client.send(GET);
    client.answer();
    assert_eq!(client.rest(), "", "after one request");
}

#[test]
fn a_handshake_that_never_comes_is_ended() {
    let server = Server::with(impatient);
    let mut socket = std::net::TcpStream::connect(server.https).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(socket.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    let server = Server::with(impatient);
    let mut client = server.connect();
    client.send(ENDLESS);
    // reads nothing until the server has given up, which shows as a reset instead of more bytes
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < Duration::from_secs(15), "still connected");
        if client.0.take_error().unwrap().is_some() {
            break;
        }
        std::thread::yield_now();
    }
}

#[test]
fn an_upload_that_stops_is_cut_off() {
    let server = Server::with(impatient);
    let mut client = server.connect();
    client.send("PUT / HTTP/1.1\r\nHost: gw.example.com\r\nContent-Length: 10\r\n\r\nabc");
    let mut sink = Vec::new();
    let ended = client.0.read_to_end(&mut sink);
    assert!(sink.is_empty(), "a part must not be taken for the whole");
    assert!(ended.is_ok() || ended.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset);
}

#[test]
fn the_switch_cuts_a_running_answer() {
    let server = Server::start();
    let mut client = server.connect();
    client.send("GET /-/abort HTTP/1.1\r\nHost: gw.example.com\r\n\r\n");
    let mut sink = Vec::new();
    // a reset or a plain end, but an end
    let ended = client.0.read_to_end(&mut sink);
    assert!(ended.is_ok() || ended.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset);
}

#[test]
fn connections_are_limited_per_address() {
    let server = Server::with(|settings| settings.limits.max_connections_per_address = 2);
    let mut kept: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for client in &mut kept {
        client.send(GET);
        client.answer();
    }
    let mut third = server.connect();
    let mut sink = Vec::new();
    let read = third.0.read_to_end(&mut sink);
    assert!(read.is_err() || sink.is_empty());
    kept[0].send(GET);
    kept[0].answer();
}

#[test]
fn requests_are_limited_per_address() {
    let server = Server::with(|settings| {
        settings.limits.requests_per_second_per_address = NonZeroUsize::new(2);
    });
    let answers: Vec<String> = (0..8)
        .map(|_| server.exchange(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")))
        .collect();
    assert!(answers.iter().any(|answer| answer.ends_with("fault TooManyFromAddress\n")));
    assert!(answers.iter().any(|answer| answer.contains("told GET /")));
}

#[test]
fn a_panic_ends_one_request() {
    let server = Server::start();
    for _ in 0..4 {
        let mut client = server.connect();
        client.send("GET /-/panic HTTP/1.1\r\nHost: gw.example.com\r\n\r\n");
        assert_eq!(client.rest(), "");
    }
    for _ in 0..4 {
        let mut client = server.connect();
        client.send(GET);
        assert!(client.answer().contains("told GET /"));
    }
}

#[test]
fn a_drain_answers_what_comes_and_then_ends() {
    let mut server = Server::with(impatient);
    let mut busy = server.connect();
    busy.send(GET);
    busy.answer();
    server.drain.begin();
    busy.send(GET);
    let answer = busy.rest();
    assert!(answer.contains("told GET /"), "{answer:?}");
    server.drained();
    assert!(std::net::TcpStream::connect(server.clear).is_err());
}

#[test]
fn a_drain_cuts_what_runs_too_long() {
    let mut server = Server::with(|settings| {
        impatient(settings);
        settings.limits.stall = Duration::from_secs(60);
    });
    let mut client = server.connect();
    client.send(ENDLESS);
    let mut some = [0; 1000];
    client.0.read_exact(&mut some).unwrap();
    let started = Instant::now();
    server.drained();
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_drain_leaves_a_slow_reader_its_last_bytes() {
    let mut server = Server::with(|settings| {
        settings.limits.idle = Duration::from_secs(1);
        settings.limits.drain = Duration::from_secs(20);
    });
    let mut client = server.connect();
    client.send("GET /-/large HTTP/1.1\r\nHost: gw.example.com\r\n\r\n");
    client.0.read_exact(&mut [0]).unwrap();
    server.drain.begin();
    // For longer than an idle connection is left open, nothing is read. That is what is tried.
    std::thread::sleep(Duration::from_secs(3));
    let answer = client.rest();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.len(), LARGE);
    server.drained();
}

#[test]
fn clear_text_redirects_to_the_listed_host() {
    let server = Server::with(|settings| {
        settings.hosts.push("other.example.com:8443".parse().unwrap());
        settings.clear_text.as_mut().unwrap().mode = ClearTextMode::Redirect;
    });
    let ask = |host: &str| {
        server.exchange(format!("GET /a?b=c HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    };
    let answer = ask("gw.example.com:8080");
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert!(answer.contains("location: https://gw.example.com/a?b=c\r\n"), "{answer}");
    assert!(!answer.contains("strict-transport-security"), "RFC 6797, 7.2: {answer}");
    assert!(
        ask("OTHER.example.com").contains("location: https://other.example.com:8443/a?b=c\r\n")
    );
    assert!(ask("evil.example.com").ends_with("fault MisdirectedHost\n"));
}
