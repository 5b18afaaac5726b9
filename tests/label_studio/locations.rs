//! Raw locations, where a policy of the operator's shows them: to managers' programs, as the example has it, and to nobody else.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::label_studio::LabelStudio;
use crate::support::world::{before, until};
use crate::support::{Moto, peer};

#[tokio::test(flavor = "multi_thread")]
async fn a_managers_program_gets_raw_locations_where_a_policy_says_so() {
    let (site, name, task, manager, annotator) = tokio::task::spawn_blocking(|| {
        let (studio, moto) = (LabelStudio::shared(), Moto::shared());
        let number = studio.project("Shown");
        let task = studio.tasks(number, &[json!({ "image": "s3://shown-bucket/one.png" })])[0];
        let mut site = before(studio, moto);
        let folder = site.folder.path().join("policies");
        std::fs::create_dir(&folder).unwrap();
        for file in ["roles.cedar", "examples/managers-see-locations.cedar"] {
            let from = peer::root().join("policies").join(file);
            std::fs::copy(&from, folder.join(from.file_name().unwrap())).unwrap();
        }
        site.run(&["organization", "create", "--name", "acme"]);
        let manager = site.person("acme", "mara@shown.example", "");
        let annotator = site.person("acme", "anno@shown.example", "");
        let folder = format!("SLUICEGATE_POLICY__FOLDER={}", folder.display());
        site.start_under(&["env", &folder]);
        let name = format!("shown-{number}");
        until("the project is adopted", || {
            site.run(&["project", "list", "--organization", "acme"]).contains(&name)
        });
        site.member("acme", &name, &manager.email, "manager");
        site.member("acme", &name, &annotator.email, "annotator");
        (site, name, task, manager, annotator)
    })
    .await
    .unwrap();
    let path = format!("/api/tasks/{task}/?resolve_uri=false");
    let shown = site.get(&path, Some(&manager)).await;
    assert_eq!(shown.status, StatusCode::OK, "{name}: {}", shown.text());
    assert_eq!(shown.json()["data"]["image"], "s3://shown-bucket/one.png");
    let sealed = site.get(&path, Some(&annotator)).await.json()["data"]["image"].take();
    assert!(sealed.as_str().unwrap().starts_with("/-/m/"), "{sealed}");
    // The same manager in a browser.
    let cookie = site.sign_in(&manager.email).await;
    let headers = [("cookie", &*cookie)];
    let sealed =
        site.ask(reqwest::Method::GET, &path, None, &headers).await.json()["data"]["image"].take();
    assert!(sealed.as_str().unwrap().starts_with("/-/m/"), "{sealed}");
}
