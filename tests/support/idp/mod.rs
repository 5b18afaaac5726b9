//! A real SAML identity provider: SimpleSAMLphp in a folder of its own, on loopback; gone when the test is gone, or when
//! its process is. A test changes what it is told while it runs ([`Idp::change`]) and visits it without a browser
//! ([`Visit`]).

mod html;
mod setup;
mod tls;
mod visit;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::peer;
use tls::Terminator;

pub use setup::{Encryption, Member, ServiceProvider, Setup};
pub use visit::{Arrived, Posted, Visit};

/// A running identity provider.
#[derive(Debug)]
pub struct Idp {
    /// Its pages are below: `http://HOST:PORT/`, or `https://…` where its cookies are cross-site.
    pub url: String,
    pub folder: TempDir,
    port: u16,
    setup: Arc<Mutex<Setup>>,
    server: Child,
    terminator: Option<Terminator>,
}

impl Idp {
    pub fn start(setup: Setup) -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let folder = tempfile::Builder::new().prefix("idp-").tempdir().unwrap();
        let port = peer::free_port();
        let terminator = setup.cross_site_cookies.then(|| Terminator::start(setup.host, port));
        let url = match &terminator {
            None => format!("http://{}:{port}/", setup.host),
            Some(terminator) => format!("https://{}:{}/", setup.host, terminator.port),
        };
        write(&folder, &url, &setup);
        // It serves until the pipe ends, which it does with this process, too.
        let mut server = Command::new(peer::root().join("tests/peers/saml-idp/run"))
            .arg(folder.path())
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        peer::wait_for_port(port, &mut server);
        Self { url, folder, port, setup: Arc::new(Mutex::new(setup)), server, terminator }
    }

    /// What it is told from now on. Who is signed in keeps the attributes that he came with.
    pub fn change(&self, change: impl FnOnce(&mut Setup)) {
        let mut setup = self.setup.lock().unwrap();
        let settled = |setup: &Setup| (setup.cross_site_cookies, setup.host);
        let before = settled(&setup);
        change(&mut setup);
        assert_eq!(settled(&setup), before, "this is settled at the start");
        write(&self.folder, &self.url, &setup);
    }

    pub fn entity_id(&self) -> String {
        format!("{}saml2/idp/metadata.php", self.url)
    }

    /// Where a browser signs in, by redirect.
    pub fn sign_in_url(&self) -> String {
        format!("{}saml2/idp/SSOService.php", self.url)
    }

    /// Where a browser signs out, by redirect.
    pub fn sign_out_url(&self) -> String {
        format!("{}saml2/idp/SingleLogoutService.php", self.url)
    }

    /// Its metadata, as it serves them now.
    pub fn metadata(&self) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let host = format!("127.0.0.1:{}", self.port);
        write!(socket, "GET /saml2/idp/metadata.php HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "no metadata: {answer}\n{}", self.log());
        body.to_owned()
    }

    /// The certificate (PEM) that it signs with.
    pub fn certificate(&self) -> String {
        fs::read_to_string(self.folder.path().join("idp.crt")).unwrap()
    }

    /// Who says that it is who it is, where it is reached by TLS (PEM).
    pub fn authority(&self) -> Option<&str> {
        self.terminator.as_ref().map(|one| one.authority.as_str())
    }

    /// What it complained about so far.
    pub fn log(&self) -> String {
        let file = |name| fs::read_to_string(self.folder.path().join("log").join(name));
        ["php", "idp"].into_iter().filter_map(|name| file(name).ok()).collect()
    }
}

/// Put there whole: a page may be reading it.
fn write(folder: &TempDir, url: &str, setup: &Setup) {
    let mut value = serde_json::to_value(setup).unwrap();
    value["url"] = url.into();
    let [new, file] = ["new", "setup.json"].map(|name| folder.path().join(name));
    fs::write(&new, value.to_string()).unwrap();
    fs::rename(new, file).unwrap();
}

impl Drop for Idp {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        drop(self.server.wait());
    }
}
