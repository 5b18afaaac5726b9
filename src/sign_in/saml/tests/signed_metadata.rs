//! Signed metadata with names (`tests/vectors/saml/signed-metadata`): what one certificate vouches for is read, nothing else.

use std::collections::BTreeSet;

use super::super::{Certificate, IdentityProvider};
use super::{NOW, names, octets, text, time};
use crate::ground::clock::Timestamp;

const OURS: Option<&str> = Some("https://idp.example.com/metadata");

fn signer(file: &str) -> Certificate {
    Certificate::from_der(octets(file)).unwrap()
}

/// Of a SimpleSAMLphp 1.19.7, which signs it with the key that signs its answers.
pub(super) fn real(now: Timestamp) -> IdentityProvider {
    let signer = signer("real/metadata-signer.der");
    IdentityProvider::read_signed(&text("real/signed-metadata.xml"), &signer, None, now).unwrap()
}

fn read(name: &str) -> Result<IdentityProvider, String> {
    let signer = signer("keys/federation.der");
    let document = text(&format!("signed-metadata/{name}.xml"));
    IdentityProvider::read_signed(&document, &signer, OURS, time(NOW))
        .map_err(|fault| fault.to_string())
}

fn is_good(name: &str) -> bool {
    name.starts_with("good")
}

#[test]
fn signed_metadata_is_read() {
    let good: Vec<String> =
        names("signed-metadata").into_iter().filter(|name| is_good(name)).collect();
    assert_eq!(good.len(), 8);
    for name in good {
        let found = read(&name).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(found.entity_id, OURS.unwrap(), "{name}");
        assert_eq!(found.sign_in_redirect.as_deref(), Some("https://idp.example.com/sso"));
        assert_eq!(found.trust.certificates.len(), 3, "{name}");
        let until = name.ends_with("group").then(|| time("2027-01-01T00:00:00Z"));
        assert_eq!(found.valid_until, until, "{name}");
    }
}

#[test]
fn metadata_of_a_real_provider() {
    let found = real(time(NOW));
    assert_eq!(found.entity_id, "http://127.0.0.1:8989/saml2/idp/metadata.php");
    assert_eq!(found.trust.certificates, [signer("real/metadata-signer.der")]);
}

/// `signed-metadata.txt` names each file with what the operator is told. All of them but what is no metadata would be read
/// if nobody asked for a signature.
#[test]
fn what_the_certificate_does_not_vouch_for_is_told_with_its_place() {
    let table = text("signed-metadata.txt");
    let (mut listed, mut faults, mut readable) = (BTreeSet::new(), Vec::new(), 0);
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, reason) = line.split_once(char::is_whitespace).unwrap();
        listed.insert(name.to_owned());
        let found = read(name).map_or_else(|fault| fault, |_| "read".to_owned());
        if found != reason.trim() {
            faults.push(format!("{name} {found}"));
        }
        let document = text(&format!("signed-metadata/{name}.xml"));
        readable += usize::from(IdentityProvider::read(&document, OURS, time(NOW)).is_ok());
    }
    let all: BTreeSet<String> =
        names("signed-metadata").into_iter().filter(|name| !is_good(name)).collect();
    assert_eq!(listed, all, "signed-metadata.txt and the folder differ");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(readable >= 20, "{readable}");
}
