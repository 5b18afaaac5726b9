//! A Label Studio at a socket that can do what the gateway needs of it, and answers everything else as a test says.

use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use crate::support::Site;
use crate::support::scripted::{Scripted, hang_up, say};

type Doing = dyn Fn(&str, &mut TcpStream) -> Done + Send + Sync;

/// Whether a script has answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Yes,
    /// It is to be answered as usual.
    No,
}

pub struct Pretender {
    server: Scripted,
    doing: Arc<Mutex<Arc<Doing>>>,
}

/// Words that only the place behind the gateway knows.
pub const SECRET: &str = "hush-hush";
pub const TASK: &str = r#"{"tasks":[{"id":5,"data":{"text":"plain"},"project":1}],"total":1}"#;
pub const PAGE: &str = "<!doctype html><title>Label Studio</title>";

impl Pretender {
    pub fn start() -> Self {
        let doing: Arc<Mutex<Arc<Doing>>> = Arc::new(Mutex::new(Arc::new(|_, _| Done::No)));
        let current = Arc::clone(&doing);
        let server = Scripted::start(move |_, head, socket| {
            let doing = Arc::clone(&current.lock().unwrap());
            if doing(head, socket) == Done::No {
                usual(head, socket);
            }
        });
        Self { server, doing }
    }

    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// From now on it does this first.
    pub fn does(&self, doing: impl Fn(&str, &mut TcpStream) -> Done + Send + Sync + 'static) {
        *self.doing.lock().unwrap() = Arc::new(doing);
    }

    /// From now on it answers everything that a person asks for with this, and ends the connection.
    pub fn says(&self, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        self.does(move |head, socket| {
            if is_the_gateways(head) {
                return Done::No;
            }
            drop(std::io::Write::write_all(socket, &bytes));
            hang_up(socket);
            Done::Yes
        });
    }

    pub fn is_itself(&self) {
        self.does(|_, _| Done::No);
    }
}

/// A gateway with little patience before it, not yet started.
pub fn before(studio: &Pretender, more: &str) -> Site {
    let address = format!("127.0.0.1:{}", studio.port());
    let site = Site::prepare(
        "connect_seconds = 2\nanswer_seconds = 1\nstall_seconds = 1\n[credentials.default]\nkind = \"static\"\n\
         access_key_id = { file = \"id\" }\nsecret_access_key = { file = \"secret\" }\n",
        &[&address],
        &format!(
            "[label_studio]\nurl = \"http://{address}\"\ntoken = {{ file = \"studio-token\" }}\n\
             organization = \"acme\"\n{more}"
        ),
    );
    for name in ["id", "secret", "studio-token"] {
        site.secret(name, SECRET);
    }
    site
}

/// What the gateway asks for by itself; all else is asked in a person's name.
pub fn is_the_gateways(head: &str) -> bool {
    !head.to_lowercase().contains("authorization: bearer")
}

/// Whole, with its length; the connection stays.
pub fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn usual(head: &str, socket: &mut TcpStream) {
    let json = |status: &str, body: &str| answer(status, "application/json", body);
    let target = head.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    let posted = head.starts_with("POST ");
    let said = match path.trim_end_matches('/') {
        "/api/projects" => json("200 OK", r#"{"results":[{"id":1,"title":"Cats"}],"next":null}"#),
        "/api/invite" => json("200 OK", r#"{"token":"i"}"#),
        "/user/signup" | "/user/login" => {
            "HTTP/1.1 302 Found\r\nLocation: /\r\nSet-Cookie: sessionid=s; Path=/\r\n\
             Content-Length: 0\r\n\r\n"
                .to_owned()
        }
        "/api/current-user/whoami" => json("200 OK", r#"{"id":2,"email":"ann@example.com"}"#),
        "/api/token" => json("201 Created", r#"{"token":"a.b.c"}"#),
        "/api/token/refresh" => json("200 OK", r#"{"access":"a.b.c"}"#),
        "/api/tasks" => json("200 OK", TASK),
        "/api/tasks/5" => json("200 OK", r#"{"id":5,"project":1,"data":{"text":"plain"}}"#),
        "/projects/1/data" => answer("200 OK", "text/html; charset=utf-8", PAGE),
        "/react-app/main.js" => answer("200 OK", "text/javascript", "let whole = 1;"),
        _ => json("404 Not Found", "{}"),
    };
    say(socket, &said);
    if posted {
        // Its body was not read.
        hang_up(socket);
    }
}
