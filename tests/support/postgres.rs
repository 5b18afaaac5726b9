//! A real PostgreSQL on loopback, in a folder of its own, that takes clients in by certificate; gone when the test is gone.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use tempfile::TempDir;

use super::peer;

/// A cluster with its superuser `postgres`, who comes by its socket alone.
pub struct Postgres {
    pub port: u16,
    pub folder: TempDir,
    child: Child,
}

/// Nobody comes in over TCP without TLS. A user whose certificate names it needs no password.
const ADMISSION: &str = "local all postgres trust\n\
                         hostssl all reader 127.0.0.1/32 cert\n\
                         hostssl all all 127.0.0.1/32 scram-sha-256\n";

impl Postgres {
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("postgres-").tempdir().unwrap();
        let data = folder.path().join("data");
        certificates(folder.path());
        // It refuses to run as root.
        let root = fs::metadata(folder.path()).is_ok_and(|facts| facts.uid() == 0);
        if root {
            run(Command::new("chown").args(["-R", "postgres:"]).arg(folder.path()));
        }
        let command = |program: &str| {
            let mut command = Command::new("setpriv");
            if root {
                command.args([
                    "--reuid",
                    "postgres",
                    "--regid",
                    "postgres",
                    "--clear-groups",
                    "--",
                ]);
                command.args(["setpriv"]);
            }
            command.args(["--pdeathsig", "KILL", "--"]).arg(bin().join(program));
            command
        };
        run(command("initdb").args(["-N", "-U", "postgres", "-A", "trust", "-D"]).arg(&data));
        fs::write(data.join("pg_hba.conf"), ADMISSION).unwrap();
        let port = peer::free_port();
        let mut server = command("postgres");
        server.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"]);
        server.arg(folder.path()).args(["-c", "fsync=off", "-c", "ssl=on"]);
        for (name, file) in [
            ("ssl_cert_file", "server.pem"),
            ("ssl_key_file", "server.key"),
            ("ssl_ca_file", "ca.pem"),
        ] {
            let file = folder.path().join(file);
            server.args(["-c", &format!("{name}={}", file.display())]);
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = peer::spawn(server);
        peer::wait_for_port(port, &mut child);
        // It listens before it lets anybody in.
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut ready = Command::new(bin().join("pg_isready"));
        ready.arg("-q").arg("-h").arg(folder.path()).args(["-p", &port.to_string()]);
        while !ready.status().unwrap().success() {
            assert!(Instant::now() < deadline, "PostgreSQL lets nobody in after 60 s");
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Self { port, folder, child }
    }

    /// As the superuser.
    pub fn sql(&self, database: &str, statement: &str) {
        let mut psql = Command::new(bin().join("psql"));
        psql.arg("-h").arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        run(psql.args([
            "-qU",
            "postgres",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            database,
            "-c",
            statement,
        ]));
    }

    /// A file of ours, as the superuser, for this user.
    pub fn permit(&self, database: &str, file: &str, reader: &str) {
        let mut psql = Command::new(bin().join("psql"));
        psql.arg("-h").arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        psql.args(["-qU", "postgres", "-v", "ON_ERROR_STOP=1", "-d", database]);
        run(psql.args(["-v", &format!("reader={reader}"), "-f"]).arg(peer::root().join(file)));
    }

    /// The address for this user, who comes with the certificate of `reader`.
    pub fn url(&self, user: &str, database: &str) -> String {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        format!(
            "postgresql://{user}@localhost:{}/{database}?sslmode=verify-full&sslrootcert={}&sslcert={}&sslkey={}",
            self.port,
            file("ca.pem"),
            file("reader.pem"),
            file("reader.key")
        )
    }

    pub fn stop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The newest that is installed.
fn bin() -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let folders = installed.map(|entry| entry.unwrap().path().join("bin"));
    let newest = folders.filter(|folder| folder.join("postgres").exists()).max();
    newest.unwrap_or_else(|| panic!("PostgreSQL is missing: run tests/peers/install postgres"))
}

/// An authority, a server that it names `localhost`, and a client that it names `reader`.
fn certificates(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    for (name, host, usage) in [
        ("server", "localhost", ExtendedKeyUsagePurpose::ServerAuth),
        ("reader", "reader", ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let mut leaf = CertificateParams::new(vec![host.to_owned()]).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, host);
        leaf.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let signed = leaf.signed_by(&key, &authority).unwrap();
        fs::write(folder.join(format!("{name}.pem")), signed.pem()).unwrap();
        let file = folder.join(format!("{name}.key"));
        fs::write(&file, key.serialize_pem()).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
}
