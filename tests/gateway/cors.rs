//! Other sites' scripts: nobody's by default; of a listed site with a token, never with a cookie (R11, R16).

use reqwest::{Method, StatusCode};

use crate::support::site::Answer;
use crate::support::{Moto, Person, Site};

const LABELS: &str = "https://labels.example.com";
const OBJECT: &str = "/-/objects/scans/media/a.bin";
/// Every header by which a browser is told about other sites.
const TOLD: [&str; 6] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-allow-private-network",
];

fn world(listed: &str) -> (Site, Person) {
    let moto = Moto::shared();
    moto.put("cors/a.bin", "image/png", b"0123456789");
    let mut site = Site::before_moto(moto, "");
    let ann = site.person("acme", "ann@example.com", "owner");
    site.project("acme", "scans", &Site::moto_place(moto, "cors/"));
    site.start_under(&["env", &format!("SLUICEGATE_LISTEN__CORS_ORIGINS={listed}")]);
    (site, ann)
}

async fn preflight(site: &Site, path: &str, origin: &str, method: &str) -> Answer {
    let headers = [("origin", origin), ("access-control-request-method", method)];
    site.ask(Method::OPTIONS, path, None, &headers).await
}

fn tells_nothing(answer: &Answer) {
    for name in TOLD {
        assert_eq!(answer.header(name), "", "{name}");
    }
}

#[tokio::test]
async fn by_default_no_other_site_reads_anything() {
    let (site, ann) = world("[]");
    let asked = preflight(&site, OBJECT, LABELS, "GET").await;
    assert_eq!(asked.status, StatusCode::METHOD_NOT_ALLOWED);
    tells_nothing(&asked);
    let read = site.ask(Method::GET, OBJECT, Some(&ann), &[("origin", LABELS)]).await;
    assert_eq!(read.status, StatusCode::OK);
    tells_nothing(&read);
    assert_eq!(read.header("vary"), "", "nothing depends on the origin");
}

#[tokio::test]
async fn preflights_of_listed_sites_are_told_what_a_route_takes() {
    let (site, _) = world(&format!("[\"{LABELS}\"]"));
    for (path, methods) in [
        (OBJECT, "GET, HEAD, PUT"),
        ("/-/objects/scans/media/", "GET, HEAD"),
        ("/-/objects/no-such/media/k", "GET, HEAD, PUT"),
        ("/-/m/AAAA", "GET, HEAD"),
        ("/-/api/handles", "POST"),
        ("/-/api/account", "GET, HEAD"),
    ] {
        let told = preflight(&site, path, LABELS, "GET").await;
        assert_eq!(told.status, StatusCode::NO_CONTENT, "{path}: {}", told.text());
        assert_eq!(told.header("access-control-allow-methods"), methods, "{path}");
        assert_eq!(told.header("access-control-allow-origin"), LABELS, "{path}");
        assert_eq!(told.header("access-control-allow-credentials"), "", "{path}");
        assert_eq!(told.header("vary"), "origin", "{path}");
        let headers = told.header("access-control-allow-headers");
        assert!(headers.contains("authorization") && headers.contains("range"), "{headers}");
        assert!(!headers.contains('*') && !headers.contains("cookie"), "{headers}");
    }
    let unknown = preflight(&site, "/-/nothing", LABELS, "GET").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    // Without a question it is no preflight.
    let plain = site.ask(Method::OPTIONS, OBJECT, None, &[("origin", LABELS)]).await;
    assert_eq!(plain.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn origins_that_are_not_listed_are_told_nothing() {
    let (site, ann) = world(&format!("[\"{LABELS}\"]"));
    for origin in [
        "https://evil.example",
        "https://labels.example.com.evil.example",
        "https://sub.labels.example.com",
        "https://labels.example.com:8443",
        "http://labels.example.com",
        "https://LABELS.example.com",
        "null",
    ] {
        let asked = preflight(&site, OBJECT, origin, "GET").await;
        assert_eq!(asked.status, StatusCode::METHOD_NOT_ALLOWED, "{origin}");
        tells_nothing(&asked);
        assert_eq!(asked.header("vary"), "origin", "{origin}");
        let read = site.ask(Method::GET, OBJECT, Some(&ann), &[("origin", origin)]).await;
        tells_nothing(&read);
        assert_eq!(read.header("vary"), "origin", "{origin}");
    }
}

#[tokio::test]
async fn a_listed_site_reads_with_a_token_and_never_with_a_cookie() {
    let (site, ann) = world(&format!("[\"{LABELS}\"]"));
    let range = [("origin", LABELS), ("range", "bytes=2-4")];
    let piece = site.ask(Method::GET, OBJECT, Some(&ann), &range).await;
    assert_eq!((piece.status, &*piece.body), (StatusCode::PARTIAL_CONTENT, &b"234"[..]));
    assert_eq!(piece.header("access-control-allow-origin"), LABELS);
    assert_eq!(piece.header("access-control-allow-credentials"), "");
    let exposed = piece.header("access-control-expose-headers");
    for name in ["content-range", "accept-ranges", "etag", "content-length", "x-request-id"] {
        assert!(exposed.split(", ").any(|one| one == name), "{name} in {exposed}");
    }
    // What is refused is readable too, so that the script can tell why.
    for (path, who, status) in
        [(OBJECT, None, 401), ("/-/objects/no-such/media/k", Some(&ann), 404)]
    {
        let refused = site.ask(Method::GET, path, who, &[("origin", LABELS)]).await;
        assert_eq!(refused.status.as_u16(), status);
        assert_eq!(refused.header("access-control-allow-origin"), LABELS);
    }
    // A change with the session, from there, is another site's all the same; and nobody is signed in from there.
    let cookie = site.sign_in("ann@example.com").await;
    let headers = [("origin", LABELS), ("cookie", &*cookie)];
    let written = site.send(Method::PUT, OBJECT, None, &headers, b"x".to_vec()).await;
    assert_eq!((written.status.as_u16(), &*written.code()), (403, "cross-origin"));
    let form = b"email=ann%40example.com&password=correct+horse+battery".to_vec();
    let headers = [("origin", LABELS), ("content-type", "application/x-www-form-urlencoded")];
    let signed_in = site.send(Method::POST, "/-/sign-in", None, &headers, form).await;
    assert_eq!(signed_in.code(), "cross-origin");
    assert_eq!(signed_in.header("set-cookie"), "");
    let written = site.send(Method::PUT, OBJECT, Some(&ann), &[("origin", LABELS)], b"x".to_vec());
    assert_eq!(written.await.status, StatusCode::OK, "a token is enough");
}
