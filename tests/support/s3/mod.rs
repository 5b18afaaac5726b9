//! An S3 for tests: objects in memory behind a real S3 protocol that verifies every signature (s3s), with the permissions
//! of the account's sessions enforced on each request (`access`), and a record of who did what. It knows what STS issued
//! (`super::account`), and nothing of the gateway.

mod access;
mod objects;
mod tap;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::service::Service;
use s3s::Body;
use s3s::service::{S3Service, S3ServiceBuilder};

use super::account::Account;
use super::served::{self, HangUp};
use access::Gatekeeper;
use objects::Objects;

pub use tap::Tap;

/// A running S3 of an account, on loopback; buckets come to be with their first object.
#[derive(Debug)]
pub struct S3 {
    /// `127.0.0.1:PORT`
    pub address: String,
    objects: Objects,
    records: Arc<Mutex<Vec<Record>>>,
}

/// One request, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the request names, known or not, with a right signature or not.
    pub access_key_id: Option<String>,
    /// Of the session that has these keys.
    pub role: Option<String>,
    pub session: Option<String>,
    pub method: Method,
    /// `/BUCKET/KEY` and the query, as they were sent.
    pub target: String,
    pub range: Option<String>,
    pub status: u16,
    /// S3's, where the answer has one.
    pub code: Option<String>,
}

impl S3 {
    pub fn start(account: &Arc<Account>) -> Self {
        let objects = Objects::new(account.clock.clone());
        let mut builder = S3ServiceBuilder::new(objects.clone());
        builder.set_auth(Gatekeeper::new(account, &objects));
        builder.set_access(Gatekeeper::new(account, &objects));
        let service = builder.build();
        let records = Arc::new(Mutex::new(Vec::new()));
        let desk = (Arc::clone(account), Arc::clone(&records));
        let address = served::start(move |request| answer(desk.clone(), service.clone(), request));
        Self { address: address.to_string(), objects, records }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts an object there, by no request.
    pub fn put(&self, bucket: &str, key: &str, content_type: &str, bytes: &[u8]) {
        self.objects.put((bucket, key), content_type, Bytes::copy_from_slice(bytes));
    }

    /// The same, but its bytes leave as the tap lets them.
    pub fn put_behind_tap(&self, bucket: &str, key: &str, content_type: &str, bytes: &[u8]) -> Tap {
        let tap = Tap::default();
        self.put(bucket, key, content_type, bytes);
        self.objects.put_tap(bucket, key, tap.clone());
        tap
    }

    /// What an object holds.
    pub fn bytes(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.objects.find(bucket, key).map(|stored| stored.bytes)
    }

    /// Every request so far, in the order of the answers.
    pub fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap().clone()
    }
}

type Desk = (Arc<Account>, Arc<Mutex<Vec<Record>>>);

async fn answer(
    (account, records): Desk,
    service: S3Service,
    request: Request<Incoming>,
) -> Result<Response<Either<Body, Full<Bytes>>>, HangUp> {
    let access_key_id = access::claimed_key(request.headers(), request.uri());
    let session = access_key_id.as_deref().and_then(|id| account.session(id));
    let range = request.headers().get("range").and_then(|range| range.to_str().ok());
    let mut record = Record {
        role: session.as_ref().map(|session| session.role.arn.clone()),
        session: session.map(|session| session.name.clone()),
        access_key_id,
        method: request.method().clone(),
        target: request.uri().to_string(),
        range: range.map(str::to_owned),
        status: 0,
        code: None,
    };
    let (head, body) = Service::call(&service, request).await.or(Err(HangUp))?.into_parts();
    record.status = head.status.as_u16();
    let body = if head.status < StatusCode::BAD_REQUEST {
        Either::Left(body)
    } else {
        let whole = body.collect().await.or(Err(HangUp))?.to_bytes();
        record.code = code(&String::from_utf8_lossy(&whole));
        Either::Right(Full::from(whole))
    };
    records.lock().unwrap().push(record);
    Ok(Response::from_parts(head, body))
}

fn code(xml: &str) -> Option<String> {
    let (_, rest) = xml.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code.to_owned())
}
