//! One whole-body exchange for the slow paths: credentials, metadata. A connection of its own each time.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};

use super::connect::Besides;
use super::{Door, Host, OutboundError};

impl Door {
    /// One slow-path exchange (STS and its like): absolute URI, whole bodies, no retry, no redirect. At most `body_limit`
    /// bytes back, all of it within `deadline`.
    ///
    /// # Errors
    /// [`OutboundError`] for anything but a complete HTTP answer.
    pub async fn exchange(
        &self,
        request: Request<Bytes>,
        deadline: Duration,
        body_limit: usize,
    ) -> Result<Response<Bytes>, OutboundError> {
        self.exchange_within(request, deadline, body_limit, Besides::Named).await
    }

    /// The same, and the cloud's metadata addresses (169.254.169.254, 169.254.170.2, 169.254.170.23, fd00:ec2::254,
    /// fd00:ec2::23) may be asked too: for finding our own credentials only, never with an address that a client or a storage chose.
    ///
    /// # Errors
    /// As [`Self::exchange`].
    pub async fn exchange_with_metadata(
        &self,
        request: Request<Bytes>,
        deadline: Duration,
        body_limit: usize,
    ) -> Result<Response<Bytes>, OutboundError> {
        self.exchange_within(request, deadline, body_limit, Besides::Metadata).await
    }

    async fn exchange_within(
        &self,
        request: Request<Bytes>,
        deadline: Duration,
        body_limit: usize,
        besides: Besides,
    ) -> Result<Response<Bytes>, OutboundError> {
        let host = Host::of(request.uri())?;
        let by = Instant::now() + deadline;
        let rules = self.rules();
        let connect_by = by.min(Instant::now() + rules.patience.connect);
        let wire = rules.connect(&host, besides, connect_by).await?;
        let asked = ask(&host, TokioIo::new(wire), origin_form(request, &host)?, body_limit);
        // Boxed: kept small for the callers that hold it across many awaits.
        timeout_at(by, Box::pin(asked))
            .await
            .map_err(|_elapsed| OutboundError::Timeout { host: host.to_string() })?
    }
}

async fn ask(
    host: &Host,
    io: TokioIo<super::Wire>,
    request: Request<Full<Bytes>>,
    body_limit: usize,
) -> Result<Response<Bytes>, OutboundError> {
    let garbled = |cause| OutboundError::Garbled { host: host.to_string(), cause };
    let (mut sender, connection) = http1::handshake(io).await.map_err(garbled)?;
    let exchange = async move {
        let (parts, body) = sender.send_request(request).await.map_err(garbled)?.into_parts();
        let whole = Limited::new(body, body_limit).collect().await.map_err(|cause| {
            match cause.downcast::<hyper::Error>() {
                Ok(cause) => garbled(*cause),
                Err(_limit) => {
                    OutboundError::TooLarge { host: host.to_string(), limit: body_limit }
                }
            }
        })?;
        Ok(Response::from_parts(parts, whole.to_bytes()))
    };
    // The connection only moves while it is polled; its own errors come out of the exchange.
    let (mut connection, mut exchange) = (std::pin::pin!(connection), std::pin::pin!(exchange));
    tokio::select! {
        answer = &mut exchange => answer,
        _ended = &mut connection => exchange.await,
    }
}

/// The target as an origin server wants it: the path alone, the host in its header.
fn origin_form(
    request: Request<Bytes>,
    host: &Host,
) -> Result<Request<Full<Bytes>>, OutboundError> {
    let (mut parts, body) = request.into_parts();
    let bad = |uri: &Uri| OutboundError::BadAddress { uri: uri.to_string() };
    let target = parts.uri.path_and_query().cloned().ok_or_else(|| bad(&parts.uri))?;
    let authority =
        HeaderValue::try_from(host.authority()).map_err(|_malformed| bad(&parts.uri))?;
    parts.uri = Uri::from(target);
    // A Host that was signed is kept; it names the same place.
    parts.headers.entry(HOST).or_insert(authority);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(Request::from_parts(parts, Full::new(body)))
}
