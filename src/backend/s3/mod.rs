//! S3 and what is compatible with it: addressing, signing, and what its answers mean.
//! The storage's prefix stands before every key before anything is signed, so nothing outside it can be named.

mod answer;
mod encode;
pub mod place;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::BackendError;
use super::kind::{Act, CONTENT_MD5, Failure, Kind, Listing, Signed, Wanted};
use crate::catalog::{Addressing, Prefix, S3Place};
use crate::credential::Credential;
use crate::credential::aws::{Keys, Outgoing, Payload, SigningTime};
use crate::ground::clock::Timestamp;
use crate::outbound::{Host, Scheme};
use crate::request::Page;

const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// One bucket, with everything that does not depend on the request written out once.
#[derive(Debug)]
pub(super) struct Bucket {
    host: Host,
    authority: Box<str>,
    host_header: HeaderValue,
    region: Box<str>,
    /// `/` or `/bucket/`
    root: Box<str>,
    /// The root and the encoded prefix: what every path to an object starts with.
    stem: Box<str>,
    /// What every key starts with; empty, or ends with `/`.
    prefix: Prefix,
}

impl Bucket {
    pub(super) fn new(place: &S3Place) -> Result<Self, BackendError> {
        let misconfigured = |what| BackendError::Misconfigured { what };
        place::bucket(&place.bucket).map_err(misconfigured)?;
        place::region(&place.region).map_err(misconfigured)?;
        let (host, root) = address(place).map_err(BackendError::BadEndpoint)?;
        let authority = host.authority().into_boxed_str();
        let host_header = HeaderValue::try_from(&*authority)
            .map_err(|_malformed| misconfigured("the endpoint's name cannot stand in a header"))?;
        // Normalised again: a prefix that was read from a file may lack its final slash.
        let prefix = Prefix::new(place.prefix.as_str());
        let mut stem = root.clone();
        encode::path(&mut stem, prefix.as_str());
        Ok(Self {
            host,
            authority,
            host_header,
            region: place.region.as_str().into(),
            root: root.into(),
            stem: stem.into(),
            prefix,
        })
    }

    fn object(&self, key: &str) -> String {
        // Nine in ten keys need no escape; the longest needs three bytes for one.
        let mut path = String::with_capacity(self.stem.len() + key.len() + 32);
        path.push_str(&self.stem);
        encode::path(&mut path, key);
        path
    }

    /// Sorted by name, as the signature wants them.
    fn query(&self, page: &Page) -> String {
        let mut query = String::from("encoding-type=url&list-type=2&max-keys=");
        query.push_str(&page.limit.to_string());
        query.push_str("&prefix=");
        encode::query(&mut query, self.prefix.as_str());
        encode::query(&mut query, &page.prefix);
        // After the prefix itself at least: some tools keep an empty "folder" under that key.
        if !(page.after.is_empty() && self.prefix.as_str().is_empty()) {
            query.push_str("&start-after=");
            encode::query(&mut query, self.prefix.as_str());
            encode::query(&mut query, &page.after);
        }
        query
    }
}

/// The host, and the path of the bucket on it.
fn address(place: &S3Place) -> Result<(Host, String), crate::outbound::OutboundError> {
    let base = match &place.endpoint {
        Some(endpoint) => endpoint.parse()?,
        None => {
            let domain = if place.region.starts_with("cn-") { "com.cn" } else { "com" };
            let name = format!("s3.{}.amazonaws.{domain}", place.region);
            Host::new(Scheme::Https, &name, None)?
        }
    };
    // A bucket with a dot, a capital or an underscore in its name is no label that a certificate covers:
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    let is_label = place.bucket.len() <= 63
        && !place.bucket.contains(['.', '_'])
        && !place.bucket.contains(char::is_uppercase);
    if place.addressing == Addressing::Virtual
        && is_label
        && let Some(host) = base.below(&place.bucket)
    {
        return Ok((host?, "/".to_owned()));
    }
    Ok((base, format!("/{}/", place.bucket)))
}

impl Kind for Bucket {
    fn host(&self) -> &Host {
        &self.host
    }

