//! The one shape of an encrypted assertion that is decrypted (R8; SAML core 2.3.4; XML Encryption 1.1): one piece of data by
//! AES-GCM, its key by RSA-OAEP, both in the document itself. Nothing is looked up, no reference is followed.
//!
//! The key stands in the data's KeyInfo, or behind the data: identity providers write either.

use roxmltree::Node;

use super::element::{Children, attribute, nothing};
use super::gate::Closed;
use super::names::{
    CIPHER_DATA, CIPHER_VALUE, DATA_REFERENCE, DIGEST_METHOD, ENCRYPTED_ASSERTION, ENCRYPTED_DATA,
    ENCRYPTED_KEY, ENCRYPTION_METHOD, KEY_INFO, MASK, Name, OAEP_PARAMETERS, REFERENCE_LIST,
};
use super::signature::{algorithm, attributes, base64, key_info};

const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";

const CIPHERS: [(&str, Cipher); 2] = [
    ("http://www.w3.org/2009/xmlenc11#aes128-gcm", Cipher::Aes128),
    ("http://www.w3.org/2009/xmlenc11#aes256-gcm", Cipher::Aes256),
];

/// By which the mask is always made with SHA-1 (XML Encryption 5.5.2).
const OAEP_WITH_MGF1_SHA1: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
/// What counts where nothing is said (XML Encryption 5.5.2).
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const MGF1_SHA1: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
const MGF1_SHA256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";

/// Galois/Counter Mode, with a nonce of 96 bits before the octets and a tag of 128 bits behind them (XML Encryption 5.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes128,
    Aes256,
}

/// RSA-OAEP, by the hash for its label and its mask. Our cryptography knows no mixture of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Sha1,
    Sha256,
}

/// An assertion that is still encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) cipher: Cipher,
    pub(super) transport: Transport,
    /// For whom the key is said to be encrypted.
    pub(super) recipient: Option<String>,
    pub(super) key: Vec<u8>,
    pub(super) data: Vec<u8>,
}

impl Sealed {
    /// Reads an `EncryptedAssertion`.
    pub(super) fn read(node: Node<'_, '_>) -> Result<Self, Closed> {
        attributes(node, ENCRYPTED_ASSERTION, &[])?;
        let mut children = Children::of(node, ENCRYPTED_ASSERTION)?;
        let data = children.required(ENCRYPTED_DATA)?;
        let beside = children.optional(ENCRYPTED_KEY);
        children.end()?;
        attributes(data, ENCRYPTED_DATA, &["Id", "Type"])?;
        if attribute(data, "Type") != Some(ELEMENT) {
            return Err(Closed::EncryptedType);
        }
        let mut children = Children::of(data, ENCRYPTED_DATA)?;
        let cipher = cipher(children.required(ENCRYPTION_METHOD)?)?;
        let within = match children.optional(KEY_INFO) {
            Some(info) => key_within(info)?,
            None => None,
        };
        let octets = cipher_value(children.required(CIPHER_DATA)?)?;
        children.end()?;
        let missing =
            Closed::NoElement { of: ENCRYPTED_ASSERTION.local, name: ENCRYPTED_KEY.local };
        let key = match (within, beside) {
            (Some(key), None) | (None, Some(key)) => Key::read(key, attribute(data, "Id"))?,
            (None, None) => return Err(missing),
            (Some(_), Some(_)) => {
                return Err(Closed::Unexpected { of: ENCRYPTED_ASSERTION.local });
            }
        };
        let Key { transport, recipient, octets: key } = key;
        Ok(Self { cipher, transport, recipient, key, data: octets })
    }
}

/// What an `EncryptedKey` says.
struct Key {
    transport: Transport,
    recipient: Option<String>,
    octets: Vec<u8>,
}

