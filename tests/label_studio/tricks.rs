//! What Label Studio takes for the same as something else: spellings of numbers and paths, doubled members, bodies in other forms,
//! framings. None of it arrives there as anything but what was decided, in its one canonical spelling; seen by a relay at its
//! door, and by the state of the project that the tricks aim at.

use http::Method;
use sluicegate::label_studio::Routes;

use crate::moves::state;
use crate::relay::{Relayed, Seen};
use crate::support::{Person, Site, raw};
use crate::wire;

/// What becomes of a trick.
#[derive(Debug, Clone, Copy)]
enum Comes {
    /// Nothing arrives.
    Nothing,
    /// This request line, without the version.
    As(&'static str),
}

use Comes::{As, Nothing};

/// Name, target, and what arrives of a GET. Of a manager of the first project: `{p}` and `{t}` are it and a task of it, `{P}`,
/// `{T}` of another; `{%T}` is the latter with an escape.
const TARGETS: &[(&str, &str, Comes)] = &[
    ("itself", "/api/tasks/{t}/", As("GET /api/tasks/{t}/")),
    ("no slash at the end", "/api/tasks/{t}", As("GET /api/tasks/{t}/")),
    ("no slash before the query", "/api/tasks?project={p}", As("GET /api/tasks/?project={p}")),
    (
        "an escaped name of a parameter",
        "/api/tasks/?%70roject={p}",
        As("GET /api/tasks/?project={p}"),
    ),
    (
        "an escaped value of a parameter",
        "/api/tasks/?project={%p}",
        As("GET /api/tasks/?project={p}"),
    ),
    ("empty pairs", "/api/tasks/?&&project={p}&", As("GET /api/tasks/?project={p}")),
    (
        "a space as plus",
        "/api/tasks/?fields=a+b&project={p}",
        As("GET /api/tasks/?fields=a%20b&project={p}"),
    ),
    (
        "an ampersand within",
        "/api/tasks/?fields=%26project={P}&project={p}",
        As("GET /api/tasks/?fields=%26project%3D{P}&project={p}"),
    ),
    ("a foreign one, plainly", "/api/tasks/{T}/", Nothing),
    ("underscores", "/api/tasks/0_{T}/", Nothing),
    ("zeros", "/api/tasks/000{T}/", Nothing),
    ("a sign", "/api/tasks/+{T}/", Nothing),
    ("an escaped sign", "/api/tasks/%2B{T}/", Nothing),
    ("a space before", "/api/tasks/%20{T}/", Nothing),
    ("a space behind", "/api/tasks/{T}%20/", Nothing),
    ("a line feed behind", "/api/tasks/{T}%0A/", Nothing),
    ("a null byte behind", "/api/tasks/{T}%00/", Nothing),
    ("Arabic digits", "/api/tasks/%D9%A1/", Nothing),
    ("Arabic digits, unescaped", "/api/tasks/\u{661}/", Nothing),
    ("full-width digits", "/api/tasks/%EF%BC%91/", Nothing),
    ("an escaped digit", "/api/tasks/{%T}/", Nothing),
    ("a digit escaped twice", "/api/tasks/%25{%T}/", Nothing),
    ("a fraction", "/api/tasks/{T}.0/", Nothing),
    ("an exponent", "/api/tasks/{T}e0/", Nothing),
    ("a negative number", "/api/tasks/-{T}/", Nothing),
    ("a number too large", "/api/tasks/99999999999999999999/", Nothing),
    ("an escaped slash", "/api/tasks%2F{T}/", Nothing),
    ("escaped slashes around", "/tasks%2F{T}%2Fresolve/?fileuri=a", Nothing),
    ("an escaped slash at the end", "/api/tasks/{t}%2F", Nothing),
    ("a slash escaped twice", "/api/tasks%252F{T}/", Nothing),
    ("an escaped letter", "/api/t%61sks/{t}/", Nothing),
    ("two slashes first", "//api/tasks/{T}/", Nothing),
    ("two slashes within", "/api//tasks/{t}/", Nothing),
    ("two slashes last", "/api/tasks/{t}//", Nothing),
    ("a slash too many", "/api/projects/{p}/export/", Nothing),
    ("a dot", "/api/./tasks/{t}/", Nothing),
    ("two dots", "/api/projects/{p}/../{P}/", Nothing),
    ("two dots from files", "/static/../api/projects/{P}/", Nothing),
    ("two escaped dots", "/static/%2e%2e/api/projects/{P}/", Nothing),
    ("dots and a backslash", "/static/..\\api/projects/{P}/", Nothing),
    ("backslashes", "\\api\\tasks\\{T}\\", Nothing),
    ("a path parameter", "/api/tasks/{T};a=b/", Nothing),
    ("an empty path parameter", "/api/tasks/{t};/", Nothing),
    ("another case", "/api/Tasks/{t}/", Nothing),
    ("upper case", "/API/TASKS/{t}/", Nothing),
    ("a long s", "/api/ta%C5%BFks/{t}/", Nothing),
    ("a suffix", "/api/users.json", Nothing),
    ("a suffix of one", "/api/predictions/{T}.json", Nothing),
    ("a suffix and a query", "/api/dm/views.json?project={P}", Nothing),
    ("a suffix and a slash", "/api/dm/views/{T}.json/", Nothing),
    ("a suffix of the root", "/api/.json", Nothing),
    ("local files anywhere", "/foo/bar/data/local-files/baz?d=a", Nothing),
    ("version anywhere", "/whatever/version/x", Nothing),
    ("health anywhere", "/x/health/y", Nothing),
    ("metrics under a project", "/api/projects/{p}/metrics/", Nothing),
    ("an error anywhere", "/nope/trigger500/", Nothing),
    ("samples anywhere", "/x/samples/paragraphs.json", Nothing),
    ("version under static files", "/staticx/version/", Nothing),
    ("a fragment", "/api/tasks/{t}/#/{T}", Nothing),
    ("the whole address", "https://localhost/api/tasks/{T}/", Nothing),
    ("an asterisk", "*", Nothing),
    ("no slash first", "api/tasks/{t}/", Nothing),
    ("doubled, the other last", "/api/tasks/?project={p}&project={P}", Nothing),
    ("doubled, the other first", "/api/tasks/?project={P}&project={p}", Nothing),
    ("doubled, once escaped", "/api/tasks/?project={p}&%70roject={P}", Nothing),
    ("doubled, the same", "/api/tasks/?project={p}&project={p}", Nothing),
    ("another case of a name", "/api/tasks/?project={p}&Project={P}", Nothing),
    ("a list", "/api/tasks/?project={p}&project[]={P}", Nothing),
    ("a semicolon between", "/api/tasks/?project={p};project={P}", Nothing),
    ("an escaped ampersand", "/api/tasks/?project={p}%26project={P}", Nothing),
    ("a second question mark", "/api/tasks/?project={p}?project={P}", Nothing),
    ("an underscored value", "/api/tasks/?project=0_{P}", Nothing),
    ("a value within spaces", "/api/tasks/?project=%20{P}%20", Nothing),
    ("a value with a plus", "/api/tasks/?project=+{P}", Nothing),
    ("an Arabic value", "/api/tasks/?project=%D9%A1", Nothing),
    ("a value and a null byte", "/api/tasks/?project={P}%00", Nothing),
    ("no value, for all projects", "/api/tasks/?project=", Nothing),
    ("no project, for the first one", "/api/dm/columns/", Nothing),
    ("zero, for the first one", "/api/dm/columns/?project=0", Nothing),
    ("a broken escape", "/api/tasks/?project={p}&query=%zz", Nothing),
    ("an overlong escape", "/api/tasks/?project={p}&query=%C0%AF", Nothing),
    ("an unknown parameter", "/api/tasks/?project={p}&format=api", Nothing),
    ("another renderer", "/api/tasks/{t}/?format=api", Nothing),
    ("more of what it refers to", "/api/annotations/{a}/?expand=completed_by", Nothing),
];

/// Name, media type, body of a PATCH of the first project's task, and whether it arrives as it is. `{P}`: the other project.
const BODIES: &[(&str, &str, &[u8], bool)] = &[
    ("itself", "application/json", b"{\"meta\":{}}", true),
    ("its own project", "application/json", b"{\"meta\":{},\"project\":{p}}", true),
    ("with a charset", "Application/JSON; charset=utf-8", b"{\"meta\":{}}", true),
    ("spaces around", "application/json", b" {\"meta\":{}}\n", true),
    (
        "what no row says of",
        "application/json",
        b"{\"meta\":{},\"__proto__\":{\"project\":{P}},\"project\\u0000\":{P}}",
        true,
    ),
    ("below another member", "application/json", b"{\"meta\":{\"project\":{P}}}", true),
    ("the other project", "application/json", b"{\"meta\":{},\"project\":{P}}", false),
    ("doubled", "application/json", b"{\"meta\":{},\"project\":{p},\"project\":{P}}", false),
    (
        "doubled, once escaped",
        "application/json",
        b"{\"meta\":{},\"project\":{p},\"\\u0070roject\":{P}}",
        false,
    ),
    ("escaped", "application/json", b"{\"meta\":{},\"\\u0070\\u0072oject\":{P}}", false),
    ("doubled within", "application/json", b"{\"meta\":{\"a\":1,\"\\u0061\":2}}", false),
    ("an exponent", "application/json", b"{\"meta\":{},\"project\":{P}e0}", false),
    ("a fraction", "application/json", b"{\"meta\":{},\"project\":{P}.0}", false),
    ("a number and a space", "application/json", b"{\"meta\":{},\"project\":\"{P} \"}", false),
    ("a space and a number", "application/json", b"{\"meta\":{},\"project\":\" {P}\"}", false),
    ("underscores", "application/json", b"{\"meta\":{},\"project\":\"0_{P}\"}", false),
    ("zeros", "application/json", b"{\"meta\":{},\"project\":\"0{P}\"}", false),
    ("zeros of a number", "application/json", b"{\"meta\":{},\"project\":0{P}}", false),
    ("a sign", "application/json", b"{\"meta\":{},\"project\":\"+{P}\"}", false),
    ("Arabic digits", "application/json", b"{\"meta\":{},\"project\":\"\\u0661\"}", false),
    ("true", "application/json", b"{\"meta\":{},\"project\":true}", false),
    ("a list", "application/json", b"{\"meta\":{},\"project\":[{P}]}", false),
    ("an object", "application/json", b"{\"meta\":{},\"project\":{\"id\":{P}}}", false),
    ("minus nothing", "application/json", b"{\"meta\":{},\"project\":-0}", false),
    ("a list of two", "application/json", b"[{\"project\":{p}},{\"project\":{P}}]", false),
    ("not a number", "application/json", b"{\"meta\":{\"a\":NaN}}", false),
    ("an infinite project", "application/json", b"{\"meta\":{},\"project\":Infinity}", false),
    ("a lone surrogate", "application/json", b"{\"meta\":{\"a\":\"\\ud800\"}}", false),
    (
        "a lone surrogate in a name",
        "application/json",
        b"{\"meta\":{},\"\\ud800project\":{P}}",
        false,
    ),
    ("a byte order mark", "application/json", b"\xef\xbb\xbf{\"meta\":{},\"project\":{P}}", false),
    ("bytes that are no text", "application/json", b"{\"meta\":{\"a\":\"\xff\"}}", false),
    ("two documents", "application/json", b"{\"meta\":{}}{\"project\":{P}}", false),
    ("a null byte behind", "application/json", b"{\"meta\":{}}\0", false),
    ("a null byte before", "application/json", b"\0{\"meta\":{}}", false),
    ("a form feed before", "application/json", b"\x0c{\"meta\":{}}", false),
    ("a raw line feed in a text", "application/json", b"{\"meta\":{\"a\":\"\n\"}}", false),
    ("a comma too many", "application/json", b"{\"meta\":{},}", false),
    ("a comment", "application/json", b"{\"meta\":{}/*\"project\":{P}*/}", false),
    ("single quotes", "application/json", b"{'project':{P}}", false),
    (
        "in sixteen bits",
        "application/json; charset=utf-16",
        b"\xff\xfe{\0\"\0m\0e\0t\0a\0\"\0:\0{\0}\0}\0",
        false,
    ),
    ("in seven bits", "application/json; charset=utf-7", b"+AHs-\"project\":{P}}", false),
    ("a form", "application/x-www-form-urlencoded", b"project={P}", false),
    (
        "multipart",
        "multipart/form-data; boundary=b",
        b"--b\r\nContent-Disposition: form-data; name=\"project\"\r\n\r\n{P}\r\n--b--\r\n",
        false,
    ),
    (
        "JSON that calls itself a form",
        "application/x-www-form-urlencoded",
        b"{\"project\":{P}}",
        false,
    ),
    ("a form that calls itself JSON", "application/json", b"project={P}", false),
    (
        "two types in one",
        "application/json, application/x-www-form-urlencoded",
        b"project={P}",
        false,
    ),
    (
        "a type behind a type",
        "application/x-www-form-urlencoded; application/json",
        b"project={P}",
        false,
    ),
    ("no type", "", b"{\"meta\":{},\"project\":{P}}", false),
    ("text", "text/plain", b"{\"meta\":{},\"project\":{P}}", false),
    ("another JSON", "application/vnd.api+json", b"{\"meta\":{},\"project\":{P}}", false),
];

/// The numbers that the tricks speak of.
struct Numbers {
    marks: Vec<(&'static str, String)>,
}

impl Numbers {
    fn of(relayed: &Relayed) -> Self {
        let [mine, theirs] = &relayed.things;
        let number = |things: &crate::things::Things, name| things.numbers[name].to_string();
        let escaped = |text: &str| format!("%3{}{}", &text[..1], &text[1..]);
        let (p, other) = (number(mine, "project"), number(theirs, "task"));
        let marks = vec![
            ("{%p}", escaped(&p)),
            ("{%T}", escaped(&other)),
            ("{p}", p),
            ("{t}", number(mine, "task")),
            ("{a}", number(mine, "annotation")),
            ("{P}", number(theirs, "project")),
            ("{T}", other),
        ];
        Self { marks }
    }

