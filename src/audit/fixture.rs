//! What the tests of this folder share: requests that no socket carried, and audits in temporary folders.

use std::path::Path;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tempfile::TempDir;

use super::record::{End, Facts, Record};
use super::segment::list;
use super::{Audit, Durability, Nobody, PublicKey, Settings};
use crate::ground::clock::{Clock, Timestamp};
use crate::label_studio::Routes;
use crate::listener::{Incoming, RequestId};
use crate::request::Operation;
use crate::stream::Outcome;

pub(super) const AT: Timestamp = Timestamp::constant(1_800_000_000, 0);

pub(super) fn get(path: &str) -> Incoming {
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, HeaderValue::from_static("test/1"));
    Incoming::for_tests(Method::GET, path, headers, bytes::Bytes::new())
}

pub(super) fn id(number: u64) -> RequestId {
    RequestId::parse(&format!("{number:032x}")).unwrap()
}

pub(super) fn facts(number: u64, key: &str) -> Box<Facts> {
    let incoming = get(&format!("/-/objects/scans/main/{key}"));
    let mut facts = Facts::of(&incoming, AT);
    facts.request = id(number);
    facts.operation = Some(Operation::parse(&incoming, &Routes::default()).unwrap());
    Box::new(facts)
}

/// Of somebody whom nobody knows yet.
pub(super) fn facts_of_sign_in(number: u64) -> Box<Facts> {
    let incoming =
        Incoming::for_tests(Method::POST, "/-/sign-in", HeaderMap::new(), bytes::Bytes::new());
    let mut facts = Facts::of(&incoming, AT);
    facts.request = id(number);
    facts.operation = Some(Operation::parse(&incoming, &Routes::default()).unwrap());
    Box::new(facts)
}

pub(super) fn end(status: StatusCode) -> End {
    let outcome = Outcome::Complete;
    End {
        status,
        bytes: 20,
        outcome,
        duration_us: 300,
        upstream: None,
        sign_in: None,
        attendance: None,
        refusal: None,
    }
}

pub(super) fn request(number: u64) -> Record {
    let facts = facts(number, &format!("{number}.png"));
    Record::Request { facts, end: end(StatusCode::UNAUTHORIZED) }
}

pub(super) fn settings(folder: &Path, durability: Durability) -> Settings {
    Settings { folder: folder.to_owned(), durability, segment_bytes: 64 << 20 }
}

pub(super) fn audit(folder: &Path, durability: Durability) -> Audit {
    let (clock, _hand) = Clock::manual(AT);
    Audit::start(&settings(folder, durability), clock, Arc::new(Nobody)).unwrap()
}

pub(super) fn folder() -> TempDir {
    TempDir::new().unwrap()
}

pub(super) fn key(folder: &Path) -> PublicKey {
    PublicKey::read(&std::fs::read_to_string(folder.join("key.pub")).unwrap()).unwrap()
}

/// All that is written, as text.
pub(super) fn text(folder: &Path) -> String {
    let segments = list(folder).unwrap();
    segments.iter().map(|segment| std::fs::read_to_string(&segment.path).unwrap()).collect()
}