    fn sign(
        &self,
        wanted: Wanted<'_>,
        credential: &Credential,
        at: Timestamp,
    ) -> Result<Signed, BackendError> {
        let keys = credential.aws().ok_or(BackendError::WrongCredential)?;
        let (method, payload, mut target, query) = match wanted.act {
            Act::Get(key) => {
                (Method::GET, Payload::Empty, self.object(key.as_str()), String::new())
            }
            Act::Head(key) => {
                (Method::HEAD, Payload::Empty, self.object(key.as_str()), String::new())
            }
            Act::Put(key) => {
                (Method::PUT, Payload::Unsigned, self.object(key.as_str()), String::new())
            }
            Act::List(page) => {
                (Method::GET, Payload::Empty, self.root.to_string(), self.query(page))
            }
            Act::Call(..) => return Err(BackendError::NotForStorage),
        };
        let out = Unsigned { method: &method, path: &target, query: &query, payload };
        let headers = self.authorize(keys, at, &out, wanted.headers)?;
        if !query.is_empty() {
            target.push('?');
            target.push_str(&query);
        }
        let target = PathAndQuery::from_maybe_shared(bytes::Bytes::from(target))
            .map_err(|cause| BackendError::Unwritable(cause.into()))?;
        Ok(Signed { method, target: Uri::from(target), headers })
    }

    fn request_id(&self) -> &'static str {
        "x-amz-request-id"
    }

    fn explain(&self, failure: &Failure<'_>) -> BackendError {
        answer::explain(&self.host, failure)
    }

    fn listing(&self, page: &Page, body: &[u8]) -> Result<Listing, BackendError> {
        answer::listing(&self.prefix, page, body)
            .map_err(|what| BackendError::Unusable { host: self.host.to_string().into(), what })
    }
}

/// A request before its signature.
struct Unsigned<'a> {
    method: &'a Method,
    path: &'a str,
    query: &'a str,
    payload: Payload<'a>,
}

impl Bucket {
    /// Adds what the signature covers, and the signature.
    fn authorize(
        &self,
        keys: &Keys,
        at: Timestamp,
        out: &Unsigned<'_>,
        mut headers: HeaderMap,
    ) -> Result<HeaderMap, BackendError> {
        let at = SigningTime::new(at);
        let text = |header: &HeaderValue| header.to_str().unwrap_or_default().to_owned();
        let md5 = headers.get(CONTENT_MD5).map(text);
        let kind = headers.get(CONTENT_TYPE).map(text);
        let token = keys.session_token().map(|token| token.expose().as_str());
        let all = [
            ("content-md5", md5.as_deref()),
            ("content-type", kind.as_deref()),
            ("host", Some(&*self.authority)),
            ("x-amz-content-sha256", Some(out.payload.as_str())),
            ("x-amz-date", Some(at.amz_date())),
            ("x-amz-security-token", token),
        ];
        let mut signed = [("", ""); 6];
        let present = all.iter().filter_map(|(name, value)| value.map(|value| (*name, value)));
        let mut count = 0;
        for (slot, header) in signed.iter_mut().zip(present) {
            *slot = header;
            count += 1;
        }
        let signature = keys.authorization(
            &at,
            &self.region,
            "s3",
            &Outgoing {
                method: out.method.as_str(),
                path: out.path,
                query: out.query,
                headers: signed.get(..count).unwrap_or_default(),
                payload: out.payload,
            },
        );
        let value = |text: &str| {
            HeaderValue::from_str(text).map_err(|cause| BackendError::Unwritable(cause.into()))
        };
        headers.insert(HOST, self.host_header.clone());
        headers.insert(X_AMZ_CONTENT_SHA256, payload_header(out.payload)?);
        headers.insert(X_AMZ_DATE, value(at.amz_date())?);
        if let Some(token) = token {
            let mut token = value(token)?;
            token.set_sensitive(true);
            headers.insert(X_AMZ_SECURITY_TOKEN, token);
        }
        let mut authorization = HeaderValue::from_maybe_shared(bytes::Bytes::from(signature))
            .map_err(|cause| BackendError::Unwritable(cause.into()))?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        Ok(headers)
    }
}

