//! What an operator should know of a certificate: until when it is valid, and for which names.

use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

use super::validity::validity;
use super::{CertificateFiles, ServedHost};
use crate::ground::clock::Timestamp;

/// Facts about the leaf of one chain.
#[derive(Debug)]
pub struct Inspected {
    pub from: Timestamp,
    pub until: Timestamp,
    leaf: CertificateDer<'static>,
}

impl Inspected {
    /// Reads a chain; `None` when it cannot be read, which [`super::Certificates::load`] tells better.
    #[must_use]
    pub fn of(files: &CertificateFiles) -> Option<Self> {
        let leaf = CertificateDer::pem_file_iter(&files.chain).ok()?.next()?.ok()?;
        let (from, until) = validity(&leaf)?;
        Some(Self { from, until, leaf })
    }

    /// Whether clients that ask for this host accept the certificate's names.
    #[must_use]
    pub fn covers(&self, host: &ServedHost) -> bool {
        let name = host.name().trim_start_matches('[').trim_end_matches(']');
        let Ok(name) = ServerName::try_from(name) else { return false };
        ParsedCertificate::try_from(&self.leaf)
            .is_ok_and(|leaf| verify_server_name(&leaf, &name).is_ok())
    }
}
