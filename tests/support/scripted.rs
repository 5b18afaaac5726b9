//! An upstream that misbehaves on purpose: each connection is answered by one script, byte for byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What a connection does after it has read one request head.
pub type Script = dyn Fn(usize, &str, &mut TcpStream) + Send + Sync;

/// A listening upstream; its thread ends with the process.
pub struct Scripted {
    pub port: u16,
    connections: Arc<AtomicUsize>,
}

impl Scripted {
    /// `script(nth connection, request head, socket)` runs for each request head that arrives.
    pub fn start(script: impl Fn(usize, &str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let script: Arc<Script> = Arc::new(script);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let nth = counted.fetch_add(1, Ordering::SeqCst);
                let script = Arc::clone(&script);
                std::thread::spawn(move || converse(nth, socket.unwrap(), &*script));
            }
        });
        Self { port, connections }
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn converse(nth: usize, mut socket: TcpStream, script: &Script) {
    let mut seen = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        while let Some(end) = find(&seen, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen[..end]).into_owned();
            seen.drain(..end + 4);
            script(nth, &head, &mut socket);
        }
        match socket.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(length) => seen.extend_from_slice(&chunk[..length]),
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Sends text as it stands.
pub fn say(socket: &mut TcpStream, text: &str) {
    // A gateway that has gone away is part of some scripts.
    drop(socket.write_all(text.as_bytes()));
}

/// Breaks the connection off with a reset: closed by the conversation's end, which this brings about.
pub fn reset(socket: &mut TcpStream) {
    socket2::SockRef::from(&*socket).set_linger(Some(Duration::ZERO)).unwrap();
    drop(socket.shutdown(Shutdown::Read));
}

/// Closes both directions.
pub fn hang_up(socket: &mut TcpStream) {
    drop(socket.shutdown(Shutdown::Both));
}
