//! A real Label Studio, unmodified, on loopback: on a data folder of its own, gone when the test binary is gone.

use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Moto, peer};

/// A running install with its owner.
#[derive(Debug)]
pub struct LabelStudio {
    pub url: String,
    pub address: String,
    pub data: TempDir,
    port: u16,
    manner: Manner,
    child: Child,
}

/// How it is started.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Where it listens.
    pub host: &'static str,
    /// Of its environment, besides or instead of what is usual here.
    pub environment: &'static [(&'static str, &'static str)],
}

pub const USUAL: Manner = Manner { host: "127.0.0.1", environment: &[] };

/// A user with his legacy token.
#[derive(Debug)]
pub struct User {
    pub number: u64,
    pub legacy: String,
    /// The header of his session.
    pub cookie: String,
}

pub const OWNER: &str = "root@example.com";
pub const OWNER_PASSWORD: &str = "root of the install";
/// The owner's legacy token, with which the gateway acts.
pub const OWNER_TOKEN: &str = "5ca1ab1e00c0ffee00ba5eba1100f00d00facade";

/// Boxes on an image.
pub const CONFIG: &str = "<View><Image name=\"image\" value=\"$image\"/><RectangleLabels name=\"label\" toName=\"image\">\
                          <Label value=\"Cat\"/><Label value=\"Dog\"/></RectangleLabels></View>";

