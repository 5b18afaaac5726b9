//! Request → row of the route catalogue → what is sent to Label Studio: whatever is found is rebuilt into exactly itself, spelt
//! so that no other reader finds anything else in it, and so is the body.
#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;

use http::Method;
use libfuzzer_sys::fuzz_target;
use sluicegate::label_studio::{Call, Routes};

static ROUTES: LazyLock<Routes> = LazyLock::new(|| Routes::built_in().unwrap());
const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
];

// The first line is the target, what follows the body.
fuzz_target!(|input: (u8, &[u8])| {
    let (method, rest) = input;
    let method = &METHODS[usize::from(method) % METHODS.len()];
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let Ok(target) = std::str::from_utf8(&rest[..end]) else { return };
    let body = rest.get(end + 1..).unwrap_or_default();
    let Some(call) = find(method, target) else { return };
    let again = find(call.method(), call.target()).expect("what is sent is not found again");
    assert_eq!(again.target(), call.target());
    assert_eq!(again.references(), call.references());
    assert_eq!(again.subjects(), call.subjects());
    assert_eq!((again.deed(), again.user()), (call.deed(), call.user()));
    assert_eq!(again.route().text, call.route().text);
    plain(call.target());
    if let Ok(read) = call.body().read(Some("application/json"), body, call.storage_type()) {
        assert!(read.content_type == "application/json" && read.references.iter().all(|one| one.number > 0));
        assert!(body.is_empty() || serde_json::from_slice::<serde_json::Value>(body).is_ok());
        assert!(!call.body().takes_none());
    }
    for kind in ["application/x-www-form-urlencoded", "text/plain", ""] {
        let read = call.body().read(Some(kind), body, call.storage_type());
        assert!(read.is_err() || body.is_empty(), "{kind} was taken");
    }
    let form = call.body().read(Some("multipart/form-data; boundary=b"), body, None);
    assert!(form.is_err() || body.is_empty() || body.starts_with(b"--b\r\n"), "a form without its boundary");
});

fn find(method: &Method, target: &str) -> Option<Call> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    ROUTES.find(method, path, query).ok()
}

/// No escape, no empty or dotted name in the path; no name twice, and nothing to be decoded in two ways, in the query.
fn plain(target: &str) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let inner = path.strip_prefix('/').expect("no slash first");
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    for name in inner.split('/') {
        assert!(!name.is_empty() || path == "/", "{path}");
        assert!(!name.starts_with('.'), "{path}");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        assert!(name.bytes().all(plain), "{path}");
    }
    let mut names = HashSet::new();
    for pair in query.split('&').filter(|_| !query.is_empty()) {
        let (name, value) = pair.split_once('=').expect("a name without a value");
        assert!(names.insert(name) || name.ends_with("%5B%5D"), "{query}");
        for text in [name, value] {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~,%".contains(&byte);
            assert!(text.bytes().all(plain), "{query}");
        }
    }
}
