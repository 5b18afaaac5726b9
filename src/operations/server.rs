//! The small HTTP server of the operations address, on the control plane.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::{Health, metrics_page};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Probes and a scraper or two; whoever opens more waits.
const CONNECTIONS: usize = 64;
const HEAD: Duration = Duration::from_secs(5);
/// A connection does not stay longer than this, whatever it does.
const CONNECTION: Duration = Duration::from_secs(300);

/// The open socket.
#[derive(Debug)]
pub struct Server {
    socket: TcpListener,
    address: SocketAddr,
}

/// The operations address cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (operations.address)")]
pub struct OperationsError {
    pub address: SocketAddr,
    #[source]
    pub cause: std::io::Error,
}

impl Server {
    /// Opens the socket.
    ///
    /// # Errors
    /// [`OperationsError`] when it is taken or may not be opened.
    pub async fn bind(address: SocketAddr) -> Result<Self, OperationsError> {
        let failed = |cause| OperationsError { address, cause };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address })
    }

    /// The real address, when port 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers for as long as the program lives.
    pub async fn run(self, health: Arc<Health>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.socket.accept().await {
                Ok((connection, _)) => {
                    let health = Arc::clone(&health);
                    drop(tokio::spawn(async move {
                        serve(connection, health).await;
                        drop(place);
                    }));
                }
                Err(error) => {
                    tracing::warn!(cause = %error, "the operations address cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn serve(connection: TcpStream, health: Arc<Health>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let health = Arc::clone(&health);
        async move { Ok::<_, Infallible>(answer(&request, &health).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(connection), service);
    // A prober that goes away is no fault of ours.
    drop(tokio::time::timeout(CONNECTION, connection).await);
}

async fn answer(request: &Request<Incoming>, health: &Health) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET and HEAD\n".into());
    }
    match request.uri().path() {
        "/livez" => text(StatusCode::OK, "text/plain", "alive\n".into()),
        "/readyz" => {
            let readiness = health.readiness().await;
            let status =
                if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let body = serde_json::to_string(&readiness).unwrap_or_default();
            text(status, "application/json", body)
        }
        "/metrics" => text(StatusCode::OK, OPENMETRICS, metrics_page(health)),
        _ => text(StatusCode::NOT_FOUND, "text/plain", "/livez, /readyz, /metrics\n".into()),
    }
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
