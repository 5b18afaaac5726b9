//! The table is sound; the tricks that Label Studio falls for are found nowhere; a call is what was asked.

use http::Method;
use proptest::prelude::*;

use super::*;
use crate::label_studio::{Deed, Direction, Form, Kind, Reference, StorageType, Tokens};

fn routes() -> Routes {
    Routes::built_in().unwrap()
}

#[test]
fn tokens_are_exchanged_at_one_address_and_only_where_they_are_accepted() {
    let (refused, accepted) = (Tokens::Refused, Tokens::Accepted);
    for (tokens, path, exchanged) in [
        (accepted, "/api/token/refresh/", true),
        (accepted, "/api/token/refresh", true),
        (accepted, "/api/token/refresh//", false),
        (accepted, "//api/token/refresh/", false),
        (accepted, "/api/token/refresh/x", false),
        (accepted, "/api/token%2Frefresh/", false),
        (accepted, "/API/token/refresh/", false),
        (accepted, "/api/token/rotate/", false),
        (accepted, "/api/token/blacklist/", false),
        (accepted, "/api/token/", false),
        (refused, "/api/token/refresh/", false),
    ] {
        let routes = routes().with_exchange(tokens);
        assert_eq!(routes.exchanges(path), exchanged, "{tokens:?} {path}");
        let found = routes.find(&Method::POST, path, None);
        assert!(found.is_err(), "{path} is nobody's by the table");
    }
    assert!(!Routes::default().exchanges("/api/token/refresh/"), "without a Label Studio");
}

fn find(method: &str, target: &str) -> Result<Call, NoRoute> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    routes().find(&Method::from_bytes(method.as_bytes()).unwrap(), path, query)
}

fn reference(kind: Kind, number: u64) -> Reference {
    Reference { kind, number }
}

