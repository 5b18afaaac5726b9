//! Whether a response's signatures are the provider's: shape and algorithms are read from the tree, the rest is said by
//! Debian's `xmlsec1`, with the provider's certificate as the only key. The gateway verifies with another implementation.

use std::process::Command;

use roxmltree::{Document, Node};

use super::response::{DSIG, PROTOCOL, attribute, child, children};

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const METHODS: [&str; 6] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
];
const DIGESTS: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
];

type Fault = &'static str;

/// There is a signature, each is of the right shape and in its place, and each is by one of these certificates (PEM).
pub(super) fn check(
    xml: &str,
    document: &Document<'_>,
    certificates: &[String],
) -> Result<(), Fault> {
    let all = document.descendants().filter(|node| node.tag_name().name() == "Signature");
    let mut places = Vec::new();
    for signature in all {
        let place = shape(signature)?;
        if places.contains(&place) {
            return Err("an element is signed twice");
        }
        places.push(place);
    }
    if places.is_empty() {
        return Err("nothing is signed");
    }
    let verified = |place: &&str| certificates.iter().any(|one| by_xmlsec(xml, place, one));
    if places.iter().all(verified) { Ok(()) } else { Err("a signature is wrong") }
}

/// Where the signature is, as a path for `xmlsec1`.
fn shape(signature: Node<'_, '_>) -> Result<&'static str, Fault> {
    let parent = signature.parent().ok_or("a signature is the root")?;
    let place = match parent.tag_name().name() {
        _ if !signature.has_tag_name((DSIG, "Signature")) => return Err("it is no signature"),
        "Response" if parent.tag_name().namespace() == Some(PROTOCOL) => {
            "/*[local-name()='Response']/*[local-name()='Signature']"
        }
        "Assertion" => {
            "/*[local-name()='Response']/*[local-name()='Assertion']/*[local-name()='Signature']"
        }
        _ => return Err("a signature is in a strange place"),
    };
    let info = child(signature, (DSIG, "SignedInfo"))?;
    let reference = child(info, (DSIG, "Reference"))?;
    if attribute(reference, "URI")?.strip_prefix('#') != Some(attribute(parent, "ID")?) {
        return Err("a signature is over something else");
    }
    let transforms = child(reference, (DSIG, "Transforms"))?;
    let transforms: Vec<_> = children(transforms, (DSIG, "Transform"))
        .map(|one| one.attribute("Algorithm").unwrap_or_default())
        .collect();
    let canonical = attribute(child(info, (DSIG, "CanonicalizationMethod"))?, "Algorithm")?;
    let method = attribute(child(info, (DSIG, "SignatureMethod"))?, "Algorithm")?;
    let digest = attribute(child(reference, (DSIG, "DigestMethod"))?, "Algorithm")?;
    let strong = transforms == [ENVELOPED, EXCLUSIVE]
        && canonical == EXCLUSIVE
        && METHODS.contains(&method)
        && DIGESTS.contains(&digest)
        && !children(signature, (DSIG, "Object")).any(|_| true);
    if strong { Ok(place) } else { Err("an algorithm or a transform is not one of those taken") }
}

/// What `xmlsec1` says of the signature at this place. A key that the document brings along does not count.
fn by_xmlsec(xml: &str, place: &str, certificate: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let [document, pem] = ["response.xml", "certificate.pem"].map(|name| folder.path().join(name));
    std::fs::write(&document, xml).unwrap();
    std::fs::write(&pem, certificate).unwrap();
    let output = Command::new("xmlsec1")
        .args(["--verify", "--enabled-reference-uris", "same-doc"])
        .args(["--enabled-key-data", "raw-x509-cert"])
        .args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"])
        .args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response"])
        .args(["--node-xpath", place, "--pubkey-cert-pem"])
        .args([&pem, &document])
        .output()
        .unwrap_or_else(|cause| panic!("xmlsec1: {cause}: run tests/peers/install saml"));
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.success() && said.lines().any(|line| line == "OK")
}
