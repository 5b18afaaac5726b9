//! The `demo` verb as a stranger starts it: one process, and what it prints.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use reqwest::ClientBuilder;
use tempfile::TempDir;

use super::peer;

/// A running demo. Its process ends when this is dropped.
pub struct Demo {
    pub folder: TempDir,
    /// Where it was told to listen, for people and for the operator.
    pub addresses: [String; 2],
    child: Child,
    lines: HashMap<String, String>,
}

impl Demo {
    /// Starts it and reads the lines that it prints once it listens.
    pub fn start() -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let folder = tempfile::Builder::new().prefix("sluicegate-demo-").tempdir().unwrap();
        let addresses = [(); 2].map(|()| format!("127.0.0.1:{}", peer::free_port()));
        let [listen, operations] = &addresses;
        let mut command = peer::bound_to_us(env!("CARGO_BIN_EXE_sluicegate"));
        command
            .args(["demo", "--listen", listen, "--operations", operations, "--state"])
            .arg(folder.path().join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = peer::spawn(command);
        let mut lines = HashMap::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let (name, value) = line.split_once('=').unwrap();
            lines.insert(name.to_owned(), value.trim_matches('\'').to_owned());
            if name == "DEMO_AUDIT" {
                break;
            }
        }
        assert!(lines.contains_key("DEMO_AUDIT"), "the demo ended after {lines:?}");
        Self { folder, addresses, child, lines }
    }

    /// The names of what it printed, in alphabetical order.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.lines.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// A printed value.
    pub fn value(&self, name: &str) -> &str {
        self.lines.get(name).unwrap_or_else(|| panic!("{name} is not in {:?}", self.lines))
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.value("SLUICEGATE_URL"))
    }

    /// A client's beginning that trusts the demo's authority and follows nothing.
    pub fn client(&self) -> ClientBuilder {
        let ca = std::fs::read(self.value("SLUICEGATE_CA")).unwrap();
        reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
