//! What hyper hands on, as HTTP/2 has it: what is accepted names one served host and a plain path, and keeps no header
//! that speaks of the connection, of a proxy or of a store.
#![no_main]

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use sluicegate::listener::Incoming;

const GONE: [&str; 8] =
    ["connection", "expect", "forwarded", "host", "te", "trailer", "transfer-encoding", "upgrade"];

fuzz_target!(|input: (&[u8], &str, Vec<(&[u8], &[u8])>)| {
    let (method, target, fields) = input;
    let Ok(method) = Method::from_bytes(method) else { return };
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let pair = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value));
        if let (Ok(name), Ok(value)) = pair {
            headers.append(name, value);
        }
    }
    let sent = headers.clone();
    let incoming = Incoming::for_tests(method, target, headers, Bytes::new());
    for name in incoming.headers().keys().map(HeaderName::as_str) {
        assert!(!GONE.contains(&name), "{name} was kept");
        assert!(!name.starts_with("x-forwarded") && !name.starts_with("x-amz"), "{name} was kept");
    }
    assert!(incoming.headers().get_all("cookie").iter().count() <= 1, "two cookies");
    if incoming.fault().is_some() {
        assert_eq!((incoming.path(), incoming.query(), incoming.host()), ("/", None, ""));
        return;
    }
    let host = incoming.host().split(':').next().unwrap();
    assert!(host.eq_ignore_ascii_case("gw.example.com"), "{host}");
    let path = incoming.path();
    assert!(path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()), "{path}");
    assert!(!path.contains(['\\', '?', '#']), "{path}");
    for name in ["connection", "transfer-encoding", "upgrade"] {
        assert!(!sent.contains_key(name), "{name} over HTTP/2");
    }
    for name in ["authorization", "content-type", "range", "origin"] {
        assert!(sent.get_all(name).iter().count() <= 1, "two of {name}");
    }
});
