//! TLS as a client: TLS 1.2 and 1.3, the system's roots and the operator's, HTTP/1.1. Verification cannot be switched
//! off, and key logging stays off whatever the environment says (R26).

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

use super::OutboundError;

pub(super) fn config(ca_files: &[PathBuf]) -> Result<ClientConfig, OutboundError> {
    let mut roots = RootCertStore::empty();
    // A root of the system's that cannot be read or parsed is one root less to trust, never one more.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for path in ca_files {
        add(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(OutboundError::BadTls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn add(roots: &mut RootCertStore, path: &PathBuf) -> Result<(), OutboundError> {
    let bad = |cause| OutboundError::BadRoots { path: path.clone(), cause };
    let mut some = false;
    for certificate in CertificateDer::pem_file_iter(path).map_err(bad)? {
        roots.add(certificate.map_err(bad)?).map_err(OutboundError::BadTls)?;
        some = true;
    }
    if some { Ok(()) } else { Err(bad(pem::Error::NoItemsFound)) }
}