impl LabelStudio {
    /// The one of this test binary; started at first use.
    pub fn shared() -> &'static Self {
        static ONE: OnceLock<LabelStudio> = OnceLock::new();
        ONE.get_or_init(Self::start)
    }

    /// One more, for a test that stops it.
    pub fn start() -> Self {
        Self::start_in(USUAL)
    }

    pub fn start_in(manner: Manner) -> Self {
        let data = tempfile::Builder::new().prefix("label-studio-").tempdir().unwrap();
        let template = bin().join("../template.sqlite3");
        assert!(template.exists(), "Label Studio is missing: run tests/peers/install label-studio");
        std::fs::copy(template, data.path().join("label_studio.sqlite3")).unwrap();
        std::fs::create_dir(data.path().join("files")).unwrap();
        let port = peer::free_port();
        let child = launch(port, &data, manner);
        let address = format!("127.0.0.1:{port}");
        let mut studio =
            Self { url: format!("http://{address}"), address, data, port, manner, child };
        studio.wait();
        studio
    }

    /// Stops it and frees its port.
    pub fn stop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again at the same address, with the same data.
    pub fn restart(&mut self) {
        self.child = launch(self.port, &self.data, self.manner);
        self.wait();
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while self.try_ask("GET", "/health", None).0 != 200 {
            if let Some(status) = self.child.try_wait().unwrap() {
                let log = std::fs::read_to_string(self.data.path().join("log")).unwrap_or_default();
                panic!("Label Studio ended with {status}:\n{log}");
            }
            assert!(Instant::now() < deadline, "Label Studio is not healthy after 120 s");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// What it has logged: a line for each request, among others.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.path().join("log")).unwrap_or_default()
    }

    /// As the install's owner, past the gateway.
    pub fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, text) = self.try_ask(method, path, body);
        assert!((200..300).contains(&status), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// The same, whatever comes of it. By curl, so that tests of any runtime may call it.
    pub fn try_ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, String) {
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "-g",
            "--noproxy",
            "*",
            "-m",
            "60",
            "-w",
            "\n%{http_code}",
            "-X",
            method,
        ])
        .arg(format!("{}{path}", self.url))
        .args(["-H", &format!("authorization: Token {OWNER_TOKEN}")]);
        if let Some(body) = body {
            curl.args(["-H", "content-type: application/json", "-d", &body.to_string()]);
        }
        let output = curl.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let (text, status) = said.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), text.to_owned())
    }

    /// One request past the gateway, with these headers; the answer's head and body. By curl as well.
    pub fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        form: &str,
    ) -> (String, String) {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-i", "-g", "--noproxy", "*", "-m", "60", "-X", method])
            .arg(format!("{}{path}", self.url));
        for header in headers {
            curl.args(["-H", header]);
        }
        if !form.is_empty() {
            curl.args(["-d", form]);
        }
        let said = String::from_utf8_lossy(&curl.output().unwrap().stdout).into_owned();
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// Somebody who signed up here by invitation, past the gateway, with the password [`OWNER_PASSWORD`].
    pub fn user(&self, email: &str) -> User {
        let invitation = self.ask("GET", "/api/invite", None)["token"].clone();
        let path = format!("/user/signup/?token={}", invitation.as_str().unwrap());
        let cookie = self.form(&path, email).unwrap_or_else(|| panic!("{email} is not signed up"));
        let header = format!("cookie: {cookie}");
        let get = |path: &str| json(&self.exchange("GET", path, &[&header], "").1);
        let number = get("/api/current-user/whoami")["id"].as_u64().unwrap();
        let legacy = get("/api/current-user/token")["token"].as_str().unwrap().to_owned();
        User { number, legacy, cookie: header }
    }

    /// The session of whoever posts this form, if it is right.
    pub fn form(&self, path: &str, email: &str) -> Option<String> {
        let csrf = "a".repeat(32);
        let password = OWNER_PASSWORD.replace(' ', "+");
        let form = format!("csrfmiddlewaretoken={csrf}&email={email}&password={password}");
        let (head, _) = self.exchange("POST", path, &[&format!("cookie: csrftoken={csrf}")], &form);
        let cookies = head.lines().filter_map(|line| line.split_once(": "));
        let session = cookies.filter_map(|(_, value)| value.trim().split(';').next());
        session
            .filter(|_| head.starts_with("HTTP/1.1 302"))
            .find(|it| it.starts_with("sessionid="))
            .map(str::to_owned)
    }

    /// A personal access token of this user's, as he makes it on his page.
    pub fn personal(&self, user: &User) -> String {
        let made = self.exchange("POST", "/api/token/", &[&user.cookie], "").1;
        json(&made)["token"].as_str().unwrap().to_owned()
    }

    /// Whether a personal access token still holds; and if so, an access token for it.
    pub fn access(&self, personal: &str) -> Option<String> {
        let body = json!({ "refresh": personal }).to_string();
        let kind = "content-type: application/json";
        let (_, text) = self.exchange("POST", "/api/token/refresh/", &[kind], &body);
        json(&text)["access"].as_str().map(str::to_owned)
    }

    /// A project for images; its number.
    pub fn project(&self, title: &str) -> u64 {
        let wish = json!({ "title": title, "label_config": CONFIG });
        self.ask("POST", "/api/projects/", Some(wish))["id"].as_u64().unwrap()
    }

    /// Tasks with this data each; their numbers.
    pub fn tasks(&self, project: u64, data: &[Value]) -> Vec<u64> {
        for one in data {
            self.ask("POST", "/api/tasks/", Some(json!({ "project": project, "data": one })));
        }
        let list = self.ask("GET", &format!("/api/tasks/?project={project}&page_size=1000"), None);
        list["tasks"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect()
    }

    /// A source storage of the project in moto's bucket.
    pub fn storage(&self, project: u64, moto: &Moto, prefix: &str) -> u64 {
        let wish = json!({
            "project": project, "title": "scans", "bucket": moto.bucket, "prefix": prefix,
            "s3_endpoint": moto.endpoint, "region_name": "eu-central-1",
            "aws_access_key_id": moto.access_key_id, "aws_secret_access_key": moto.secret_access_key,
            "use_blob_urls": true, "presign": false,
        });
        self.ask("POST", "/api/storages/s3/", Some(wish))["id"].as_u64().unwrap()
    }
}

impl Drop for LabelStudio {
    fn drop(&mut self) {
        self.stop();
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|fault| panic!("not JSON ({fault}): {text}"))
}

pub fn bin() -> std::path::PathBuf {
    peer::root().join(".cache/peers/label-studio/bin")
}

fn launch(port: u16, data: &TempDir, manner: Manner) -> Child {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(data.path().join("log"))
        .unwrap();
    let mut command: Command = peer::bound_to_us(bin().join("label-studio"));
    command
        .args(["start", "--no-browser", "--internal-host", manner.host, "-p", &port.to_string()])
        .arg("--data-dir")
        .arg(data.path())
        .args(["--username", OWNER, "--password", OWNER_PASSWORD, "--user-token", OWNER_TOKEN])
        .arg("--enable-legacy-api-token")
        .env("LABEL_STUDIO_BASE_DATA_DIR", data.path())
        .env("LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED", "true")
        .env("LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT", data.path().join("files"))
        .env("DISABLE_SIGNUP_WITHOUT_LINK", "true")
        .env("SSRF_PROTECTION_ENABLED", "false")
        .env("COLLECT_ANALYTICS", "false")
        .env("LATEST_VERSION_CHECK", "false")
        .env("SENTRY_DSN", "")
        .env("FRONTEND_SENTRY_DSN", "")
        .envs(manner.environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    peer::spawn(command)
}
