//! HTTP/1.1 as bytes.

use crate::server::Server;

const HOST: &str = "Host: gw.example.com\r\n";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{HOST}\r\n")
}

#[test]
fn a_plain_request_is_told_and_the_connection_kept() {
    let server = Server::start();
    let mut client = server.connect();
    for path in ["/a", "/b?c=d"] {
        client.send(get(path));
        let answer = client.answer();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age=31536000\r\n"), "{answer}");
        assert!(
            answer.contains(&format!(
                "told GET {path} host=gw.example.com client=127.0.0.1 length=Some(0)"
            )),
            "{answer}"
        );
    }
}

#[test]
fn every_refused_head_is_answered_once_and_closes() {
    let many = "A: b\r\n".repeat(100);
    let large = format!("A: {}\r\n", "b".repeat(33_000));
    let path = "a".repeat(33_000);
    let cases = [
        // framing
        (
            "both framings",
            format!(
                "POST / HTTP/1.1\r\n{HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"
            ),
            "AmbiguousFraming",
        ),
        (
            "both, other order",
            format!(
                "POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc"
            ),
            "AmbiguousFraming",
        ),
        (
            "two lengths",
            format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
            "AmbiguousFraming",
        ),
        (
            "twice the same length",
            format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
            "AmbiguousFraming",
        ),
        (
            "list of lengths",
            format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 3, 3\r\n\r\nabc"),
            "AmbiguousFraming",
        ),
        (
            "signed length",
            format!("POST / HTTP/1.1\r\n{HOST}Content-Length: +3\r\n\r\nabc"),
            "AmbiguousFraming",
        ),
        (
            "negative length",
            format!("POST / HTTP/1.1\r\n{HOST}Content-Length: -3\r\n\r\nabc"),
            "AmbiguousFraming",
        ),
        (
            "hexadecimal length",
            format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 0x3\r\n\r\nabc"),
            "AmbiguousFraming",
        ),
        (
            "length with a space inside",
            format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 3 0\r\n\r\nabc"),
            "AmbiguousFraming",
        ),
        (
            "empty length",
            format!("POST / HTTP/1.1\r\n{HOST}Content-Length:\r\n\r\n"),
            "AmbiguousFraming",
        ),
        (
            "overflowing length",
            format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 18446744073709551617\r\n\r\n"),
            "AmbiguousFraming",
        ),
        (
            "gzip, chunked",
            format!("POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            "AmbiguousFraming",
        ),
        (
            "identity",
            format!("POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: identity\r\n\r\n"),
            "AmbiguousFraming",
        ),
        (
            "xchunked",
            format!("POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
            "AmbiguousFraming",
        ),
        (
            "quoted chunked",
            format!("POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
            "AmbiguousFraming",
        ),
        (
            "chunked with vertical tab",
            format!("POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
            "MalformedHead",
        ),
        (
            "chunked twice",
            format!(
                "POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            "AmbiguousFraming",
        ),
        (
            "chunked then identity",
            format!(
                "POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"
            ),
            "AmbiguousFraming",
        ),
        (
            "chunked, chunked",
            format!(
                "POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"
            ),
            "AmbiguousFraming",
        ),
        (
            "HTTP/1.0 with a body",
            format!("POST / HTTP/1.0\r\n{HOST}Content-Length: 3\r\n\r\nabc"),
            "AmbiguousFraming",
        ),
        (
            "HTTP/1.0 chunked",
            format!("POST / HTTP/1.0\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "AmbiguousFraming",
        ),
        // lines
        (
            "bare line feeds",
            format!("GET / HTTP/1.1\n{}\n", HOST.replace('\r', "")),
            "MalformedHead",
        ),
        ("one bare line feed", format!("GET / HTTP/1.1\r\nA: b\n{HOST}\r\n"), "MalformedHead"),
        (
            "bare carriage return",
            format!("GET / HTTP/1.1\r\nA: b\rX: y\r\n{HOST}\r\n"),
            "MalformedHead",
        ),
        ("folded line", format!("GET / HTTP/1.1\r\n{HOST}A: b\r\n c\r\n\r\n"), "MalformedHead"),
        ("first line folded", format!("GET / HTTP/1.1\r\n {HOST}\r\n"), "MalformedHead"),
        (
            "space before the colon",
            format!("POST / HTTP/1.1\r\n{HOST}Content-Length : 3\r\n\r\nabc"),
            "MalformedHead",
        ),
        (
            "tab before the colon",
            format!("POST / HTTP/1.1\r\n{HOST}Transfer-Encoding\t: chunked\r\n\r\n"),
            "MalformedHead",
        ),
        ("no name", format!("GET / HTTP/1.1\r\n{HOST}: x\r\n\r\n"), "MalformedHead"),
        ("no colon", format!("GET / HTTP/1.1\r\n{HOST}nothing\r\n\r\n"), "MalformedHead"),
        ("NUL in a value", format!("GET / HTTP/1.1\r\n{HOST}A: b\0c\r\n\r\n"), "MalformedHead"),
        (
            "escape in a value",
            format!("GET / HTTP/1.1\r\n{HOST}A: b\x1bc\r\n\r\n"),
            "MalformedHead",
        ),
        ("DEL in a value", format!("GET / HTTP/1.1\r\n{HOST}A: b\x7fc\r\n\r\n"), "MalformedHead"),
        ("NUL in a name", format!("GET / HTTP/1.1\r\n{HOST}A\0: b\r\n\r\n"), "MalformedHead"),
        ("non-ASCII name", format!("GET / HTTP/1.1\r\n{HOST}Ä: b\r\n\r\n"), "MalformedHead"),
        // request lines
        ("HTTP/0.9", "GET /\r\n".to_owned(), "MalformedHead"),
        ("HTTP/2.0 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), "MalformedHead"),
        ("HTTP/1.2", format!("GET / HTTP/1.2\r\n{HOST}\r\n"), "MalformedHead"),
        ("lower-case version", format!("GET / http/1.1\r\n{HOST}\r\n"), "MalformedHead"),
        ("two spaces", format!("GET  / HTTP/1.1\r\n{HOST}\r\n"), "MalformedHead"),
        ("a tab", format!("GET\t/ HTTP/1.1\r\n{HOST}\r\n"), "MalformedHead"),
        ("a trailing space", format!("GET / HTTP/1.1 \r\n{HOST}\r\n"), "MalformedHead"),
        ("a leading space", format!(" GET / HTTP/1.1\r\n{HOST}\r\n"), "MalformedHead"),
        ("TLS hello", "\x16\x03\x01\x02\x00\x01".to_owned(), "MalformedHead"),
        ("unknown method", format!("BREW / HTTP/1.1\r\n{HOST}\r\n"), "BadMethod"),
        ("lower-case method", format!("get / HTTP/1.1\r\n{HOST}\r\n"), "BadMethod"),
        ("CONNECT", format!("CONNECT gw.example.com:443 HTTP/1.1\r\n{HOST}\r\n"), "BadMethod"),
        ("TRACE", format!("TRACE / HTTP/1.1\r\n{HOST}\r\n"), "BadMethod"),
        // targets
        (
            "absolute form",
            format!("GET http://gw.example.com/ HTTP/1.1\r\n{HOST}\r\n"),
            "BadTarget",
        ),
        (
            "absolute form, other host",
            format!("GET http://other.example.com/ HTTP/1.1\r\n{HOST}\r\n"),
            "BadTarget",
        ),
        ("asterisk", format!("OPTIONS * HTTP/1.1\r\n{HOST}\r\n"), "BadTarget"),
        ("no slash", format!("GET a HTTP/1.1\r\n{HOST}\r\n"), "BadTarget"),
        ("backslash", format!("GET /a\\b HTTP/1.1\r\n{HOST}\r\n"), "BadTarget"),
        ("fragment", format!("GET /a#b HTTP/1.1\r\n{HOST}\r\n"), "BadTarget"),
        ("non-ASCII", format!("GET /é HTTP/1.1\r\n{HOST}\r\n"), "BadTarget"),
        ("control byte", format!("GET /a\x01b HTTP/1.1\r\n{HOST}\r\n"), "BadTarget"),
        ("NUL", format!("GET /a\0b HTTP/1.1\r\n{HOST}\r\n"), "BadTarget"),
        (
            "encoded slash in a route",
            format!("GET /-/sign%2Fin HTTP/1.1\r\n{HOST}\r\n"),
            "BadTarget",
        ),
        (
            "encoded CR LF in a route",
            format!("GET /-/x%0d%0aA:b HTTP/1.1\r\n{HOST}\r\n"),
            "BadTarget",
        ),
        // hosts
        ("no host", "GET / HTTP/1.1\r\n\r\n".to_owned(), "BadHost"),
        ("no host, HTTP/1.0", "GET / HTTP/1.0\r\n\r\n".to_owned(), "BadHost"),
        ("two hosts", format!("GET / HTTP/1.1\r\n{HOST}{HOST}\r\n"), "BadHost"),
        (
            "host list",
            "GET / HTTP/1.1\r\nHost: gw.example.com, gw.example.com\r\n\r\n".to_owned(),
            "BadHost",
        ),
        ("user in host", "GET / HTTP/1.1\r\nHost: a@gw.example.com\r\n\r\n".to_owned(), "BadHost"),
        (
            "other host",
            "GET / HTTP/1.1\r\nHost: other.example.com\r\n\r\n".to_owned(),
            "MisdirectedHost",
        ),
        // sizes
        ("101 headers", format!("GET / HTTP/1.1\r\n{HOST}{many}\r\n"), "HeadTooLarge"),
        ("a large header", format!("GET / HTTP/1.1\r\n{HOST}{large}\r\n"), "HeadTooLarge"),
        ("a long target", format!("GET /{path} HTTP/1.1\r\n{HOST}\r\n"), "HeadTooLarge"),
        // the rest
        (
            "upgrade",
            format!("GET / HTTP/1.1\r\n{HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
            "BadUpgrade",
        ),
        (
            "h2c",
            format!(
                "GET / HTTP/1.1\r\n{HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
            ),
            "BadUpgrade",
        ),
        (
            "expectation",
            format!("GET / HTTP/1.1\r\n{HOST}Expect: the unexpected\r\n\r\n"),
            "BadExpectation",
        ),
        (
            "two authorizations",
            format!("GET / HTTP/1.1\r\n{HOST}Authorization: a\r\nAuthorization: b\r\n\r\n"),
            "MalformedHead",
        ),
    ];
    let server = Server::start();
    for (name, bytes, fault) in cases {
        // what follows must never be taken for a request
        let smuggled = format!("{bytes}{}", get("/smuggled"));
        let answer = server.exchange(smuggled);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{name}: {answer}");
        assert!(answer.contains("connection: close\r\n"), "{name}: {answer}");
        assert!(answer.ends_with(&format!("fault {fault}\n")), "{name}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{name}: {answer}");
    }
}

#[test]
fn what_is_merely_unusual_is_served() {
    let headers = "A: b\r\n".repeat(98);
    let cases = [
        ("HTTP/1.0", format!("GET / HTTP/1.0\r\n{HOST}Connection: close\r\n\r\n")),
        ("an empty line first", format!("\r\nGET / HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n")),
        ("100 headers", format!("GET / HTTP/1.1\r\n{HOST}{headers}Connection: close\r\n\r\n")),
        (
            "no space after the colon",
            "GET / HTTP/1.1\r\nHost:gw.example.com\r\nConnection:close\r\n\r\n".to_owned(),
        ),
        (
            "space around a value",
            "GET / HTTP/1.1\r\nHost: \t gw.example.com \t\r\nConnection: close\r\n\r\n".to_owned(),
        ),
        ("a Latin-1 value", format!("GET / HTTP/1.1\r\n{HOST}A: é\r\nConnection: close\r\n\r\n")),
        ("an empty value", format!("GET / HTTP/1.1\r\n{HOST}A:\r\nConnection: close\r\n\r\n")),
    ];
    let server = Server::start();
    for (name, bytes) in cases {
        let answer = server.exchange(bytes);
        assert!(
            answer.contains(" 200 OK\r\n") && answer.contains("told GET / "),
            "{name}: {answer}"
        );
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_however_they_are_cut() {
    let all = format!(
        "{}POST /b HTTP/1.1\r\n{HOST}Content-Length: 11\r\n\r\nhello world\
         POST /c HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: dropped\r\n\r\n\
         POST /d HTTP/1.1\r\n{HOST}Content-Length: 0\r\n\r\n\
         GET /e HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n",
        get("/a"),
    );
    let server = Server::start();
    for step in [1, 2, 3, 5, 64, all.len()] {
        let mut client = server.connect();
        client.0.set_nodelay(true).unwrap();
        for piece in all.as_bytes().chunks(step) {
            client.send(piece);
        }
        let answers = client.rest();
        let told: Vec<&str> = answers.lines().filter(|line| line.starts_with("told")).collect();
        assert_eq!(told.len(), 5, "by {step}: {answers}");
        for (line, expected) in
            told.iter().zip(["GET /a", "POST /b", "POST /c", "POST /d", "GET /e"])
        {
            assert!(line.starts_with(&format!("told {expected} ")), "by {step}: {line}");
        }
        assert!(told[1].ends_with("body=11 bytes, no trailers: true"), "{}", told[1]);
        assert!(
            told[2].contains("length=None") && told[2].ends_with("body=5 bytes, no trailers: true"),
            "{}",
            told[2]
        );
    }
}

#[test]
fn a_fault_after_good_requests_is_answered_after_them() {
    let server = Server::start();
    let answers = server.exchange(format!(
        "{}{}GET / HTTP/1.1\r\n\r\n{}",
        get("/a"),
        get("/b"),
        get("/smuggled")
    ));
    let lines: Vec<&str> =
        answers.lines().filter(|l| l.starts_with("told") || l.starts_with("fault")).collect();
    assert_eq!(lines.len(), 3, "{answers}");
    assert!(
        lines[0].starts_with("told GET /a ") && lines[1].starts_with("told GET /b "),
        "{answers}"
    );
    assert_eq!(lines[2], "fault BadHost");
}

#[test]
fn a_malformed_chunked_body_ends_the_connection() {
    let server = Server::start();
    for body in
        ["g\r\n", "5\r\nhelloX", "5\nhello\r\n0\r\n\r\n", "1 \r\nx\r\n0\r\n\r\n", "0\r\n\rX"]
    {
        let request = format!(
            "POST /x HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n{body}{}",
            get("/smuggled")
        );
        let answer = server.exchange(request);
        assert!(!answer.contains("smuggled"), "{body:?}: {answer}");
        assert!(!answer.contains("bytes, no trailers"), "{body:?}: {answer}");
    }
}

#[test]
fn a_head_answer_to_a_refused_head_request_has_no_body() {
    let server = Server::start();
    let answer = server.exchange("HEAD / HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn an_answer_overtakes_an_upload_that_is_not_wanted() {
    let server = Server::start();
    let mut client = server.connect();
    // the head is refused while 4 MiB of body are still to be sent
    client.send(format!("PUT / HTTP/1.1\r\n{HOST}Content-Length: 4194304\r\nExpect: x\r\n\r\n"));
    client.send(vec![b'x'; 4 << 20]);
    let answer = client.rest();
    assert!(answer.ends_with("fault BadExpectation\n"), "{answer}");
}

#[test]
fn what_clients_may_not_say_does_not_reach_the_app() {
    let server = Server::start();
    let answer = server.exchange(format!(
        "GET / HTTP/1.1\r\n{HOST}X-Forwarded-For: 1.2.3.4\r\nX_Real_IP: 1.2.3.4\r\nRemote-User: root\r\n\
         Secret: x\r\nKept: y\r\nConnection: close, secret\r\n\r\n"
    ));
    assert!(answer.contains("client=127.0.0.1 "), "{answer}");
    assert!(answer.contains(r#"headers=["kept"]"#), "{answer}");
}

#[test]
fn continue_is_sent_when_the_body_is_wanted() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(format!("PUT / HTTP/1.1\r\n{HOST}Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"));
    let mut interim = [0; 25];
    std::io::Read::read_exact(&mut client.0, &mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ab");
    assert!(client.rest().contains("body=2 bytes"));
}
