//! The one shape of a signature that the engine gets to see (SAML core 5.4; XML Signature 4): one reference to the
//! element that the signature stands in, two transforms, listed algorithms, nothing that fetches or computes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;

use super::certificate::KeyKind;
use super::element::{Children, attribute, nothing, required};
use super::gate::{Closed, is_name};
use super::names::{
    CANONICALIZATION, DIGEST_METHOD, DIGEST_VALUE, EXCLUSIVE, INCLUSIVE, KEY_INFO, KEY_NAME,
    KEY_VALUE, METHOD, Name, REFERENCE, SIGNATURE, SIGNATURE_VALUE, SIGNED_INFO, TRANSFORM,
    TRANSFORMS, X509_DATA,
};

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// RFC 9231 names them; R5 says which.
const METHODS: [(&str, KeyKind); 6] = [
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", KeyKind::Rsa),
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", KeyKind::Rsa),
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", KeyKind::Rsa),
    ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", KeyKind::Elliptic),
    ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", KeyKind::Elliptic),
    ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512", KeyKind::Elliptic),
];

/// With the bytes that each gives.
const DIGESTS: [(&str, usize); 3] = [
    ("http://www.w3.org/2001/04/xmlenc#sha256", 32),
    ("http://www.w3.org/2001/04/xmldsig-more#sha384", 48),
    ("http://www.w3.org/2001/04/xmlenc#sha512", 64),
];

/// Holds a signature in an element of the name `of` to the shape; gives the kind of key that it was made by.
pub(super) fn judge(signature: Node<'_, '_>, of: Name) -> Result<KeyKind, Closed> {
    let parent = signature.parent().ok_or(Closed::SignaturePlace)?;
    let id = required(parent, of, "ID")?;
    shape(signature, &|address| address.strip_prefix('#') == Some(id))
}

/// The same for a signature of a document's root, which may also be addressed as the document (XML Signature 4.4.3.2).
pub(super) fn judge_document(signature: Node<'_, '_>) -> Result<KeyKind, Closed> {
    let parent = signature.parent().ok_or(Closed::SignaturePlace)?;
    let id = attribute(parent, "ID");
    shape(signature, &|address| {
        address.is_empty() || id.is_some() && address.strip_prefix('#') == id
    })
}

/// Whether an address is that of the element to sign.
type Refers<'a> = &'a dyn Fn(&str) -> bool;

fn shape(signature: Node<'_, '_>, refers: Refers<'_>) -> Result<KeyKind, Closed> {
    attributes(signature, SIGNATURE, &[])?;
    let mut children = Children::of(signature, SIGNATURE)?;
    let keys = signed_info(children.required(SIGNED_INFO)?, refers)?;
    base64(children.required(SIGNATURE_VALUE)?, SIGNATURE_VALUE, None)?;
    if let Some(info) = children.optional(KEY_INFO) {
        key_info(info, &[])?;
    }
    children.end()?;
    Ok(keys)
}

fn signed_info(info: Node<'_, '_>, refers: Refers<'_>) -> Result<KeyKind, Closed> {
    attributes(info, SIGNED_INFO, &[])?;
    let mut children = Children::of(info, SIGNED_INFO)?;
    let method = children.required(CANONICALIZATION)?;
    if algorithm(method, CANONICALIZATION)? != EXCLUSIVE {
        return Err(Closed::Canonicalization);
    }
    inclusive(method, CANONICALIZATION)?;
    let method = children.required(METHOD)?;
    let name = algorithm(method, METHOD)?;
    let listed = METHODS.iter().find(|(listed, _)| *listed == name);
    let (_, keys) = listed.ok_or(Closed::SignatureAlgorithm)?;
    // HMACOutputLength and parameters of RSA-PSS stand here.
    nothing(method, METHOD)?;
    let references = children.all(REFERENCE);
    children.end()?;
    match references.as_slice() {
        [reference] => one_reference(*reference, refers)?,
        _ => return Err(Closed::References),
    }
    Ok(*keys)
}

