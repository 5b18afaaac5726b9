//! A storage on loopback that does exactly what a test tells it to, byte for byte.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::backend::send::Errand;
use crate::backend::{BackendError, Reply, Settings, Store};
use crate::catalog::{Addressing, Place, Prefix, ProjectId, S3Place, Storage, StorageId};
use crate::credential::Credential;
use crate::credential::aws::Keys;
use crate::ground::clock::Clock;
use crate::ground::random::Random;
use crate::ground::secret::Secret;
use crate::outbound::{self, Door, Patience, Rules};
use crate::request::{Conditions, ObjectKey, ObjectRead, Ranges, SealedHandle, Target};

/// What the storage does next on a connection.
#[derive(Debug, Clone)]
pub(super) enum Do {
    Send(Vec<u8>),
    Close,
    Reset,
    /// Nothing, for good.
    Hang,
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub head: String,
    pub body: Vec<u8>,
    pub connection: usize,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

type Script = Rc<RefCell<dyn FnMut(&Seen) -> Vec<Do>>>;

/// The storage, and our way to it.
pub(super) struct Upstream {
    pub address: SocketAddr,
    pub seen: Rc<RefCell<Vec<Seen>>>,
    /// Connections whose end the storage has noticed.
    pub closed: Rc<tokio::sync::Notify>,
    store: Store,
}

/// Runs a test as the data plane runs requests.
pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(tokio::task::LocalSet::new().run_until(test));
}

pub(super) const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    answer: Duration::from_millis(300),
    stall: Duration::from_millis(200),
};

impl Upstream {
    pub(super) async fn new(script: impl FnMut(&Seen) -> Vec<Do> + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Rc::<RefCell<Vec<Seen>>>::default();
        let closed = Rc::<tokio::sync::Notify>::default();
        let script: Script = Rc::new(RefCell::new(script));
        let (to, gone) = (Rc::clone(&seen), Rc::clone(&closed));
        drop(tokio::task::spawn_local(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, to, gone) = (Rc::clone(&script), Rc::clone(&to), Rc::clone(&gone));
                drop(tokio::task::spawn_local(async move {
                    serve(stream, connection, &script, &to).await;
                    gone.notify_one();
                }));
            }
        }));
        Self { address, seen, closed, store: store(&address.to_string()) }
    }

    /// Answers every request with the same bytes.
    pub(super) async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::new(move |_| vec![Do::Send(answer.clone())]).await
    }

    pub(super) fn errand(&self) -> Errand {
        self.store.errand(&storage(self.address), &credential()).unwrap()
    }

    pub(super) async fn read(&self, read: &ObjectRead) -> Result<Reply, BackendError> {
        crate::backend::read::read(&self.errand(), &key(), read).await
    }

    /// Reads the object whole: status, headers and bytes, or the error, wherever it came.
    pub(super) async fn get(&self) -> Result<Got, BackendError> {
        self.fetch(&plain()).await
    }

    pub(super) async fn fetch(&self, read: &ObjectRead) -> Result<Got, BackendError> {
        Got::of(self.read(read).await?).await
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.borrow().iter().map(|seen| seen.connection + 1).max().unwrap_or(0)
    }

    pub(super) fn requests(&self) -> usize {
        self.seen.borrow().len()
    }
}