#[test]
fn every_deed_has_a_row() {
    let routes = routes();
    for deed in Deed::ALL {
        assert!(routes.rows().any(|row| row.decision == Decision::Deed(deed)), "{deed:?}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn calls_say_what_they_are_about_and_are_rebuilt() {
    let cases: [(&str, &str, Deed, &[Reference], &str); 12] = [
        ("GET", "/", Deed::OpenLabelStudio, &[], "/"),
        (
            "GET",
            "/api/projects/7",
            Deed::ViewProject,
            &[reference(Kind::Project, 7)],
            "/api/projects/7/",
        ),
        (
            "GET",
            "/api/tasks?page=1&page_size=30&view=4&project=9",
            Deed::ViewTask,
            &[reference(Kind::Tab, 4), reference(Kind::Project, 9)],
            "/api/tasks/?page=1&page_size=30&view=4&project=9",
        ),
        (
            "POST",
            "/api/dm/actions?id=next_task&tabID=1&project=2",
            Deed::LabelTask,
            &[reference(Kind::Tab, 1), reference(Kind::Project, 2)],
            "/api/dm/actions/?id=next_task&tabID=1&project=2",
        ),
        (
            "POST",
            "/api/dm/actions/?project=2&id=delete_tasks",
            Deed::DeleteTask,
            &[reference(Kind::Project, 2)],
            "/api/dm/actions/?id=delete_tasks&project=2",
        ),
        (
            "PATCH",
            "/api/storages/export/s3/5",
            Deed::ChangeStorage,
            &[reference(Kind::Storage(Direction::Export, StorageType::S3), 5)],
            "/api/storages/export/s3/5",
        ),
        (
            "GET",
            "/api/storages/localfiles/5",
            Deed::ViewStorage,
            &[reference(Kind::Storage(Direction::Import, StorageType::LocalFiles), 5)],
            "/api/storages/localfiles/5",
        ),
        (
            "POST",
            "/api/projects/7/exports/5/convert",
            Deed::ExportData,
            &[reference(Kind::Project, 7), reference(Kind::Snapshot(7), 5)],
            "/api/projects/7/exports/5/convert",
        ),
        (
            "GET",
            "/static/css/main.9be72da65a79.css",
            Deed::OpenLabelStudio,
            &[],
            "/static/css/main.9be72da65a79.css",
        ),
        (
            "GET",
            "/tasks/3/resolve?fileuri=czM6Ly9i%2B+",
            Deed::ReadTaskMedia,
            &[reference(Kind::Task, 3)],
            "/tasks/3/resolve/?fileuri=czM6Ly9i%2B%20",
        ),
        (
            "GET",
            "/api/tasks?project=3&view=0",
            Deed::ViewTask,
            &[reference(Kind::Project, 3)],
            "/api/tasks/?project=3",
        ),
        (
            "HEAD",
            "/api/annotations/8/",
            Deed::ViewAnnotation,
            &[reference(Kind::Annotation, 8)],
            "/api/annotations/8/",
        ),
    ];
    for (method, target, deed, references, canonical) in cases {
        let call =
            find(method, target).unwrap_or_else(|fault| panic!("{method} {target}: {fault}"));
        assert_eq!(call.deed(), deed, "{target}");
        assert_eq!(call.references(), references, "{target}");
        assert_eq!(call.target(), canonical, "{target}");
        assert_eq!(call.head_only(), method == "HEAD");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_label_studio_takes_for_the_same_is_found_nowhere() {
    for target in [
        "/api/tasks/0001",
        "/api/tasks/0_1/",
        "/api/tasks/+1/",
        "/api/tasks/%201/",
        "/api/tasks/1%20/",
        "/api/tasks/\u{661}/",
        "/api/tasks/%D9%A1/",
        "/api/tasks/-1/",
        "/api/tasks/0",
        "/api/tasks/1.0/",
        "/api/tasks/9999999999999999999/",
        "/tasks%2F1%2Fresolve/?fileuri=a",
        "//tasks/1/resolve/?fileuri=a",
        "/tasks/1//resolve/?fileuri=a",
        "/tasks/1/resolve//?fileuri=a",
        "/Tasks/1/resolve/?fileuri=a",
        "/api/Projects/1/",
        "/api/users.json",
        "/api/users/1.json",
        "/api/predictions.json",
        "/api/dm/views/1.json",
        "/api/./projects/",
        "/api/../admin/",
        "/static/../api/projects/",
        "/static/.hidden",
        "/static//a.css",
        "/static/",
        "/foo/bar/data/local-files/baz",
        "/whatever/version/x",
        "/x/health/y",
        "/nope/trigger500/",
        "/api/current-user/whoami/",
        "/api/storages/s3/1/",
        "/api/storages/S3/1",
        "/api/storages/hdfs/1",
        "/api/projects/1/export/",
        "/api/unknown",
        "",
        "api/projects/1",
        "/api/projects/1;a=b/",
        "/api/projects/1\\",
    ] {
        assert_eq!(find("GET", target).unwrap_err(), NoRoute::Unlisted, "{target}");
    }
    for (method, target) in [
        ("GET", "/admin/"),
        ("POST", "/admin/users/user/2/password/"),
        ("GET", "/django-rq/queues"),
        ("GET", "/user/signup"),
        ("POST", "/user/login/"),
        ("GET", "/api/invite"),
        ("POST", "/api/token/refresh/"),
        ("GET", "/api/current-user/token"),
        ("POST", "/api/jwt/settings"),
        ("PATCH", "/api/session-policy"),
        ("GET", "/docs/api/schema/json/"),
        ("GET", "/version/"),
        ("GET", "/data/local-files?d=a"),
    ] {
        assert_eq!(find(method, target).unwrap_err(), NoRoute::Shut, "{method} {target}");
    }
    assert_eq!(find("DELETE", "/api/current-user/whoami").unwrap_err(), NoRoute::Unlisted);
}

#[test]
fn queries_are_closed() {
    for (method, target, name) in [
        ("GET", "/api/tasks/", "project"),
        ("GET", "/api/tasks/?project=1&project=2", "project"),
        ("GET", "/api/tasks/?project=0_1", "project"),
        ("GET", "/api/tasks/?project=0", "project"),
        ("GET", "/api/tasks/?project=1&view=0&view=2", "view"),
        ("GET", "/api/tasks/?project=%201%20", "project"),
        ("GET", "/api/tasks/?project=%D9%A1", "project"),
        ("GET", "/api/tasks/?project=1&format=json", "format"),
        ("GET", "/api/dm/views/?project=", "project"),
        ("GET", "/api/dm/columns/", "project"),
        ("GET", "/api/projects/1/?a=%zz", "a"),
        ("GET", "/api/projects/?search=%00", "search"),
        ("GET", "/tasks/1/resolve/", "fileuri"),
    ] {
        let expected = NoRoute::BadQuery { name: name.to_owned() };
        assert_eq!(find(method, target).unwrap_err(), expected, "{target}");
    }
    // Which action it is decides what it does: none, an unknown one or two of them are no row.
    for target in [
        "/api/dm/actions/?project=1",
        "/api/dm/actions/?project=1&id=drop_all",
        "/api/dm/actions/?project=1&id=next_task&id=delete_tasks",
    ] {
        assert_eq!(find("POST", target).unwrap_err(), NoRoute::Unlisted, "{target}");
    }
}

#[test]
fn a_list_that_names_nothing_can_be_of_a_project() {
    for (target, names_no_project, for_project) in [
        ("/api/predictions", true, "/api/predictions/?project=7"),
        ("/api/predictions?ordering=id", true, "/api/predictions/?ordering=id&project=7"),
        ("/api/predictions?task=3", false, ""),
        ("/api/dm/views?project=3", false, ""),
        ("/api/webhooks", true, "/api/webhooks/?project=7"),
        ("/api/tasks/3", false, ""),
    ] {
        let call = find("GET", target).unwrap();
        assert_eq!(call.names_no_project(), names_no_project, "{target}");
        if names_no_project {
            assert_eq!(call.target_for_project(7), for_project);
        }
    }
}

#[test]
fn filters_are_decoded_and_encoded_twice_as_label_studio_does() {
    let call = find("GET", "/api/tasks?project=1&query=%7B%22a%22:%22%2525%22%7D&page=2").unwrap();
    assert_eq!(call.filters().unwrap().unwrap(), r#"{"a":"%"}"#);
    let target = call.target_with_filters(r#"{"b":"%"}"#);
    assert_eq!(target, "/api/tasks/?project=1&page=2&query=%7B%22b%22%3A%22%2525%22%7D");
    let again = find("GET", &target).unwrap();
    assert_eq!(again.filters().unwrap().unwrap(), r#"{"b":"%"}"#);
    assert!(find("GET", "/api/tasks?project=1&query=%25ff").unwrap().filters().is_err());
    assert_eq!(find("GET", "/api/tasks?project=1").unwrap().filters(), Ok(None));
}

#[test]
fn parts_of_forms_that_can_hold_handles_are_told() {
    let form = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; \
                name=\"f\"; filename=\"t.JSON\"\r\n\r\n[1]\r\n--b\r\nContent-Disposition: form-data; name=\"g\"; \
                filename=\"t.csv\"\r\n\r\na,b\r\n--b\r\nContent-Disposition: form-data; name=\"h\"; \
                filename=\"t.png\"\r\n\r\n/-/m/x\r\n--b--\r\n";
    let call = find("POST", "/api/projects/1/import").unwrap();
    let kind = Some("multipart/form-data; boundary=b");
    let read = call.body().read(kind, form.as_bytes(), None).unwrap();
    let texts =
        read.texts.iter().map(|(range, form_of)| (form.get(range.clone()).unwrap(), *form_of));
    assert_eq!(texts.collect::<Vec<_>>(), [("[1]", Form::Json), ("a,b", Form::Table)]);
}

fn read(method: &str, target: &str, body: &str) -> Result<Vec<Reference>, BadBody> {
    let call = find(method, target).unwrap();
    let read = call.body().read(Some("application/json"), body.as_bytes(), call.storage_type());
    read.map(|body| body.references)
}

#[test]
fn bodies_say_what_they_move() {
    let import = Kind::Storage(Direction::Import, StorageType::S3);
    let cases: [(&str, &str, &str, &[Reference]); 8] = [
        ("PATCH", "/api/tasks/6/", r#"{"project":2}"#, &[reference(Kind::Project, 2)]),
        ("PATCH", "/api/tasks/6/", r#"{"project":"2"}"#, &[reference(Kind::Project, 2)]),
        ("PATCH", "/api/tasks/6/", r#"{"project":null,"data":{"project":3}}"#, &[]),
        (
            "PATCH",
            "/api/annotations/1/",
            r#"{"task":8,"project":2}"#,
            &[reference(Kind::Project, 2), reference(Kind::Task, 8)],
        ),
        (
            "POST",
            "/api/predictions/",
            r#"{"task":8,"project":2}"#,
            &[reference(Kind::Task, 8), reference(Kind::Project, 2)],
        ),
        (
            "POST",
            "/api/storages/s3/validate",
            r#"{"project":2,"id":1}"#,
            &[reference(Kind::Project, 2), reference(import, 1)],
        ),
        (
            "POST",
            "/api/labels/",
            r#"[{"project":1},{"project":2}]"#,
            &[reference(Kind::Project, 1), reference(Kind::Project, 2)],
        ),
        (
            "POST",
            "/api/projects/1/tasks/bulk/",
            r#"[{"data":{}},{"project":2}]"#,
            &[reference(Kind::Project, 2)],
        ),
    ];
    for (method, target, body, expected) in cases {
        assert_eq!(read(method, target, body).unwrap(), expected, "{target} {body}");
    }
}

#[test]
fn bodies_that_say_something_else_to_another_reader_are_refused() {
    for (method, target, body) in [
        ("PATCH", "/api/tasks/6/", r#"{"project":1,"project":2}"#),
        ("PATCH", "/api/tasks/6/", r#"{"data":{"a":1,"a":2}}"#),
        ("PATCH", "/api/tasks/6/", r#"{"project":[2]}"#),
        ("PATCH", "/api/tasks/6/", r#"{"project":"0_2"}"#),
        ("PATCH", "/api/tasks/6/", r#"{"project":" 2"}"#),
        ("PATCH", "/api/tasks/6/", r#"{"project":2.0}"#),
        ("PATCH", "/api/tasks/6/", r#"{"project":-2}"#),
        ("PATCH", "/api/tasks/6/", r#"{"project":true}"#),
        ("PATCH", "/api/tasks/6/", "{\"project\":2} x"),
        ("PATCH", "/api/tasks/6/", "project=2"),
        ("PATCH", "/api/tasks/6/", "\u{c}{\"project\":2}"),
        ("PATCH", "/api/tasks/6/", " "),
        ("POST", "/api/tasks/", r#"{"data":{}}"#),
        ("POST", "/api/tasks/", r#"[{"project":1},{"data":{}}]"#),
        ("POST", "/api/tasks/", ""),
        ("POST", "/api/dm/views/", "null"),
        ("POST", "/api/tasks/1/annotations/", r#"{"completed_by":3}"#),
        ("POST", "/api/projects/1/import", r#"[{"data":{},"file_upload_id":3}]"#),
        ("PATCH", "/api/current-user/product-tour", r#"{"user":3}"#),
        ("PATCH", "/api/projects/1/", r#"{"task_data_password":"x"}"#),
        ("PATCH", "/api/users/1/", r#"{"email":"b@example.com"}"#),
    ] {
        assert!(read(method, target, body).is_err(), "{target} {body}");
    }
    let call = find("PATCH", "/api/tasks/6/").unwrap();
    for kind in
        ["application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/plain", ""]
    {
        let read = call.body().read(Some(kind), b"project=2", None);
        assert!(matches!(read, Err(BadBody::Type)), "{kind}");
    }
}

#[test]
fn multipart_is_read_in_one_way_only() {
    let call = find("POST", "/api/projects/1/import").unwrap();
    let form = |field: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; {field}\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"
        )
    };
    let read = |kind: &str, body: &str| call.body().read(Some(kind), body.as_bytes(), None);
    let kind = "multipart/form-data; boundary=b";
    assert!(read(kind, &form("name=\"file\"; filename=\"a.json\"")).is_ok());
    for (what, kind, body) in [
        ("a field that is refused", kind, form("name=\"file_upload_id\"")),
        ("without quotes", kind, form("name=url")),
        ("two names", kind, form("name=\"a\"; name=\"url\"")),
        ("an extended name", kind, form("name=\"a\"; name*=utf-8''url")),
        ("an escaped name", kind, form("name=\"u\\rl\"")),
        ("an extended file name", kind, form("name=\"a\"; filename*=utf-8''b")),
        ("another disposition", kind, "--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--b--".to_owned()),
        ("an encoding", kind, "--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--b--".to_owned()),
        ("a preamble", kind, format!("x\r\n{}", form("name=\"a\""))),
        ("an epilogue", kind, format!("{}x", form("name=\"a\""))),
        ("no end", kind, "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx".to_owned()),
        ("two boundaries", "multipart/form-data; boundary=b; boundary=c", form("name=\"a\"")),
        ("a quoted boundary", "multipart/form-data; boundary=\"b\"", form("name=\"a\"")),
        ("bare line feeds", kind, form("name=\"a\"").replace("\r\n", "\n")),
    ] {
        assert!(read(kind, &body).is_err(), "{what}");
    }
}

#[test]
fn a_table_tells_all_of_its_faults() {
    let table = "GET /a OpenLabelStudio json - -\nGET /b Nothing json - -\nGET c OpenLabelStudio json - -\n\
                 GET /d OpenLabelStudio xml - -\nGET /e/{thing} OpenLabelStudio json - -\nGET /f\n\
                 POST /g OpenLabelStudio json - yaml\nGET /h/{any}/i OpenLabelStudio json - -\n";
    let told = Routes::read(table).unwrap_err().to_string();
    let lines: Vec<_> = told.lines().map(|line| line.get(..6).unwrap()).collect();
    assert_eq!(
        lines,
        ["line 2", "line 3", "line 4", "line 5", "line 6", "line 7", "line 8"],
        "{told}"
    );
}

proptest! {
    #[test]
    fn whatever_is_asked_a_found_call_finds_itself_again(
        path in "(/(api|tasks|projects|data|static|dm|storages|s3|views|1|23|0|resolve|[a-z.%_]{1,4}|\\PC)){0,6}/?",
        query in "((project|task|view|id|page|[a-z]{1,2})=([0-9]{1,3}|next_task|\\PC{0,3})&?){0,3}",
        method in prop::sample::select(vec!["GET", "POST", "PATCH", "HEAD", "DELETE"]),
    ) {
        let routes = routes();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        if let Ok(call) = routes.find(&method, &path, Some(&query)) {
            let (path, query) = match call.target().split_once('?') {
                Some((path, query)) => (path, Some(query)),
                None => (call.target(), None),
            };
            let again = routes.find(&method, path, query).unwrap();
            prop_assert_eq!(again.target(), call.target());
            prop_assert_eq!(again.references(), call.references());
            prop_assert_eq!(again.deed(), call.deed());
        }
    }
}
