//! TLS 1.2 and 1.3 by rustls on aws-lc-rs: certificates by SNI, read again when their files change. A change that cannot
//! be read leaves the old ones in force.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, NoServerSessionStorage, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

use super::CertificateFiles;

/// The certificates in force.
pub struct Certificates {
    files: Vec<CertificateFiles>,
    current: ArcSwap<Vec<Arc<CertifiedKey>>>,
}

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("the certificate file {}", path.display())]
pub struct CertificateError {
    pub path: PathBuf,
    #[source]
    pub cause: CertificateFault,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    #[error("it is not PEM of the expected kind")]
    Pem(#[source] rustls::pki_types::pem::Error),
    #[error("it holds no certificate")]
    Empty,
    #[error(
        "it is a key that everybody on this machine may read: take the others' permissions away"
    )]
    WorldReadable,
    #[error("its key is of no use, or belongs to another certificate")]
    Key(#[source] rustls::Error),
}

/// What tells that a file, or who may read it, was changed: when its status changed, and which file it is.
type Fingerprint = Vec<Option<(i64, i64, u64)>>;

impl Certificates {
    /// Reads all of them.
    ///
    /// # Errors
    /// Every [`CertificateError`] there is, not only the first.
    pub fn load(files: &[CertificateFiles]) -> Result<Self, Vec<CertificateError>> {
        let keys = load_all(files)?;
        Ok(Self { files: files.to_vec(), current: ArcSwap::from_pointee(keys) })
    }

    /// What the files look like from outside now.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let paths = self.files.iter().flat_map(|pair| [&pair.chain, &pair.key]);
        paths
            .map(|path| {
                let metadata = path.metadata().ok()?;
                Some((metadata.ctime(), metadata.ctime_nsec(), metadata.ino()))
            })
            .collect()
    }

    /// Reads the files again; the present ones stay when anything is wrong.
    ///
    /// # Errors
    /// Every [`CertificateError`] there is.
    pub(super) fn reload(&self) -> Result<(), Vec<CertificateError>> {
        self.current.store(Arc::new(load_all(&self.files)?));
        Ok(())
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificates {
    /// The first that is valid for the name asked; the very first for clients that ask for none (by address).
    /// A name that none covers gets no handshake.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let keys = self.current.load();
        let Some(name) = hello.server_name() else {
            return keys.first().cloned();
        };
        let name = ServerName::try_from(name).ok()?;
        keys.iter().find(|key| covers(key, &name)).cloned()
    }
}

fn covers(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let leaf = key.end_entity_cert().and_then(ParsedCertificate::try_from);
    leaf.is_ok_and(|leaf| verify_server_name(&leaf, name).is_ok())
}

/// The configuration of every HTTPS socket: HTTP/2 or HTTP/1.1 by ALPN, tickets instead of a shared session store.
pub(super) fn server_config(
    certificates: Arc<Certificates>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = Ticketer::new()?;
    Ok(Arc::new(config))
}

fn load_all(files: &[CertificateFiles]) -> Result<Vec<Arc<CertifiedKey>>, Vec<CertificateError>> {
    let mut keys = Vec::new();
    let mut faults = Vec::new();
    for pair in files {
        match load(pair) {
            Ok(key) => keys.push(Arc::new(key)),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(keys) } else { Err(faults) }
}

fn load(files: &CertificateFiles) -> Result<CertifiedKey, CertificateError> {
    let chain = read_chain(&files.chain);
    let chain = chain.map_err(|cause| CertificateError { path: files.chain.clone(), cause })?;
    let in_key = |cause| CertificateError { path: files.key.clone(), cause };
    let key = read_key(&files.key).map_err(in_key)?;
    CertifiedKey::from_der(chain, key, &default_provider())
        .map_err(|error| in_key(CertificateFault::Key(error)))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateFault> {
    let pem = std::fs::read(path).map_err(CertificateFault::Read)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(CertificateFault::Empty),
        Ok(chain) => Ok(chain),
        Err(error) => Err(CertificateFault::Pem(error)),
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateFault> {
    let metadata = path.metadata().map_err(CertificateFault::Read)?;
    if metadata.mode() & 0o004 != 0 {
        return Err(CertificateFault::WorldReadable);
    }
    let pem = zeroize::Zeroizing::new(std::fs::read(path).map_err(CertificateFault::Read)?);
    PrivateKeyDer::from_pem_slice(&pem).map_err(CertificateFault::Pem)
}