fn payload_header(payload: Payload<'_>) -> Result<HeaderValue, BackendError> {
    const EMPTY: HeaderValue = HeaderValue::from_static(Payload::Empty.as_str());
    const UNSIGNED: HeaderValue = HeaderValue::from_static(Payload::Unsigned.as_str());
    match payload {
        Payload::Empty => Ok(EMPTY),
        Payload::Unsigned => Ok(UNSIGNED),
        Payload::Hash(hash) => {
            HeaderValue::from_str(hash).map_err(|cause| BackendError::Unwritable(cause.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(bucket: &str, endpoint: Option<&str>, addressing: Addressing) -> S3Place {
        S3Place {
            bucket: bucket.to_owned(),
            prefix: Prefix::new("p/"),
            region: "eu-central-1".to_owned(),
            endpoint: endpoint.map(str::to_owned),
            addressing,
        }
    }

    #[test]
    fn buckets_are_addressed_as_the_storage_says() {
        use Addressing::{Path, Virtual};
        let cases = [
            ("b", None, Virtual, "https://b.s3.eu-central-1.amazonaws.com", "/p/"),
            ("b", None, Path, "https://s3.eu-central-1.amazonaws.com", "/b/p/"),
            // No certificate covers two labels, and a label has no capitals or underscores.
            ("b.c", None, Virtual, "https://s3.eu-central-1.amazonaws.com", "/b.c/p/"),
            ("B_c", None, Virtual, "https://s3.eu-central-1.amazonaws.com", "/B_c/p/"),
            (
                "b",
                Some("https://minio.example:9000"),
                Virtual,
                "https://b.minio.example:9000",
                "/p/",
            ),
            ("b", Some("https://minio.example/"), Path, "https://minio.example", "/b/p/"),
            ("b", Some("http://minio.example:80"), Path, "http://minio.example", "/b/p/"),
            // An address takes no label.
            ("b", Some("http://127.0.0.1:9000"), Virtual, "http://127.0.0.1:9000", "/b/p/"),
            ("b", Some("http://[::1]:9000"), Virtual, "http://[::1]:9000", "/b/p/"),
            ("b", Some("https://MINIO.example"), Path, "https://minio.example", "/b/p/"),
        ];
        for (bucket, endpoint, addressing, host, stem) in cases {
            let bucket = Bucket::new(&place(bucket, endpoint, addressing)).unwrap();
            assert_eq!((bucket.host.to_string(), &*bucket.stem), (host.to_owned(), stem));
        }
        let china = S3Place { region: "cn-north-1".to_owned(), ..place("b", None, Virtual) };
        assert_eq!(
            Bucket::new(&china).unwrap().host.to_string(),
            "https://b.s3.cn-north-1.amazonaws.com.cn"
        );
    }

    #[test]
    fn a_place_that_could_become_another_host_or_path_is_refused() {
        for bucket in ["", "a/b", "..", ".", "a b", "a?b", "a#b", "a@b", "a%2fb", "é"] {
            assert!(Bucket::new(&place(bucket, None, Addressing::Path)).is_err(), "{bucket}");
        }
        for endpoint in [
            "",
            "minio:9000",
            "ftp://minio",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://user@a",
            "https://a:99999",
            "https://a b",
            "https://a\\b",
            "//a",
            "https://a..b",
        ] {
            let place = place("b", Some(endpoint), Addressing::Path);
            assert!(Bucket::new(&place).is_err(), "{endpoint}");
        }
        for region in ["", "eu/central", "eu.evil.example#", "eu central"] {
            let place = S3Place { region: region.to_owned(), ..place("b", None, Addressing::Path) };
            assert!(Bucket::new(&place).is_err(), "{region}");
        }
    }

    #[test]
    fn a_prefix_without_its_slash_is_still_a_folder() {
        let text = r#"{"bucket":"b","prefix":"scans","region":"r"}"#;
        let place: S3Place = serde_json::from_str(text).unwrap();
        let bucket = Bucket::new(&place).unwrap();
        assert_eq!(bucket.object("../x"), "/scans/../x");
    }
}
