//! Whole objects, heads and lists, and what of the upstream's head gets through.

use super::upstream::{Got, Upstream, answer, honest, plain, run, storage, store, tag};
use crate::backend::BackendError;
use crate::outbound::OutboundError;
use crate::request::{ObjectRead, Page};

const OBJECT: &[u8] = b"the bytes of an object";

#[test]
fn an_object_is_asked_for_by_its_raw_key_under_the_prefix_and_signed() {
    run(async {
        let upstream = Upstream::new(honest(OBJECT, tag("\"e\""))).await;
        let got = upstream.get().await.unwrap();
        assert_eq!((got.status.as_u16(), &*got.body), (200, OBJECT));
        let seen = upstream.seen.borrow()[0].clone();
        let line = seen.head.lines().next().unwrap().to_owned();
        assert_eq!(line, "GET /private-bucket/team%20a/a/../b//c%2Bd.png HTTP/1.1");
        assert_eq!(seen.header("host"), Some(upstream.address.to_string().as_str()));
        assert_eq!(seen.header("x-amz-date"), Some("20260101T000000Z"));
        assert_eq!(seen.header("x-amz-security-token"), Some("token-canary"));
        let signature = seen.header("authorization").unwrap();
        assert!(
            signature
                .starts_with("AWS4-HMAC-SHA256 Credential=AKIACANARY/20260101/eu-central-1/s3/")
        );
        assert!(
            signature.contains(
                "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"
            )
        );
    });
}

#[test]
fn only_listed_headers_reach_the_client() {
    run(async {
        let upstream = Upstream::saying(answer(
            "200 OK",
            &[
                "Content-Type: text/html",
                "ETag: \"e\"",
                "Server: AmazonS3",
                "x-amz-id-2: secret",
                "x-amz-request-id: ABC123",
                "x-amz-meta-owner: someone",
                "Set-Cookie: a=b",
                "Access-Control-Allow-Origin: *",
                "Location: http://private-bucket/",
                "Content-Disposition: inline; filename=private-bucket",
                "Link: <x>; rel=preload",
                "Cache-Control: public, max-age=9",
                "Content-Encoding: aws-chunked",
                "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT",
                "Content-Language: de",
            ],
            OBJECT,
        ))
        .await;
        let reply = upstream.read(&plain()).await.unwrap();
        assert_eq!(reply.upstream_id.as_deref(), Some("ABC123"));
        let got = Got::of(reply).await.unwrap();
        let mut headers: Vec<_> = got
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        headers.sort();
        assert_eq!(
            headers,
            [
                "accept-ranges: bytes",
                "cache-control: private, no-cache",
                "content-disposition: attachment",
                "content-length: 22",
                "content-security-policy: sandbox; default-src 'none'",
                "content-type: application/octet-stream",
                "cross-origin-resource-policy: same-origin",
                "etag: \"e\"",
                "last-modified: Thu, 01 Jan 2026 00:00:00 GMT",
                "x-content-type-options: nosniff",
            ]
        );
    });
}

#[test]
fn connections_are_used_again_after_a_clean_end() {
    run(async {
        let upstream = Upstream::new(honest(OBJECT, tag("\"e\""))).await;
        let head = ObjectRead { head_only: true, ..plain() };
        for _ in 0..5 {
            upstream.get().await.unwrap();
            upstream.fetch(&head).await.unwrap();
        }
        assert_eq!((upstream.requests(), upstream.connections()), (10, 1));
    });
}

#[test]
fn a_chunked_object_is_relayed_whole() {
    run(async {
        let upstream = Upstream::saying(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        )
        .await;
        for _ in 0..2 {
            assert_eq!(upstream.get().await.unwrap().body, b"abcde");
        }
        assert_eq!(upstream.connections(), 1);
    });
}

#[test]
fn a_head_says_the_length_and_sends_nothing() {
    run(async {
        let upstream = Upstream::new(honest(OBJECT, tag("\"e\""))).await;
        let got = upstream.fetch(&ObjectRead { head_only: true, ..plain() }).await.unwrap();
        assert_eq!((got.status.as_u16(), got.header("content-length")), (200, "22"));
        assert!(got.body.is_empty());
        for lengths in ["Content-Length: +22", "Content-Length: 22, 22", "Content-Length: x"] {
            let upstream = Upstream::saying(format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\n")).await;
            let got = upstream.fetch(&ObjectRead { head_only: true, ..plain() }).await;
            assert!(
                matches!(got, Err(BackendError::Unusable { .. } | BackendError::Broken { .. })),
                "{lengths}: {got:?}"
            );
        }
    });
}

#[test]
fn an_address_that_no_setting_names_is_not_connected_to() {
    run(async {
        let upstream = Upstream::new(honest(OBJECT, tag("\"e\""))).await;
        let elsewhere = store("10.0.0.1");
        let errand =
            elsewhere.errand(&storage(upstream.address), &super::upstream::credential()).unwrap();
        let refused = crate::backend::read::read(&errand, &super::upstream::key(), &plain()).await;
        assert!(
            matches!(refused, Err(BackendError::Unreachable(OutboundError::PrivateAddress { .. }))),
            "{refused:?}"
        );
        assert_eq!(upstream.requests(), 0);
    });
}

#[test]
fn a_list_is_relative_to_the_prefix_and_paged() {
    run(async {
        let xml = "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Name>private-bucket</Name><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>\
            <Contents><Key>team+a/x/1.png</Key><Size>7</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>\
            <Contents><Key>other/secret</Key><Size>1</Size></Contents>\
            <Contents><Key>team+a/x/%2B%26</Key><Size>8</Size><LastModified>soon</LastModified></Contents>\
            </ListBucketResult>";
        let upstream =
            Upstream::saying(answer("200 OK", &["Content-Type: application/xml"], xml.as_bytes()))
                .await;
        let page = Page { prefix: "x/".to_owned(), after: "x/ ".to_owned(), limit: 10 };
        let got = Got::of(crate::backend::list::list(&upstream.errand(), &page).await.unwrap())
            .await
            .unwrap();
        assert_eq!(
            String::from_utf8(got.body).unwrap(),
            r#"{"objects":[{"key":"x/1.png","size":7,"modified":"2026-01-01T00:00:00.000Z"},{"key":"x/+&","size":8,"modified":null}],"next":"x/+&"}"#
        );
        assert_eq!(got.headers["content-type"], "application/json");
        let line = upstream.seen.borrow()[0].head.lines().next().unwrap().to_owned();
        assert_eq!(
            line,
            "GET /private-bucket/?encoding-type=url&list-type=2&max-keys=10&prefix=team%20a%2Fx%2F\
             &start-after=team%20a%2Fx%2F%20 HTTP/1.1"
        );
    });
}
