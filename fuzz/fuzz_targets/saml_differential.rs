//! A second opinion on answers of identity providers: whatever we accept, saml-rs accepts too, over the same element, and reads
//! the same person and attributes in it. It has another parser, another canonicalization and another library of cryptography
//! than our engine, so a document that one of the two reads otherwise than its signer is found here.
//!
//! The inputs are good answers whose elements are moved, doubled, swapped, wrapped and removed, whose texts and attributes
//! are changed: as they were signed, or signed anew after the change by a key that we trust. And documents as they are.
#![no_main]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use roxmltree::{Document, Node};
use saml_rs::SamlError;
use saml_rs::crypto::enc::{AssertionDecryptionOptions, decrypt_assertion};
use saml_rs::crypto::keys::load_private_key;
use saml_rs::crypto::sign::construct_saml_signature;
use saml_rs::crypto::verify::verify_signature;
use saml_rs::xml::dom;
use sluicegate::ground::clock::Timestamp;
use sluicegate::sign_in::saml::{
    Assertion, Certificate, DecryptionKey, Expected, IdentityProvider, Trust, verify,
};

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../tests/vectors/saml/", $name))
    };
}

/// What is signed, each with another shape; then what is to be signed.
const ANSWERS: [&str; 9] = [
    vector!("good/both-signed.xml"),
    vector!("good/assertion-signed.xml"),
    vector!("good/response-signed.xml"),
    vector!("good/ecdsa.xml"),
    vector!("good/inclusive-namespaces.xml"),
    vector!("good/indented.xml"),
    vector!("good/encrypted-and-signed-inside.xml"),
    vector!("good/encrypted-as-keycloak-writes-it.xml"),
    vector!("hostile/unsigned.xml"),
];

const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const NOW: &str = "2026-11-26T08:00:00Z";

struct World {
    trust: Trust,
    keys: [DecryptionKey; 1],
    now: Timestamp,
    /// For the second opinion, and by it: the certificates by which anything may be signed; the assertion that was encrypted; a
    /// signature of the whole, or of the assertion.
    certificates: Vec<String>,
    decrypt: Box<dyn Fn(&str) -> Result<String, SamlError> + Send + Sync>,
    sign: Box<dyn Fn(&str, bool) -> Result<String, SamlError> + Send + Sync>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let now: Timestamp = NOW.parse().unwrap();
    let metadata = vector!("metadata/good.xml");
    let entity_id = IdentityProvider::read(metadata, None, now).unwrap().entity_id;
    let document = Document::parse(metadata).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name(CERTIFICATE));
    // An elliptic one, the one that signed, the next one; the last is for encryption.
    let mut certificates: Vec<String> =
        texts.take(2).map(|node| node.text().unwrap().to_owned()).collect();
    let fuzz = include_bytes!("../../tests/vectors/saml/keys/fuzz.der");
    certificates.push(STANDARD.encode(fuzz));
    let ours = certificates.iter().map(|one| Certificate::from_base64(one).unwrap()).collect();
    let decrypts = pem(include_bytes!("../../tests/vectors/saml/keys/ours-private.der"));
    let signs = pem(include_bytes!("../../tests/vectors/saml/keys/fuzz-private.der"));
    let theirs = load_private_key(&decrypts, None).unwrap();
    let signer = load_private_key(&signs, None).unwrap();
    let known = certificates.last().cloned().unwrap();
    let world = World {
        trust: Trust::new(&entity_id, ours, None).unwrap(),
        keys: [DecryptionKey::from_pem(&decrypts).unwrap()],
        now,
        certificates,
        decrypt: Box::new(move |xml| {
            let options = AssertionDecryptionOptions::default();
            decrypt_assertion(xml, &theirs, options).map(|(_, assertion)| assertion)
        }),
        sign: Box::new(move |xml, whole| {
            construct_saml_signature(xml, whole, &signer, &known, RSA_SHA256, &[], None)
        }),
    };
    for (index, answer) in ANSWERS.iter().enumerate() {
        let signed = if index == ANSWERS.len() - 1 {
            (world.sign)(answer, true).expect("the second opinion can sign")
        } else {
            (*answer).to_owned()
        };
        let found = judged(&world, &signed).expect("a good answer is accepted");
        assert!(agreed(&world, &signed, &found), "the second opinion has one on answer {index}");
    }
    world
});

