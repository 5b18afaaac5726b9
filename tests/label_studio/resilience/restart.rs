//! A real Label Studio that is stopped and comes back.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::label_studio::{LabelStudio, OWNER_TOKEN};
use crate::support::{Moto, Site};

#[tokio::test(flavor = "multi_thread")]
async fn while_label_studio_is_away_what_is_known_goes_on_and_then_all_does() {
    let set = tokio::task::spawn_blocking(|| {
        let (studio, moto) = (LabelStudio::start(), Moto::shared());
        moto.put("away/one.png", "image/png", b"one");
        moto.put("away/two.png", "image/png", b"two");
        let project = studio.project("Away");
        let data = ["one", "two"]
            .map(|it| json!({ "image": format!("s3://{}/away/{it}.png", moto.bucket) }));
        let tasks = studio.tasks(project, &data);
        let mut site = crate::support::world::before(&studio, moto);
        site.run(&["organization", "create", "--name", "acme"]);
        let ann = site.person("acme", "away@example.com", "");
        site.start();
        let name = format!("away-{project}");
        crate::media::adopted(&site, &name);
        crate::media::place(&site, &name, "media", &Site::moto_place(moto, "away/"));
        site.member("acme", &name, &ann.email, "annotator");
        (studio, site, ann, project, tasks)
    });
    let (mut studio, site, ann, project, tasks) = set.await.unwrap();
    let task = format!("/api/tasks/{}", tasks[0]);
    let page = crate::media::until(200, async || site.get(&task, Some(&ann)).await).await;
    let handle = page.json()["data"]["image"].as_str().unwrap().to_owned();
    assert_eq!(site.get(&handle, Some(&ann)).await.body, b"one");
    let uri = page_uri(tasks[1]);

    studio = tokio::task::spawn_blocking(move || {
        studio.stop();
        studio
    })
    .await
    .unwrap();
    // What was shown within the last minute needs no look-up; the bytes were never Label Studio's.
    for _ in 0..3 {
        assert_eq!(site.get(&handle, Some(&ann)).await.body, b"one");
    }
    // What nobody has shown does.
    for path in [
        &*task,
        &uri,
        &format!("/api/tasks?project={project}"),
        "/projects/",
        "/api/current-user/whoami",
    ] {
        let answer = site.get(path, Some(&ann)).await;
        let said = (answer.status, &*answer.code());
        assert_eq!(said, (StatusCode::SERVICE_UNAVAILABLE, "storage-unavailable"), "{path}");
        assert!(!answer.text().contains(&studio.address) && !answer.text().contains(OWNER_TOKEN));
    }
    // The gateway's own pages are its own.
    assert_eq!(site.get("/-/", Some(&ann)).await.status, StatusCode::OK);

    let studio = tokio::task::spawn_blocking(move || {
        studio.restart();
        studio
    })
    .await
    .unwrap();
    for path in [&*task, "/projects/", "/api/current-user/whoami", &handle] {
        let answer = site.get(path, Some(&ann)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    }
    drop(studio);
}

/// An address that only a look-up could decide about.
fn page_uri(task: u64) -> String {
    format!("/tasks/{task}/resolve/?fileuri=czM6Ly9odXNoLWh1c2gtYnVja2V0LTdmM2EvYXdheS90d28ucG5n")
}