    fn put(&self, text: &str) -> String {
        self.marks.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value))
    }

    fn put_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.marks.iter().find(|(mark, _)| rest.starts_with(mark.as_bytes())) {
                Some((mark, value)) => {
                    out.extend_from_slice(value.as_bytes());
                    rest = &rest[mark.len()..];
                }
                None => {
                    out.push(rest[0]);
                    rest = &rest[1..];
                }
            }
        }
        out
    }
}

/// Every request that arrives at all: found in the catalogue as exactly what it is, framed in one way, with no header but ours.
fn assert_canonical(name: &str, seen: &Seen) {
    let told = format!("{name}: {seen:?}");
    let (path, query) = match seen.target().split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (seen.target(), None),
    };
    let method = Method::from_bytes(seen.method().as_bytes()).unwrap();
    let call = Routes::built_in().unwrap().find(&method, path, query);
    assert_eq!(
        call.unwrap_or_else(|fault| panic!("{fault}: {told}")).target(),
        seen.target(),
        "{told}"
    );
    assert_eq!(seen.line(), format!("{method} {} HTTP/1.1", seen.target()), "{told}");
    assert!(seen.beyond.is_empty(), "{told}");
    let mut names: Vec<_> = seen.headers().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    let bodiless = ["accept", "accept-encoding", "authorization", "host", "user-agent"];
    let ours: Vec<&str> = if method == Method::GET {
        bodiless.to_vec()
    } else if seen.body.is_empty() {
        let mut all = [&bodiless[..], &["content-length"]].concat();
        all.sort_unstable();
        all
    } else {
        let mut all = [&bodiless[..], &["content-length", "content-type"]].concat();
        all.sort_unstable();
        all
    };
    assert_eq!(names, ours, "{told}");
    if !seen.body.is_empty() {
        assert_eq!(seen.header("content-type"), Some("application/json"), "{told}");
        assert_eq!(seen.header("content-length"), Some(&*seen.body.len().to_string()), "{told}");
    }
}

