//! Queries at the address for signing out: nothing panics, and whatever is accepted was signed. The inputs are raw queries,
//! a signed query with pieces of others laid over it, and messages that the provider's key signs whatever they are, so that
//! what stands behind the signature is tried as well.
#![no_main]

use std::io::Write as _;
use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use form_urlencoded::byte_serialize;
use libfuzzer_sys::fuzz_target;
use rcgen::{CertificateParams, KeyPair};
use sluicegate::ground::clock::Timestamp;
use sluicegate::sign_in::saml::{
    IdentityProvider, Logout, ServiceKey, ServiceProvider, receive_logout,
};

macro_rules! seed {
    ($name:literal) => {
        include_str!(concat!("../corpus/saml_redirect/", $name))
    };
}

/// As they stand in the corpus: a byte for "no patches", and the message.
const REQUEST: &str = seed!("request");
const RESPONSE: &str = seed!("response");

const METADATA: &str = r#"<m:EntityDescriptor xmlns:m="urn:oasis:names:tc:SAML:2.0:metadata"
    xmlns:d="http://www.w3.org/2000/09/xmldsig#" entityID="https://idp.example.com/metadata">
    <m:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <m:KeyDescriptor><d:KeyInfo><d:X509Data><d:X509Certificate>CERTIFICATE</d:X509Certificate></d:X509Data></d:KeyInfo></m:KeyDescriptor>
    <m:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/sso"/>
    </m:IDPSSODescriptor></m:EntityDescriptor>"#;

/// Both sides, and a query with what it says.
struct Known {
    ours: ServiceProvider,
    provider: IdentityProvider,
    key: EcdsaKeyPair,
    now: Timestamp,
    query: String,
    said: Logout,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let now: Timestamp = "2026-11-26T08:00:00Z".parse().unwrap();
    let pair = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().self_signed(&pair).unwrap();
    let metadata = METADATA.replace("CERTIFICATE", &STANDARD.encode(certificate.der()));
    let provider = IdentityProvider::read(&metadata, None, now).unwrap();
    let own = vec![ServiceKey::from_pem(&pair.serialize_pem(), &certificate.pem()).unwrap()];
    let address = "https://gateway.example.com";
    let ours = ServiceProvider::new(address, &"acme".parse().unwrap(), None, own).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pair.serialize_der());
    let key = key.unwrap();
    let judged = |query: &str| receive_logout(query, &ours, &provider, Some("_ours-1"), now);
    let query = signed(&key, "SAMLRequest", REQUEST.trim());
    let said = judged(&query).expect("a good request is accepted");
    judged(&signed(&key, "SAMLResponse", RESPONSE.trim())).expect("a good answer is accepted");
    Known { ours, provider, key, now, query, said }
});

fn signed(key: &EcdsaKeyPair, parameter: &str, xml: &str) -> String {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
    deflate.write_all(xml.as_bytes()).unwrap();
    let encoded = |bytes: &[u8]| -> String {
        byte_serialize(STANDARD.encode(bytes).as_bytes()).collect()
    };
    let message = encoded(&deflate.finish().unwrap());
    let algorithm: String =
        byte_serialize(b"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256").collect();
    let octets = format!("{parameter}={message}&RelayState=state&SigAlg={algorithm}");
    let signature = key.sign(&SystemRandom::new(), octets.as_bytes()).unwrap();
    format!("{octets}&Signature={}", encoded(signature.as_ref()))
}

fn judged(query: &str) -> Option<Logout> {
    let known = &*KNOWN;
    receive_logout(query, &known.ours, &known.provider, Some("_ours-1"), known.now).ok()
}

/// A message that is signed is accepted for what it is, with a name that can be compared, or not at all.
fn check(xml: &str) {
    let known = &*KNOWN;
    match judged(&signed(&known.key, "SAMLRequest", xml)) {
        Some(Logout::Request(request)) => {
            assert!(xml.contains("LogoutRequest"), "{xml}");
            assert!(!request.id.is_empty(), "{xml}");
            assert!(!request.name_id.trim().is_empty(), "{xml}");
            assert!(!request.name_id.contains(char::is_control), "{xml}");
            assert!(request.session_indexes.len() <= 64, "{xml}");
            assert_eq!(request.relay_state.as_deref(), Some("state"));
            assert!(!xml.contains("<!"), "a declaration, comment or CDATA section: {xml}");
        }
        Some(Logout::Answer(_)) => panic!("a request is read as an answer: {xml}"),
        None => {}
    }
    match judged(&signed(&known.key, "SAMLResponse", xml)) {
        Some(Logout::Answer(answer)) => {
            assert!(xml.contains("LogoutResponse"), "{xml}");
            assert_eq!(answer.relay_state.as_deref(), Some("state"));
        }
        Some(Logout::Request(_)) => panic!("an answer is read as a request: {xml}"),
        None => {}
    }
}

/// Lays each piece over a text: so many bytes at a place go, the piece comes.
fn patched(base: &str, patches: &[(u16, u8, &str)]) -> Option<String> {
    let mut text = base.to_owned();
    for (at, gone, piece) in patches {
        let start = usize::from(*at) % text.len();
        let end = (start + usize::from(*gone)).min(text.len());
        let whole = text.is_char_boundary(start) && text.is_char_boundary(end);
        whole.then(|| text.replace_range(start..end, piece))?;
        if text.is_empty() {
            return None;
        }
    }
    Some(text)
}

fuzz_target!(|input: (Vec<(u16, u8, &str)>, &str)| {
    let (patches, posted) = input;
    let known = &*KNOWN;
    assert_eq!(judged(posted), None, "accepted without a signature: {posted}");
    check(posted);
    for base in [REQUEST, RESPONSE] {
        if let Some(xml) = patched(base.trim(), &patches) {
            check(&xml);
        }
    }
    if let Some(query) = patched(&known.query, &patches)
        && let Some(said) = judged(&query)
    {
        assert_eq!(said, known.said, "somebody else is signed out by {query}");
    }
});
