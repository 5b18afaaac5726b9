//! All of HTTP that players and browsers need, for each place where bytes lie, by each address.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use reqwest::{Method, StatusCode};

use super::{DRAWING, Gallery, PAGE, picture};

/// Where the same picture is had from.
async fn everywhere(gallery: &Gallery) -> Vec<(&'static str, String)> {
    let handle = async |task| gallery.handle(&gallery.ann, task).await;
    let object = gallery.uri("pictures/one.png");
    vec![
        ("an object by Label Studio's address", gallery.object()),
        ("an object by the URI itself", {
            let escaped = object.replace(':', "%3A").replace('/', "%2F");
            format!("/tasks/{}/presign?fileuri={escaped}", gallery.tasks.object)
        }),
        ("an object by handle", handle(gallery.tasks.object).await),
        ("an upload by its address", gallery.upload.clone()),
        ("a local file by handle", handle(gallery.tasks.local).await),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_whole_from_everywhere_and_private_and_to_be_asked_for_again() {
    let gallery = Gallery::shared().await;
    for (place, path) in everywhere(gallery).await {
        let answer = gallery.ask(&path, &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{place} {path}: {}", answer.text());
        assert!(answer.body == picture(), "{place}: {} bytes", answer.body.len());
        assert_eq!(answer.header("content-length"), picture().len().to_string(), "{place}");
        assert_eq!(answer.header("content-type"), "image/png", "{place}");
        assert_eq!(answer.header("cache-control"), "private, no-cache", "{place}");
        assert_eq!(answer.header("accept-ranges"), "bytes", "{place}");
        assert!(!answer.header("etag").is_empty(), "{place}: a browser could not ask again");
        hardened(place, &answer);
    }
}

/// What an object's answer must say, and what it may not tell (R21).
fn hardened(place: &str, answer: &crate::support::site::Answer) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{place}");
    assert!(answer.header("content-security-policy").starts_with("sandbox"), "{place}");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{place}");
    for (name, value) in &answer.headers {
        let name = name.as_str();
        let vendors = name.starts_with("x-amz") || name.starts_with("access-control");
        assert!(!vendors && !["server", "set-cookie", "via"].contains(&name), "{place}: {name}");
        let value = value.to_str().unwrap();
        assert!(!value.contains("s3:") && !value.contains("127.0.0.1"), "{place}: {name}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_exact_from_everywhere() {
    let gallery = Gallery::shared().await;
    let whole = picture();
    let (length, last) = (whole.len(), whole.len() - 1);
    for (place, path) in everywhere(gallery).await {
        for (range, part) in [
            ("bytes=0-0".to_owned(), 0..1),
            ("bytes=10-99".to_owned(), 10..100),
            (format!("bytes={last}-"), last..length),
            ("bytes=99000-".to_owned(), 99_000..length),
            ("bytes=-100".to_owned(), length - 100..length),
            (format!("bytes=-{}", length * 2), 0..length),
            (format!("bytes=5-{}", length * 2), 5..length),
        ] {
            let answer = gallery.ask(&path, &[("range", &range)]).await;
            assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{place}, {range}");
            let said = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            assert_eq!(answer.header("content-range"), said, "{place}, {range}");
            assert!(answer.body == whole[part], "{place}, {range}: {} bytes", answer.body.len());
            hardened(place, &answer);
        }
        for beyond in [format!("bytes={length}-"), "bytes=-0".to_owned()] {
            let answer = gallery.ask(&path, &[("range", &beyond)]).await;
            assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE, "{place}, {beyond}");
            assert_eq!(answer.code(), "range-not-satisfiable");
            assert_eq!(answer.header("content-range"), format!("bytes */{length}"), "{place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_ranges_come_in_one_answer() {
    let gallery = Gallery::shared().await;
    let whole = picture();
    let length = whole.len();
    for path in [gallery.object(), gallery.upload.clone()] {
        let answer = gallery.ask(&path, &[("range", "bytes=0-9,500-519,-5")]).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{path}");
        let kind = answer.header("content-type");
        let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
        let mut expected = Vec::new();
        for part in [0..10, 500..520, length - 5..length] {
            let head = format!(
                "--{boundary}\r\nContent-Type: image/png\r\nContent-Range: bytes {}-{}/{length}\r\n\r\n",
                part.start,
                part.end - 1
            );
            if !expected.is_empty() {
                expected.extend_from_slice(b"\r\n");
            }
            expected.extend_from_slice(head.as_bytes());
            expected.extend_from_slice(&whole[part]);
        }
        expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        assert!(answer.body == expected, "{path}: {}", answer.text());
        hardened(&path, &answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_it_already_is_told_so() {
    let gallery = Gallery::shared().await;
    for (place, path) in everywhere(gallery).await {
        let first = gallery.ask(&path, &[]).await;
        let (tag, date) = (first.header("etag"), first.header("last-modified"));
        for tags in [tag, &format!("\"other\", {tag}"), "*"] {
            let again = gallery.ask(&path, &[("if-none-match", tags)]).await;
            assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{place}, {tags}");
            assert!(again.body.is_empty() && again.header("etag") == tag, "{place}");
            assert_eq!(again.header("cache-control"), "private, no-cache", "{place}");
        }
        let other = gallery.ask(&path, &[("if-none-match", "\"other\"")]).await;
        assert!(other.status == 200 && other.body == picture(), "{place}");
        if date.is_empty() {
            continue;
        }
        let again = gallery.ask(&path, &[("if-modified-since", date)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{place}, {date}");
        let long_ago = ("if-modified-since", "Thu, 01 Jan 2015 00:00:00 GMT");
        assert_eq!(gallery.ask(&path, &[long_ago]).await.status, StatusCode::OK, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_what_has_changed_is_all_of_it() {
    let gallery = Gallery::shared().await;
    for (place, path) in everywhere(gallery).await {
        let tag = gallery.ask(&path, &[]).await.header("etag").to_owned();
        let part = gallery.ask(&path, &[("range", "bytes=5-9"), ("if-range", &tag)]).await;
        // A weak tag holds no range together: RFC 9110, 13.1.5.
        let expected = if tag.starts_with("W/") { 200 } else { 206 };
        assert_eq!(part.status, expected, "{place}, {tag}");
        let other = gallery.ask(&path, &[("range", "bytes=5-9"), ("if-range", "\"other\"")]).await;
        assert!(other.status == 200 && other.body == picture(), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_says_what_get_would() {
    let gallery = Gallery::shared().await;
    for (place, path) in everywhere(gallery).await {
        let head = gallery.site.ask(Method::HEAD, &path, Some(&gallery.ann), &[]).await;
        let get = gallery.ask(&path, &[]).await;
        assert_eq!(head.status, StatusCode::OK, "{place}");
        assert!(head.body.is_empty());
        for name in ["content-length", "content-type", "etag", "last-modified", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{place}: {name}");
        }
        hardened(place, &head);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_404() {
    let gallery = Gallery::shared().await;
    let missing = gallery.resolve(gallery.tasks.missing, &gallery.uri("pictures/gone.png"));
    let handle = gallery.handle(&gallery.ann, gallery.tasks.missing).await;
    let upload = format!("/data/upload/{}/00000000-none.png", gallery.pictures);
    for path in [missing, handle, upload] {
        for headers in [&[][..], &[("range", "bytes=0-9")], &[("if-none-match", "\"x\"")]] {
            let answer = gallery.ask(&path, headers).await;
            assert_eq!((answer.status.as_u16(), &*answer.code()), (404, "not-found"), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_task_runs_on_the_gateways_origin() {
    let gallery = Gallery::shared().await;
    for (task, key, bytes) in [
        (gallery.tasks.page, "pictures/page.html", PAGE),
        (gallery.tasks.drawing, "pictures/drawing.svg", DRAWING),
    ] {
        let handle = gallery.handle(&gallery.ann, task).await;
        for path in [gallery.resolve(task, &gallery.uri(key)), handle] {
            let answer = gallery.ask(&path, &[("accept", "text/html")]).await;
            assert!(answer.status == 200 && answer.body == bytes, "{path}: {}", answer.text());
            assert_eq!(answer.header("content-type"), "application/octet-stream", "{key}");
            assert_eq!(answer.header("content-disposition"), "attachment", "{key}");
            hardened(key, &answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_resolves_what_its_tasks_have_just_shown() {
    let gallery = Gallery::shared().await;
    // The page of the task, which shows the URI.
    gallery.handle(&gallery.ann, gallery.tasks.object).await;
    let uri = URL_SAFE.encode(gallery.uri("pictures/one.png"));
    for verb in ["resolve", "presign", "resolve/", "presign/"] {
        for of in
            [format!("tasks/{}", gallery.tasks.object), format!("projects/{}", gallery.pictures)]
        {
            let answer = gallery.ask(&format!("/{of}/{verb}?fileuri={uri}"), &[]).await;
            assert!(answer.status == 200 && answer.body == picture(), "{of}/{verb}");
        }
    }
}
