//! A film of 1 GiB, played as people play it: from anywhere, and slowly. Label Studio's own resolver beside it.

use std::time::{Duration, Instant};

use reqwest::header::RANGE;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::json;
use tokio::time::{interval, timeout};

use super::film::{Film, LENGTH, film};
use super::{Gallery, task};
use crate::support::label_studio::OWNER_TOKEN;

/// The next of a sequence that looks like chance and is the same each time.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_places_of_a_film_are_exact() {
    let gallery = Gallery::shared().await;
    let handle = gallery.handle(&gallery.ann, gallery.tasks.film).await;
    let paths = [handle, gallery.resolve(gallery.tasks.film, Film::URI)];
    let client = gallery.site.client();
    let mut state = 7;
    for nth in 0..200 {
        let from = next(&mut state) * 7 % LENGTH;
        let to = (from + 1 + next(&mut state) % 100_000).min(LENGTH);
        let asked = client
            .get(gallery.site.url(&paths[nth % 2]))
            .bearer_auth(&gallery.ann.token)
            .header(RANGE, format!("bytes={from}-{}", to - 1));
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
        let said = format!("bytes {from}-{}/{LENGTH}", to - 1);
        assert_eq!(answer.headers()["content-range"], said.as_str());
        assert!(answer.bytes().await.unwrap() == film(from, to), "{said}");
    }
}

/// Label Studio with a storage of its own there.
fn directly(gallery: &Gallery) -> impl Fn(&Client) -> RequestBuilder {
    let studio = gallery.studio;
    let project = studio.project("Films");
    let storage = json!({
        "project": project, "title": "films", "bucket": Film::BUCKET, "prefix": "reel",
        "s3_endpoint": format!("http://{}", gallery.film.address()), "region_name": "eu-central-1",
        "aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret",
        "use_blob_urls": true, "presign": false,
    });
    studio.ask("POST", "/api/storages/s3/", Some(storage));
    let path = gallery.resolve(task(studio, project, Film::URI), Film::URI);
    let url = format!("{}{path}", studio.url);
    move |client| client.get(&url).header("authorization", format!("Token {OWNER_TOKEN}"))
}

const TICK: Duration = Duration::from_millis(50);
const EACH: usize = 256 * 1024;
/// 23 s, in which Label Studio's twenty have passed whatever the sockets between hold.
const TICKS: usize = 460;

/// Takes so much with each tick and no more; what was taken when it was all, or when nothing came for 3 s.
async fn slowly(mut answer: Response) -> (u64, Result<Duration, String>) {
    let (begin, mut ticks) = (Instant::now(), interval(TICK));
    let (mut at, mut left) = (0, 0);
    loop {
        if left == 0 {
            ticks.tick().await;
            left = EACH;
        }
        match timeout(Duration::from_secs(3), answer.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                let to = at + u64::try_from(bytes.len()).unwrap();
                assert!(bytes == film(at, to), "other bytes at {at}");
                left = left.saturating_sub(bytes.len());
                at = to;
            }
            Ok(Ok(None)) => return (at, Ok(begin.elapsed())),
            Ok(Err(error)) => return (at, Err(error.to_string())),
            Err(_) => return (at, Err("nothing came for 3 s".to_owned())),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_gets_all_of_it_where_label_studio_stops() {
    let gallery = Gallery::shared().await;
    let length = u64::try_from(TICKS * EACH).unwrap();
    let asked = gallery
        .site
        .client()
        .get(gallery.site.url(&gallery.resolve(gallery.tasks.film, Film::URI)))
        .bearer_auth(&gallery.ann.token)
        .header(RANGE, format!("bytes=0-{}", length - 1));
    let ours = async { slowly(asked.send().await.unwrap()).await };
    let direct = tokio::task::spawn_blocking(|| directly(gallery)).await.unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let theirs = async { slowly(direct(&client).send().await.unwrap()).await };
    let ((taken, ended), (of_theirs, broken)) = tokio::join!(ours, theirs);
    assert_eq!(taken, length, "{ended:?}");
    assert!(ended.unwrap() > Duration::from_secs(20));
    assert!(broken.is_err() && of_theirs < LENGTH, "Label Studio sent {of_theirs}: {broken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn label_studio_itself_answers_these_wrongly() {
    let gallery = Gallery::shared().await;
    let direct = tokio::task::spawn_blocking(|| directly(gallery)).await.unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let suffix = direct(&client).header(RANGE, "bytes=-100").send().await.unwrap();
    assert_ne!(suffix.headers()["content-length"], "100", "a suffix is all of it there");
    let long = direct(&client).header(RANGE, "bytes=0-9999999").send().await.unwrap();
    assert_ne!(long.headers()["content-length"], "10000000", "a long range is cut there");
    let path = gallery.resolve(gallery.tasks.film, Film::URI);
    for (range, length) in [("bytes=-100", 100), ("bytes=0-9999999", 10_000_000)] {
        let answer = gallery.ask(&path, &[("range", range)]).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (206, length));
    }
}
