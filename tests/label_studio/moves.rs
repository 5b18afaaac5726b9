//! Bodies and queries that name a thing of another project: nothing is moved into a project where the person has no role, nor
//! out of one, nor read across the wall. Label Studio itself would do all of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::relay::Relayed;
use crate::things::Things;

/// Without how long ago something was made, and what is counted while it is read.
fn steady(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members
                .into_iter()
                .filter(|(name, _)| !name.contains("ago") && name != "queue_total");
            Value::Object(kept.map(|(name, value)| (name, steady(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(steady).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// Where everything is, past the gateway.
pub fn state(relayed: &Relayed) -> Vec<(String, Value)> {
    let of = |things: &Things| {
        let n = |name: &str| things.numbers[name];
        vec![
            format!("/api/projects/{}/", n("project")),
            format!("/api/tasks/{}/?resolve_uri=false", n("task")),
            format!("/api/annotations/{}/", n("annotation")),
            format!("/api/drafts/{}/", n("draft")),
            format!("/api/predictions/{}/", n("prediction")),
            format!("/api/dm/views/{}/", n("tab")),
            format!("/api/storages/s3/{}", n("storage")),
            format!("/api/storages/export/s3/{}", things.target),
            format!("/api/webhooks/{}/", n("webhook")),
            format!("/api/label_links/{}/", n("link")),
            format!("/api/projects/{}/exports/{}", n("project"), n("export")),
            format!("/api/storages?project={}", n("project")),
            format!("/api/predictions/?project={}", n("project")),
            format!("/api/webhooks/?project={}", n("project")),
            format!("/api/dm/views/?project={}", n("project")),
        ]
    };
    let paths = relayed.things.iter().flat_map(of);
    paths.map(|path| (path.clone(), steady(relayed.world.studio.ask("GET", &path, None)))).collect()
}

/// What a manager of the first project may not do. `mine` is in it, `theirs` in the other.
#[expect(clippy::too_many_lines, reason = "a list")]
fn moves(mine: &Things, theirs: &Things) -> Vec<(&'static str, String, Value)> {
    let (m, t) = (|name: &str| mine.numbers[name], |name: &str| theirs.numbers[name]);
    let (home, away) = (m("project"), t("project"));
    let mut all = Vec::new();
    let mut add =
        |method: &'static str, target: String, body: Value| all.push((method, target, body));
    for method in ["PATCH", "PUT"] {
        // Out of mine into theirs.
        let task = format!("/api/tasks/{}/", m("task"));
        add(method, task.clone(), json!({ "project": away, "data": {} }));
        add(method, task.clone(), json!({ "project": away.to_string(), "data": {} }));
        add(method, format!("{task}?project={home}"), json!({ "project": away, "data": {} }));
        add(method, format!("{task}?project={away}"), json!({ "data": {} }));
        let annotation = format!("/api/annotations/{}/", m("annotation"));
        add(method, annotation.clone(), json!({ "task": t("task"), "project": away }));
        add(method, annotation.clone(), json!({ "task": t("task") }));
        add(method, annotation.clone(), json!({ "project": away }));
        add(method, annotation.clone(), json!({ "parent_annotation": t("annotation") }));
        add(method, annotation, json!({ "parent_prediction": t("prediction") }));
        let draft = format!("/api/drafts/{}/", m("draft"));
        add(method, draft.clone(), json!({ "task": t("task") }));
        add(method, draft, json!({ "annotation": t("annotation") }));
        let prediction = format!("/api/predictions/{}/", m("prediction"));
        add(
            method,
            prediction.clone(),
            json!({ "task": t("task"), "project": away, "result": [] }),
        );
        add(method, prediction.clone(), json!({ "task": t("task"), "result": [] }));
        add(method, prediction.clone(), json!({ "project": away, "result": [] }));
        add(method, prediction, json!({ "model": t("model"), "result": [] }));
        let storage = format!("/api/storages/s3/{}", m("storage"));
        add(method, storage, json!({ "project": away, "bucket": "b" }));
        let target = format!("/api/storages/export/s3/{}", mine.target);
        add(method, target, json!({ "project": away, "bucket": "b" }));
        add(method, format!("/api/ml/{}", m("model")), json!({ "project": away }));
        add(method, format!("/api/label_links/{}/", m("link")), json!({ "project": away }));
        add(method, format!("/api/webhooks/{}/", m("webhook")), json!({ "project": away }));
        add(method, format!("/api/dm/views/{}/", m("tab")), json!({ "project": away, "data": {} }));
        // Out of theirs into mine.
        add(method, format!("/api/tasks/{}/", t("task")), json!({ "project": home, "data": {} }));
        add(method, format!("/api/tasks/{}/?project={home}", t("task")), json!({ "data": {} }));
        add(
            method,
            format!("/api/annotations/{}/", t("annotation")),
            json!({ "task": m("task"), "project": home }),
        );
        add(method, format!("/api/drafts/{}/", t("draft")), json!({ "task": m("task") }));
        add(
            method,
            format!("/api/predictions/{}/", t("prediction")),
            json!({ "task": m("task"), "project": home }),
        );
        add(
            method,
            format!("/api/storages/s3/{}", t("storage")),
            json!({ "project": home, "bucket": "b" }),
        );
        add(
            method,
            format!("/api/storages/s3/{}?project={home}", t("storage")),
            json!({ "bucket": "b" }),
        );
        add(
            method,
            format!("/api/storages/export/s3/{}", theirs.target),
            json!({ "project": home, "bucket": "b" }),
        );
        add(method, format!("/api/ml/{}", t("model")), json!({ "project": home }));
    }
    for (direction, action, mine, theirs) in [
        ("", "validate", m("storage"), t("storage")),
        ("", "files", m("storage"), t("storage")),
        ("export/", "validate", mine.target, theirs.target),
    ] {
        let path = format!("/api/storages/{direction}s3/{action}");
        add("POST", path.clone(), json!({ "id": mine, "project": away, "bucket": "b" }));
        add("POST", path.clone(), json!({ "id": theirs, "project": home, "bucket": "b" }));
        add(
            "POST",
            path.clone(),
            json!({ "id": theirs.to_string(), "project": home, "bucket": "b" }),
        );
        add("POST", path, json!({ "project": away, "bucket": "b" }));
    }
    let storage = json!({ "project": away, "bucket": "b" });
    add("POST", "/api/storages/s3/".to_owned(), storage.clone());
    add("POST", format!("/api/storages/s3/?project={home}"), storage.clone());
    add("POST", "/api/storages/export/s3".to_owned(), storage);
    add(
        "POST",
        "/api/predictions/".to_owned(),
        json!({ "task": t("task"), "project": home, "result": [] }),
    );
    add(
        "POST",
        "/api/predictions/".to_owned(),
        json!({ "task": m("task"), "project": away, "result": [] }),
    );
    add("POST", "/api/tasks/".to_owned(), json!({ "project": away, "data": {} }));
    add("POST", format!("/api/tasks/?project={home}"), json!({ "project": away, "data": {} }));
    let annotations = format!("/api/tasks/{}/annotations/", m("task"));
    for member in ["task", "project", "draft_id", "parent_annotation", "parent_prediction"] {
        let name = member.trim_start_matches("parent_").trim_end_matches("_id");
        add("POST", annotations.clone(), json!({ "result": [], member: t(name) }));
    }
    add(
        "POST",
        format!("/api/tasks/{}/annotations/{}/drafts", m("task"), t("annotation")),
        json!({ "result": [] }),
    );
    add(
        "POST",
        format!("/api/tasks/{}/annotations/{}/drafts", t("task"), m("annotation")),
        json!({ "result": [] }),
    );
    add(
        "POST",
        format!("/api/tasks/{}/drafts", m("task")),
        json!({ "annotation": t("annotation"), "result": [] }),
    );
    add(
        "POST",
        "/api/webhooks/".to_owned(),
        json!({ "project": away, "url": "http://127.0.0.1:9/" }),
    );
    add("POST", "/api/ml/".to_owned(), json!({ "project": away, "url": "http://127.0.0.1:9/" }));
    add("POST", "/api/dm/views/".to_owned(), json!({ "project": away, "data": {} }));
    add("POST", format!("/api/dm/views/?project={home}"), json!({ "project": away, "data": {} }));
    add("POST", "/api/dm/views/order/".to_owned(), json!({ "project": away, "ids": [] }));
    add("DELETE", format!("/api/dm/views/reset/?project={home}"), json!({ "project": away }));
    add("POST", "/api/labels/".to_owned(), json!([{ "project": home }, { "project": away }]));
    add(
        "POST",
        "/api/labels/bulk".to_owned(),
        json!({ "project": away, "old_label": "a", "new_label": "b" }),
    );
    add(
        "POST",
        "/api/labels/bulk".to_owned(),
        json!({ "project": null, "old_label": "a", "new_label": "b" }),
    );
    add(
        "POST",
        format!("/api/projects/{home}/exports/{}/convert", t("export")),
        json!({ "export_type": "CSV" }),
    );
    add(
        "POST",
        format!("/api/ml/{}/interactive-annotating", m("model")),
        json!({ "task": t("task") }),
    );
    for (query, body) in [
        (format!("id=delete_tasks&project={home}&view={}", t("tab")), json!({})),
        (format!("id=delete_tasks&project={home}&tabID={}", t("tab")), json!({})),
        (format!("id=delete_tasks&project={home}"), json!({ "project": away })),
        (format!("id=delete_tasks&project={home}"), json!({ "view": t("tab") })),
        (
            format!("id=propagate_annotations&project={home}"),
            json!({ "source_annotation_id": t("annotation") }),
        ),
        (format!("id=delete_tasks&project={away}"), json!({ "project": home })),
    ] {
        add("POST", format!("/api/dm/actions/?{query}"), body);
    }
    for target in [
        format!("/api/tasks/?project={home}&view={}", t("tab")),
        format!("/api/projects/{home}/next/?view={}", t("tab")),
        format!("/api/projects/{home}/exports/{}", t("export")),
        format!("/api/projects/{home}/exports/{}/download", t("export")),
        format!("/api/tasks/{}/?project={home}", t("task")),
        format!("/api/predictions/?project={home}&task={}", t("task")),
        format!("/api/tasks/{}/annotations/{}/drafts", m("task"), t("annotation")),
        format!("/api/users/?project={away}"),
    ] {
        add("GET", target, Value::Null);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_crosses_from_one_project_to_another() {
    let relayed = Relayed::alone().await;
    let [mine, theirs] = &relayed.things;
    let site = &relayed.world.site;
    let manager = Some(&relayed.world.manager);
    let json = [("content-type", "application/json")];
    let before = state(&relayed);
    relayed.relay.asked();
    for (method, target, body) in moves(mine, theirs) {
        let method: Method = method.parse().unwrap();
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = site.send(method.clone(), &target, manager, &json, bytes).await;
        // Where a project must be named and is not, the request says nothing.
        let malformed = answer.status == 400 && body["project"].is_null();
        let refused = malformed || matches!(answer.status.as_u16(), 403 | 404);
        assert!(refused, "{method} {target} {body}: {} {}", answer.status, answer.text());
        let arrived = relayed.relay.asked();
        assert!(arrived.is_empty(), "{method} {target} {body} went on: {arrived:?}");
    }
    for (before, after) in before.iter().zip(state(&relayed)) {
        assert_eq!(*before, after);
    }
    // The same within a project of one's own is nobody's loss.
    let target = format!("/api/annotations/{}/", mine.numbers["annotation"]);
    let task = relayed.world.cats.tasks[1];
    let body = json!({ "task": task, "project": mine.numbers["project"] }).to_string();
    let moved = site.send(Method::PATCH, &target, manager, &json, body.into_bytes()).await;
    assert_eq!((moved.status.as_u16(), moved.json()["task"].as_u64()), (200, Some(task)));
    let body = json!({ "task": mine.numbers["task"] }).to_string();
    let back = site.send(Method::PATCH, &target, manager, &json, body.into_bytes()).await;
    assert_eq!(back.status.as_u16(), 200, "{}", back.text());
}
