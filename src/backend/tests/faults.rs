//! A storage that fails, in every way that one can: the right error each time, never a clean short answer, and no
//! connection used again after garbage.

use super::upstream::{Do, PATIENCE, Upstream, answer, plain, run, storage, store};
use crate::backend::BackendError;
use crate::outbound::OutboundError;

#[test]
fn nobody_there() {
    run(async {
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = gone.local_addr().unwrap();
        drop(gone);
        let store = store("127.0.0.1");
        let errand = store.errand(&storage(address), &super::upstream::credential()).unwrap();
        let got = crate::backend::read::read(&errand, &super::upstream::key(), &plain()).await;
        let Err(BackendError::Unreachable(OutboundError::Unreachable { address: tried, .. })) = got
        else {
            panic!("{got:?}")
        };
        assert_eq!(tried, address);
    });
}

#[test]
fn a_reset_before_the_answer_is_tried_once_more_and_then_told() {
    run(async {
        for deed in [Do::Reset, Do::Close] {
            let upstream = Upstream::new(move |_| vec![deed.clone()]).await;
            let got = upstream.get().await;
            assert!(matches!(got, Err(BackendError::Broken { .. })), "{got:?}");
            assert_eq!(upstream.requests(), 2);
        }
    });
}

#[test]
fn a_stale_connection_is_replaced_unnoticed() {
    run(async {
        let upstream = Upstream::new({
            let mut requests = 0;
            move |_| {
                requests += 1;
                // The second request arrives on a connection that the storage is just closing.
                if requests == 2 {
                    vec![Do::Close]
                } else {
                    vec![Do::Send(answer("200 OK", &[], b"ok"))]
                }
            }
        })
        .await;
        assert_eq!(upstream.get().await.unwrap().body, b"ok");
        assert_eq!(upstream.get().await.unwrap().body, b"ok");
        assert_eq!((upstream.requests(), upstream.connections()), (3, 2));
    });
}

#[test]
fn silence_is_given_up_on() {
    run(async {
        let upstream = Upstream::new(|_| vec![Do::Hang]).await;
        let got = upstream.get().await;
        let Err(BackendError::Silent { waited, .. }) = got else { panic!("{got:?}") };
        assert_eq!(waited, PATIENCE.answer);
        assert_eq!(upstream.requests(), 1);
        upstream.closed.notified().await;
    });
}

#[test]
fn a_stall_within_the_body_is_an_error_and_closes_the_connection() {
    run(async {
        let upstream = Upstream::new(|_| {
            vec![Do::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec()), Do::Hang]
        })
        .await;
        let got = upstream.get().await;
        assert!(matches!(got, Err(BackendError::Stalled { .. })), "{got:?}");
        upstream.closed.notified().await;
    });
}

#[test]
fn a_body_that_breaks_off_is_never_a_clean_end() {
    run(async {
        for (start, deed) in [
            ("Content-Length: 9\r\n\r\nhalf", Do::Close),
            ("Content-Length: 9\r\n\r\nhalf", Do::Reset),
            ("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", Do::Close),
            ("Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", Do::Close),
            ("Transfer-Encoding: chunked\r\n\r\nxyz\r\n", Do::Close),
        ] {
            let bytes = format!("HTTP/1.1 200 OK\r\n{start}").into_bytes();
            let upstream =
                Upstream::new(move |_| vec![Do::Send(bytes.clone()), deed.clone()]).await;
            let got = upstream.get().await;
            assert!(matches!(got, Err(BackendError::Truncated { .. })), "{start}: {got:?}");
            assert_eq!(upstream.requests(), 1, "an answer that has begun is not asked for again");
        }
    });
}

#[test]
fn bytes_after_the_body_never_answer_the_next_request() {
    run(async {
        let smuggled = answer("200 OK", &[], b"evil");
        let upstream = Upstream::new(move |_| {
            vec![Do::Send([answer("200 OK", &[], b"good"), smuggled.clone()].concat())]
        })
        .await;
        for _ in 0..3 {
            assert_eq!(upstream.get().await.unwrap().body, b"good");
        }
        assert_eq!(upstream.connections(), 3);
    });
}

#[test]
fn heads_that_can_be_read_in_two_ways_are_no_answer() {
    run(async {
        for head in [
            // Only the connection's end would end it: it could be cut short unnoticed.
            "HTTP/1.1 200 OK\r\n\r\nbody",
            "HTTP/1.0 200 OK\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\nContent-Length: 4, 5\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nBad Header: x\r\n\r\nbody",
            "HTTP/1.1 2000 OK\r\nContent-Length: 4\r\n\r\nbody",
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        ] {
            let bytes = head.as_bytes().to_vec();
            let upstream = Upstream::new(move |_| vec![Do::Send(bytes.clone()), Do::Close]).await;
            let got = upstream.get().await;
            assert!(
                matches!(got, Err(BackendError::Unusable { .. } | BackendError::Broken { .. })),
                "{head:?}: {got:?}"
            );
            assert_eq!(upstream.requests(), 1, "{head:?}");
        }
    });
}

