//! One range and several.

use super::upstream::{Do, Upstream, answer, honest, ranged, run, tag};
use crate::backend::BackendError;

const OBJECT: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

#[test]
fn one_range_is_passed_on_and_checked() {
    run(async {
        let upstream = Upstream::new(honest(OBJECT, tag("\"e\""))).await;
        for (range, expected, said) in [
            ("bytes=0-4", "01234", "bytes 0-4/36"),
            ("bytes=30-", "uvwxyz", "bytes 30-35/36"),
            ("bytes=-2", "yz", "bytes 34-35/36"),
            ("bytes=35-99", "z", "bytes 35-35/36"),
        ] {
            let got = upstream.fetch(&ranged(range)).await.unwrap();
            assert_eq!(got.status.as_u16(), 206);
            assert_eq!(String::from_utf8(got.body.clone()).unwrap(), expected);
            assert_eq!(got.header("content-range"), said);
            assert_eq!(got.header("content-length"), expected.len().to_string());
        }
        assert_eq!(upstream.connections(), 1);
    });
}

#[test]
fn another_range_than_the_one_asked_for_is_no_answer() {
    run(async {
        let cases: [&[&str]; 7] = [
            &["Content-Range: bytes 1-5/36"],
            &["Content-Range: bytes 0-4/4"],
            &["Content-Range: bytes 0-5/36"],
            &["Content-Range: bytes 0-4/36", "Content-Range: bytes 0-4/36"],
            &["Content-Range: garbage"],
            &["Content-Range: bytes 0-4/36", "Content-Type: multipart/byteranges; boundary=x"],
            &[],
        ];
        for headers in cases {
            let upstream = Upstream::saying(answer("206 Partial Content", headers, b"12345")).await;
            let got = upstream.fetch(&ranged("bytes=0-4")).await;
            assert!(matches!(got, Err(BackendError::Unusable { .. })), "{headers:?}: {got:?}");
        }
        let short = answer("206 Partial Content", &["Content-Range: bytes 0-4/36"], b"1234");
        let got = Upstream::saying(short).await.fetch(&ranged("bytes=0-4")).await;
        assert!(matches!(got, Err(BackendError::Unusable { .. })), "{got:?}");
    });
}

#[test]
fn chunks_must_come_to_the_length_of_their_range() {
    run(async {
        let chunked = |data: &str| {
            format!(
                "HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n\
                 Content-Range: bytes 0-4/36\r\n\r\n{:x}\r\n{data}\r\n0\r\n\r\n",
                data.len()
            )
        };
        let got = Upstream::saying(chunked("01234")).await.fetch(&ranged("bytes=0-4")).await;
        assert_eq!(got.unwrap().body, b"01234");
        let short = Upstream::saying(chunked("0123")).await.fetch(&ranged("bytes=0-4")).await;
        assert!(matches!(short, Err(BackendError::Truncated { .. })), "{short:?}");
        let long = Upstream::saying(chunked("012345")).await.fetch(&ranged("bytes=0-4")).await;
        assert!(matches!(long, Err(BackendError::Unusable { .. })), "{long:?}");
    });
}

#[test]
fn a_range_that_reaches_nothing_says_how_long_the_object_is() {
    run(async {
        let upstream = Upstream::new(honest(OBJECT, tag("\"e\""))).await;
        for range in ["bytes=36-", "bytes=99-100", "bytes=36-37, 40-50", "bytes=-0"] {
            let got = upstream.fetch(&ranged(range)).await;
            assert!(
                matches!(got, Err(BackendError::RangeNotSatisfiable { length: 36 })),
                "{range}: {got:?}"
            );
        }
    });
}

#[test]
fn several_ranges_come_in_one_answer_of_known_length() {
    run(async {
        let upstream = Upstream::new(honest(OBJECT, tag("\"e\""))).await;
        let got = upstream.fetch(&ranged("bytes=0-1, 10-12, -3, 99-100")).await.unwrap();
        assert_eq!(got.status.as_u16(), 206);
        let kind = got.header("content-type").to_owned();
        let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
        let part = |range: &str, data: &str| {
            format!(
                "--{boundary}\r\nContent-Type: image/png\r\nContent-Range: bytes {range}/36\r\n\r\n{data}\r\n"
            )
        };
        let expected = part("0-1", "01")
            + &part("10-12", "abc")
            + &part("33-35", "xyz")
            + &format!("--{boundary}--\r\n");
        assert_eq!(String::from_utf8(got.body.clone()).unwrap(), expected);
        assert_eq!(got.header("content-length"), expected.len().to_string());
        assert_eq!(got.header("content-range"), "");
        assert_eq!(upstream.connections(), 1);
        let seen = upstream.seen.borrow();
        assert!(seen[0].head.starts_with("HEAD "));
        assert!(seen[1..].iter().all(|part| part.header("if-match") == Some("\"e\"")));
    });
}

#[test]
fn of_several_ranges_one_that_is_left_is_an_ordinary_part() {
    run(async {
        let upstream = Upstream::new(honest(OBJECT, tag("\"e\""))).await;
        let got = upstream.fetch(&ranged("bytes=99-100, 1-2")).await.unwrap();
        assert_eq!((got.status.as_u16(), &*got.body), (206, b"12".as_slice()));
        assert_eq!(got.header("content-range"), "bytes 1-2/36");
        assert_eq!(got.header("content-type"), "image/png");
    });
}

#[test]
fn ranges_that_turn_out_to_overlap_are_the_whole_object() {
    run(async {
        let upstream = Upstream::new(honest(OBJECT, tag("\"e\""))).await;
        let got = upstream.fetch(&ranged("bytes=0-20, -30")).await.unwrap();
        assert_eq!((got.status.as_u16(), &*got.body), (200, OBJECT));
    });
}

#[test]
fn parts_of_two_states_of_an_object_never_mix() {
    run(async {
        let etag = tag("\"one\"");
        let (mut inner, changing) = (honest(OBJECT, std::rc::Rc::clone(&etag)), etag);
        let mut requests = 0;
        let upstream = Upstream::new(move |seen| {
            requests += 1;
            if requests == 3 {
                *changing.borrow_mut() = "\"two\"".to_owned();
            }
            inner(seen)
        })
        .await;
        let got = upstream.fetch(&ranged("bytes=0-1, 10-12")).await;
        assert!(matches!(got, Err(BackendError::ChangedMidRead)), "{got:?}");
        assert_eq!(upstream.requests(), 3);
    });
}

#[test]
fn a_storage_that_ignores_if_match_cannot_mix_states_either() {
    run(async {
        let etags = ["\"one\"", "\"one\"", "\"two\""];
        let mut requests = etags.into_iter();
        let upstream = Upstream::new(move |seen| {
            let tag = format!("ETag: {}", requests.next().unwrap());
            let Some(range) = seen.header("range") else {
                return vec![Do::Send(
                    format!("HTTP/1.1 200 OK\r\nContent-Length: 36\r\n{tag}\r\n\r\n").into(),
                )];
            };
            let range = range.replace("bytes=", "Content-Range: bytes ") + "/36";
            vec![Do::Send(answer("206 Partial Content", &[&tag, &range], b"01"))]
        })
        .await;
        let got = upstream.fetch(&ranged("bytes=0-1, 10-11")).await;
        assert!(matches!(got, Err(BackendError::ChangedMidRead)), "{got:?}");
    });
}
