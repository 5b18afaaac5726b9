//! What the operator learns: routes that the catalogue lacks; and how much Label Studio is asked for what passed already.

use reqwest::StatusCode;

use crate::world::World;

async fn unlisted(world: &World) -> i64 {
    let page = reqwest::get(format!("http://127.0.0.1:{}/metrics", world.site.operations));
    let page = page.await.unwrap().text().await.unwrap();
    let line = page
        .lines()
        .find(|line| line.starts_with("sluicegate_label_studio_routes_unlisted_total "));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_catalogue_lacks_is_nothing_to_anybody_and_told_to_the_operator() {
    let world = tokio::task::spawn_blocking(World::shared).await.unwrap();
    let before = unlisted(world).await;
    let asked = [None, Some(&world.outsider), Some(&world.alice), Some(&world.owner)];
    for who in asked {
        let answer = world.site.get("/api/brand-new/7?token=hush", who).await;
        assert_eq!((answer.status, &*answer.code()), (StatusCode::NOT_FOUND, "not-found"));
    }
    assert!(unlisted(world).await >= before + 4);
    let log = world.site.log();
    let line = log.lines().find(|line| line.contains("/api/brand-new/7")).unwrap();
    assert!(line.contains("not in Label Studio's catalogue"), "{line}");
    assert!(!log.contains("hush"), "a query is nobody's business");
    // What is shut is known, and no news.
    let told = log.matches("not in Label Studio's catalogue").count();
    assert_eq!(world.site.get("/admin/", Some(&world.owner)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        world.site.get("/api/token/", Some(&world.alice)).await.status,
        StatusCode::NOT_FOUND
    );
    let lines = world.site.log();
    assert!(
        !lines.contains("/admin/")
            && lines.matches("not in Label Studio's catalogue").count() >= told
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_listed_is_not_looked_up() {
    let world = tokio::task::spawn_blocking(World::shared).await.unwrap();
    let home = world.fresh("Learning").await;
    let list = format!("/api/tasks?project={}", home.number);
    assert_eq!(world.site.get(&list, Some(&world.owner)).await.status, StatusCode::OK);
    let task = home.tasks[0];
    let looked_up = format!("/api/tasks/{task}/?include=id,project&resolve_uri=false");
    let answer = world.site.get(&format!("/api/tasks/{task}/"), Some(&world.owner)).await;
    assert_eq!(answer.json()["id"], task);
    assert!(!world.studio.log().contains(&looked_up), "it was looked up");
    // What nobody listed is.
    let other = home.tasks[1];
    let write = format!("/api/tasks/{other}/");
    let body = format!("{{\"data\":{{\"image\":\"s3://{}/cats/one.png\"}}}}", world.moto.bucket);
    let headers = [("content-type", "application/json")];
    let answer =
        world.site.send(reqwest::Method::PATCH, &write, Some(&world.owner), &headers, body.into());
    assert_eq!(answer.await.status, StatusCode::OK);
    assert_eq!(
        world.site.get(&format!("/api/tasks/{task}/"), Some(&world.owner)).await.json()["id"],
        task
    );
    assert!(
        world.studio.log().contains(&looked_up),
        "a write that moves things voids what was learnt"
    );
}
