//! What the operator learns: routes that the catalogue lacks; and how much Label Studio is asked for what passed already.

use reqwest::StatusCode;

use crate::support::world::World;

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

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_tells_what_was_done_in_label_studio_and_who_saw_an_object() {
    let world = tokio::task::spawn_blocking(World::shared).await.unwrap();
    let home = world.fresh("Audited").await;
    let [task, gone, ..] = home.tasks[..] else { panic!("three tasks") };
    let shown = world.site.get(&format!("/api/tasks/{task}/"), Some(&world.owner)).await.json();
    let image = shown["data"]["image"].as_str().unwrap().to_owned();
    assert_eq!(world.site.get(&image, Some(&world.owner)).await.status, StatusCode::OK);
    let raw =
        format!("s3://{}/cats/one.png", world.moto.bucket).replace(':', "%3A").replace('/', "%2F");
    let resolver = format!("/tasks/{task}/resolve/?fileuri={raw}");
    assert_eq!(world.site.get(&resolver, Some(&world.owner)).await.status, StatusCode::OK);
    let delete = format!("/api/tasks/{gone}/?project={}", home.number);
    let deleted = world.site.ask(reqwest::Method::DELETE, &delete, Some(&world.owner), &[]).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    let refused = world.site.ask(reqwest::Method::DELETE, &delete, Some(&world.alice), &[]).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let all = world.site.run(&["audit", "tail", "--last", "1000", "--json"]);
    let entry = |operation: &str, email: &str, target: Option<&str>| {
        let entries =
            all.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let fits = |one: &serde_json::Value| {
            one["operation"] == operation
                && one["email"] == email
                && target.is_none_or(|it| one["target"] == it)
        };
        entries.rev().find(fits).unwrap_or_else(|| panic!("no {operation} of {email} in\n{all}"))
    };
    let target = format!("/api/tasks/{gone}/");
    let deletion = entry("DeleteTask", "olga@example.com", Some(&target));
    assert_eq!(
        (&deletion["project"], &deletion["decision"]),
        (&home.name.clone().into(), &"permitted".into())
    );
    assert_eq!(entry("DeleteTask", "alice@example.com", Some(&target))["decision"], "refused");
    let read = entry("ReadTaskMedia", "olga@example.com", Some(&format!("/tasks/{task}/resolve/")));
    assert_eq!((&read["project"], &read["key"]), (&home.name.clone().into(), &"one.png".into()));
    assert!(!all.contains(&raw), "a query is nobody's business");
    let object = format!("{}/media/one.png", home.name);
    let saw = world.site.run(&["audit", "who-saw", &object, "--json"]);
    for operation in ["ReadMedia", "ReadTaskMedia"] {
        assert!(saw.contains(&format!("\"operation\":\"{operation}\"")), "{operation}:\n{saw}");
    }
}
