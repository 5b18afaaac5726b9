//! What leaves Label Studio with whoever signed in at the identity provider: handles, which open with what he himself brought; and
//! what Label Studio takes out by itself, which is for managers to set off.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::CELLS;
use super::studio::company;
use crate::support::Moto;
use crate::support::company::world::ADMIN;
use crate::support::company::{Browser, Company, entries};
use crate::support::label_studio::LabelStudio;
use crate::support::world::until;

const GROUPS: &str = "\
[organization.acme.group.admins]
workspaces = { label-studio = \"manager\" }
[organization.acme.group.annotators]
workspaces = { label-studio = \"annotator\" }
";

/// Labels the project's only task.
async fn label(browser: &Browser<'_>, number: u64) {
    let tasks = browser.get(&format!("/api/tasks/?project={number}")).await;
    let task = &tasks.json()["tasks"][0]["id"];
    assert!(task.is_u64(), "{}", tasks.text());
    let result = json!([{ "id": "r1", "type": "rectanglelabels", "from_name": "label", "to_name": "image",
        "original_width": 100, "original_height": 50, "image_rotation": 0,
        "value": { "x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["Cat"] } }]);
    let path = format!("/api/tasks/{task}/annotations/");
    let made = browser.post_json(&path, &json!({ "result": result }).to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_label_studio_is_its_readers_or_label_studios_own() {
    let begun = tokio::task::spawn_blocking(|| {
        let studio = LabelStudio::start();
        let (company, number) = company(&studio, ADMIN, GROUPS);
        let moto = Moto::shared();
        let wish = json!({
            "project": number, "bucket": moto.bucket, "prefix": format!("exported-{number}"),
            "s3_endpoint": moto.endpoint, "region_name": "eu-central-1",
            "aws_access_key_id": moto.access_key_id, "aws_secret_access_key": moto.secret_access_key,
        });
        let target = studio.ask("POST", "/api/storages/export/s3", Some(wish));
        (studio, company, number, target["id"].as_u64().unwrap())
    });
    let (studio, company, number, target) = begun.await.unwrap();
    let (alice, bob) = (company.signed_in("alice").await, company.signed_in("bob").await);
    label(&alice, number).await;
    an_export_holds_handles_that_open_with_what_its_reader_brought(
        &company,
        number,
        [&alice, &bob],
    )
    .await;
    a_target_storage_is_filled_at_a_managers_word_only(&studio, target, [&alice, &bob]).await;
    let writes = company.world.s3.records().into_iter().filter(|one| one.method == Method::PUT);
    assert_eq!(writes.count(), 0);
}

/// Exports, and gives the handle of the only task's image: what there is beside it tells no place.
async fn exported(company: &Company, browser: &Browser<'_>, path: &str) -> String {
    let export = browser.get(path).await;
    assert_eq!(export.status, StatusCode::OK, "{}\n{}", export.text(), company.site.log());
    let told = format!("{:?}\n{}", export.headers, export.text());
    let s3 = &*company.world.s3.address;
    for secret in ["s3://", "s3:", ADMIN.bucket, ADMIN.prefix, s3, "arn:aws", "X-Amz-"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    let export = export.json();
    let [task] = &export.as_array().unwrap()[..] else { panic!("{export}") };
    let labels = &task["annotations"][0]["result"][0]["value"]["rectanglelabels"];
    assert_eq!(*labels, json!(["Cat"]), "{export}");
    let handle = task["data"]["image"].as_str().unwrap();
    assert!(handle.starts_with("/-/m/"), "{handle}");
    handle.to_owned()
}

async fn an_export_holds_handles_that_open_with_what_its_reader_brought(
    company: &Company,
    number: u64,
    [alice, bob]: [&Browser<'_>; 2],
) {
    let path = format!("/api/projects/{number}/export?exportType=JSON");
    let handle = exported(company, alice, &path).await;
    // To make and to read the export, nobody had to look into the bucket.
    let world = &company.world;
    assert_eq!(world.s3.records(), []);
    let opened = alice.get(&handle).await;
    assert_eq!((opened.status, &*opened.body), (StatusCode::OK, CELLS), "{}", company.site.log());
    let [record] = world.s3.records().try_into().unwrap();
    assert_eq!(record.target, format!("/{}/{}cells.png", ADMIN.bucket, ADMIN.prefix));
    let alices = Some("alice@example.com");
    assert_eq!(record.session.as_deref(), alices, "{record:?}");
    assert_eq!(record.role, Some(world.account.role_arn(ADMIN.role)), "{record:?}");
    let [entry] = &entries(&company.site, "ReadMedia", 1)[..] else { panic!() };
    let told = ["email", "aws_session", "credential"].map(|key| entry[key].as_str());
    assert_eq!(told, [alices, alices, record.access_key_id.as_deref()], "{entry}");

    // It is hers: to somebody else it opens nothing, and he has no export of this either.
    assert_eq!(bob.get(&handle).await.status, StatusCode::NOT_FOUND);
    assert_eq!(bob.get(&path).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.s3.records().len(), 1);
}

/// Into a target storage Label Studio writes by itself, past the gateway and with keys that it was given for it: no person's
/// credential is in it. Who may set it off is the gateway's to say.
async fn a_target_storage_is_filled_at_a_managers_word_only(
    studio: &LabelStudio,
    target: u64,
    [alice, bob]: [&Browser<'_>; 2],
) {
    let path = format!("/api/storages/export/s3/{target}/sync");
    let refused = bob.post_json(&path, "{}").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    assert_eq!(refused.code(), "forbidden");
    let synced = alice.post_json(&path, "{}").await;
    assert_eq!(synced.status, StatusCode::OK, "{}", synced.text());
    assert_eq!(synced.json()["last_sync_count"], 1, "{}", synced.text());
    // One of the two came as far as Label Studio, which logs it in two lines that are the same, a moment after its answer.
    let line = format!("POST {path}");
    let asked = || {
        let log = studio.log();
        log.lines().filter(|one| one.contains(&line)).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    until("it is logged", || !asked().is_empty());
    assert_eq!(asked().len(), 1, "{:?}", asked());
}
