//! An HTTP/1.1 server at a socket, as small as tests need it: one request per connection.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(in crate::credential) struct Received {
    pub(in crate::credential) method: String,
    pub(in crate::credential) target: String,
    /// Names in lower case.
    pub(in crate::credential) headers: Vec<(String, String)>,
    pub(in crate::credential) body: Vec<u8>,
}

impl Received {
    pub(in crate::credential) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Serves until the runtime ends. The answer is a status and a body.
pub(in crate::credential) async fn serve<F, A>(answer: F) -> SocketAddr
where
    F: Fn(Received) -> A + Send + Sync + 'static,
    A: Future<Output = (u16, String)> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let received = read(&mut stream).await;
                let (status, body) = answer(received).await;
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                drop(stream.write_all(text.as_bytes()).await);
            });
        }
    });
    address
}

async fn read(stream: &mut TcpStream) -> Received {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the head is cut short");
    };
    let head = std::str::from_utf8(&bytes[..end]).unwrap().to_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let mut received = Received {
        method: first.next().unwrap().to_owned(),
        target: first.next().unwrap().to_owned(),
        ..Received::default()
    };
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        received.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = received.header("content-length").map_or(0, |text| text.parse().unwrap());
    received.body = bytes.split_off(end + 4);
    while received.body.len() < length {
        assert!(stream.read_buf(&mut received.body).await.unwrap() > 0, "the body is cut short");
    }
    received
}
