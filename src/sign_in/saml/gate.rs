//! The gate in front of the signature engine. It may only refuse: whatever passes is one answer with one assertion and
//! signatures of one shape, in which no two readers can find different things (R1, R2, R4, R5).
//!
//! The same rules are held again against the octets that were digested, by [`reread`].

use std::collections::HashSet;

use roxmltree::{Document, Node};

use super::certificate::KeyKind;
use super::encrypted::Sealed;
use super::names::{
    ASSERTION, ENCRYPTED_ASSERTION, ENCRYPTED_DATA, ENCRYPTED_KEY, Name, RESPONSE, SIGNATURE,
};
use super::scan::scan;
use super::shape::{AssertionParts, ResponseParts};
use super::{Refused, shape, signature};

/// Why the gate stays closed. The words are for the operator's audit log: none of them is the sender's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    #[error("the answer is longer than 256 KiB")]
    TooLarge,
    #[error("the answer does not begin as XML 1.0 in UTF-8")]
    Declaration,
    #[error("the answer has a processing instruction")]
    ProcessingInstruction,
    #[error("the answer has a DOCTYPE or another declaration")]
    Doctype,
    #[error("the answer has a comment")]
    Comment,
    #[error("the answer has a CDATA section")]
    CData,
    #[error("the answer's elements are nested too deep")]
    TooDeep,
    #[error("the answer has too many elements")]
    TooManyElements,
    #[error("an element of the answer has too many attributes")]
    TooManyAttributes,
    #[error("the answer declares too many namespaces")]
    TooManyNamespaces,
    #[error("the answer is not well-formed XML")]
    NotWellFormed,
    #[error("the answer declares a namespace that is not an absolute address")]
    Namespace,
    #[error("the answer is not a samlp:Response")]
    NotResponse,
    #[error("the {of} is not of version 2.0")]
    Version { of: &'static str },
    #[error("the identity provider did not sign in: {0}")]
    Status(Box<str>),
    #[error("the answer has no assertion")]
    NoAssertion,
    #[error("the assertion, or a part of it, is encrypted")]
    Encrypted,
    #[error("the answer has more than one assertion")]
    Assertions,
    #[error("the assertion is not in SAML's namespace")]
    AssertionNamespace,
    #[error("the assertion is not a child of the response")]
    AssertionPlace,
    #[error("an attribute is spelled like ID and is another")]
    IdSpelling,
    #[error("an ID is not a name")]
    IdName,
    #[error("two elements have the same ID")]
    IdTwice,
    #[error("nothing is signed")]
    Unsigned,
    #[error("the answer has more than two signatures")]
    Signatures,
    #[error("a signature stands neither in the response nor in the assertion")]
    SignaturePlace,
    #[error("the {of} has two signatures")]
    SignedTwice { of: &'static str },
    #[error("a signature does not have exactly one reference")]
    References,
    #[error("a signature does not refer to the element that it stands in")]
    ReferenceAddress,
    #[error("a signature's transforms are not [enveloped signature, exclusive canonicalization]")]
    Transforms,
    #[error("a signature is canonicalized by another method than exclusive canonicalization")]
    Canonicalization,
    #[error("a signature's algorithm is not on the list")]
    SignatureAlgorithm,
    #[error("a digest's algorithm is not on the list")]
    DigestAlgorithm,
    #[error("the two signatures are by keys of different kinds")]
    MixedKeys,
    #[error("the {of} is not base64 of the right length")]
    NotBase64 { of: &'static str },
    #[error("a {of} has attributes that do not belong there")]
    SignatureAttributes { of: &'static str },
    #[error("a KeyInfo holds more than a key's name, value or certificate")]
    KeyInfo,
    #[error("the assertion is encrypted by another cipher than AES-128-GCM and AES-256-GCM")]
    Cipher,
    #[error(
        "the assertion's key is encrypted by another method than RSA-OAEP with SHA-1 or SHA-256 for both of its hashes"
    )]
    KeyTransport,
    #[error("the answer has more than one {0}")]
    EncryptedTwice(&'static str),
    #[error("the encrypted data are not of the type Element")]
    EncryptedType,
    #[error("the answer has a {0}, which is never accepted")]
    Forbidden(&'static str),
    #[error("the {of} has no attribute {name}")]
    NoAttribute { of: &'static str, name: &'static str },
    #[error("the {of} has no {name} in its place")]
    NoElement { of: &'static str, name: &'static str },
    #[error("the {of} has an element that does not belong there")]
    Unexpected { of: &'static str },
    #[error("the {of} has text between its elements")]
    StrayText { of: &'static str },
    #[error("the {of} is not one plain text")]
    NotOneText { of: &'static str },
}

/// Which elements carry a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    /// The response, and with it all that it contains. The assertion may be signed besides.
    Response,
    /// The assertion alone: nothing around it is trusted for anything.
    Assertion,
}

/// What came through. Nothing of it is verified.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) signed: Signed,
    pub(super) keys: KeyKind,
    pub(super) response: ResponseParts,
    pub(super) inside: Inside,
}

/// What the response carries.
#[derive(Debug)]
pub(super) enum Inside {
    Plain(Box<AssertionParts>),
    Sealed(Sealed),
}

/// What was encrypted, by the same rules. Its octets are as good as those that they were encrypted in.
#[derive(Debug)]
pub(super) struct Unsealed {
    /// By which kind of key it is signed itself, when it is: that is not verified.
    pub(super) keys: Option<KeyKind>,
    pub(super) assertion: AssertionParts,
}

/// Lets one answer through, or says why not. An encrypted assertion may be in it only where somebody `can_decrypt`, and
/// only under a signature of the response (R8).
pub(super) fn pass(text: &str, can_decrypt: bool) -> Result<Passed, Closed> {
    let document = tree(text)?;
    let root = document.root_element();
    if has(&document, &["EncryptedAssertion"]) {
        if !can_decrypt {
            shape::success(root)?;
            return Err(Closed::Encrypted);
        }
        rules(&document, Encryption::OneAssertion)?;
        let sealed = only_encrypted_assertion(&document)?;
        let (signed, keys) = signatures(&document, None)?;
        let response = ResponseParts::read(root, ENCRYPTED_ASSERTION)?;
        return Ok(Passed {
            signed,
            keys,
            response,
            inside: Inside::Sealed(Sealed::read(sealed)?),
        });
    }
    rules(&document, Encryption::None)?;
    let assertion = only_assertion(&document)?;
    let (signed, keys) = signatures(&document, Some(assertion))?;
    let response = ResponseParts::read(root, ASSERTION)?;
    let parts = AssertionParts::read(assertion)?;
    Ok(Passed { signed, keys, response, inside: Inside::Plain(Box::new(parts)) })
}

/// What the digested octets say, by the same rules. `None` for the response when only the assertion was digested.
pub(super) fn reread(
    octets: &str,
    signed: Signed,
) -> Result<(Option<ResponseParts>, AssertionParts), Closed> {
    let document = tree(octets)?;
    rules(&document, Encryption::None)?;
    let root = document.root_element();
    match signed {
        Signed::Response => {
            let assertion = only_assertion(&document)?;
            let response = ResponseParts::read(root, ASSERTION)?;
            Ok((Some(response), AssertionParts::read(assertion)?))
        }
        Signed::Assertion => Ok((None, AssertionParts::read(root_assertion(&document)?)?)),
    }
}

/// The same for a response that carries an encrypted assertion.
pub(super) fn reread_encrypted(octets: &str) -> Result<(ResponseParts, Sealed), Closed> {
    let document = tree(octets)?;
    rules(&document, Encryption::OneAssertion)?;
    let sealed = only_encrypted_assertion(&document)?;
    let response = ResponseParts::read(document.root_element(), ENCRYPTED_ASSERTION)?;
    Ok((response, Sealed::read(sealed)?))
}

/// What was decrypted: one assertion and nothing around it, which declares its namespaces itself.
pub(super) fn unsealed(text: &str) -> Result<Unsealed, Refused> {
    let document = tree(text).or(Err(Refused::NotDecrypted))?;
    let root = document.root_element();
    if !ASSERTION.is(root) || root.range() != (0..text.len()) {
        return Err(Refused::NotDecrypted);
    }
    rules(&document, Encryption::None)?;
    let root = root_assertion(&document)?;
    let mut found = document.descendants().filter(|node| SIGNATURE.is(*node));
    let keys = match (found.next(), found.next()) {
        (None, _) => None,
        (Some(only), None) if only.parent() == Some(root) => {
            Some(signature::judge(only, ASSERTION)?)
        }
        (Some(_), None) => return Err(Closed::SignaturePlace.into()),
        (Some(_), Some(_)) => return Err(Closed::SignedTwice { of: ASSERTION.local }.into()),
    };
    Ok(Unsealed { keys, assertion: AssertionParts::read(root)? })
}

/// What of XML Encryption a document may hold. That it stands in its place is said by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    None,
    OneAssertion,
}

/// One strict tree.
fn tree(text: &str) -> Result<Document<'_>, Closed> {
    scan(text)?;
    Document::parse(text).or(Err(Closed::NotWellFormed))
}

/// One strict tree, in which nothing is that never may be, nor anything encrypted.
pub(super) fn parse(text: &str) -> Result<Document<'_>, Closed> {
    let document = tree(text)?;
    rules(&document, Encryption::None)?;
    Ok(document)
}

/// Nothing is in the tree that never may be.
fn rules(document: &Document<'_>, encryption: Encryption) -> Result<(), Closed> {
    let mut ids = HashSet::new();
    for node in document.descendants().filter(Node::is_element) {
        if let Some(id) = id(node, encryption)?
            && !ids.insert(id)
        {
            return Err(Closed::IdTwice);
        }
        forbidden(node, encryption)?;
        if !node.namespaces().all(|namespace| is_absolute(namespace.uri())) {
            return Err(Closed::Namespace);
        }
    }
    Ok(())
}

/// Canonicalization fails at others (Exclusive XML Canonicalization 1.0 refers to Canonical XML 1.1), and the engine writes
/// them to the standard error.
pub(in crate::sign_in) fn is_absolute(uri: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&()*+,;=%".contains(&byte);
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    let named = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    named && uri.bytes().all(plain)
}

/// The element's ID. Another attribute that some reader may take for one is refused: `xml:id` is one for libxml. XML
/// Encryption spells its own `Id` (3.1): no signature can refer to that.
fn id<'a>(node: Node<'a, '_>, encryption: Encryption) -> Result<Option<&'a str>, Closed> {
    let encrypted = ENCRYPTED_DATA.is(node) || ENCRYPTED_KEY.is(node);
    let spelling = if encrypted && encryption == Encryption::OneAssertion { "Id" } else { "ID" };
    let mut found = None;
    for attribute in node.attributes().filter(|one| one.name().eq_ignore_ascii_case("id")) {
        if attribute.name() != spelling || attribute.namespace().is_some() {
            return Err(Closed::IdSpelling);
        }
        found = Some(attribute.value());
    }
    match found {
        Some(id) if !is_name(id) => Err(Closed::IdName),
        found => Ok(found),
    }
}

/// An `xs:ID` of ASCII (XML Schema 2, 3.3.8), as every identity provider makes them.
pub(super) fn is_name(text: &str) -> bool {
    let first = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    first && text.len() <= 256 && text.bytes().all(rest)
}

/// What an attacker could move the signed element into, and what makes an engine fetch or run something.
fn forbidden(node: Node<'_, '_>, encryption: Encryption) -> Result<(), Closed> {
    const NEVER: [&str; 6] =
        ["Object", "Manifest", "RetrievalMethod", "Extensions", "Advice", "CipherReference"];
    let name = node.tag_name().name();
    if name == ENCRYPTED_KEY.local && encryption == Encryption::None {
        return Err(Closed::Forbidden(ENCRYPTED_KEY.local));
    }
    match NEVER.iter().find(|never| **never == name) {
        Some(never) => Err(Closed::Forbidden(never)),
        None => Ok(()),
    }
}

fn is_assertion(node: Node<'_, '_>) -> bool {
    node.is_element() && node.tag_name().name() == ASSERTION.local
}

/// Whether an element has one of these local names, in whatever namespace.
fn has(document: &Document<'_>, names: &[&str]) -> bool {
    document.descendants().any(|node| names.contains(&node.tag_name().name()))
}

/// The encrypted assertion of a response that has one, as its child, and no other assertion anywhere.
fn only_encrypted_assertion<'a, 'input>(
    document: &'a Document<'input>,
) -> Result<Node<'a, 'input>, Closed> {
    shape::success(document.root_element())?;
    if has(document, &["EncryptedID", "EncryptedAttribute"]) {
        return Err(Closed::Encrypted);
    }
    if document.descendants().any(is_assertion) {
        return Err(Closed::Assertions);
    }
    let found = only(document, ENCRYPTED_ASSERTION)?;
    // Its shape says which one belongs there.
    for name in [ENCRYPTED_DATA.local, ENCRYPTED_KEY.local] {
        if document.descendants().filter(|node| node.tag_name().name() == name).count() > 1 {
            return Err(Closed::EncryptedTwice(name));
        }
    }
    Ok(found)
}

/// The assertion of a response that has one, as its child, and no other anywhere.
fn only_assertion<'a, 'input>(document: &'a Document<'input>) -> Result<Node<'a, 'input>, Closed> {
    shape::success(document.root_element())?;
    not_encrypted(document)?;
    only(document, ASSERTION)
}

/// The root, which is an assertion, and no other anywhere.
fn root_assertion<'a, 'input>(document: &'a Document<'input>) -> Result<Node<'a, 'input>, Closed> {
    let root = document.root_element();
    if !ASSERTION.is(root) {
        return Err(Closed::AssertionPlace);
    }
    not_encrypted(document)?;
    if root.descendants().skip(1).any(is_assertion) {
        return Err(Closed::Assertions);
    }
    Ok(root)
}

fn not_encrypted(document: &Document<'_>) -> Result<(), Closed> {
    let parts = ["EncryptedAssertion", "EncryptedID", "EncryptedAttribute", "EncryptedData"];
    if has(document, &parts) { Err(Closed::Encrypted) } else { Ok(()) }
}

/// The one element with this local name: it has this name, and is a child of the root.
fn only<'a, 'input>(
    document: &'a Document<'input>,
    name: Name,
) -> Result<Node<'a, 'input>, Closed> {
    let mut found = document.descendants().filter(|node| node.tag_name().name() == name.local);
    let only = found.next().ok_or(Closed::NoAssertion)?;
    if found.next().is_some() {
        return Err(Closed::Assertions);
    }
    if !name.is(only) {
        return Err(Closed::AssertionNamespace);
    }
    if only.parent() != Some(document.root_element()) {
        return Err(Closed::AssertionPlace);
    }
    Ok(only)
}

/// One or two signatures, each a child of the element that it signs. There is no assertion to sign while it is encrypted.
fn signatures(
    document: &Document<'_>,
    assertion: Option<Node<'_, '_>>,
) -> Result<(Signed, KeyKind), Closed> {
    let root = document.root_element();
    let found: Vec<_> = document.descendants().filter(|node| SIGNATURE.is(*node)).collect();
    if found.len() > 2 {
        return Err(Closed::Signatures);
    }
    let (mut of_response, mut of_assertion) = (None, None);
    for signature in found {
        let (place, of) = match signature.parent() {
            Some(parent) if parent == root => (&mut of_response, RESPONSE),
            Some(parent) if Some(parent) == assertion => (&mut of_assertion, ASSERTION),
            _ => return Err(Closed::SignaturePlace),
        };
        let keys = signature::judge(signature, of)?;
        if place.replace(keys).is_some() {
            return Err(Closed::SignedTwice { of: of.local });
        }
    }
    match (of_response, of_assertion) {
        (None, None) => Err(Closed::Unsigned),
        (None, Some(keys)) => Ok((Signed::Assertion, keys)),
        (Some(keys), None) => Ok((Signed::Response, keys)),
        (Some(keys), Some(others)) if keys == others => Ok((Signed::Response, keys)),
        (Some(_), Some(_)) => Err(Closed::MixedKeys),
    }
}
