//! The canonical request: built once, by the validator, and the only thing that identity, policy, audit, key
//! mapping and signing read (R10). It cannot be built anywhere else.

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Version};

use super::validator::without_socket;
use super::{ConnectionSwitch, Elsewhere, RequestBody, RequestFault};

/// One request, validated and canonical.
#[derive(Debug)]
pub struct Incoming {
    pub(super) id: RequestId,
    pub(super) method: Method,
    /// In origin form: see [`Self::path`].
    pub(super) target: PathAndQuery,
    /// The host (and port, if any) that the client asked for; on the allow-list.
    pub(super) host: Box<str>,
    /// Only what survived the validator; names are lower-case.
    pub(super) headers: HeaderMap,
    pub(super) client: IpAddr,
    pub(super) elsewhere: Elsewhere,
    pub(super) protocol: Protocol,
    /// Announced length of the body; `None` when it comes in chunks of unknown total.
    pub(super) body_length: Option<u64>,
    /// What the validator held against it, if anything: such a request is refused, and recorded as that.
    pub(super) fault: Option<RequestFault>,
    pub(super) body: Option<RequestBody>,
    pub(super) max_upload: u64,
    pub(super) connection: ConnectionSwitch,
}

/// Names one request, in the answer, in logs and in the audit: 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub(super) [u8; 16]);

/// Which HTTP the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

impl Incoming {
    #[must_use]
    pub const fn id(&self) -> RequestId {
        self.id
    }

    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// Origin-form path as sent: starts with `/`, ASCII, no `?`, percent-encoding untouched.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// What follows `?`, percent-encoding untouched.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target.query()
    }

    #[must_use]
    pub const fn host(&self) -> &str {
        &self.host
    }

    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The client's address: the peer's, or what a configured proxy says of it.
    #[must_use]
    pub const fn client(&self) -> IpAddr {
        self.client
    }

    /// Which other site's script would read the answer.
    #[must_use]
    pub const fn elsewhere(&self) -> &Elsewhere {
        &self.elsewhere
    }

    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    #[must_use]
    pub const fn body_length(&self) -> Option<u64> {
        self.body_length
    }

    /// What the validator found; such a request must be answered with this and nothing else.
    #[must_use]
    pub const fn fault(&self) -> Option<RequestFault> {
        self.fault
    }

    /// The largest body that a write may have, in bytes.
    #[must_use]
    pub const fn max_upload(&self) -> u64 {
        self.max_upload
    }

    /// Cuts the connection that this request came on.
    #[must_use]
    pub fn connection(&self) -> ConnectionSwitch {
        self.connection.clone()
    }

    /// Hands the body over, once.
    pub const fn take_body(&mut self) -> Option<RequestBody> {
        self.body.take()
    }
}

impl Incoming {
    /// A request that no socket carried, for tests, fuzz targets and benchmarks. It goes through the same rules (the
    /// host is `gw.example.com`, the address 192.0.2.1, the protocol HTTP/2), so even this makes nothing that is not
    /// canonical; and it is only ever *input*: it carries no identity and opens no later stage.
    #[doc(hidden)]
    #[must_use]
    pub fn for_tests(
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Self {
        let target = format!("https://gw.example.com{path_and_query}");
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.headers_mut() = headers;
        *request.version_mut() = Version::HTTP_2;
        // what is no URI at all stays `/` without a host, which is a fault
        *request.uri_mut() = target.parse().unwrap_or_default();
        without_socket(request, IpAddr::from([192, 0, 2, 1]))
    }
}

impl RequestId {
    /// The text of [`fmt::Display`] as bytes, for a header.
    #[must_use]
    pub fn hexadecimal(self) -> [u8; 32] {
        let mut text = [0; 32];
        let (pairs, _) = text.as_chunks_mut::<2>();
        let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        for (pair, byte) in pairs.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        text
    }

    /// Reads what [`fmt::Display`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = (text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .then(|| u128::from_str_radix(text, 16).ok())??;
        Some(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