/// The address is within this very document, so that no engine has anything to fetch (R4).
fn one_reference(reference: Node<'_, '_>, refers: Refers<'_>) -> Result<(), Closed> {
    attributes(reference, REFERENCE, &["URI"])?;
    if !refers(required(reference, REFERENCE, "URI")?) {
        return Err(Closed::ReferenceAddress);
    }
    let mut children = Children::of(reference, REFERENCE)?;
    let list = children.optional(TRANSFORMS).ok_or(Closed::Transforms)?;
    transforms(list)?;
    let method = children.required(DIGEST_METHOD)?;
    let name = algorithm(method, DIGEST_METHOD)?;
    let listed = DIGESTS.iter().find(|(listed, _)| *listed == name);
    let (_, length) = listed.ok_or(Closed::DigestAlgorithm)?;
    nothing(method, DIGEST_METHOD)?;
    base64(children.required(DIGEST_VALUE)?, DIGEST_VALUE, Some(*length))?;
    children.end()
}

/// Exactly the two, in this order (SAML core 5.4.4).
fn transforms(list: Node<'_, '_>) -> Result<(), Closed> {
    attributes(list, TRANSFORMS, &[])?;
    let mut children = Children::of(list, TRANSFORMS)?;
    let found = children.all(TRANSFORM);
    children.end()?;
    let [enveloped, exclusive] = found.as_slice() else { return Err(Closed::Transforms) };
    let named = algorithm(*enveloped, TRANSFORM)? == ENVELOPED
        && algorithm(*exclusive, TRANSFORM)? == EXCLUSIVE;
    if !named {
        return Err(Closed::Transforms);
    }
    nothing(*enveloped, TRANSFORM)?;
    inclusive(*exclusive, TRANSFORM)
}

/// What exclusive canonicalization may be told: prefixes to treat as inclusive canonicalization does.
fn inclusive(method: Node<'_, '_>, of: Name) -> Result<(), Closed> {
    let mut children = Children::of(method, of)?;
    if let Some(list) = children.optional(INCLUSIVE) {
        attributes(list, INCLUSIVE, &["PrefixList"])?;
        let prefixes = required(list, INCLUSIVE, "PrefixList")?;
        let good = |prefix: &str| prefix == "#default" || is_name(prefix);
        let few = prefixes.split_ascii_whitespace().count() <= 16;
        if !few || !prefixes.split_ascii_whitespace().all(good) {
            return Err(Closed::Canonicalization);
        }
        nothing(list, INCLUSIVE)?;
    }
    children.end()
}

/// Read by nobody: the key is the metadata's (R5), or ours. It may say which key it believes to be right, and hold
/// elements of the names in `more` besides.
pub(super) fn key_info(info: Node<'_, '_>, more: &[Name]) -> Result<(), Closed> {
    attributes(info, KEY_INFO, &[])?;
    let known = [X509_DATA, KEY_NAME, KEY_VALUE];
    let strange = |node: Node<'_, '_>| !known.iter().chain(more).any(|name| name.is(node));
    if info.children().filter(Node::is_element).any(strange) {
        return Err(Closed::KeyInfo);
    }
    Ok(())
}

pub(super) fn algorithm<'a>(node: Node<'a, '_>, of: Name) -> Result<&'a str, Closed> {
    attributes(node, of, &["Algorithm"])?;
    required(node, of, "Algorithm")
}

/// No attributes but those.
pub(super) fn attributes(node: Node<'_, '_>, of: Name, known: &[&str]) -> Result<(), Closed> {
    let strange =
        node.attributes().any(|one| one.namespace().is_some() || !known.contains(&one.name()));
    if strange { Err(Closed::SignatureAttributes { of: of.local }) } else { Ok(()) }
}

/// One piece of base64, broken into lines perhaps: so many bytes, where it is known how many.
pub(super) fn base64(
    node: Node<'_, '_>,
    of: Name,
    length: Option<usize>,
) -> Result<Vec<u8>, Closed> {
    let mut children = node.children();
    let only = match (children.next(), children.next()) {
        (Some(child), None) => child.text().unwrap_or_default(),
        _ => "",
    };
    let plain: Vec<u8> = only.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    match STANDARD.decode(plain) {
        Ok(bytes) if !bytes.is_empty() && length.is_none_or(|length| length == bytes.len()) => {
            Ok(bytes)
        }
        _ => Err(Closed::NotBase64 { of: of.local }),
    }
}
