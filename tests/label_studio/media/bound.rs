//! An object is served because a task refers to it, and only as that task has it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use reqwest::Method;
use serde_json::json;

use super::{Gallery, task, until};
use crate::support::Person;

async fn is_hidden(gallery: &Gallery, who: &Person, what: &str, path: &str) {
    let answer = gallery.site.get(path, Some(who)).await;
    let said = (answer.status.as_u16(), &*answer.code());
    assert_eq!(said, (404, "not-found"), "{what}: {path}: {} bytes", answer.body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_task_refers_to_does_not_exist() {
    let gallery = Gallery::shared().await;
    let (own, foreign) = (gallery.tasks.object, gallery.foreign);
    let (bucket, one) = (gallery.moto.bucket, gallery.uri("pictures/one.png"));
    let by = |task: u64, uri: &str| gallery.resolve(task, uri);
    for (what, path) in [
        ("under the prefix, of no task", by(own, &gallery.uri("pictures/untold.png"))),
        ("outside of the prefix", by(gallery.tasks.outside, &gallery.uri("elsewhere/one.png"))),
        ("of another project's task", by(foreign, &gallery.uri("others/one.png"))),
        ("of another project, by one's own", by(own, &gallery.uri("others/one.png"))),
        ("of another bucket", by(own, "s3://another/pictures/one.png")),
        ("in another case", by(own, &format!("s3://{bucket}/pictures/One.png"))),
        ("of another scheme's case", by(own, &one.replace("s3:", "S3:"))),
        ("of another scheme", by(own, &one.replace("s3:", "gs:"))),
        ("with an escape", by(own, &one.replace("one", "%6fne"))),
        ("with a slash more", by(own, &one.replace("pictures/", "pictures//"))),
        ("with a way around", by(own, &one.replace("pictures/", "pictures/x/../"))),
        ("with a query", by(own, &format!("{one}?versionId=1"))),
        ("with more behind", by(own, &format!("{one}/"))),
        ("with less", by(own, one.trim_end_matches('g'))),
        ("the folder", by(own, &gallery.uri("pictures/"))),
        ("a local file by an object's task", by(own, "/data/local-files/?d=gallery/local.png")),
        ("a file of the server", by(own, "file:///etc/passwd")),
        ("an address of the web", by(own, "http://127.0.0.1/latest/meta-data")),
        ("no task", by(9_999_999, &one)),
        ("no project", format!("/projects/9999999/resolve?fileuri={}", URL_SAFE.encode(&one))),
        ("nothing", format!("/tasks/{own}/resolve/?fileuri=")),
        ("what is no base64", format!("/tasks/{own}/resolve/?fileuri=!!!!")),
        (
            "an upload of another project",
            gallery
                .upload
                .replace(&format!("/{}/", gallery.pictures), &format!("/{}/", gallery.others)),
        ),
        ("a local file by path", "/data/local-files/?d=gallery/local.png".to_owned()),
    ] {
        is_hidden(gallery, &gallery.ann, what, &path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_of_the_project_gets_nothing_of_it_by_any_address() {
    let gallery = Gallery::shared().await;
    let handle = gallery.handle(&gallery.ann, gallery.tasks.object).await;
    assert_eq!(gallery.ask(&handle, &[]).await.status, 200);
    let uri = URL_SAFE.encode(gallery.uri("pictures/one.png"));
    for path in [
        gallery.object(),
        handle,
        gallery.upload.clone(),
        format!("/projects/{}/resolve/?fileuri={uri}", gallery.pictures),
        format!("/tasks/{}/presign/?fileuri={uri}", gallery.tasks.local),
    ] {
        is_hidden(gallery, &gallery.ben, "ben", &path).await;
        let nobody = gallery.site.get(&path, None).await;
        assert_eq!((nobody.status.as_u16(), &*nobody.code()), (401, "not-signed-in"), "{path}");
    }
}

/// No answer has shown it, and no task is named: the project's tasks are searched, for those who are of the project.
#[tokio::test(flavor = "multi_thread")]
async fn a_project_finds_what_any_of_its_tasks_refers_to() {
    let gallery = Gallery::shared().await;
    let key = "pictures/deep down/50% ünder_all.png";
    gallery.moto.put(key, "image/png", &super::picture());
    let (deep, beside) = (gallery.uri(key), gallery.uri("pictures/untold.png"));
    let data = json!({ "image": gallery.uri("pictures/one.png"), "more": [{ "of": [format!("<img src='{deep}'>")] }] });
    let wish = json!({ "project": gallery.pictures, "data": data });
    gallery.studio.ask("POST", "/api/tasks/", Some(wish));
    let of = |project: u64, uri: &str| {
        format!("/projects/{project}/resolve/?fileuri={}", URL_SAFE.encode(uri))
    };
    let found = of(gallery.pictures, &deep);
    is_hidden(gallery, &gallery.ben, "ben", &found).await;
    let answer = gallery.ask(&found, &[]).await;
    assert!(answer.status == 200 && answer.body == super::picture(), "{}", answer.text());
    is_hidden(gallery, &gallery.ann, "in no task", &of(gallery.pictures, &beside)).await;
    // What is a part of what stands in a task is not what stands there.
    let (part, _) = deep.split_at(deep.len() - 1);
    is_hidden(gallery, &gallery.ann, "a part", &of(gallery.pictures, part)).await;
    is_hidden(gallery, &gallery.ben, "of a task elsewhere", &of(gallery.others, &deep)).await;
    // A role in the organization is none in the project, and a token for others is not good for a search.
    let idle = gallery.site.person("acme", "idle@media.example.com", "reviewer");
    let cut = gallery
        .site
        .token(&gallery.ann.email, &["--project", &format!("others-{}", gallery.others)]);
    for (person, who) in [(&idle, "without a role there"), (&cut, "by a token for others")] {
        is_hidden(gallery, person, who, &found).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_through_the_gateway_holds_at_once() {
    let gallery = Gallery::shared().await;
    let _alone = gallery.quiet.lock().await;
    let (one, page) = (gallery.uri("pictures/one.png"), gallery.uri("pictures/page.html"));
    let number = task(gallery.studio, gallery.pictures, &one);
    let (before, after) = (gallery.resolve(number, &one), gallery.resolve(number, &page));
    let handle = gallery.handle(&gallery.ann, number).await;
    for path in [&before, &handle] {
        assert_eq!(gallery.ask(path, &[]).await.status, 200, "{path}");
    }
    is_hidden(gallery, &gallery.ann, "not yet", &after).await;

    let address = format!("/api/tasks/{number}/");
    let change = json!({ "data": { "image": page } }).to_string().into_bytes();
    let json = [("content-type", "application/json")];
    let changed =
        gallery.site.send(Method::PATCH, &address, Some(&gallery.mara), &json, change).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    for path in [&before, &handle] {
        is_hidden(gallery, &gallery.ann, "the old one", path).await;
    }
    assert_eq!(gallery.ask(&after, &[]).await.status, 200);

    let gone = gallery.site.ask(Method::DELETE, &address, Some(&gallery.mara), &[]).await;
    assert_eq!(gone.status, 204, "{}", gone.text());
    let path = after;
    is_hidden(gallery, &gallery.ann, "of a task that is gone", &path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_goes_with_its_membership() {
    let gallery = Gallery::shared().await;
    let late = gallery.site.person("acme", "late@media.example.com", "");
    let name = format!("pictures-{}", gallery.pictures);
    gallery.site.member("acme", &name, &late.email, "annotator");
    let get = async || gallery.site.get(&gallery.object(), Some(&late)).await;
    until(200, get).await;
    let words = ["project", "member", "remove", "--organization", "acme", "--name", &name];
    gallery.site.run(&[&words[..], &["--email", &late.email]].concat());
    until(404, get).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_are_the_same_within_a_session_and_nobody_elses() {
    let gallery = Gallery::shared().await;
    let number = gallery.tasks.object;
    let mine = gallery.handle(&gallery.ann, number).await;
    assert!(mine.starts_with("/-/m/"), "{mine}");
    assert_eq!(gallery.handle(&gallery.ann, number).await, mine, "the task, again");
    let list = format!("/api/tasks?project={}&page_size=100&page=1", gallery.pictures);
    let list = gallery.ask(&list, &[]).await.json();
    let listed = list["tasks"].as_array().unwrap().iter().find(|it| it["id"] == number).unwrap();
    assert_eq!(super::data_of(listed), mine, "in the list");

    let again = gallery.site.token(&gallery.ann.email, &[]);
    let others =
        [gallery.handle(&again, number).await, gallery.handle(&gallery.mara, number).await];
    for (who, handle) in [(&again, &others[0]), (&gallery.mara, &others[1])] {
        assert_ne!(*handle, mine);
        if handle.starts_with("/-/m/") {
            assert_eq!(handle.len(), mine.len());
            assert_eq!(gallery.site.get(handle, Some(who)).await.status, 200);
            is_hidden(gallery, &gallery.ann, "another's handle", handle).await;
        }
        is_hidden(gallery, who, "ann's handle", &mine).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_cannot_make_label_studio_give_what_is_another_projects() {
    let gallery = Gallery::shared().await;
    let studio = gallery.studio;
    let folder = studio.data.path().join("files/private");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("secret.png"), b"secret").unwrap();
    let storage =
        json!({ "project": gallery.others, "title": "p", "path": folder.to_str().unwrap() });
    studio.ask("POST", "/api/storages/localfiles/", Some(storage));
    let theirs = "/data/local-files/?d=private/secret.png";
    let mine = task(studio, gallery.others, theirs);
    let handle = gallery.handle(&gallery.ben, mine).await;
    assert_eq!(gallery.site.get(&handle, Some(&gallery.ben)).await.body, b"secret");
    for text in [
        theirs,
        "/data/local-files/?d=gallery/../private/secret.png",
        "/data/local-files/?d=gallery/%2e%2e/private/secret.png",
        "/data/local-files/?d=gallery/local.png&d=private/secret.png",
        "/data/local-files/../../api/users/",
        "/data/local-files/../../api/users/?d=gallery/local.png",
        "/data/local-files/",
        "file:///etc/passwd",
    ] {
        let number = task(studio, gallery.pictures, text);
        let handle = gallery.handle(&gallery.ann, number).await;
        assert!(handle.starts_with("/-/m/"), "{text}: {handle}");
        is_hidden(gallery, &gallery.ann, text, &handle).await;
    }
}