#[test]
fn a_storm_of_trouble_is_not_made_worse() {
    run(async {
        let slow_down = answer("503 Slow Down", &[], b"<Error><Code>SlowDown</Code></Error>");
        let upstream = Upstream::saying(slow_down).await;
        for _ in 0..60 {
            let got = upstream.get().await;
            let Err(BackendError::Overloaded { code, .. }) = got else { panic!("{got:?}") };
            assert_eq!(code.as_str(), "SlowDown");
        }
        let requests = upstream.requests();
        assert!((65..=71).contains(&requests), "{requests} requests for 60");
        assert_eq!(
            upstream.connections(),
            1 + (requests - 60),
            "a repetition takes a fresh connection"
        );
    });
}

#[test]
fn passing_trouble_is_not_noticed() {
    run(async {
        for status in ["500 Internal Server Error", "503 Slow Down", "429 Too Many Requests"] {
            let mut first = true;
            let upstream = Upstream::new(move |_| {
                let status = if std::mem::take(&mut first) { status } else { "200 OK" };
                vec![Do::Send(answer(status, &[], b"body"))]
            })
            .await;
            assert_eq!(upstream.get().await.unwrap().body, b"body");
            assert_eq!(upstream.requests(), 2);
        }
    });
}

#[test]
fn a_redirect_is_told_and_never_followed() {
    run(async {
        let upstream = Upstream::saying(answer(
            "301 Moved Permanently",
            &["Location: http://127.0.0.1:1/", "x-amz-bucket-region: us-east-1"],
            b"<Error><Code>PermanentRedirect</Code><Endpoint>x</Endpoint></Error>",
        ))
        .await;
        let got = upstream.get().await;
        let Err(error @ BackendError::Elsewhere { .. }) = got else { panic!("{got:?}") };
        let words = error.to_string();
        assert!(words.contains("us-east-1") && words.contains("PermanentRedirect"), "{words}");
        assert_eq!(upstream.requests(), 1);
    });
}

#[test]
fn refusals_are_told_by_whose_fault_they_are() {
    type Is = fn(&BackendError) -> bool;
    let cases: [(&str, &str, Is); 10] = [
        ("404 Not Found", "NoSuchKey", |error| matches!(error, BackendError::NoSuchObject)),
        ("404 Not Found", "", |error| matches!(error, BackendError::NoSuchObject)),
        ("404 Not Found", "NoSuchBucket", |error| matches!(error, BackendError::RefusedUs { .. })),
        ("403 Forbidden", "NoSuchKey", |error| matches!(error, BackendError::NoSuchObject)),
        ("403 Forbidden", "AccessDenied", |error| matches!(error, BackendError::RefusedUs { .. })),
        ("403 Forbidden", "", |error| matches!(error, BackendError::RefusedUs { .. })),
        ("403 Forbidden", "InvalidAccessKeyId", |error| error.rejects_credential()),
        ("400 Bad Request", "ExpiredToken", |error| error.rejects_credential()),
        ("400 Bad Request", "AuthorizationHeaderMalformed", |error| {
            matches!(error, BackendError::Elsewhere { .. })
        }),
        ("204 No Content", "", |error| matches!(error, BackendError::Unusable { .. })),
    ];
    run(async move {
        for (status, code, is) in cases {
            let body = match code {
                "" => String::new(),
                code => format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>"),
            };
            let bytes = if status.starts_with("204") {
                format!("HTTP/1.1 {status}\r\n\r\n").into_bytes()
            } else {
                answer(status, &[], body.as_bytes())
            };
            let upstream = Upstream::saying(bytes).await;
            let error = upstream.get().await.unwrap_err();
            assert!(is(&error), "{status} {code}: {error:?}");
            assert_eq!(upstream.requests(), 1);
        }
    });
}

#[test]
fn an_errors_body_is_read_only_so_far() {
    run(async {
        let endless = "HTTP/1.1 403 Forbidden\r\nContent-Length: 1000000000\r\n\r\n<Error><Code>AccessDenied</Code>";
        let mut bytes = endless.as_bytes().to_vec();
        bytes.resize(64 * 1024, b' ');
        let upstream = Upstream::new(move |_| vec![Do::Send(bytes.clone()), Do::Hang]).await;
        let error = upstream.get().await.unwrap_err();
        assert!(error.to_string().contains("AccessDenied"), "{error}");
        upstream.closed.notified().await;
    });
}

#[test]
fn a_reply_that_nobody_reads_closes_its_connection() {
    run(async {
        let upstream = Upstream::new(|_| {
            vec![Do::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec()), Do::Hang]
        })
        .await;
        drop(upstream.read(&plain()).await.unwrap());
        upstream.closed.notified().await;
    });
}

#[test]
fn no_words_of_the_storage_reach_an_error_unless_they_are_a_code() {
    run(async {
        let hostile = answer("403 Forbidden", &[], b"<Error><Code>\x1b[31m<!-- --></Code></Error>");
        let error = Upstream::saying(hostile).await.get().await.unwrap_err();
        assert!(error.to_string().ends_with("403 Forbidden (no code)"), "{error}");
    });
}
