//! Writes: streamed, counted, and broken off when the client breaks off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderValue;
use http_body::{Body, Frame};
use tokio::sync::mpsc;

use super::upstream::{Do, Got, PATIENCE, Upstream, answer, key, run};
use crate::backend::upload::Upload;
use crate::backend::{BackendError, write};
use crate::request::{Conditions, ObjectAddress, ObjectKey, ObjectWrite};

/// A client's body, chunk by chunk.
struct Chunks(mpsc::Receiver<io::Result<Bytes>>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|data| data.map(Frame::data)))
    }
}

fn client() -> (mpsc::Sender<io::Result<Bytes>>, Chunks) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, Chunks(receiver))
}

fn of_length(length: u64) -> ObjectWrite {
    let address =
        ObjectAddress { project: "p".parse().unwrap(), storage: "s".parse().unwrap(), key: key() };
    let content_type = Some(HeaderValue::from_static("image/png"));
    let conditions = Conditions::default();
    ObjectWrite { address, length, content_type, content_md5: None, conditions }
}

async fn put(
    upstream: &Upstream,
    key: ObjectKey,
    wanted: &ObjectWrite,
    body: Chunks,
) -> Result<Got, BackendError> {
    let upload = Upload::new(body, wanted.length);
    Got::of(write::write(&upstream.errand(), &key, wanted, upload).await?).await
}

fn early() -> ObjectKey {
    ObjectKey::new("early").unwrap()
}

async fn send(sender: &mpsc::Sender<io::Result<Bytes>>, chunk: &'static str) {
    sender.send(Ok(Bytes::from_static(chunk.as_bytes()))).await.unwrap();
}

