//! One install of the real program in a folder of its own: settings, certificates, records, people; started as a
//! process, spoken to over TLS, stopped by signals.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use tempfile::TempDir;

use super::{Moto, peer};

/// An install. Its process ends when this is dropped.
pub struct Site {
    pub folder: TempDir,
    pub port: u16,
    pub operations: u16,
    child: Option<Child>,
    ca: Vec<u8>,
}

/// Somebody with an API token.
#[derive(Clone, Debug)]
pub struct Person {
    pub email: String,
    pub token: String,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

pub const PASSWORD: &str = "correct horse battery";

impl Site {
    /// A folder with sound settings, a certificate for `localhost`, and nothing in the records. `more` is added to
    /// the settings as it stands; `credentials` is the `[credentials.*]` part.
    pub fn prepare(credentials: &str, private: &[&str], more: &str) -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let folder = tempfile::Builder::new().prefix("sluicegate-test-").tempdir().unwrap();
        let (port, operations) = (peer::free_port(), peer::free_port());
        let made = Command::new(peer::root().join("certs/make"))
            .arg(folder.path())
            .args(["localhost", "127.0.0.1"])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "certs/make failed");
        let ca = fs::read(folder.path().join("ca.pem")).unwrap();
        secret_file(
            &folder.path().join("seal.key"),
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        );
        let private: Vec<String> = private.iter().map(|one| format!("{one:?}")).collect();
        let mut settings = String::new();
        write!(
            settings,
            "[listen]\naddress = \"127.0.0.1:{port}\"\nhosts = [\"localhost\"]\n\
             certificates = [{{ chain = \"chain.pem\", key = \"key.pem\" }}]\nthreads = 2\n\
             [operations]\naddress = \"127.0.0.1:{operations}\"\n\
             [records]\nfile = \"records.sqlite\"\n[seal]\nkey = {{ file = \"seal.key\" }}\n\
             [outbound]\nallow_private = [{}]\n{credentials}\n",
            private.join(", ")
        )
        .unwrap();
        for section in ["[audit]", "[log]"] {
            if !more.contains(section) {
                settings.push_str(match section {
                    "[audit]" => "[audit]\nfolder = \"audit\"\n",
                    _ => "[log]\nlevel = \"info\"\n",
                });
            }
        }
        settings.push_str(more);
        fs::write(folder.path().join("sluicegate.toml"), settings).unwrap();
        Self { folder, port, operations, child: None, ca }
    }

    /// An install in front of moto, with static keys.
    pub fn before_moto(moto: &Moto, more: &str) -> Self {
        let site = Self::prepare(
            "[credentials.default]\nkind = \"static\"\naccess_key_id = { file = \"id\" }\n\
             secret_access_key = { file = \"secret\" }\n",
            &[&moto.address],
            more,
        );
        site.secret("id", &moto.access_key_id);
        site.secret("secret", &moto.secret_access_key);
        site
    }

    /// An install in front of moto that assumes moto's role at the STS behind this address.
    pub fn with_role(moto: &Moto, sts: &str) -> Self {
        let site = Self::prepare(
            &format!(
                "[credentials.base]\nkind = \"static\"\naccess_key_id = {{ file = \"id\" }}\n\
                 secret_access_key = {{ file = \"secret\" }}\n\
                 [credentials.default]\nkind = \"assume-role\"\nsource = \"base\"\n\
                 role_arn = {:?}\nregion = \"eu-central-1\"\nsts_endpoint = \"http://{sts}\"\n",
                moto.role_arn
            ),
            &[&moto.address, sts],
            "",
        );
        site.secret("id", &moto.access_key_id);
        site.secret("secret", &moto.secret_access_key);
        site
    }

    pub fn secret(&self, name: &str, text: &str) {
        secret_file(&self.folder.path().join(name), text);
    }

    /// Runs a verb on this install; it must succeed. Returns its standard output.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments, "");
        assert!(
            output.status.success(),
            "{arguments:?}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a verb with this standard input, whatever comes of it.
    pub fn try_run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sluicegate"))
            .args(arguments)
            .args(["--config", "sluicegate.toml"])
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A verb that reads nothing may be gone before this.
        drop(std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()));
        child.wait_with_output().unwrap()
    }

    /// A project with one storage called `media` under this prefix.
    pub fn project(&self, organization: &str, project: &str, place: &str) {
        self.run(&["project", "create", "--organization", organization, "--name", project]);
        let mut arguments =
            vec!["storage", "create", "--organization", organization, "--project", project];
        arguments.extend(["--name", "media"]);
        arguments.extend(place.split_whitespace());
        self.run(&arguments);
    }

    /// The options of `storage create` for a prefix of moto's bucket.
    pub fn moto_place(moto: &Moto, prefix: &str) -> String {
        format!(
            "--bucket {} --prefix {prefix} --region eu-central-1 --endpoint {} --addressing path",
            moto.bucket, moto.endpoint
        )
    }

    /// An account with the password [`PASSWORD`] and a token. `organization_role` may be empty.
    pub fn person(&self, organization: &str, email: &str, organization_role: &str) -> Person {
        let mut arguments =
            vec!["account", "create", "--email", email, "--organization", organization];
        if !organization_role.is_empty() {
            arguments.extend(["--role", organization_role]);
        }
        arguments.push("--password-stdin");
        let made = self.try_run(&arguments, &format!("{PASSWORD}\n"));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self.token(email, &[])
    }

    /// A further token for this account.
    pub fn token(&self, email: &str, more: &[&str]) -> Person {
        let mut arguments = vec!["token", "create", "--email", email, "--name", "test"];
        arguments.extend(more);
        let output = self.run(&arguments);
        let token = output.split_whitespace().find(|word| word.starts_with("sgt_")).unwrap();
        Person { email: email.to_owned(), token: token.to_owned() }
    }

    pub fn member(&self, organization: &str, project: &str, email: &str, role: &str) {
        self.run(&[
            "project",
            "member",
            "add",
            "--organization",
            organization,
            "--name",
            project,
            "--email",
            email,
            "--role",
            role,
        ]);
    }

    /// Starts the gateway and waits until it says that it is ready.
    pub fn start(&mut self) {
        self.start_under(&[]);
    }

    /// The same under a program that becomes the gateway, as `env` does.
    pub fn start_under(&mut self, program: &[&str]) {
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let gateway = [env!("CARGO_BIN_EXE_sluicegate")];
        let mut words = program.iter().chain(&gateway);
        let mut command = peer::bound_to_us(words.next().unwrap());
        command
            .args(words)
            .args(["serve", "--config", "sluicegate.toml"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = self.child.insert(peer::spawn(command));
        let deadline = Instant::now() + Duration::from_secs(60);
        while !ready(self.operations) {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("serve ended with {status}:\n{}", self.log());
            }
            assert!(Instant::now() < deadline, "not ready after 60 s:\n{}", self.log());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the process to end.
    pub fn ended(&mut self) -> std::process::ExitStatus {
        self.child.take().unwrap().wait().unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// One request, read whole. The path goes out byte for byte only if it is already a valid URL.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        who: Option<&Person>,
        headers: &[(&str, &str)],
    ) -> Answer {
        self.send(method, path, who, headers, Vec::new()).await
    }

    pub async fn get(&self, path: &str, who: Option<&Person>) -> Answer {
        self.ask(Method::GET, path, who, &[]).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        who: Option<&Person>,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = self.client().request(method, self.url(path));
        if let Some(person) = who {
            request = request.bearer_auth(&person.token);
        }
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        if !body.is_empty() {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    /// Signs in with the password and returns the session's cookie as `name=value`.
    pub async fn sign_in(&self, email: &str) -> String {
        self.sign_in_with(email, &[]).await
    }

    /// As [`Self::sign_in`], by a browser that sends these headers too.
    pub async fn sign_in_with(&self, email: &str, more: &[(&str, &str)]) -> String {
        let form =
            format!("email={}&password={}", email.replace('@', "%40"), PASSWORD.replace(' ', "+"));
        let origin = self.url("");
        let mut headers =
            vec![("content-type", "application/x-www-form-urlencoded"), ("origin", &*origin)];
        headers.extend(more);
        let answer = self.send(Method::POST, "/-/sign-in", None, &headers, form.into_bytes()).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// A client of its own: connections belong to the runtime of the test that made them.
    pub fn client(&self) -> Client {
        client(&self.ca).build().unwrap()
    }

    /// One that keeps HTTP/1.1 connections alive.
    pub fn http1_client(&self) -> Client {
        client(&self.ca).http1_only().build().unwrap()
    }

    pub fn ca(&self) -> &[u8] {
        &self.ca
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|fault| panic!("not JSON ({fault}): {}", self.text()))
    }

    /// The refusal's code.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn client(ca: &[u8]) -> reqwest::ClientBuilder {
    Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(ca).unwrap()])
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
}

/// A file that nobody else may read.
pub fn secret_file(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn ready(operations: u16) -> bool {
    use std::io::{Read, Write};
    let Ok(mut socket) = std::net::TcpStream::connect(("127.0.0.1", operations)) else {
        return false;
    };
    let mut answer = String::new();
    socket
        .write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .is_ok()
        && socket.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// Where a path of this install lies.
pub fn inside(site: &Site, name: &str) -> PathBuf {
    site.folder.path().join(name)
}
