//! Alice labels an image that lies in S3, and then what the label stream gives her.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{is_content, sign_in, speaks_of_nothing, wait_for, with_words, world};
use crate::support::world::World;

const DRAWN: &str = "const all = [...document.querySelectorAll('img')].filter((one) => one.src.includes('/-/m/')); \
                     const good = all.filter((one) => one.naturalWidth > 0); return good.length > 1 && good.map((one) => one.src)";

/// Annotations of this user in the project, as Label Studio itself has them.
fn annotations_of(world: &World, user: u64) -> Vec<Value> {
    let list = format!("/api/tasks/?project={}&fields=all&page_size=100", world.cats.number);
    let tasks = world.studio.ask("GET", &list, None)["tasks"].take();
    let all = tasks.as_array().unwrap().iter().flat_map(|task| {
        let path = format!("/api/tasks/{}/annotations/", task["id"]);
        let annotations = world.studio.ask("GET", &path, None);
        annotations.as_array().unwrap().clone()
    });
    all.filter(|one| one["completed_by"] == user).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annotator_draws_a_box_and_the_annotation_is_hers() {
    let world = world().await;
    let task = world.cats.tasks[0];
    let alice = world.site.get("/api/current-user/whoami", Some(&world.alice)).await.json();
    assert_eq!(alice["email"], world.alice.email);
    let alice = alice["id"].as_u64().unwrap();
    let path = format!("/projects/{}/data", world.cats.number);
    let browser = sign_in(world, &world.alice.email, &path).await;
    browser.until("the images of the list", DRAWN).await;
    browser.screens("data-manager").await;
    speaks_of_nothing(world, &browser).await;

    let submit = with_words("button", "Submit");
    browser.open(&world.site.url(&format!("{path}?task={task}"))).await;
    browser.until("the submit button", &format!("return !!({submit})")).await;
    // The image is on the canvas as soon as it has the size that it is labeled in.
    let canvas = "const box = document.querySelector('canvas')?.getBoundingClientRect(); \
                  return !!box && box.width > 300 && document.querySelectorAll('canvas').length > 2 && [box.x, box.y]";
    let corner = browser.until("the image on the canvas", canvas).await;
    let label =
        "[...document.querySelectorAll('.lsf-label')].find((one) => one.innerText.includes('Cat'))";
    browser.click(label).await;
    let chosen = "return document.querySelector('.lsf-label_selected')?.innerText.includes('Cat')";
    browser.until("the chosen label", chosen).await;
    let [x, y] = [0, 1].map(|axis| corner[axis].as_f64().unwrap());
    browser.drag([x + 100.0, y + 100.0], [x + 300.0, y + 250.0]).await;
    let region = "return !document.body.innerText.includes('Labeled regions will appear here')";
    browser.until("the region", region).await;
    browser.screens("labeling").await;
    browser.click(&submit).await;
    let made = wait_for("her annotation", || {
        annotations_of(world, alice).into_iter().find(|one| one["task"] == task)
    });
    let made = made.await;
    assert_eq!(made["result"][0]["value"]["rectanglelabels"][0], "Cat", "{made}");
    speaks_of_nothing(world, &browser).await;
    is_content(&browser, "labeling").await;

    // "Label All Tasks": whatever task comes next, until she has submitted that, too.
    let before = tokio::task::block_in_place(|| annotations_of(world, alice).len());
    browser.open(&world.site.url(&path)).await;
    let stream = with_words("button", "Label All Tasks");
    browser.until("the label stream's button", &format!("return !!({stream})")).await;
    browser.click(&stream).await;
    let there = format!("return location.search.includes('labeling=1') && !!({submit})");
    browser.until("a task of the label stream", &there).await;
    // The page shows the button before it listens.
    let more = || tokio::task::block_in_place(|| annotations_of(world, alice).len() > before);
    for _ in 0..20 {
        browser.click(&submit).await;
        let soon = Instant::now() + Duration::from_secs(3);
        while !more() && Instant::now() < soon {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if more() {
            break;
        }
    }
    assert!(more(), "no annotation came of the label stream");
    speaks_of_nothing(world, &browser).await;
    is_content(&browser, "the label stream").await;
    browser.quit().await;
}
