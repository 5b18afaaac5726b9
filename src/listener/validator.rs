//! Turns what hyper read into the one canonical [`Incoming`], on both HTTP versions (security.md, "The request
//! validator"). What is ambiguous is a fault; what a client has no business to say is dropped.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, ORIGIN, RANGE,
    TE, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use super::head::{MAX_HEAD, MAX_HEADERS, METHODS};
use super::line::Line;
use super::{
    ConnectionSwitch, CorsOrigin, Elsewhere, Incoming, Network, Protocol, RequestBody,
    RequestFault, RequestId, ServedHost, Settings, host, target,
};
use crate::ground::random::Random;

/// Headers that stand at most once in a request that nobody tampered with. (`If-…` are read by `request`.)
const SINGLE: [HeaderName; 5] = [AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RANGE, ORIGIN];

/// What the validator knows of this install.
pub(super) struct Rules {
    hosts: Vec<ServedHost>,
    trusted_proxies: Vec<Network>,
    client_address_header: Option<HeaderName>,
    cors_origins: Vec<CorsOrigin>,
    max_upload: u64,
    stall: Duration,
}

/// What one thread gives to every request of its own.
pub(super) struct RequestIds {
    random: Random,
    drawn: RefCell<std::vec::IntoIter<[u8; 16]>>,
}

/// How many ids are drawn at once: asking the system for each would cost more than the rest of the validator.
const DRAWN: usize = 256;

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
            cors_origins: settings.cors_origins.clone(),
            max_upload: settings.limits.max_upload_bytes,
            stall: settings.limits.stall,
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
        let line = Rc::clone(&origin.line);
        incoming.body = Some(RequestBody::from_wire(body, incoming.protocol, line, self.stall));
        incoming
    }

    fn canonical(
        &self,
        mut parts: Parts,
        origin: &Origin,
        id: RequestId,
        fault: Option<RequestFault>,
    ) -> Incoming {
        let judged = fault.map_or_else(|| self.judge(&parts), Err);
        let client = self.client(origin.peer, &parts.headers);
        let elsewhere = Elsewhere::of(&parts.headers, &self.cors_origins);
        drop_what_clients_may_not_say(&mut parts.headers);
        let (host, target, fault) = match judged {
            Ok(host) => (host, parts.uri.into_parts().path_and_query, None),
            Err(fault) => (Box::default(), None, Some(fault)),
        };
        let is_http2 = parts.version == Version::HTTP_2;
        Incoming {
            id,
            method: parts.method,
            target: target.unwrap_or_else(|| PathAndQuery::from_static("/")),
            host,
            headers: parts.headers,
            client,
            elsewhere,
            protocol: if is_http2 { Protocol::Http2 } else { Protocol::Http1 },
            body_length: Some(0),
            fault,
            body: None,
            max_upload: self.max_upload,
            connection: ConnectionSwitch::new(Rc::clone(&origin.line)),
        }
    }

    /// The host asked for, when all is well.
    fn judge(&self, parts: &Parts) -> Result<Box<str>, RequestFault> {
        if parts.headers.len() > MAX_HEADERS || size(parts) > MAX_HEAD {
            return Err(RequestFault::HeadTooLarge);
        }
        let host = asked_host(parts)?;
        self.served(host).ok_or(RequestFault::MisdirectedHost)?;
        target::judge_path(parts.uri.path())?;
        if let Some(query) = parts.uri.query() {
            target::judge_query(query)?;
        }
        if !METHODS.contains(&parts.method.as_str()) {
            return Err(RequestFault::BadMethod);
        }
        let headers = &parts.headers;
        if headers.contains_key(UPGRADE) && connection_names(headers).any(|name| name == UPGRADE) {
            return Err(RequestFault::BadUpgrade);
        }
        if headers.get_all(EXPECT).iter().any(|value| !is_continue(value)) {
            return Err(RequestFault::BadExpectation);
        }
        if parts.version == Version::HTTP_2 && !is_plain_http2(headers) {
            return Err(RequestFault::MalformedHead);
        }
        // the two numbers differ only when some name stands twice
        let doubled = headers.len() != headers.keys_len()
            && SINGLE.iter().any(|name| headers.get_all(name).iter().nth(1).is_some());
        if doubled { Err(RequestFault::MalformedHead) } else { Ok(host.into()) }
    }

    /// The client's address: the right-most that no proxy of ours has.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let Some(name) = &self.client_address_header else {
            return peer;
        };
        let ours = |address| self.trusted_proxies.iter().any(|network| network.contains(address));
        if !ours(peer) {
            return peer;
        }
        let values: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
        let told = values.iter().rev().filter_map(|value| value.to_str().ok());
        let mut client = peer;
        for text in told.flat_map(|list| list.rsplit(',')) {
            // what is not an address ends what can be believed
            let Some(address) = address(text.trim_ascii()) else { break };
            client = address;
            if !ours(address) {
                break;
            }
        }
        client
    }
}

