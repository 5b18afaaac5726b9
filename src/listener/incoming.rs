//! The canonical request: built once, by the validator, and the only thing that identity, policy, audit, key
//! mapping and signing read (R10). It cannot be built anywhere else.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderMap, Method};

/// One request, validated and canonical.
#[derive(Debug)]
pub struct Incoming {
    pub(super) id: RequestId,
    pub(super) method: Method,
    /// Origin-form path as sent: starts with `/`, ASCII, no `?`, percent-encoding untouched.
    pub(super) path: Box<str>,
    /// What follows `?`, percent-encoding untouched.
    pub(super) query: Option<Box<str>>,
    /// The host (and port, if any) that the client asked for; on the allow-list.
    pub(super) host: Box<str>,
    /// Only what survived the validator; names are lower-case.
    pub(super) headers: HeaderMap,
    pub(super) client: IpAddr,
    pub(super) protocol: Protocol,
    /// Announced length of the body; `None` when it comes in chunks of unknown total.
    pub(super) body_length: Option<u64>,
    /// What the validator held against it, if anything: such a request is refused, and recorded as that.
    pub(super) fault: Option<super::RequestFault>,
    pub(super) body: Option<RequestBody>,
}

/// The unread body of a request.
pub type RequestBody = hyper::body::Incoming;

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

    #[must_use]
    pub const fn path(&self) -> &str {
        &self.path
    }

    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
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
    pub const fn fault(&self) -> Option<super::RequestFault> {
        self.fault
    }

    /// Hands the body over, once.
    pub const fn take_body(&mut self) -> Option<RequestBody> {
        self.body.take()
    }
}

impl RequestId {
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