#[test]
fn a_body_is_streamed_with_its_length() {
    run(async {
        let upstream =
            Upstream::saying(answer("200 OK", &["ETag: \"new\"", "x-amz-version-id: 1"], b""))
                .await;
        for _ in 0..2 {
            let (sender, body) = client();
            let wanted = of_length(8);
            let (got, ()) = tokio::join!(put(&upstream, key(), &wanted, body), async {
                send(&sender, "four").await;
                send(&sender, "more").await;
            });
            let got = got.unwrap();
            assert_eq!((got.status.as_u16(), got.header("etag")), (200, "\"new\""));
            assert_eq!(got.headers.len(), 2, "{:?}", got.headers);
        }
        let seen = upstream.seen.borrow();
        assert_eq!(seen[1].body, b"fourmore");
        assert_eq!(seen[1].header("content-length"), Some("8"));
        assert_eq!(seen[1].header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
        assert_eq!(seen[1].header("content-type"), Some("image/png"));
        assert!(
            seen[1].header("authorization").unwrap().contains("SignedHeaders=content-type;host;")
        );
        assert_eq!(seen[1].connection, 0, "the connection is used again");
    });
}

#[test]
fn an_empty_body_is_written_too() {
    run(async {
        let upstream = Upstream::saying(answer("200 OK", &[], b"")).await;
        let (_sender, body) = client();
        put(&upstream, key(), &of_length(0), body).await.unwrap();
        assert_eq!(upstream.seen.borrow()[0].header("content-length"), Some("0"));
    });
}

#[test]
fn a_client_that_breaks_off_leaves_no_object() {
    run(async {
        // The storage answers only a whole body; it must see the connection end instead.
        let upstream = Upstream::new(|seen| {
            if seen.body.len() == 8 {
                vec![Do::Send(answer("200 OK", &[], b""))]
            } else {
                Vec::new()
            }
        })
        .await;
        for end in ["error", "short", "long"] {
            let (sender, body) = client();
            let wanted = of_length(8);
            let (got, ()) = tokio::join!(put(&upstream, key(), &wanted, body), async move {
                send(&sender, "four").await;
                match end {
                    "error" => sender.send(Err(io::Error::other("gone"))).await.unwrap(),
                    "long" => send(&sender, "more than eight").await,
                    _ => drop(sender),
                }
            });
            assert!(matches!(got, Err(BackendError::ClientGone)), "{end}: {got:?}");
            upstream.closed.notified().await;
        }
        assert!(upstream.seen.borrow().iter().all(|seen| seen.body.len() < 8));
    });
}

#[test]
fn a_client_that_stalls_is_given_up_on() {
    run(async {
        let upstream = Upstream::new(|_| vec![Do::Hang]).await;
        let (sender, body) = client();
        let wanted = of_length(8);
        let (got, ()) = tokio::join!(put(&upstream, key(), &wanted, body), send(&sender, "four"));
        let Err(BackendError::ClientStalled { waited }) = got else { panic!("{got:?}") };
        assert_eq!(waited, PATIENCE.answer);
        upstream.closed.notified().await;
    });
}

#[test]
fn an_upload_that_moves_is_waited_for_and_a_storage_that_is_silent_is_not() {
    run(async {
        let upstream = Upstream::new(|_| vec![Do::Hang]).await;
        let (sender, body) = client();
        let wanted = of_length(10);
        let started = tokio::time::Instant::now();
        let (got, ()) = tokio::join!(put(&upstream, key(), &wanted, body), async {
            for _ in 0..10 {
                // Real time, since the storage is a real socket; a busy machine may lose three quarters of it.
                tokio::time::sleep(PATIENCE.answer / 4).await;
                send(&sender, "x").await;
            }
        });
        assert!(matches!(got, Err(BackendError::Silent { .. })), "{got:?}");
        assert!(started.elapsed() >= PATIENCE.answer * 3);
    });
}

#[test]
fn an_answer_before_the_end_of_the_body_is_read() {
    run(async {
        let upstream = Upstream::saying(answer(
            "403 Forbidden",
            &[],
            b"<Error><Code>AccessDenied</Code></Error>",
        ))
        .await;
        let (sender, body) = client();
        let wanted = of_length(1_000_000);
        let (got, ()) =
            tokio::join!(put(&upstream, early(), &wanted, body), send(&sender, "start"));
        let error = got.unwrap_err();
        assert!(error.to_string().ends_with("403 Forbidden AccessDenied"), "{error}");
        upstream.closed.notified().await;
    });
}

#[test]
fn a_write_is_not_repeated() {
    run(async {
        for bytes in [answer("503 Slow Down", &[], b""), Vec::new()] {
            let upstream = Upstream::new(move |_| vec![Do::Send(bytes.clone()), Do::Close]).await;
            let (sender, body) = client();
            let wanted = of_length(4);
            let (got, ()) =
                tokio::join!(put(&upstream, key(), &wanted, body), send(&sender, "four"));
            assert!(
                matches!(got, Err(BackendError::Overloaded { .. } | BackendError::Broken { .. })),
                "{got:?}"
            );
            assert_eq!(upstream.requests(), 1);
        }
    });
}

#[test]
fn a_write_may_depend_on_what_the_storage_can_judge() {
    run(async {
        let failing = Upstream::saying(answer("412 Precondition Failed", &[], b"")).await;
        let taking = Upstream::saying(answer("200 OK", &[], b"")).await;
        let new = Conditions {
            if_none_match: Some(HeaderValue::from_static("*")),
            ..Conditions::default()
        };
        let wanted = ObjectWrite { conditions: new, ..of_length(0) };
        let got = put(&taking, key(), &wanted, client().1).await.unwrap();
        assert_eq!(got.status.as_u16(), 201);
        assert_eq!(taking.seen.borrow()[0].header("if-none-match"), Some("*"));
        let got = put(&failing, key(), &wanted, client().1).await;
        assert!(matches!(got, Err(BackendError::PreconditionFailed)), "{got:?}");
        let tag = Some(HeaderValue::from_static("\"a\", \"b\""));
        for conditions in [
            Conditions { if_match: tag.clone(), ..Conditions::default() },
            Conditions { if_none_match: tag.clone(), ..Conditions::default() },
            Conditions { if_unmodified_since: tag, ..Conditions::default() },
        ] {
            let wanted = ObjectWrite { conditions, ..of_length(0) };
            let got = put(&taking, key(), &wanted, client().1).await;
            assert!(matches!(got, Err(BackendError::UnsupportedCondition { .. })), "{got:?}");
        }
        assert_eq!(taking.requests(), 1);
    });
}
