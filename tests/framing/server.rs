//! A listener with an app that tells what it was given.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use sluicegate::ground::control::Control;
use sluicegate::ground::random::Random;
use sluicegate::listener::{
    Bound, CertificateFiles, ClearText, ClearTextMode, Drain, Incoming, Limits, ListenError,
    Settings, bind,
};

/// Runs until dropped.
pub struct Server {
    pub https: SocketAddr,
    pub clear: SocketAddr,
    pub folder: tempfile::TempDir,
    pub drain: Drain,
    thread: Option<JoinHandle<Result<(), ListenError>>>,
}

type Body = BoxBody<Bytes, std::io::Error>;

impl Server {
    pub fn start() -> Self {
        Self::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificates = vec![certificate(folder.path(), "gw.example.com")];
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut settings = Settings {
            address: any,
            hosts: vec!["gw.example.com".parse().unwrap()],
            certificates,
            clear_text: Some(ClearText { address: any, mode: ClearTextMode::Serve }),
            threads: std::num::NonZeroUsize::new(2),
            trusted_proxies: Vec::new(),
            client_address_header: None,
            cors_origins: Vec::new(),
            limits: Limits::default(),
        };
        change(&mut settings);
        let bound = bind(settings).unwrap();
        let (https, clear) = (bound.https().unwrap(), bound.clear_text().unwrap());
        let drain = Drain::default();
        let draining = drain.clone();
        let thread = std::thread::spawn(move || run(bound, &draining));
        Self { https, clear, folder, drain, thread: Some(thread) }
    }

    /// A clear-text connection.
    pub fn connect(&self) -> Client {
        let socket = TcpStream::connect(self.clear).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client(socket)
    }

    /// Sends `bytes` on a connection of its own; all that comes back until the server closes.
    pub fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect();
        client.send(bytes);
        client.rest()
    }

    /// Begins the drain and waits for its end.
    pub fn drained(&mut self) {
        self.drain.begin();
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drain.begin();
    }
}

/// A raw client.
pub struct Client(pub TcpStream);

impl Client {
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// All that still comes, until the server closes.
    pub fn rest(&mut self) -> String {
        let mut answer = Vec::new();
        self.0.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// One answer with a `Content-Length`.
    pub fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        let mut byte = [0];
        let mut whole = usize::MAX;
        while answer.len() < whole {
            assert_eq!(
                self.0.read(&mut byte).unwrap(),
                1,
                "closed after {:?}",
                answer.escape_ascii().to_string()
            );
            answer.push(byte[0]);
            if whole == usize::MAX && answer.ends_with(b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&answer).to_lowercase();
                let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
                whole = answer.len() + length.parse::<usize>().unwrap();
            }
        }
        String::from_utf8(answer).unwrap()
    }
}

/// Writes a fresh self-signed certificate for `name` to files of this name.
pub fn certificate(folder: &Path, name: &str) -> CertificateFiles {
    use std::os::unix::fs::OpenOptionsExt;
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let write = |path: PathBuf, text: String| {
        let mut options = std::fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        path
    };
    CertificateFiles {
        chain: write(folder.join(format!("{name}.pem")), made.cert.pem()),
        key: write(folder.join(format!("{name}.key")), made.signing_key.serialize_pem()),
    }
}

fn run(bound: Bound, drain: &Drain) -> Result<(), ListenError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let control = Control::new(runtime.handle().clone());
    runtime.block_on(bound.run(&control, &Random::system(), drain, || |incoming| tell(incoming)))
}

/// How much `/-/large` gives, in one piece.
pub const LARGE: usize = 4 << 20;

/// The app: `/-/endless` streams without end, `/-/large` gives much at once, `/-/panic` panics, `/-/abort` cuts its connection; everything else is told.
async fn tell(mut incoming: Incoming) -> Response<Body> {
    if let Some(fault) = incoming.fault() {
        let mut response = text(format!("fault {fault:?}\n"));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    }
    match incoming.path() {
        "/-/endless" => return Response::new(endless()),
        "/-/large" => {
            let whole = Full::new(vec![b'x'; LARGE].into());
            return Response::new(whole.map_err(|never| match never {}).boxed());
        }
        "/-/panic" => panic!("as asked"),
        "/-/abort" => {
            incoming.connection().abort();
            return Response::new(endless());
        }
        _ => (),
    }
    let body = incoming.take_body().unwrap().collect().await;
    let body = body.map_or_else(
        |error| error.to_string(),
        |body| {
            let no_trailers = body.trailers().is_none();
            format!("{} bytes, no trailers: {no_trailers}", body.to_bytes().len())
        },
    );
    let target = incoming.query().map(|query| format!("?{query}")).unwrap_or_default();
    text(format!(
        "told {} {}{target} host={} client={} length={:?} headers={:?} body={body}\n",
        incoming.method(),
        incoming.path(),
        incoming.host(),
        incoming.client(),
        incoming.body_length(),
        incoming.headers().keys().map(http::HeaderName::as_str).collect::<Vec<_>>(),
    ))
}

fn text(text: String) -> Response<Body> {
    Response::new(Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed())
}

fn endless() -> Body {
    Endless(Bytes::from(vec![b'x'; 64 * 1024])).boxed()
}

struct Endless(Bytes);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(Some(Ok(http_body::Frame::data(self.0.clone()))))
    }
}
