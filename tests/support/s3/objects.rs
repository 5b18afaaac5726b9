//! The objects, and the operations on them that a storage of the gateway's needs: read (with ranges), look, write, delete,
//! list by pages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use s3s::dto::{
    CommonPrefix, DeleteObjectInput, DeleteObjectOutput, ETag, GetObjectInput, GetObjectOutput,
    HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};
use sluicegate::ground::clock::Clock;
use sluicegate::ground::digest::{hex, sha256};

use super::tap::Tap;

/// By bucket and key.
#[derive(Debug, Clone)]
pub(super) struct Objects {
    stored: Arc<Mutex<BTreeMap<(String, String), Stored>>>,
    clock: Clock,
}

#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) bytes: Bytes,
    content_type: String,
    tag: String,
    modified: SystemTime,
    /// What its bytes leave through, if they do not leave at once.
    tap: Option<Tap>,
}

const UPLOAD_AT_MOST: usize = 64 << 20;

impl Objects {
    pub(super) fn new(clock: Clock) -> Self {
        Self { stored: Arc::default(), clock }
    }

    pub(super) fn put(
        &self,
        (bucket, key): (&str, &str),
        content_type: &str,
        bytes: Bytes,
    ) -> ETag {
        let tag = hex(&sha256(&bytes));
        let since = Duration::from_secs(self.clock.now().as_second().unsigned_abs());
        let stored = Stored {
            bytes,
            content_type: content_type.to_owned(),
            tag: tag.clone(),
            modified: SystemTime::UNIX_EPOCH + since,
            tap: None,
        };
        self.stored.lock().unwrap().insert((bucket.to_owned(), key.to_owned()), stored);
        ETag::Strong(tag)
    }

    /// From now on this object's bytes leave through this.
    pub(super) fn put_tap(&self, bucket: &str, key: &str, tap: Tap) {
        let at = (bucket.to_owned(), key.to_owned());
        self.stored.lock().unwrap().get_mut(&at).unwrap().tap = Some(tap);
    }

    pub(super) fn find(&self, bucket: &str, key: &str) -> Option<Stored> {
        self.stored.lock().unwrap().get(&(bucket.to_owned(), key.to_owned())).cloned()
    }

    fn found(&self, bucket: &str, key: &str) -> S3Result<Stored> {
        let missing = || s3_error!(NoSuchKey, "The specified key does not exist.");
        self.find(bucket, key).ok_or_else(missing)
    }
}

#[async_trait::async_trait]
impl S3 for Objects {
    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let stored = self.found(&input.bucket, &input.key)?;
        let total = u64::try_from(stored.bytes.len()).unwrap();
        let (bytes, content_range) = match input.range {
            None => (stored.bytes, None),
            Some(range) => {
                let asked = range.check(total)?;
                let said = format!("bytes {}-{}/{total}", asked.start, asked.end.saturating_sub(1));
                let [start, end] = [asked.start, asked.end].map(|at| usize::try_from(at).unwrap());
                (stored.bytes.slice(start..end), Some(said))
            }
        };
        let content_length = i64::try_from(bytes.len()).ok();
        let body = match stored.tap {
            None => Body::from(bytes),
            Some(tap) => Body::http_body(tap.pour(bytes)),
        };
        Ok(S3Response::new(GetObjectOutput {
            content_length,
            body: Some(StreamingBlob::from(body)),
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
        let stored = self.found(&request.input.bucket, &request.input.key)?;
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
                .store_all_limited(UPLOAD_AT_MOST)
                .await
                .or(Err(s3_error!(IncompleteBody, "the upload did not arrive whole")))?,
        };
        let content_type = input.content_type.map(|kind| kind.to_string());
        let kind = content_type.as_deref().unwrap_or("binary/octet-stream");
        let tag = self.put((&input.bucket, &input.key), kind, bytes);
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(tag), ..Default::default() }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let DeleteObjectInput { bucket, key, .. } = request.input;
        self.stored.lock().unwrap().remove(&(bucket, key));
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let prefix = input.prefix.unwrap_or_default();
        // The token is the last name of the page before: no client may know that.
        let token = input.continuation_token.clone();
        let after = token.or(input.start_after).unwrap_or_default();
        let limit = usize::try_from(input.max_keys.unwrap_or(1000)).unwrap().min(1000);
        let stored = self.stored.lock().unwrap();
        let mut page = Page::default();
        let mut truncated = false;
        for ((bucket, key), one) in stored.iter() {
            if *bucket != input.bucket || !key.starts_with(&prefix) {
                continue;
            }
            let folded = folder(key, &prefix, input.delimiter.as_deref());
            let name = folded.unwrap_or(key);
            if name <= after.as_str() || page.last.as_deref() == Some(name) {
                continue;
            }
            if page.len() >= limit {
                truncated = true;
                break;
            }
            page.add(key, folded, one);
        }
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(prefix),
            delimiter: input.delimiter,
            max_keys: i32::try_from(limit).ok(),
            key_count: i32::try_from(page.len()).ok(),
            is_truncated: Some(truncated),
            continuation_token: input.continuation_token,
            next_continuation_token: page.last.filter(|_| truncated),
            contents: Some(page.contents),
            common_prefixes: Some(page.folders),
            ..Default::default()
        }))
    }
}

/// One page of a listing.
#[derive(Default)]
struct Page {
    contents: Vec<Object>,
    folders: Vec<CommonPrefix>,
    last: Option<String>,
}

impl Page {
    fn len(&self) -> usize {
        self.contents.len() + self.folders.len()
    }

    fn add(&mut self, key: &str, folder: Option<&str>, stored: &Stored) {
        self.last = Some(folder.unwrap_or(key).to_owned());
        match folder {
            Some(folder) => self.folders.push(CommonPrefix { prefix: Some(folder.to_owned()) }),
            None => self.contents.push(Object {
                key: Some(key.to_owned()),
                size: i64::try_from(stored.bytes.len()).ok(),
                e_tag: Some(ETag::Strong(stored.tag.clone())),
                last_modified: Some(stored.modified.into()),
                ..Default::default()
            }),
        }
    }
}

/// What a key is folded into, when a delimiter follows the prefix.
fn folder<'a>(key: &'a str, prefix: &str, delimiter: Option<&str>) -> Option<&'a str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let at = key.get(prefix.len()..)?.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}
