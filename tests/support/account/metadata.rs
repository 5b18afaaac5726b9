//! What IAM keeps of an identity provider's metadata: its name and the certificates that it signs with
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateSAMLProvider.html>).

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Entity id and certificates (PEM) of the one identity provider in the document.
pub(super) fn read(document: &str) -> (String, Vec<String>) {
    let document = roxmltree::Document::parse(document).unwrap();
    let entity = document.root_element();
    assert!(entity.has_tag_name((METADATA, "EntityDescriptor")), "not one entity's metadata");
    let provider = entity.children().find(|one| one.has_tag_name((METADATA, "IDPSSODescriptor")));
    let keys = provider.unwrap().children().filter(|one| {
        one.has_tag_name((METADATA, "KeyDescriptor")) && one.attribute("use") != Some("encryption")
    });
    let certificates = keys
        .flat_map(|key| key.descendants())
        .filter(|one| one.has_tag_name((DSIG, "X509Certificate")))
        .map(|one| pem(one.text().unwrap_or_default()));
    let certificates: Vec<_> = certificates.collect();
    assert!(!certificates.is_empty(), "no certificate for signing");
    (entity.attribute("entityID").unwrap().to_owned(), certificates)
}

/// Lines of 64 characters (RFC 7468, 2).
fn pem(text: &str) -> String {
    let letters: Vec<char> = text.split_whitespace().flat_map(str::chars).collect();
    let lines: Vec<String> = letters.chunks(64).map(|line| line.iter().collect()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