impl Key {
    /// `data` is the name of what it encrypts the key of, if that has one.
    fn read(node: Node<'_, '_>, data: Option<&str>) -> Result<Self, Closed> {
        attributes(node, ENCRYPTED_KEY, &["Id", "Recipient"])?;
        let mut children = Children::of(node, ENCRYPTED_KEY)?;
        let transport = transport(children.required(ENCRYPTION_METHOD)?)?;
        if let Some(info) = children.optional(KEY_INFO) {
            key_info(info, &[])?;
        }
        let octets = cipher_value(children.required(CIPHER_DATA)?)?;
        if let Some(list) = children.optional(REFERENCE_LIST) {
            references(list, data)?;
        }
        children.end()?;
        let recipient = attribute(node, "Recipient").map(str::to_owned);
        Ok(Self { transport, recipient, octets })
    }
}

fn cipher(method: Node<'_, '_>) -> Result<Cipher, Closed> {
    let name = algorithm(method, ENCRYPTION_METHOD)?;
    let listed = CIPHERS.iter().find(|(listed, _)| *listed == name);
    let (_, cipher) = listed.ok_or(Closed::Cipher)?;
    nothing(method, ENCRYPTION_METHOD)?;
    Ok(*cipher)
}

fn transport(method: Node<'_, '_>) -> Result<Transport, Closed> {
    let name = algorithm(method, ENCRYPTION_METHOD)?;
    if name != OAEP && name != OAEP_WITH_MGF1_SHA1 {
        return Err(Closed::KeyTransport);
    }
    let mut children = Children::of(method, ENCRYPTION_METHOD)?;
    if let Some(parameters) = children.optional(OAEP_PARAMETERS) {
        nothing(parameters, OAEP_PARAMETERS)?;
    }
    let mask = children.optional(MASK);
    let digest = named(children.optional(DIGEST_METHOD), DIGEST_METHOD)?;
    let mask = named(mask.or_else(|| children.optional(MASK)), MASK)?;
    children.end()?;
    if name == OAEP_WITH_MGF1_SHA1 && mask.is_some() {
        return Err(Closed::KeyTransport);
    }
    match (digest.unwrap_or(SHA1), mask.unwrap_or(MGF1_SHA1)) {
        (SHA1, MGF1_SHA1) => Ok(Transport::Sha1),
        (SHA256, MGF1_SHA256) => Ok(Transport::Sha256),
        _ => Err(Closed::KeyTransport),
    }
}

fn named<'a>(node: Option<Node<'a, '_>>, of: Name) -> Result<Option<&'a str>, Closed> {
    let Some(node) = node else { return Ok(None) };
    nothing(node, of)?;
    algorithm(node, of).map(Some)
}

/// A `KeyInfo` may hold the key itself, and hints to ours.
fn key_within<'a, 'input>(info: Node<'a, 'input>) -> Result<Option<Node<'a, 'input>>, Closed> {
    key_info(info, &[ENCRYPTED_KEY])?;
    let mut keys = info.children().filter(|node| ENCRYPTED_KEY.is(*node));
    match (keys.next(), keys.next()) {
        (key, None) => Ok(key),
        (_, Some(_)) => Err(Closed::Unexpected { of: KEY_INFO.local }),
    }
}

/// The octets stand here: a `CipherReference` would say where to fetch them.
fn cipher_value(node: Node<'_, '_>) -> Result<Vec<u8>, Closed> {
    attributes(node, CIPHER_DATA, &[])?;
    let mut children = Children::of(node, CIPHER_DATA)?;
    let value = children.required(CIPHER_VALUE)?;
    children.end()?;
    attributes(value, CIPHER_VALUE, &[])?;
    base64(value, CIPHER_VALUE, None)
}

/// A key may say what it encrypts: it is the one piece of data that there is.
fn references(list: Node<'_, '_>, data: Option<&str>) -> Result<(), Closed> {
    attributes(list, REFERENCE_LIST, &[])?;
    let mut children = Children::of(list, REFERENCE_LIST)?;
    let only = children.required(DATA_REFERENCE)?;
    children.end()?;
    attributes(only, DATA_REFERENCE, &["URI"])?;
    nothing(only, DATA_REFERENCE)?;
    let address = attribute(only, "URI").and_then(|uri| uri.strip_prefix('#'));
    if address.is_some() && address == data { Ok(()) } else { Err(Closed::ReferenceAddress) }
}
