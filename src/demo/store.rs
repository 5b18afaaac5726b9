//! The demo's bucket: objects in memory behind a real S3 protocol that verifies every signature (s3s). It knows
//! nothing of the gateway, exactly as a bucket elsewhere would not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::dto::{
    ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};
use tokio::net::TcpListener;

use super::media::Sample;
use crate::ground::clock::{Clock, Timestamp};
use crate::ground::digest::{hex, sha256};

/// Objects by `bucket/key`.
struct Objects {
    stored: Mutex<BTreeMap<String, Stored>>,
    clock: Clock,
}

#[derive(Clone)]
struct Stored {
    bytes: Bytes,
    content_type: String,
    tag: String,
    modified: SystemTime,
}

/// Serves the samples on a free port of loopback to whoever signs with the key, until the runtime ends.
///
/// # Errors
/// When no port can be had.
pub(super) async fn serve(
    bucket: &str,
    samples: &[Sample],
    (access_key_id, secret): (&str, &str),
    clock: Clock,
) -> std::io::Result<SocketAddr> {
    let objects = samples.iter().map(|sample| {
        let stored = Stored::new(Bytes::from_static(sample.bytes), sample.content_type, &clock);
        (format!("{bucket}/{}", sample.key), stored)
    });
    let mut builder = S3ServiceBuilder::new(Objects {
        stored: Mutex::new(objects.collect()),
        clock: clock.clone(),
    });
    builder.set_auth(SimpleAuth::from_single(access_key_id, secret));
    let service = builder.build();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(accept(listener, service));
    Ok(address)
}

async fn accept(listener: TcpListener, service: S3Service) {
    while let Ok((socket, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
            // The gateway closing its connection is not an event.
            drop(connection.await);
        });
    }
}

impl Stored {
    fn new(bytes: Bytes, content_type: &str, clock: &Clock) -> Self {
        let tag = hex(&sha256(&bytes));
        let since_epoch = Duration::try_from(clock.now().duration_since(Timestamp::UNIX_EPOCH));
        let modified = SystemTime::UNIX_EPOCH + since_epoch.unwrap_or_default();
        Self { bytes, content_type: content_type.to_owned(), tag, modified }
    }
}

impl Objects {
    fn find(&self, bucket: &str, key: &str) -> S3Result<Stored> {
        let objects = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        objects
            .get(&format!("{bucket}/{key}"))
            .cloned()
            .ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))
    }
}

#[async_trait::async_trait]
impl S3 for Objects {
    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let stored = self.find(&input.bucket, &input.key)?;
        let total = u64::try_from(stored.bytes.len()).unwrap_or(u64::MAX);
        let (bytes, content_range) = match input.range {
            None => (stored.bytes, None),
            Some(range) => {
                let asked = range.check(total)?;
                let said = format!("bytes {}-{}/{total}", asked.start, asked.end.saturating_sub(1));
                let start = usize::try_from(asked.start).unwrap_or(usize::MAX);
                let end = usize::try_from(asked.end).unwrap_or(usize::MAX);
                (stored.bytes.slice(start..end), Some(said))
            }
        };
        Ok(S3Response::new(GetObjectOutput {
            content_length: i64::try_from(bytes.len()).ok(),
            body: Some(StreamingBlob::from(Body::from(bytes))),
            content_range,
            content_type: stored.content_type.parse().ok(),
            e_tag: Some(ETag::Strong(stored.tag)),
            last_modified: Some(stored.modified.into()),
            accept_ranges: Some("bytes".to_owned()),
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let stored = self.find(&request.input.bucket, &request.input.key)?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: i64::try_from(stored.bytes.len()).ok(),
            content_type: stored.content_type.parse().ok(),
            e_tag: Some(ETag::Strong(stored.tag)),
            last_modified: Some(stored.modified.into()),
            accept_ranges: Some("bytes".to_owned()),
            ..Default::default()
        }))
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let bytes = match input.body {
            None => Bytes::new(),
            Some(body) => Body::from(body)
                .store_all_limited(64 << 20)
                .await
                .or(Err(s3_error!(InternalError, "the upload did not arrive whole")))?,
        };
        let content_type = input.content_type.map(|kind| kind.to_string());
        let kind = content_type.as_deref().unwrap_or("application/octet-stream");
        let stored = Stored::new(bytes, kind, &self.clock);
        let tag = ETag::Strong(stored.tag.clone());
        self.stored
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(format!("{}/{}", input.bucket, input.key), stored);
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(tag), ..Default::default() }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let prefix = input.prefix.unwrap_or_default();
        let after = input.start_after.unwrap_or_default();
        let limit = usize::try_from(input.max_keys.unwrap_or(1000)).unwrap_or_default();
        let objects = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let inside = format!("{}/", input.bucket);
        let matching = objects.iter().filter_map(|(path, stored)| {
            let key = path.strip_prefix(&inside)?;
            (key.starts_with(&prefix) && key > after.as_str()).then_some((key, stored))
        });
        let mut page: Vec<Object> = matching
            .take(limit.saturating_add(1))
            .map(|(key, stored)| Object {
                key: Some(key.to_owned()),
                size: i64::try_from(stored.bytes.len()).ok(),
                e_tag: Some(ETag::Strong(stored.tag.clone())),
                last_modified: Some(stored.modified.into()),
                ..Default::default()
            })
            .collect();
        let more = page.len() > limit;
        page.truncate(limit);
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(prefix),
            key_count: i32::try_from(page.len()).ok(),
            is_truncated: Some(more),
            contents: Some(page),
            ..Default::default()
        }))
    }
}
