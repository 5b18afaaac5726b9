//! The signature against AWS's own suite, and against the `aws-sigv4` crate on random requests.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use proptest::prelude::*;

use super::{Keys, Outgoing, Payload, SigningTime, canonical, hex};
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;

/// Cases that hold no signature of a known secret: only as far as they go.
const WITHOUT_SIGNATURE: [(&str, &str); 2] = [
    ("double-encode-path", "its canonical request and its signed request are of different days"),
    ("double-url-encode", "it names no secret: its canonical request is compared by hash"),
];

struct Vector {
    name: String,
    folder: PathBuf,
    canonical: String,
}

impl Vector {
    fn all() -> Vec<Self> {
        let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws-sig-v4");
        let mut folders: Vec<PathBuf> =
            std::fs::read_dir(suite).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.retain(|path| path.is_dir());
        folders.sort();
        folders
            .into_iter()
            .map(|folder| Self {
                name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
                canonical: std::fs::read_to_string(folder.join("header-canonical-request.txt"))
                    .unwrap(),
                folder,
            })
            .collect()
    }

    fn text(&self, file: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join(file)).ok()?;
        Some(text.trim_end().to_owned())
    }

    /// The case's canonical request, taken apart into what a caller hands over.
    fn outgoing<T>(&self, then: impl FnOnce(&Outgoing<'_>) -> T) -> T {
        let mut lines = self.canonical.trim_end().split('\n');
        let mut next = || lines.next().unwrap();
        let (method, path, query) = (next(), next(), next());
        let mut headers = Vec::new();
        loop {
            match next() {
                "" => break,
                line => headers.push(line.split_once(':').unwrap()),
            }
        }
        let _signed = next();
        let payload = Payload::Hash(next());
        then(&Outgoing { method, path, query, headers: &headers, payload })
    }
}

#[test]
fn every_case_of_awss_suite_holds() {
    let vectors = Vector::all();
    assert_eq!(vectors.len(), 40);
    let mut without = Vec::new();
    for vector in &vectors {
        let Some(signature) = vector.text("header-signature.txt") else {
            without.push(vector.name.as_str());
            continue;
        };
        let context: serde_json::Value =
            serde_json::from_str(&vector.text("context.json").unwrap()).unwrap();
        let text = |pointer: &str| context.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        let at = SigningTime::new(text("/timestamp").parse().unwrap());
        let id = text("/credentials/access_key_id");
        let secret = Secret::new(text("/credentials/secret_access_key"));
        let keys = Keys::new(&id, secret, None, None);
        let (region, service) = (text("/region"), text("/service"));
        let made = vector.outgoing(|out| keys.authorization(&at, &region, &service, out));
        assert!(made.ends_with(&format!(", Signature={signature}")), "{}: {made}", vector.name);
        let signed = vector.text("header-signed-request.txt").unwrap();
        let expected = signed.split_once("Authorization:").unwrap().1.lines().next().unwrap();
        assert_eq!(made, expected.trim(), "{}", vector.name);
    }
    assert_eq!(without, WITHOUT_SIGNATURE.map(|(name, _)| name));
}

#[test]
fn canonical_hashes_equal_awss_strings_to_sign() {
    let mut compared = 0;
    for vector in Vector::all() {
        if let Some(string_to_sign) = vector.text("header-string-to-sign.txt") {
            let hash = vector.outgoing(|out| canonical::hash(out, &mut String::new()));
            let expected = string_to_sign.lines().last().unwrap();
            assert_eq!(hex(&hash, &mut [0; 64]), expected, "{}", vector.name);
            compared += 1;
        }
    }
    assert_eq!(compared, 39);
}

#[test]
fn repeated_headers_and_loose_white_space_are_folded_as_aws_says() {
    fn hash(headers: &[(&str, &str)]) -> [u8; 32] {
        let (method, path, query, payload) = ("GET", "/", "", Payload::Empty);
        let out = Outgoing { method, path, query, headers, payload };
        canonical::hash(&out, &mut String::new())
    }
    let folded = hash(&[("a", "x,y z"), ("host", "h")]);
    assert_eq!(hash(&[("a", " x"), ("a", "y   z "), ("host", "h")]), folded);
    assert_ne!(hash(&[("a", "y z"), ("a", "x"), ("host", "h")]), folded);
}

#[test]
fn keys_of_another_day_or_region_are_not_mixed_up() {
    let keys = || Keys::new("AKID", Secret::new("secret".to_owned()), None, None);
    let one = keys();
    let headers = [("host", "h")];
    let out = Outgoing {
        method: "GET",
        path: "/",
        query: "",
        headers: &headers,
        payload: Payload::Empty,
    };
    for day in 1..=3 {
        let at = SigningTime::new(format!("2026-01-0{day}T10:00:00Z").parse().unwrap());
        for region in (0..20).map(|n| format!("region-{n}")) {
            for service in ["s3", "sts"] {
                // The kept key gives what a fresh one gives.
                let kept = one.authorization(&at, &region, service, &out);
                assert_eq!(kept, keys().authorization(&at, &region, service, &out));
            }
        }
    }
}

