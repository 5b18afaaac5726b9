//! Conditions, by a storage that judges them and by one that does not.

use http::HeaderValue;

use super::upstream::{Do, Upstream, answer, honest, plain, ranged, run, tag};
use crate::backend::BackendError;
use crate::request::{Conditions, IfRange, ObjectRead};

const OBJECT: &[u8] = b"0123456789";
const DATE: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

fn value(text: &'static str) -> Option<HeaderValue> {
    Some(HeaderValue::from_static(text))
}

fn with(read: ObjectRead, conditions: Conditions) -> ObjectRead {
    ObjectRead { conditions, ..read }
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    run(async {
        let fresh = Conditions { if_none_match: value("\"e\""), ..Conditions::default() };
        let dated = Conditions { if_modified_since: value(DATE), ..Conditions::default() };
        // One that knows, and one that does not.
        let knowing = Upstream::saying("HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n\r\n").await;
        let ignorant = Upstream::new(honest(OBJECT, tag("\"e\""))).await;
        for upstream in [&knowing, &ignorant] {
            for conditions in [&fresh, &dated] {
                for head_only in [false, true] {
                    let read = ObjectRead { head_only, ..with(plain(), conditions.clone()) };
                    let got = upstream.fetch(&read).await.unwrap();
                    assert_eq!((got.status.as_u16(), got.body.len()), (304, 0));
                    assert_eq!(got.header("etag"), "\"e\"");
                    assert_eq!(got.header("cache-control"), "private, no-cache");
                    assert_eq!(got.header("content-length"), "");
                }
            }
        }
        assert_eq!(knowing.connections(), 1);
    });
}

#[test]
fn a_304_or_412_that_nobody_asked_for_is_no_answer() {
    run(async {
        for answer in [
            "HTTP/1.1 304 Not Modified\r\n\r\n",
            "HTTP/1.1 412 Failed\r\nContent-Length: 0\r\n\r\n",
        ] {
            let upstream = Upstream::saying(answer).await;
            for head_only in [false, true] {
                let got = upstream.fetch(&ObjectRead { head_only, ..plain() }).await;
                assert!(matches!(got, Err(BackendError::Unusable { .. })), "{answer} {got:?}");
            }
        }
    });
}

#[test]
fn a_failed_condition_is_a_412() {
    run(async {
        let upstream = Upstream::new(honest(OBJECT, tag("\"e\""))).await;
        for conditions in [
            Conditions { if_match: value("\"x\""), ..Conditions::default() },
            Conditions { if_match: value("\"x\", \"y\""), ..Conditions::default() },
            Conditions {
                if_unmodified_since: value("Wed, 01 Jan 2025 00:00:00 GMT"),
                ..Conditions::default()
            },
        ] {
            for read in [plain(), ranged("bytes=0-1"), ranged("bytes=0-1,3-4"), ranged("bytes=99-")]
            {
                let got = upstream.fetch(&with(read, conditions.clone())).await;
                assert!(matches!(got, Err(BackendError::PreconditionFailed)), "{got:?}");
            }
        }
    });
}

#[test]
fn a_range_of_a_changed_object_is_the_whole_new_one() {
    run(async {
        let upstream = Upstream::new(honest(OBJECT, tag("\"e\""))).await;
        let by = |if_range| Conditions { if_range: Some(if_range), ..Conditions::default() };
        let same = [
            by(IfRange::Tag(HeaderValue::from_static("\"e\""))),
            by(IfRange::Date(HeaderValue::from_static(DATE))),
        ];
        let changed = [
            by(IfRange::Tag(HeaderValue::from_static("\"old\""))),
            by(IfRange::Date(HeaderValue::from_static("Fri, 01 Jan 2027 00:00:00 GMT"))),
            by(IfRange::Never),
            Conditions {
                if_match: value("*"),
                ..by(IfRange::Tag(HeaderValue::from_static("\"old\"")))
            },
        ];
        for read in [ranged("bytes=2-3"), ranged("bytes=2-3, 5-6")] {
            for conditions in &same {
                let got = upstream.fetch(&with(read.clone(), conditions.clone())).await.unwrap();
                assert_eq!(got.status.as_u16(), 206, "{conditions:?}");
            }
            for conditions in &changed {
                let got = upstream.fetch(&with(read.clone(), conditions.clone())).await.unwrap();
                assert_eq!((got.status.as_u16(), &*got.body), (200, OBJECT), "{conditions:?}");
            }
        }
        let beyond = with(ranged("bytes=99-"), changed[1].clone());
        let got = upstream.fetch(&beyond).await.unwrap();
        assert_eq!((got.status.as_u16(), &*got.body), (200, OBJECT));
    });
}

#[test]
fn a_storage_may_ignore_a_range() {
    run(async {
        let upstream =
            Upstream::new(|_| vec![Do::Send(answer("200 OK", &["ETag: \"e\""], OBJECT))]).await;
        let got = upstream.fetch(&ranged("bytes=2-3")).await.unwrap();
        assert_eq!((got.status.as_u16(), &*got.body), (200, OBJECT));
    });
}
