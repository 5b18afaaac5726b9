//! An S3 at a socket that holds one film of 1 GiB and its poster: no byte of them is kept, each follows from its place.

use std::io::Write as _;
use std::net::TcpStream;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::scripted::{Scripted, say};

/// The film, the poster, and how often the latter was asked for and sent.
pub struct Film {
    server: Scripted,
    asked: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

pub const LENGTH: u64 = 1 << 30;
pub const POSTER_LENGTH: u64 = 30_000;
const PIECE: u64 = 256 * 1024;
/// What a store says beside the bytes; none of it may reach a client but the tag and the type.
const FACTS: &str = "ETag: \"reel\"\r\nContent-Type: video/mp4\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
                     x-amz-request-id: R\r\nx-amz-id-2: I\r\nServer: AmazonS3\r\n";

impl Film {
    pub const BUCKET: &'static str = "films";
    pub const URI: &'static str = "s3://films/reel/film.mp4";
    pub const POSTER: &'static str = "s3://films/reel/poster.mp4";

    pub fn start() -> Self {
        let (asked, sent) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counted = (Arc::clone(&asked), Arc::clone(&sent));
        let server = Scripted::start(move |_, head, socket| {
            let poster = usize::from(head.contains("/poster.mp4"));
            // Counted first: whoever has the answer may look at the count at once.
            counted.0.fetch_add(poster, Ordering::SeqCst);
            answer(head, socket, || {
                counted.1.fetch_add(poster, Ordering::SeqCst);
            });
        });
        Self { server, asked, sent }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.server.port)
    }

    /// The options of `storage create` for it.
    pub fn place(&self) -> String {
        format!(
            "--bucket films --prefix reel/ --region eu-central-1 --endpoint http://{} --addressing path",
            self.address()
        )
    }

    /// How often the poster was asked for, and how often its bytes were sent.
    pub fn of_poster(&self) -> (usize, usize) {
        (self.asked.load(Ordering::SeqCst), self.sent.load(Ordering::SeqCst))
    }
}

/// These bytes of it.
pub fn film(from: u64, to: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in from / 8..to.div_ceil(8) {
        bytes.extend(word.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).to_le_bytes());
    }
    let skip = usize::try_from(from % 8).unwrap();
    let length = usize::try_from(to - from).unwrap();
    bytes[skip..skip + length].to_vec()
}

/// Calls `counted` before it sends bytes of an object.
fn answer(head: &str, socket: &mut TcpStream, counted: impl FnOnce()) {
    let lower = head.to_lowercase();
    let value = |name: &str| {
        lower.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned)
    };
    let signed =
        value("authorization").is_some_and(|it| it.starts_with("aws4-hmac-sha256 credential="));
    let target = head.split(' ').nth(1).unwrap();
    let length = match target {
        _ if !signed || value("x-amz-date").is_none() => return no(socket, "403 Forbidden"),
        "/films/reel/film.mp4" => LENGTH,
        "/films/reel/poster.mp4" => POSTER_LENGTH,
        // Label Studio looks whether a storage of its own is there.
        _ if target.starts_with("/films?") => return list(socket),
        "/films" => return no(socket, "200 OK"),
        _ => return no(socket, "404 Not Found"),
    };
    if value("if-none-match").is_some_and(|tags| tags == "\"reel\"") {
        return say(socket, &format!("HTTP/1.1 304 Not Modified\r\n{FACTS}\r\n"));
    }
    let (part, status) = match value("range") {
        None => (0..length, "200 OK".to_owned()),
        Some(range) => {
            let part = part(&range, length);
            let (first, last) = (part.start, part.end - 1);
            (part, format!("206 Partial Content\r\nContent-Range: bytes {first}-{last}/{length}"))
        }
    };
    let left = part.end - part.start;
    let head_only = head.starts_with("HEAD ");
    if !head_only {
        counted();
    }
    say(socket, &format!("HTTP/1.1 {status}\r\n{FACTS}Content-Length: {left}\r\n\r\n"));
    if head_only {
        return;
    }
    let mut at = part.start;
    while at < part.end {
        let to = (at + PIECE).min(part.end);
        // A gateway that goes away ends the answer, not the thread.
        if socket.write_all(&film(at, to)).is_err() {
            break;
        }
        at = to;
    }
}

fn no(socket: &mut TcpStream, status: &str) {
    say(socket, &format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
}

fn list(socket: &mut TcpStream) {
    let xml = "<ListBucketResult><Name>films</Name><KeyCount>1</KeyCount><MaxKeys>1</MaxKeys>\
               <IsTruncated>false</IsTruncated><Contents><Key>reel/film.mp4</Key>\
               <Size>1073741824</Size></Contents></ListBucketResult>";
    say(socket, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{xml}", xml.len()));
}

fn part(range: &str, length: u64) -> Range<u64> {
    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    match (first.parse(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => first..length.min(last + 1),
        (Ok(first), Err(_)) => first..length,
        (Err(_), Ok(suffix)) => length.saturating_sub(suffix)..length,
        (Err(_), Err(_)) => panic!("{range}"),
    }
}