fn pem(key: &[u8]) -> String {
    let body = STANDARD.encode(key);
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let label = "PRIVATE KEY";
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

const CERTIFICATE: (&str, &str) = ("http://www.w3.org/2000/09/xmldsig#", "X509Certificate");

fn judged(world: &World, xml: &str) -> Option<Assertion> {
    let expected = Expected {
        entity_id: "https://gateway.example.com/-/saml/metadata",
        endpoint: "https://gateway.example.com/-/saml/acs",
        request: Some("_request-1"),
        contexts: &[],
        authenticated_since: None,
    };
    verify(xml, &world.trust, &expected, &world.keys, world.now).ok()
}

/// Panics where the two differ. False where the second opinion has none: it refuses any certificate in a KeyInfo that it
/// does not know, and we do not read them.
fn agreed(world: &World, xml: &str, ours: &Assertion) -> bool {
    let Some(content) = second(world, xml) else { return false };
    let root = dom::parse(&content).expect("what is signed is read").root;
    let assertion = match root.local_name.as_str() {
        "Assertion" => content,
        _ => {
            let Some(content) = self_contained(&content) else { return false };
            let plain = (world.decrypt)(&content)
                .unwrap_or_else(|error| panic!("we decrypt it, they do not: {error}: {xml}"));
            let signed = dom::parse(&plain)
                .is_ok_and(|document| child(&document.root, "Signature").is_some());
            match signed.then(|| second(world, &plain)) {
                None => plain,
                Some(Some(inside)) => inside,
                Some(None) => return false,
            }
        }
    };
    let root = dom::parse(&assertion).expect("an assertion is read").root;
    let subject = child(&root, "Subject").expect("a subject");
    let name_id = child(subject, "NameID").map(|node| node.text.as_str());
    assert_eq!(name_id, Some(ours.name_id.as_str()), "another person in {xml}");
    let id = |name: &str| root.attrs.iter().any(|(key, value)| key == name && *value == ours.id);
    assert!(id("ID"), "another assertion in {xml}");
    let mut theirs = attributes(&root);
    // What has a value of several lines we leave out whole, and name.
    for name in &ours.of_several_lines {
        let values = theirs.remove(name).unwrap_or_default();
        let several = values.iter().any(|value| value.contains(['\t', '\n', '\r']));
        assert!(several, "left out without a cause: {name} in {xml}");
    }
    assert_eq!(theirs, ours.attributes, "other attributes in {xml}");
    true
}

/// The element that is signed, as text.
fn second(world: &World, xml: &str) -> Option<String> {
    match verify_signature(xml, &world.certificates) {
        Ok((true, Some(content))) => Some(content),
        Err(SamlError::CertificateMismatch) => None,
        other => panic!("we accept what they do not ({other:?}): {xml}"),
    }
}

/// The second opinion takes the encrypted data out of the document, and with them neither the namespaces around them nor a
/// key beside them: the former are written into them, the latter it cannot read.
fn self_contained(xml: &str) -> Option<String> {
    let document = Document::parse(xml).expect("what is signed is read");
    let named = |name: &'static str| {
        document.descendants().find(move |node| node.tag_name().name() == name)
    };
    let data = named("EncryptedData")?;
    let within = named("EncryptedKey")?.ancestors().any(|node| node == data);
    let tag_end = data.range().start + xml[data.range()].find('>')?;
    let start = data.range().start + xml[data.range()].find([' ', '>', '/'])?;
    let here = &xml[start..tag_end];
    let declared = |prefix: &str| here.contains(&format!("xmlns:{prefix}="));
    let missing: String = data
        .namespaces()
        .filter_map(|space| Some((space.name()?, space.uri())))
        .filter(|(prefix, _)| !declared(prefix))
        .map(|(prefix, uri)| format!(" xmlns:{prefix}=\"{}\"", uri.replace('&', "&amp;")))
        .collect();
    within.then(|| replaced(xml, start..start, &missing))
}

fn child<'a>(node: &'a dom::Node, name: &str) -> Option<&'a dom::Node> {
    node.children.iter().find(|child| child.local_name == name)
}

fn attributes(assertion: &dom::Node) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let of = |node: &'_ dom::Node, name: &'static str| {
        node.children.iter().filter(|child| child.local_name == name).cloned().collect::<Vec<_>>()
    };
    for statement in of(assertion, "AttributeStatement") {
        for attribute in of(&statement, "Attribute") {
            let name = attribute.attr("Name").unwrap_or_default().to_owned();
            let values = of(&attribute, "AttributeValue").into_iter().map(|value| {
                child(&value, "NameID").map_or(value.text.clone(), |name_id| name_id.text.clone())
            });
            found.entry(name).or_default().extend(values);
        }
    }
    found
}

