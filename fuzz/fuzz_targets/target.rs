//! Request target → operation → key: what is accepted round-trips, byte for byte, against a naive decoder.
#![no_main]

use bytes::Bytes;
use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;
use sluicegate::label_studio::Routes;
use sluicegate::listener::Incoming;
use sluicegate::request::{Ask, Operation, Target};

fuzz_target!(|target: &str| {
    let path = format!("/-/objects/project/storage/{target}");
    let incoming = Incoming::for_tests(Method::GET, &path, HeaderMap::new(), Bytes::new());
    let Ok(operation) = Operation::parse(&incoming, &Routes::default()) else { return };
    let Ask::Read(read) = operation.ask() else { return };
    let Target::Named(address) = &read.target else { panic!("a name became a handle") };
    assert_eq!(address.project.as_str(), "project");
    assert_eq!(address.storage.as_str(), "storage");
    // `http` drops a fragment before anybody here sees it; over HTTP/1 the head gate has refused it by then.
    let encoded = target.split(['?', '#']).next().unwrap();
    assert_eq!(address.key.as_str().as_bytes(), naive(encoded.as_bytes()));
});

/// Percent-decodes once and does nothing else.
fn naive(encoded: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < encoded.len() {
        if encoded[at] == b'%' {
            let digits = std::str::from_utf8(&encoded[at + 1..at + 3]).unwrap();
            decoded.push(u8::from_str_radix(digits, 16).unwrap());
            at += 3;
        } else {
            decoded.push(encoded[at]);
            at += 1;
        }
    }
    decoded
}
