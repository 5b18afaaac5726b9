//! Label Studio takes changes from anywhere that a cookie comes along from. Behind the gateway a change needs a token, or a
//! session and this site's own pages; and Label Studio's `access-control-*` never pass.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::site::Answer;
use crate::support::world::{LISTED, World};

/// What it says of where it comes from, the headers, and whether that is enough for a session.
type Case = (&'static str, &'static [(&'static str, &'static str)], bool);

const SAID: [Case; 8] = [
    ("nothing", &[], false),
    ("another site", &[("origin", "https://evil.example")], false),
    ("a listed site", &[("origin", LISTED)], false),
    ("no site", &[("origin", "null")], false),
    ("fetched across sites", &[("sec-fetch-site", "cross-site")], false),
    ("fetched from a sibling", &[("sec-fetch-site", "same-site")], false),
    (
        "fetched from here, sent from there",
        &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")],
        false,
    ),
    ("fetched from here", &[("sec-fetch-site", "same-origin")], true),
];

async fn send(
    world: &World,
    (method, path, body): (Method, &str, Option<&serde_json::Value>),
    headers: &[(&str, &str)],
) -> Answer {
    let mut all = headers.to_vec();
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    if !body.is_empty() {
        all.push(("content-type", "application/json"));
    }
    world.site.send(method, path, None, &all, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_changes_nothing_from_elsewhere_and_a_token_needs_no_origin() {
    let world = tokio::task::spawn_blocking(World::shared).await.unwrap();
    let cookie = world.site.sign_in(&world.owner.email).await;
    // One in which nobody else takes tasks meanwhile.
    let home = world.fresh("Origins").await;
    let (project, task) = (home.number, home.tasks[1]);
    let changes = [
        (Method::POST, format!("/api/tasks/{task}/annotations/"), Some(json!({ "result": [] }))),
        (Method::PATCH, format!("/api/projects/{project}/"), Some(json!({ "description": "d" }))),
        (Method::POST, format!("/api/dm/actions/?id=next_task&project={project}"), Some(json!({}))),
        (Method::POST, format!("/api/projects/{project}/summary/reset/"), Some(json!({}))),
    ];
    for (method, path, body) in &changes {
        let request = || (method.clone(), &**path, body.as_ref());
        for (what, headers, enough) in SAID {
            let mut headers = headers.to_vec();
            headers.push(("cookie", &cookie));
            let answer = send(world, request(), &headers).await;
            let refused = answer.status == StatusCode::FORBIDDEN && answer.code() == "cross-origin";
            let why = format!("{method} {path}, {what}: {} {}", answer.status, answer.text());
            assert_eq!(refused, !enough, "{why}");
            assert!(refused || answer.status.is_success(), "{why}");
        }
        let origin = world.site.url("");
        let ours = send(world, request(), &[("cookie", &*cookie), ("origin", &*origin)]).await;
        assert!(ours.status.is_success(), "{method} {path}: {}", ours.text());
        let bearer = format!("Bearer {}", world.owner.token);
        for headers in [&[][..], &[("origin", "https://evil.example")]] {
            let mut headers = headers.to_vec();
            headers.push(("authorization", &bearer));
            let by_token = send(world, request(), &headers).await;
            assert!(by_token.status.is_success(), "{method} {path}: {}", by_token.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_link_takes_no_task_and_signs_nobody_out() {
    let world = tokio::task::spawn_blocking(World::shared).await.unwrap();
    let cookie = world.site.sign_in(&world.manager.email).await;
    // With GET Label Studio gives the next task to whoever asks, and keeps it for him.
    let next = format!("/api/projects/{}/next/", world.cats.number);
    for (site, refused) in [("cross-site", true), ("same-site", true), ("same-origin", false)] {
        let headers = [("cookie", &*cookie), ("sec-fetch-site", site)];
        let answer = send(world, (Method::GET, &next, None), &headers).await;
        let code = if refused { answer.code() } else { String::new() };
        assert_eq!(code == "cross-origin", refused, "{site}: {}", answer.text());
    }
    let headers = [("cookie", &*cookie), ("sec-fetch-site", "cross-site")];
    let out = send(world, (Method::GET, "/logout", None), &headers).await;
    assert_eq!((out.status.as_u16(), out.header("location")), (303, "/-/"));
    assert_eq!(out.header("set-cookie"), "");
    let still = send(world, (Method::GET, "/-/api/account", None), &headers).await;
    assert_eq!(still.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn preflights_stay_here_and_label_studio_says_nothing_of_other_sites() {
    let world = tokio::task::spawn_blocking(World::shared).await.unwrap();
    let number = world.cats.number;
    for (path, methods) in [
        ("/api/projects/".to_owned(), "GET, HEAD, POST"),
        (format!("/api/projects/{number}/"), "GET, HEAD, PUT, PATCH, DELETE"),
        (format!("/tasks/{number}/resolve/"), "GET, HEAD"),
        (format!("/api/annotations/{number}"), "GET, HEAD, PUT, PATCH, DELETE"),
    ] {
        let headers = [("origin", LISTED), ("access-control-request-method", "GET")];
        let told = send(world, (Method::OPTIONS, &path, None), &headers).await;
        assert_eq!(told.status, StatusCode::NO_CONTENT, "{path}: {}", told.text());
        assert_eq!(told.header("access-control-allow-methods"), methods, "{path}");
        assert_eq!(told.header("access-control-allow-origin"), LISTED);
        assert_eq!(told.header("access-control-allow-credentials"), "");
        let foreign =
            [("origin", "https://evil.example"), ("access-control-request-method", "GET")];
        let told = send(world, (Method::OPTIONS, &path, None), &foreign).await;
        assert_eq!(told.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(told.header("access-control-allow-origin"), "");
    }
    for path in ["/admin/", "/api/token/", "/no/such/page"] {
        let headers = [("origin", LISTED), ("access-control-request-method", "GET")];
        let told = send(world, (Method::OPTIONS, path, None), &headers).await;
        assert_eq!(told.status, StatusCode::NOT_FOUND, "{path}");
    }
    // A labeling client of a listed site reads tasks and their images with a token; others read nothing.
    let bearer = format!("Bearer {}", world.alice.token);
    let task = format!("/api/tasks/{}/", world.cats.tasks[0]);
    let headers = [("authorization", &*bearer), ("origin", LISTED)];
    let read = send(world, (Method::GET, &task, None), &headers).await;
    assert_eq!(read.header("access-control-allow-origin"), LISTED);
    let handle = read.json()["data"]["image"].as_str().unwrap().to_owned();
    let ranged = [headers[0], headers[1], ("range", "bytes=1-3")];
    let piece = send(world, (Method::GET, &handle, None), &ranged).await;
    assert_eq!((piece.status.as_u16(), &*piece.body), (206, &b"PNG"[..]));
    assert!(piece.header("access-control-expose-headers").contains("content-range"));
    let headers = [("authorization", &*bearer), ("origin", "https://evil.example")];
    for path in [&*task, &*handle, "/projects/", "/static/images/favicon.ico"] {
        let answer = send(world, (Method::GET, path, None), &headers).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let told = answer.headers.keys().find(|name| name.as_str().starts_with("access-control"));
        assert_eq!(told, None, "{path}");
    }
}