/// What arrived, all of it canonical.
fn arrived(relayed: &Relayed, name: &str) -> Vec<Seen> {
    let all = relayed.relay.asked();
    all.iter().for_each(|seen| assert_canonical(name, seen));
    all
}

fn raw_request(site: &Site, who: &Person, line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n{headers}\r\n",
        site.port, who.token
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_spelt_otherwise_arrives_in_one_spelling_or_not_at_all() {
    let relayed = Relayed::alone().await;
    let (site, who) = (&relayed.world.site, &relayed.world.manager);
    let numbers = Numbers::of(&relayed);
    let before = state(&relayed);
    for (name, target, comes) in TARGETS {
        let target = numbers.put(target);
        let expected: Vec<String> = match comes {
            Nothing => Vec::new(),
            As(line) => vec![format!("{} HTTP/1.1", numbers.put(line))],
        };
        for (protocol, method) in [("1.1", "GET"), ("1.1", "HEAD"), ("2", "GET")] {
            let told = format!("{name}, {method} over HTTP/{protocol}: {target}");
            let status = match protocol {
                "2" => wire::ask(site, who, (method, &target), ("", &[])).await,
                _ => {
                    let request = raw_request(site, who, &format!("{method} {target}"), "", b"");
                    Some(raw::exchange(site, &request).0[9..12].parse().unwrap())
                }
            };
            let lines: Vec<_> =
                arrived(&relayed, &told).iter().map(|seen| seen.line().to_owned()).collect();
            assert_eq!(lines, expected, "{told}: {status:?}");
            let refused = status.is_none_or(|status: u16| (400..500).contains(&status));
            assert_eq!(refused, expected.is_empty(), "{told}: {status:?}");
        }
    }
    assert_eq!(before, state(&relayed));
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "each body in three framings")]
async fn a_body_is_read_in_one_way_or_not_sent() {
    let relayed = Relayed::alone().await;
    let (site, who) = (&relayed.world.site, &relayed.world.manager);
    let numbers = Numbers::of(&relayed);
    let before = state(&relayed);
    let line = numbers.put("PATCH /api/tasks/{t}/");
    let target = numbers.put("/api/tasks/{t}/");
    for (name, kind, body, comes) in BODIES {
        let body = numbers.put_bytes(body);
        let kind_line =
            if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        let mut chunked = Vec::new();
        for chunk in body.chunks(3) {
            chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            chunked.extend_from_slice(chunk);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        let length = format!("{kind_line}Content-Length: {}\r\n", body.len());
        let chunks = format!("{kind_line}Transfer-Encoding: chunked\r\n");
        for (framing, headers, sent) in [
            ("a length", length, &body),
            ("chunks", chunks, &chunked),
            ("HTTP/2", String::new(), &body),
        ] {
            let told = format!("{name}, by {framing}");
            let status = if framing == "HTTP/2" {
                wire::ask(site, who, ("PATCH", &target), (kind, sent)).await
            } else {
                let request = raw_request(site, who, &line, &headers, sent);
                Some(raw::exchange(site, &request).0[9..12].parse().unwrap())
            };
            let seen = arrived(&relayed, &told);
            assert_eq!(seen.len(), usize::from(*comes), "{told}: {status:?} {seen:?}");
            if let [one] = seen.as_slice() {
                assert_eq!(
                    (one.line(), &one.body),
                    (&*format!("{line} HTTP/1.1"), &body),
                    "{told}"
                );
                assert_eq!(status, Some(200), "{told}");
            } else {
                assert!(
                    status.is_some_and(|status| (400..500).contains(&status)),
                    "{told}: {status:?}"
                );
            }
        }
    }
    let deep = [b"{\"meta\":".repeat(50_000), b"1".to_vec(), b"}".repeat(50_000)].concat();
    let length = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", deep.len());
    let (head, _) = raw::exchange(site, &raw_request(site, who, &line, &length, &deep));
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    assert!(arrived(&relayed, "a deep one").is_empty());
    let steady = |state: Vec<(String, serde_json::Value)>| -> Vec<_> {
        let mine = relayed.things[0].numbers["task"];
        state
            .into_iter()
            .filter(|(path, _)| !path.starts_with(&format!("/api/tasks/{mine}/")))
            .collect()
    };
    assert_eq!(steady(before), steady(state(&relayed)));
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "two tables")]
async fn framings_and_headers_tell_label_studio_nothing() {
    let relayed = Relayed::alone().await;
    let (site, who) = (&relayed.world.site, &relayed.world.manager);
    let numbers = Numbers::of(&relayed);
    let before = state(&relayed);
    let smuggled = numbers.put("GET /api/tasks/{T}/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let chunk = format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    let chunks = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let patch = numbers.put("PATCH /api/tasks/{t}/");
    let get = numbers.put("GET /api/tasks/{t}/");
    let list = numbers.put("GET /api/tasks/?project={p}");
    let body = numbers.put("{\"project\":{P}}");
    let length = |body: &str| {
        format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
    };
    let json = "Content-Type: application/json\r\n";
    for (name, line, headers, sent) in [
        ("a request in a chunk", &*patch, chunks.to_owned(), chunk.clone()),
        ("a length and chunks", &patch, format!("{chunks}Content-Length: 4\r\n"), chunk.clone()),
        (
            "chunks of chunks",
            &patch,
            format!("{json}Transfer-Encoding: chunked, chunked\r\n"),
            chunk.clone(),
        ),
        (
            "chunks, spelt oddly",
            &patch,
            format!("{json}Transfer-Encoding: xchunked\r\n"),
            chunk.clone(),
        ),
        (
            "chunks behind identity",
            &patch,
            format!("{json}Transfer-Encoding: identity, chunked\r\n"),
            chunk.clone(),
        ),
        ("chunks with a space", &patch, format!("{json}Transfer-Encoding : chunked\r\n"), chunk),
        (
            "two lengths",
            &patch,
            format!("{json}Content-Length: 2\r\nContent-Length: {}\r\n", body.len()),
            body.clone(),
        ),
        (
            "two types",
            &patch,
            format!("{}Content-Type: application/x-www-form-urlencoded\r\n", length(&body)),
            body.clone(),
        ),
        (
            "two types, the other way round",
            &patch,
            format!("Content-Type: text/plain\r\n{}", length("{}")),
            "{}".to_owned(),
        ),
        ("a body of a GET", &get, length(&body), body.clone()),
        ("a body of a list", &list, length(&body), body.clone()),
        ("a body instead of a query", "GET /api/tasks/", length(&body), body.clone()),
        ("a body of a HEAD", &get.replace("GET", "HEAD"), length(&body), body.clone()),
        (
            "a chunked body of a GET",
            &list,
            chunks.to_owned(),
            format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        ),
        ("a body of a DELETE", &numbers.put("DELETE /api/tasks/{t}/"), length(&body), body.clone()),
        ("a small method", &get.replace("GET", "get"), String::new(), String::new()),
        ("a method that is none", &get.replace("GET", "PROPFIND"), String::new(), String::new()),
        ("two of who asks", &get, "Authorization: Bearer of-another\r\n".to_owned(), String::new()),
    ] {
        let (head, _) =
            raw::exchange(site, &raw_request(site, who, line, &headers, sent.as_bytes()));
        let refused =
            ["400", "401", "404", "405", "413", "501"].iter().any(|it| head[9..].starts_with(it));
        let seen = arrived(&relayed, name);
        assert!(refused && seen.is_empty(), "{name}: {head}\n{seen:?}");
    }
    // Behind a sound request, on the same connection: what follows is a request of its own, and decided as one.
    let first = raw_request(site, who, &get, "", b"");
    let first = String::from_utf8(first).unwrap().replace("Connection: close\r\n", "");
    let second = raw_request(site, who, &numbers.put("GET /api/tasks/{T}/"), "", b"");
    let (_, rest) = raw::exchange(site, &[first.as_bytes(), &second].concat());
    assert!(String::from_utf8_lossy(&rest).contains("HTTP/1.1 404"));
    let seen = arrived(&relayed, "two requests");
    assert_eq!(seen.len(), 1, "{seen:?}");
    // What other servers believe, this one never hears of.
    for header in [
        "X-HTTP-Method-Override: DELETE",
        "X-Method-Override: DELETE",
        "X-Original-URI: /export/2-x",
        "X-Original-URL: /admin/",
        "X-Rewrite-URL: /admin/",
        "X-Api-Key: 5ca1ab1e00c0ffee00ba5eba1100f00d00facade",
        "X-Forwarded-User: root@example.com",
        "X-Forwarded-Prefix: /admin",
        "X-Script-Name: /admin",
        "Remote-User: root@example.com",
        "Cookie: sessionid=abc",
        "Forwarded: for=127.0.0.1;host=elsewhere",
        "X-Forwarded-Host: elsewhere",
        "Range: bytes=0-1",
        "If-None-Match: *",
        "Accept: text/html",
        "Accept-Encoding: gzip",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Encoding: gzip",
        "Host_: elsewhere",
        "Connection: authorization",
    ] {
        let request = raw_request(site, who, &get, &format!("{header}\r\n"), b"");
        let (head, _) = raw::exchange(site, &request);
        let seen = arrived(&relayed, header);
        let refused = head[9..].starts_with("40");
        assert!(refused || seen.len() == 1, "{header}: {head} {seen:?}");
        for one in &seen {
            assert!(one.header("authorization").unwrap().starts_with("Bearer eyJ"), "{header}");
            let text = format!("{:?}", one.head);
            assert!(!text.contains("elsewhere") && !text.contains("root@"), "{header}: {text}");
        }
    }
    assert_eq!(before, state(&relayed));
}
