//! Stands between the gateway and Label Studio and writes down what Label Studio is asked, byte for byte. It can keep people's
//! writes from arriving, so that everybody may try to delete everything and all is still there for the next.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Mutex, MutexGuard};

use crate::support::label_studio::LabelStudio;
use crate::support::world::World;
use crate::things::Things;

/// A running relay. Its threads end with the process.
pub struct Relay {
    pub address: String,
    seen: Arc<SeenAll>,
    withholds: Arc<AtomicBool>,
}

type SeenAll = std::sync::Mutex<Vec<Seen>>;

/// One request, as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The head, without the empty line.
    pub head: String,
    pub body: Vec<u8>,
    /// Bytes that came after the request where none may come.
    pub beyond: Vec<u8>,
}

/// A world of its own whose gateway finds Label Studio behind a relay.
pub struct Relayed {
    pub world: World,
    pub relay: Relay,
    /// Those of the first project, and of the second.
    pub things: [Things; 2],
}

impl Relayed {
    /// For one test at a time: what the relay sees is this test's.
    pub async fn alone() -> MutexGuard<'static, Self> {
        static ONE: OnceLock<Mutex<Relayed>> = OnceLock::new();
        let make = || {
            let relay = Relay::start(&LabelStudio::shared().address);
            let world = World::make(&relay.address, ["Lions", "Wolves"], "relayed.example");
            let things = [&world.cats, &world.birds].map(|home| Things::of(&world, home));
            Mutex::new(Self { world, relay, things })
        };
        let one = tokio::task::spawn_blocking(move || ONE.get_or_init(make)).await.unwrap();
        let alone = one.lock().await;
        alone.relay.withhold(false);
        alone.relay.asked();
        alone
    }
}

impl Relay {
    pub fn start(studio: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let relay = Self { address, seen: Arc::default(), withholds: Arc::default() };
        let (seen, withholds) = (Arc::clone(&relay.seen), Arc::clone(&relay.withholds));
        let studio = studio.to_owned();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (seen, withholds) = (Arc::clone(&seen), Arc::clone(&withholds));
                let (socket, studio) = (socket.unwrap(), studio.clone());
                std::thread::spawn(move || one(socket, &studio, (&seen, &withholds)));
            }
        });
        relay
    }

    /// From now on, writes of people are answered with 400 and go no further.
    pub fn withhold(&self, withholds: bool) {
        self.withholds.store(withholds, Ordering::SeqCst);
    }

    /// What people had asked of Label Studio since this was called last; not what the gateway asks for itself.
    pub fn asked(&self) -> Vec<Seen> {
        self.all().into_iter().filter(Seen::is_of_a_person).collect()
    }

    /// The same of everybody.
    pub fn all(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

impl Seen {
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub fn method(&self) -> &str {
        self.line().split(' ').next().unwrap()
    }

    pub fn target(&self) -> &str {
        self.line().split(' ').nth(1).unwrap()
    }

    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.head.lines().skip(1).map(|line| line.split_once(": ").unwrap())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The gateway asks for itself with the install's own token, or with none.
    pub fn is_of_a_person(&self) -> bool {
        self.header("authorization").is_some_and(|value| value.starts_with("Bearer "))
    }

    fn is_a_write(&self) -> bool {
        self.is_of_a_person() && self.method() != "GET" && self.method() != "HEAD"
    }
}

/// One request of one connection.
fn one(mut socket: TcpStream, studio: &str, (seen, withholds): (&SeenAll, &AtomicBool)) {
    let Some(request) = read(&mut socket) else { return };
    let withheld = request.is_a_write() && withholds.load(Ordering::SeqCst);
    seen.lock().unwrap().push(request.clone());
    if withheld {
        answer(&mut socket, "400 Bad Request", "{\"detail\":\"withheld\"}");
    } else {
        pass(&mut socket, &request, studio);
    }
}

fn read(socket: &mut TcpStream) -> Option<Seen> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 16 << 10]);
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        match socket.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(length) => bytes.extend_from_slice(&chunk[..length]),
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut body = bytes.split_off(end + 4);
    let seen = Seen { head, body: Vec::new(), beyond: Vec::new() };
    let length = seen.header("content-length").map_or(0, |value| value.parse().unwrap());
    while body.len() < length {
        match socket.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(more) => body.extend_from_slice(&chunk[..more]),
        }
    }
    let beyond = body.split_off(length);
    Some(Seen { body, beyond, ..seen })
}

fn answer(socket: &mut TcpStream, status: &str, body: &str) {
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    drop(socket.write_all(answer.as_bytes()));
}

/// On a connection of its own, which Label Studio closes.
fn pass(socket: &mut TcpStream, request: &Seen, studio: &str) {
    let mut there = TcpStream::connect(studio).unwrap();
    let head = format!("{}\r\nConnection: close\r\n\r\n", request.head);
    there.write_all(&[head.as_bytes(), &request.body, &request.beyond].concat()).unwrap();
    // Label Studio closes without a word.
    let mut told = Vec::new();
    let mut chunk = [0; 64 << 10];
    while let Ok(length @ 1..) = there.read(&mut chunk) {
        let sent = match told.windows(2).position(|two| two == b"\r\n") {
            Some(_) => socket.write_all(&chunk[..length]),
            None => {
                told.extend_from_slice(&chunk[..length]);
                let Some(end) = told.windows(2).position(|two| two == b"\r\n") else { continue };
                let (status, rest) = told.split_at(end + 2);
                socket.write_all(&[status, b"Connection: close\r\n", rest].concat())
            }
        };
        if sent.is_err() {
            return;
        }
    }
    drop(socket.shutdown(Shutdown::Write));
}
