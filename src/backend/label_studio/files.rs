//! Label Studio's static files: fetched once, compressed once, kept in memory for all threads. Label Studio itself sends them
//! uncompressed, slowly and without a lifetime, which is most of what makes its pages slow to open.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use moka::sync::Cache;

use super::super::validators::{Validators, Verdict};
use crate::backend::{Reply, ReplyBody};
use crate::ground::digest::sha256;
use crate::policy::Asked;

/// All files that were asked for lately.
#[derive(Debug)]
pub(super) struct Files(Cache<Arc<str>, Arc<File>>);

/// One of them.
#[derive(Debug)]
pub(super) struct File {
    kind: HeaderValue,
    etag: HeaderValue,
    plain: Bytes,
    /// Absent where it would not be smaller.
    gzip: Option<Bytes>,
    lifetime: HeaderValue,
}

/// Label Studio 1.23 has some 20 MB of them.
const MOST_BYTES: u64 = 64 << 20;
/// The largest that is kept; the largest of 1.23 has 8 MB.
pub(super) const LARGEST: usize = 32 << 20;
/// A newer Label Studio is seen after this.
const KEPT: Duration = Duration::from_secs(600);

const GZIP: HeaderValue = HeaderValue::from_static("gzip");
const BY_CODING: HeaderValue = HeaderValue::from_static("accept-encoding");
/// Named by its content or its version: it never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
const SHORT: HeaderValue = HeaderValue::from_static("private, max-age=300");

impl Default for Files {
    fn default() -> Self {
        let weigh = |_target: &Arc<str>, file: &Arc<File>| {
            let gzip = file.gzip.as_ref().map_or(0, Bytes::len);
            u32::try_from(file.plain.len() + gzip).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(MOST_BYTES).weigher(weigh).time_to_live(KEPT).build())
    }
}

impl Files {
    pub(super) fn get(&self, target: &str) -> Option<Arc<File>> {
        self.0.get(target)
    }

    /// Compresses it, away from the threads that serve, and keeps it.
    pub(super) async fn keep(&self, target: &str, kind: HeaderValue, plain: Bytes) -> Arc<File> {
        let lifetime = if is_named_by_content(target) { FOR_EVER } else { SHORT };
        let source = plain.clone();
        let gzip = tokio::task::spawn_blocking(move || compressed(&source)).await.ok().flatten();
        let file = Arc::new(File { etag: etag(&plain), kind, plain, gzip, lifetime });
        self.0.insert(target.into(), Arc::clone(&file));
        file
    }
}

impl File {
    pub(super) fn reply(&self, asked: &Asked) -> Reply {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(CACHE_CONTROL, self.lifetime.clone());
        headers.insert(VARY, BY_CODING);
        headers.insert(ETAG, self.etag.clone());
        let validators = Validators { etag: Some(&self.etag), last_modified: None };
        if validators.judge(&asked.conditions) == Verdict::NotModified {
            return Reply::relayed(StatusCode::NOT_MODIFIED, headers, ReplyBody::empty());
        }
        headers.insert(CONTENT_TYPE, self.kind.clone());
        let body = match &self.gzip {
            Some(gzip) if asked.takes_gzip => {
                headers.insert(CONTENT_ENCODING, GZIP);
                gzip.clone()
            }
            Some(_) | None => self.plain.clone(),
        };
        Reply::relayed(StatusCode::OK, headers, ReplyBody::Whole(body))
    }
}

/// `main.9be72da65a79.css`, or `main.js?v=df96d7`.
fn is_named_by_content(target: &str) -> bool {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let name = path.rsplit('/').next().unwrap_or_default();
    let hashed = name
        .split('.')
        .any(|part| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hashed || query.strip_prefix("v=").is_some_and(|version| version.len() > 1)
}

/// Weak: the compressed and the plain form share it.
fn etag(plain: &[u8]) -> HeaderValue {
    let text = URL_SAFE_NO_PAD.encode(sha256(plain).get(..12).unwrap_or_default());
    HeaderValue::try_from(format!("W/\"{text}\"")).unwrap_or(HeaderValue::from_static("W/\"\""))
}

fn compressed(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 3), Compression::default());
    encoder.write_all(plain).ok()?;
    let gzip = encoder.finish().ok()?;
    (gzip.len() < plain.len() * 9 / 10).then(|| gzip.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_by_its_content_is_kept_for_ever() {
        for (target, named) in [
            ("/static/css/main.9be72da65a79.css", true),
            ("/react-app/main.js?v=df96d7", true),
            ("/react-app/vendor.js?v=1", false),
            ("/react-app/594.js", false),
            ("/static/images/favicon.ico", false),
            ("/static/css/main.9be72da65a7z.css", false),
        ] {
            assert_eq!(is_named_by_content(target), named, "{target}");
        }
    }

    #[tokio::test]
    async fn a_file_is_kept_compressed_and_told_by_its_content() {
        let files = Files::default();
        let plain = Bytes::from("let a = 1;\n".repeat(1000));
        let kind = HeaderValue::from_static("text/javascript");
        let kept = files.keep("/a.js", kind, plain.clone()).await;
        assert!(kept.gzip.as_ref().unwrap().len() < 1000);
        let mut asked = Asked { takes_gzip: true, ..Asked::default() };
        let reply = kept.reply(&asked).into_response();
        assert_eq!(reply.headers()[CONTENT_ENCODING], "gzip");
        asked.conditions.if_none_match = Some(reply.headers()[ETAG].clone());
        assert_eq!(kept.reply(&asked).into_response().status(), StatusCode::NOT_MODIFIED);
        assert!(files.get("/a.js").is_some() && files.get("/b.js").is_none());
    }
}