/// An address, maybe with the port that some proxies add.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.parse().ok();
    let address = plain.or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.map(|address| address.to_canonical())
}

/// The one host that the request names (RFC 9112, 3.2; RFC 9113, 8.3.1).
fn asked_host(parts: &Parts) -> Result<&str, RequestFault> {
    let mut fields = parts.headers.get_all(HOST).iter();
    let field = match (fields.next(), fields.next()) {
        (field, None) => {
            field.map(|value| value.to_str().or(Err(RequestFault::BadHost))).transpose()?
        }
        (_, Some(_)) => return Err(RequestFault::BadHost),
    };
    let host = match (parts.uri.authority(), field) {
        (Some(authority), Some(field)) if !authority.as_str().eq_ignore_ascii_case(field) => {
            return Err(RequestFault::BadHost);
        }
        (Some(authority), _) => authority.as_str(),
        (None, Some(field)) => field,
        (None, None) => return Err(RequestFault::BadHost),
    };
    host::split(host).map(|_| host).ok_or(RequestFault::BadHost)
}

fn is_continue(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"100-continue")
}

/// RFC 9113, 8.2.2: no header of a connection, and TE names trailers only. (h2 refuses most of it itself.)
fn is_plain_http2(headers: &HeaderMap) -> bool {
    let none =
        [CONNECTION, TRANSFER_ENCODING, UPGRADE].iter().all(|name| !headers.contains_key(name));
    none && headers
        .get_all(TE)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"))
}

/// What a head takes, without what HTTP/1 writes between its parts.
fn size(parts: &Parts) -> usize {
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let fields = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    target + fields.sum::<usize>()
}

/// The header names that `Connection` lists; what is not a name is passed over.
fn connection_names(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let values = headers.get_all(CONNECTION).iter();
    let lists = values.filter_map(|value| value.to_str().ok());
    let names = lists.flat_map(|list| list.split(',')).map(str::trim_ascii);
    names.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
}

/// Removes what speaks of the connection, what only a proxy or a store may say, and what `Connection` names.
fn drop_what_clients_may_not_say(headers: &mut HeaderMap) {
    let listed = connection_names(headers).filter(|name| headers.contains_key(name));
    let unwanted = headers.keys().filter(|name| is_unwanted(name.as_str())).cloned();
    let names: Vec<HeaderName> = unwanted.chain(listed).collect();
    for name in names {
        headers.remove(name);
    }
    join_cookies(headers);
}

/// HTTP/2 lets a client send its cookies in pieces (RFC 9113, 8.2.3); later readers see one header.
fn join_cookies(headers: &mut HeaderMap) {
    let mut pieces = headers.get_all(COOKIE).iter();
    if pieces.next().is_none() || pieces.next().is_none() {
        return;
    }
    let pieces: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let joined = HeaderValue::from_bytes(&pieces.join(&b"; "[..]));
    match joined {
        Ok(joined) => headers.insert(COOKIE, joined),
        Err(_) => headers.remove(COOKIE),
    };
}

/// By the first byte, since nearly every header of nearly every request is wanted. All `x-` names are unwanted but
/// two that browsers' scripts send: nothing that a proxy or a store would act on comes in by a new spelling.
fn is_unwanted(name: &str) -> bool {
    let by_name = match name.as_bytes().first() {
        Some(b'c') => matches!(name, "connection" | "client-ip" | "cf-connecting-ip"),
        Some(b'e') => name == "expect",
        Some(b'f') => matches!(name, "forwarded" | "front-end-https" | "fastly-client-ip"),
        Some(b'h') => matches!(name, "host" | "http2-settings"),
        Some(b'k') => name == "keep-alive",
        Some(b'p') => name.starts_with("proxy"),
        Some(b'r') => name.starts_with("remote-"),
        Some(b't') => matches!(name, "te" | "trailer" | "transfer-encoding" | "true-client-ip"),
        Some(b'u') => name == "upgrade",
        Some(b'x') => name.starts_with("x-") && !matches!(name, "x-requested-with" | "x-csrftoken"),
        Some(_) | None => false,
    };
    by_name || name.bytes().any(|byte| byte == b'_')
}

impl RequestIds {
    pub(super) fn new(random: &Random) -> Self {
        Self { random: random.clone(), drawn: RefCell::default() }
    }

