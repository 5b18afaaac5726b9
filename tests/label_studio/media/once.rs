//! Nothing is asked for twice: neither of Label Studio nor of the place where the bytes lie.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::film::{Film, POSTER_LENGTH, film};
use super::{Gallery, task};

/// How often Label Studio was asked about a task by the gateway itself, by Label Studio's own log, which has each line twice.
fn looked_up(gallery: &Gallery, task: u64) -> usize {
    let (log, line) = (gallery.studio.log(), format!("GET /api/tasks/{task}/?"));
    log.lines().filter(|it| it.contains(&line)).collect::<BTreeSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_make_one_look_up() {
    let gallery = Gallery::shared().await;
    let _alone = gallery.quiet.lock().await;
    let uri = gallery.uri("pictures/one.png");
    let number = task(gallery.studio, gallery.pictures, &uri);
    let path = gallery.resolve(number, &uri);
    assert_eq!(looked_up(gallery, number), 0);
    let client = gallery.site.client();
    let mut asking = JoinSet::new();
    for _ in 0..50 {
        let asked = client.get(gallery.site.url(&path)).bearer_auth(&gallery.ann.token);
        asking.spawn(async move { asked.send().await.unwrap().status().as_u16() });
    }
    assert_eq!(asking.join_all().await, [200; 50]);
    assert_eq!(looked_up(gallery, number), 1);
    let other = gallery.resolve(number, &gallery.uri("pictures/untold.png"));
    assert_eq!(gallery.ask(&other, &[]).await.status, 404);
    assert_eq!(looked_up(gallery, number), 1, "a no needs no other look-up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_shown_is_not_looked_up() {
    let gallery = Gallery::shared().await;
    let _alone = gallery.quiet.lock().await;
    let uri = gallery.uri("pictures/one.png");
    let number = task(gallery.studio, gallery.pictures, &uri);
    let list = format!("/api/tasks?project={}&page_size=100", gallery.pictures);
    let list = gallery.ask(&list, &[]).await.json();
    let listed = list["tasks"].as_array().unwrap().iter().find(|it| it["id"] == number).unwrap();
    assert_eq!(gallery.ask(super::data_of(listed), &[]).await.status, 200);
    assert_eq!(looked_up(gallery, number), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_opened_twice_loads_its_images_once() {
    let gallery = Gallery::shared().await;
    let number = task(gallery.studio, gallery.pictures, Film::POSTER);
    let open = async || gallery.handle(&gallery.ann, number).await;
    let first = gallery.ask(&open().await, &[]).await;
    assert_eq!(first.status, 200);
    assert!(first.body == film(0, POSTER_LENGTH));
    assert_eq!(gallery.film.of_poster(), (1, 1));
    // The address is the same, so the browser asks whether it has changed.
    let second = gallery.ask(&open().await, &[("if-none-match", first.header("etag"))]).await;
    assert_eq!((second.status.as_u16(), second.body.len()), (304, 0));
    assert_eq!(gallery.film.of_poster(), (2, 1), "asked twice, sent once");
}