/// One change: what is done, to the elements of these numbers, with this text.
type Change<'a> = (u8, u16, u16, &'a str);

/// The text after a change; `None` where it does not apply.
fn changed(text: &str, (what, first, second, piece): Change<'_>, other: &str) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let elements: Vec<Node<'_, '_>> = document.descendants().filter(Node::is_element).collect();
    let element = |number: u16| elements[usize::from(number) % elements.len()];
    let (one, two) = (element(first), element(second));
    let (here, there) = (one.range(), two.range());
    let source = &text[here.clone()];
    let apart = here.end <= there.start || there.end <= here.start;
    match what % 12 {
        0 => Some(replaced(text, there.start..there.start, source)),
        1 => Some(replaced(text, inside(text, &two)?, source)),
        2 if apart => Some(both(text, (here, ""), (there.end..there.end, source))),
        3 if apart => Some(both(text, (here, &text[there.clone()]), (there, source))),
        4 => Some(replaced(text, here, "")),
        5 => Some(replaced(text, here, &wrapped(source, piece))),
        6 => {
            let node = one.descendants().find(Node::is_text)?;
            Some(replaced(text, node.range(), piece))
        }
        7 => {
            let attributes: Vec<_> = one.attributes().collect();
            let one = attributes.get(usize::from(second) % attributes.len().max(1))?;
            Some(replaced(text, one.range_value(), piece))
        }
        8 => {
            let (mine, yours) = (one.attributes().next()?, two.attributes().next()?);
            let (mine, yours) = (mine.range_value(), yours.range_value());
            (mine.end <= yours.start)
                .then(|| both(text, (mine.clone(), &text[yours.clone()]), (yours, &text[mine])))
        }
        9 => Some(replaced(text, inside(text, &one)?, piece)),
        10 => {
            let name_end = here.start + text[here.clone()].find([' ', '>', '/'])?;
            Some(replaced(text, name_end..name_end, &format!(" {piece}")))
        }
        11 => {
            let others = Document::parse(other).ok()?;
            let from: Vec<_> = others.descendants().filter(Node::is_element).collect();
            let from = from[usize::from(second) % from.len()].range();
            Some(replaced(text, here, &other[from]))
        }
        _ => None,
    }
}

/// Where a first child would stand.
fn inside(text: &str, node: &Node<'_, '_>) -> Option<Range<usize>> {
    let first = node.first_child()?.range().start;
    text.is_char_boundary(first).then_some(first..first)
}

fn replaced(text: &str, range: Range<usize>, piece: &str) -> String {
    format!("{}{piece}{}", &text[..range.start], &text[range.end..])
}

/// Two that do not overlap.
fn both(text: &str, one: (Range<usize>, &str), two: (Range<usize>, &str)) -> String {
    let (first, last) = if one.0.start <= two.0.start { (one, two) } else { (two, one) };
    let text = replaced(text, last.0, last.1);
    replaced(&text, first.0, first.1)
}

/// In an element that readers may skip, or that has the name of what is inside it.
fn wrapped(source: &str, piece: &str) -> String {
    const AROUND: [&str; 6] =
        ["p:Extensions", "a:Advice", "d:Object", "a:Assertion", "p:Status", "w"];
    let name = AROUND[piece.len() % AROUND.len()];
    const SPACES: &str = "xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
        xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\" xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"";
    format!("<{name} {SPACES}>{source}</{name}>")
}

fn check(xml: &str) {
    let world = &*WORLD;
    if let Some(found) = judged(world, xml) {
        agreed(world, xml, &found);
    }
}

fuzz_target!(|input: (u8, u8, Vec<Change<'_>>, &str)| {
    let (base, other, changes, raw) = input;
    check(raw);
    let of = |number: u8| ANSWERS[usize::from(number) % ANSWERS.len()];
    let mut text = of(base).to_owned();
    for change in changes.into_iter().take(8) {
        match changed(&text, change, of(other)) {
            Some(next) if next.len() <= 64 * 1_024 => text = next,
            _ => {}
        }
    }
    check(&text);
    // Signed anew as a whole, or in the assertion alone.
    if let Ok(text) = (WORLD.sign)(&text, base % 2 == 0) {
        check(&text);
    }
});