    /// Random, all of it: a visitor learns from his ids neither those of others nor how many there are.
    pub(super) fn next(&self) -> RequestId {
        let drawn = &mut *self.drawn.borrow_mut();
        RequestId(drawn.next().unwrap_or_else(|| {
            let bytes: [u8; 16 * DRAWN] = self.random.bytes();
            *drawn = bytes.as_chunks().0.to_vec().into_iter();
            drawn.next().unwrap_or_else(|| self.random.bytes())
        }))
    }
}

/// What [`Incoming::for_tests`] makes: the same rules for a request that no socket carried.
pub(super) fn without_socket(request: http::Request<Bytes>, peer: IpAddr) -> Incoming {
    let rules = Rules {
        hosts: "gw.example.com".parse().into_iter().collect(),
        trusted_proxies: Vec::new(),
        client_address_header: None,
        cors_origins: Vec::new(),
        max_upload: 5 << 30,
        stall: Duration::MAX,
    };
    let (parts, body) = request.into_parts();
    let origin = Origin { peer, line: Rc::default() };
    let mut incoming = rules.canonical(parts, &origin, RequestId([7; 16]), None);
    incoming.body_length = u64::try_from(body.len()).ok();
    incoming.body = Some(RequestBody::whole(body));
    incoming
}

#[cfg(test)]
mod tests {
    use http::{Method, Request};

    use super::*;

    fn rules() -> Rules {
        Rules {
            hosts: vec!["gw.example.com".parse().unwrap(), "[::1]:8443".parse().unwrap()],
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            client_address_header: Some(HeaderName::from_static("x-forwarded-for")),
            cors_origins: Vec::new(),
            max_upload: 1,
            stall: Duration::MAX,
        }
    }

    fn read(
        version: Version,
        uri: &str,
        fields: &[(&'static str, &'static str)],
        peer: &str,
    ) -> Incoming {
        let mut request = Request::builder().version(version).uri(uri).method(Method::GET);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let origin = Origin { peer: peer.parse().unwrap(), line: Rc::default() };
        rules().canonical(parts, &origin, RequestId([0; 16]), None)
    }

    fn fault(
        version: Version,
        uri: &str,
        fields: &[(&'static str, &'static str)],
    ) -> Option<RequestFault> {
        read(version, uri, fields, "192.0.2.1").fault()
    }

    type Fields = &'static [(&'static str, &'static str)];

    const V1: Version = Version::HTTP_11;
    const V2: Version = Version::HTTP_2;
    const HOSTED: (&str, &str) = ("host", "gw.example.com");

    #[test]
    fn hosts_are_one_well_formed_and_listed() {
        for host in ["gw.example.com", "GW.Example.com", "gw.example.com:443", "[::1]", "[::1]:1"] {
            assert_eq!(fault(V1, "/", &[("host", host)]), None, "{host}");
        }
        for host in [
            "other.example.com",
            "example.com",
            "gw.example.com.evil",
            "127.0.0.1",
            "xgw.example.com",
        ] {
            assert_eq!(
                fault(V1, "/", &[("host", host)]),
                Some(RequestFault::MisdirectedHost),
                "{host}"
            );
        }
        for host in [
            "",
            "gw.example.com:",
            "a@gw.example.com",
            "gw.example.com, x",
            "gw.example.com:443:443",
        ] {
            assert_eq!(fault(V1, "/", &[("host", host)]), Some(RequestFault::BadHost), "{host}");
        }
        assert_eq!(fault(V1, "/", &[]), Some(RequestFault::BadHost));
        assert_eq!(fault(V1, "/", &[HOSTED, HOSTED]), Some(RequestFault::BadHost));
    }

    #[test]
    fn authority_and_host_agree() {
        let uri = "https://gw.example.com/";
        assert_eq!(fault(V2, uri, &[]), None);
        assert_eq!(fault(V2, uri, &[HOSTED]), None);
        assert_eq!(fault(V2, "/", &[HOSTED]), None);
        assert_eq!(fault(V2, uri, &[("host", "other.example.com")]), Some(RequestFault::BadHost));
        assert_eq!(fault(V2, uri, &[("host", "gw.example.com:443")]), Some(RequestFault::BadHost));
        assert_eq!(fault(V2, uri, &[HOSTED, HOSTED]), Some(RequestFault::BadHost));
        assert_eq!(fault(V2, "https://x@gw.example.com/", &[]), Some(RequestFault::BadHost));
        assert_eq!(fault(V2, "https://x.org/", &[]), Some(RequestFault::MisdirectedHost));
    }

