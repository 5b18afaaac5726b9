//! Posted answers of identity providers: nothing panics, and whatever is accepted says exactly what a provider signed. The
//! inputs are documents as they are posted, or signed ones with pieces of others laid over them.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sluicegate::ground::clock::Timestamp;
use sluicegate::sign_in::saml::{
    Assertion, DecryptionKey, Expected, IdentityProvider, Trust, decode, verify,
};

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../tests/vectors/saml/", $name, ".xml"))
    };
}

/// What is signed, each with another shape.
const SIGNED: [&str; 6] = [
    vector!("good/both-signed"),
    vector!("good/assertion-signed"),
    vector!("good/response-signed"),
    vector!("good/ecdsa-assertion-signed"),
    vector!("good/inclusive-namespaces"),
    vector!("good/encrypted-and-signed-inside"),
];

/// What decrypts.
static OURS: LazyLock<[DecryptionKey; 1]> = LazyLock::new(|| {
    let key = include_bytes!("../../tests/vectors/saml/keys/ours-private.der");
    [DecryptionKey::from_der(key).unwrap()]
});

/// The provider, and who it says signed in: in all of them the same.
static KNOWN: LazyLock<(Trust, Assertion, Timestamp)> = LazyLock::new(|| {
    let now: Timestamp = "2026-11-26T08:00:00Z".parse().unwrap();
    let provider = IdentityProvider::read(vector!("metadata/good"), None, now).unwrap();
    let alice = judged(SIGNED[0], &provider.trust, now).expect("a good answer is accepted");
    for other in SIGNED {
        assert_eq!(judged(other, &provider.trust, now).as_ref(), Some(&alice));
    }
    (provider.trust, alice, now)
});

fn judged(xml: &str, trust: &Trust, now: Timestamp) -> Option<Assertion> {
    let expected = Expected {
        entity_id: "https://gateway.example.com/-/saml/metadata",
        endpoint: "https://gateway.example.com/-/saml/acs",
        request: Some("_request-1"),
        contexts: &[],
        authenticated_since: None,
    };
    verify(xml, trust, &expected, &*OURS, now).ok()
}

fn check(xml: &str) {
    let (trust, alice, now) = &*KNOWN;
    if let Some(found) = judged(xml, trust, *now) {
        assert_eq!(&found, alice, "somebody else is signed in by {xml}");
    }
}

/// Lays each piece over a signed document: so many bytes at a place go, the piece comes.
fn patched(base: u8, patches: &[(u16, u8, &str)]) -> Option<String> {
    let mut text = SIGNED[usize::from(base) % SIGNED.len()].to_owned();
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

fuzz_target!(|input: (u8, Vec<(u16, u8, &str)>, &str)| {
    let (base, patches, posted) = input;
    if let Ok(xml) = decode(posted) {
        check(&xml);
    }
    check(posted);
    if let Some(xml) = patched(base, &patches) {
        check(&xml);
    }
    let (_, _, now) = &*KNOWN;
    let _ = IdentityProvider::read(posted, None, *now);
});