/// A reply, read to its end.
#[derive(Debug)]
pub(super) struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Got {
    pub(super) async fn of(reply: Reply) -> Result<Self, BackendError> {
        let said = http_body::Body::size_hint(&reply.body).exact();
        let body = reply.body.collect().await?.to_bytes().to_vec();
        if let Some(said) = said {
            assert_eq!(
                said,
                u64::try_from(body.len()).unwrap(),
                "the size that the body announced"
            );
        }
        Ok(Self { status: reply.status, headers: reply.headers, body })
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn serve(mut stream: TcpStream, connection: usize, script: &Script, to: &RefCell<Vec<Seen>>) {
    while let Some(seen) = receive(&mut stream, connection).await {
        let deeds = (script.borrow_mut())(&seen);
        to.borrow_mut().push(seen);
        for deed in deeds {
            match deed {
                Do::Send(bytes) => {
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Do::Close => return,
                Do::Reset => return stream.set_zero_linger().unwrap(),
                Do::Hang => {
                    // Until the other side goes.
                    drop(stream.read_to_end(&mut Vec::new()).await);
                    return;
                }
            }
        }
    }
}

/// Reads one request. A body is read only as far as it comes.
async fn receive(stream: &mut TcpStream, connection: usize) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    };
    let body = bytes.split_off(end);
    let head = String::from_utf8(bytes).unwrap();
    let mut seen = Seen { head, body, connection };
    let length = seen.header("content-length").map_or(0, |text| text.parse().unwrap());
    // A test that answers early says so in the path.
    while seen.body.len() < length && !seen.head.contains("early") {
        if stream.read_buf(&mut seen.body).await.unwrap_or(0) == 0 {
            break;
        }
    }
    Some(seen)
}

pub(super) fn store(allow: &str) -> Store {
    let settings = outbound::Settings {
        allow_private: vec![allow.parse().unwrap()],
        ca_files: Vec::new(),
        patience: PATIENCE,
    };
    let door = Arc::new(Door::new(Rules::read(&settings).unwrap()));
    let (clock, _) = Clock::manual("2026-01-01T00:00:00Z".parse().unwrap());
    Store::new(door, clock, Random::system(), Settings::default())
}

pub(super) fn storage(address: SocketAddr) -> Storage {
    Storage {
        id: StorageId(1),
        project: ProjectId(1),
        name: "scans".parse().unwrap(),
        revision: 1,
        place: Place::S3(S3Place {
            bucket: "private-bucket".to_owned(),
            prefix: Prefix::new("team a/"),
            region: "eu-central-1".to_owned(),
            endpoint: Some(format!("http://{address}")),
            addressing: Addressing::Path,
        }),
        credential: "default".parse().unwrap(),
        federation: None,
    }
}

pub(super) fn credential() -> Credential {
    let secret = Secret::new("secret-canary".to_owned());
    let token = Some(Secret::new("token-canary".to_owned()));
    Credential::of_keys(Keys::new("AKIACANARY", secret, token, None))
}

pub(super) fn key() -> ObjectKey {
    ObjectKey::new("a/../b//c+d.png").unwrap()
}

pub(super) fn plain() -> ObjectRead {
    ObjectRead {
        target: Target::Handle(SealedHandle::new("x").unwrap()),
        head_only: false,
        ranges: None,
        conditions: Conditions::default(),
    }
}

pub(super) fn ranged(range: &str) -> ObjectRead {
    ObjectRead { ranges: Some(Ranges::parse(range).unwrap()), ..plain() }
}

/// An answer with a body of its length.
pub(super) fn answer(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A storage that holds one object and reads ranges, tags and HEAD as it should.
pub(super) fn honest(
    object: &'static [u8],
    etag: Rc<RefCell<String>>,
) -> impl FnMut(&Seen) -> Vec<Do> {
    move |seen| {
        let etag = etag.borrow().clone();
        let tag = format!("ETag: {etag}");
        let date = "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT";
        let common = [tag.as_str(), date, "Content-Type: image/png"];
        if seen.header("if-match").is_some_and(|wanted| wanted != etag) {
            return vec![Do::Send(answer("412 Precondition Failed", &[], b"<Error/>"))];
        }
        if seen.head.starts_with("HEAD") {
            let mut bytes = answer("200 OK", &common, object);
            bytes.truncate(bytes.len() - object.len());
            return vec![Do::Send(bytes)];
        }
        let Some(range) = seen.header("range") else {
            return vec![Do::Send(answer("200 OK", &common, object))];
        };
        let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        let end = object.len() - 1;
        let (first, last) = match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(first), Ok(last)) => (first, last.min(end)),
            (Ok(first), Err(_)) => (first, end),
            (Err(_), Ok(length)) => (object.len().saturating_sub(length), end),
            (Err(_), Err(_)) => panic!("{range}"),
        };
        if first > end {
            return vec![Do::Send(answer("416 Range Not Satisfiable", &[], b"<Error/>"))];
        }
        let said = format!("Content-Range: bytes {first}-{last}/{}", object.len());
        let headers = [common.as_slice(), &[said.as_str()]].concat();
        vec![Do::Send(answer("206 Partial Content", &headers, &object[first..=last]))]
    }
}

pub(super) fn tag(text: &str) -> Rc<RefCell<String>> {
    Rc::new(RefCell::new(text.to_owned()))
}