    #[test]
    fn what_http2_forbids_is_refused() {
        let uri = "https://gw.example.com/";
        for field in [("connection", "close"), ("transfer-encoding", "chunked"), ("te", "gzip")] {
            assert_eq!(fault(V2, uri, &[field]), Some(RequestFault::MalformedHead), "{field:?}");
        }
        assert_eq!(fault(V2, uri, &[("te", "trailers")]), None);
    }

    #[test]
    fn upgrades_expectations_and_doubles_are_refused() {
        let cases: &[(Fields, Option<RequestFault>)] = &[
            (
                &[("upgrade", "websocket"), ("connection", "Upgrade")],
                Some(RequestFault::BadUpgrade),
            ),
            (
                &[("upgrade", "h2c"), ("connection", "keep-alive, upgrade, http2-settings")],
                Some(RequestFault::BadUpgrade),
            ),
            (&[("upgrade", "h2c")], None),
            (&[("expect", "100-continue")], None),
            (&[("expect", "100-Continue")], None),
            (&[("expect", "200-ok")], Some(RequestFault::BadExpectation)),
            (&[("expect", "100-continue"), ("expect", "x")], Some(RequestFault::BadExpectation)),
            (&[("authorization", "a"), ("authorization", "a")], Some(RequestFault::MalformedHead)),
            (&[("range", "bytes=0-"), ("range", "bytes=1-")], Some(RequestFault::MalformedHead)),
            (&[("if-none-match", "\"a\""), ("if-none-match", "\"b\"")], None),
        ];
        for (fields, expected) in cases {
            let fields = [&[HOSTED], *fields].concat();
            assert_eq!(fault(V1, "/", &fields), *expected, "{fields:?}");
        }
        let trace =
            Request::builder().method("TRACE").header("host", "gw.example.com").body(Bytes::new());
        let peer = "192.0.2.1".parse().unwrap();
        assert_eq!(without_socket(trace.unwrap(), peer).fault(), Some(RequestFault::BadMethod));
    }

    #[test]
    fn headers_that_no_client_may_say_are_dropped() {
        let dropped = [
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-user",
            "forwarded",
            "x-real-ip",
            "x-original-url",
            "x-rewrite-url",
            "x-api-key",
            "x-amz-date",
            "x-amz-security-token",
            "remote-user",
            "remote_user",
            "content_length",
            "x_forwarded_for",
            "authorization_",
            "proxy-authorization",
            "proxy",
            "keep-alive",
            "te",
            "trailer",
            "upgrade",
            "x-http-method-override",
            "x-remote-user",
            "true-client-ip",
            "named-by-connection",
            "host",
        ];
        let mut fields = vec![HOSTED, ("connection", "close, Named-By-Connection, not a name")];
        fields.extend(dropped.iter().filter(|name| **name != "host").map(|name| (*name, "1")));
        fields.extend([("cookie", "a=b"), ("accept", "*/*"), ("x-requested-with", "y")]);
        let incoming = read(V1, "/", &fields, "192.0.2.1");
        assert_eq!(incoming.fault(), None);
        for name in dropped {
            assert!(!incoming.headers().contains_key(name), "{name}");
        }
        let kept: Vec<&str> = incoming.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(kept.len(), 3, "{kept:?}");
    }

    #[test]
    fn cookies_in_pieces_become_one() {
        let fields = [("cookie", "a=1"), ("cookie", "b=2")];
        let incoming = read(V2, "https://gw.example.com/", &fields, "192.0.2.1");
        assert_eq!(incoming.headers().get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    }

    #[test]
    fn only_a_trusted_proxy_says_where_a_client_is() {
        let cases: &[(&str, &[&'static str], &str)] = &[
            ("192.0.2.1", &["198.51.100.7"], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            ("10.0.0.1", &["[2001:db8::1]:80"], "2001:db8::1"),
            ("10.0.0.1", &["198.51.100.7, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["10.0.0.3"], "10.0.0.3"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
        ];
        for (peer, told, expected) in cases {
            let mut fields = vec![HOSTED];
            fields.extend(told.iter().map(|value| ("x-forwarded-for", *value)));
            let client = read(V1, "/", &fields, peer).client();
            assert_eq!(client, expected.parse::<IpAddr>().unwrap(), "{peer} {told:?}");
        }
    }

    #[test]
    fn request_ids_differ() {
        let [one, two] = [0, 1].map(|_| RequestIds::new(&Random::system()));
        let ids: std::collections::HashSet<RequestId> =
            (0..1000).flat_map(|_| [one.next(), two.next()]).collect();
        assert_eq!(ids.len(), 2000);
    }
}