#[test]
fn debug_shows_no_secret() {
    let secret = |text: &str| Secret::new(text.to_owned());
    let keys = Keys::new("AKID", secret("canary-one"), Some(secret("canary-two")), None);
    let seen = format!("{keys:?} {keys:#?}");
    assert!(seen.contains("AKID") && !seen.contains("canary"), "{seen}");
}

/// Strict percent-encoding, as AWS asks for (every byte that is not unreserved).
fn encode(text: &str, keep: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain || keep.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// What the crate signs with: S3 carries the payload's hash in a header, the others do not.
pub(in crate::credential) fn crates_authorization(
    (id, secret, token): (&str, &str, Option<&str>),
    (at, region, service): (SystemTime, &str, &str),
    (method, uri, headers): (&str, &str, &[(String, String)]),
    body: SignableBody<'_>,
) -> String {
    let token = token.map(str::to_owned);
    let identity = aws_credential_types::Credentials::new(id, secret, token, None, "test").into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    if service == "s3" {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let request = SignableRequest::new(method, uri, headers, body).unwrap();
    let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
    let (_, value) = instructions.headers().find(|(name, _)| *name == "authorization").unwrap();
    value.to_owned()
}

#[derive(Debug, Clone)]
struct Asked {
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    extra: Vec<(String, String)>,
    token: Option<String>,
    region: String,
    seconds: i64,
    body: Option<Option<Vec<u8>>>,
}

fn asked() -> impl Strategy<Value = Asked> {
    (
        prop::sample::select(vec!["GET", "HEAD", "PUT", "POST"]),
        "(\\PC|[ -~]|[./%+ ]){0,40}",
        prop::collection::vec(("[ -~]{1,8}|\\PC{1,4}", "[ -~]{0,8}|\\PC{0,4}"), 0..6),
        prop::collection::btree_map(
            "x-amz-meta-[a-z0-9]{1,8}",
            " ?[!-~]{1,6}( {1,3}[!-~]{1,6}){0,2} ?",
            0..4,
        ),
        prop::option::of("[A-Za-z0-9+/=]{1,900}"),
        "[a-z]{2}-[a-z]{4,9}-[1-9]",
        0_i64..4_000_000_000,
        prop::option::of(prop::option::of(prop::collection::vec(any::<u8>(), 0..64))),
    )
        .prop_map(|(method, path, query, extra, token, region, seconds, body)| Asked {
            method,
            path,
            query,
            extra: extra.into_iter().collect(),
            token,
            region,
            seconds,
            body,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn signatures_equal_those_of_the_aws_sigv4_crate(asked in asked()) {
        let path = format!("/{}", encode(&asked.path, "/"));
        let mut pairs: Vec<_> =
            asked.query.iter().map(|(name, value)| (encode(name, ""), encode(value, ""))).collect();
        pairs.sort();
        let query = pairs.iter().map(|(name, value)| format!("{name}={value}"));
        let query = query.collect::<Vec<_>>().join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        let uri = format!("https://bucket.s3.example.com{path}{mark}{query}");
        let hash = asked.body.clone().flatten().map(|body| super::payload_hash(&body));
        let (body, payload) = match (&asked.body, &hash) {
            (None, _) => (SignableBody::UnsignedPayload, Payload::Unsigned),
            (Some(None), _) => (SignableBody::Bytes(b""), Payload::Empty),
            (Some(Some(body)), hash) => (SignableBody::Bytes(body), Payload::Hash(hash.as_deref().unwrap())),
        };
        let stamp = Timestamp::from_second(asked.seconds).unwrap();
        let expected = crates_authorization(
            ("AKIDEXAMPLE", "secret/with+signs", asked.token.as_deref()),
            (SystemTime::UNIX_EPOCH + Duration::from_secs(asked.seconds.unsigned_abs()), &asked.region, "s3"),
            (asked.method, &uri, &asked.extra),
            body,
        );

        let at = SigningTime::new(stamp);
        let mut headers: Vec<(&str, &str)> = vec![
            ("host", "bucket.s3.example.com"),
            ("x-amz-content-sha256", payload.as_str()),
            ("x-amz-date", at.amz_date()),
        ];
        headers.extend(asked.token.as_deref().map(|token| ("x-amz-security-token", token)));
        headers.extend(asked.extra.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        headers.sort_unstable();
        let keys = Keys::new("AKIDEXAMPLE", Secret::new("secret/with+signs".to_owned()), None, None);
        let ours = keys.authorization(
            &at,
            &asked.region,
            "s3",
            &Outgoing { method: asked.method, path: &path, query: &query, headers: &headers, payload },
        );
        prop_assert_eq!(ours, expected);
    }
}
