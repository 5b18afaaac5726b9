//! Turns what hyper read into the one canonical [`Incoming`], on both HTTP versions (security.md, "The request
//! validator"). What is ambiguous is a fault; what a client has no business to say is dropped.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, COOKIE, EXPECT, HOST, ORIGIN, RANGE, TE, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use super::head::METHODS;
use super::line::Line;
use super::{
    ConnectionSwitch, Incoming, Network, Protocol, RequestBody, RequestFault, RequestId, ServedHost,
    Settings, host, target,
};

/// Headers that stand at most once in a request that nobody tampered with. (`If-…` are read by `request`.)
const SINGLE: [HeaderName; 4] = [AUTHORIZATION, CONTENT_TYPE, RANGE, ORIGIN];

/// What the validator knows of this install.
pub(super) struct Rules {
    hosts: Vec<ServedHost>,
    trusted_proxies: Vec<Network>,
    client_address_header: Option<HeaderName>,
    max_upload: u64,
}

/// What one thread gives to every request of its own.
pub(super) struct RequestIds {
    prefix: u64,
    count: Cell<u64>,
}

/// Where a request came from.
pub(super) struct Origin {
    pub(super) peer: IpAddr,
    pub(super) line: Rc<Line>,
}

impl Rules {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            hosts: settings.hosts.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
            client_address_header: settings.client_address_header.clone(),
            max_upload: settings.limits.max_upload_bytes,
        }
    }

    /// The listed host that `text` (maybe with any port) names.
    pub(super) fn served(&self, text: &str) -> Option<&ServedHost> {
        let (name, _) = host::split(text)?;
        self.hosts.iter().find(|served| served.name().eq_ignore_ascii_case(name))
    }

    /// Builds the canonical request. `fault` is what was found before, if anything was.
    pub(super) fn incoming(
        &self,
        request: http::Request<hyper::body::Incoming>,
        origin: &Origin,
        id: RequestId,
        fault: Option<RequestFault>,
    ) -> Incoming {
        let (parts, body) = request.into_parts();
        let body_length = http_body::Body::size_hint(&body).exact();
        let mut incoming = self.canonical(parts, origin, id, fault);
        incoming.body_length = body_length;
        incoming.body = Some(RequestBody::from_wire(body));
        incoming
    }

    pub(super) fn canonical(
        &self,
        mut parts: Parts,
        origin: &Origin,
        id: RequestId,
        fault: Option<RequestFault>,
    ) -> Incoming {
        let found = fault.map_or_else(|| self.judge(&parts).map(Some), |fault| Err((fault, None)));
        let (host, fault) = match found {
            Ok(host) => (host, None),
            Err((fault, host)) => (host, Some(fault)),
        };
        let client = self.client(origin.peer, &parts.headers);
        let _dropped = drop_what_clients_may_not_say(&mut parts.headers);
        let target = parts.uri.into_parts().path_and_query;
        Incoming {
            id,
            method: parts.method,
            path: target.as_ref().map_or("/", |target| target.path()).into(),
            query: target.as_ref().and_then(|target| target.query()).map(Into::into),
            host: host.unwrap_or_default(),
            headers: parts.headers,
            client,
            protocol: if parts.version == Version::HTTP_2 { Protocol::Http2 } else { Protocol::Http1 },
            body_length: Some(0),
            fault,
            body: None,
            max_upload: self.max_upload,
            connection: ConnectionSwitch::new(Rc::clone(&origin.line)),
        }
    }
}
