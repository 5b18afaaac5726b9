//! Encrypted assertions (R8): which keys decrypt, that nothing tells one failure from another, what it costs.

use std::time::{Duration, Instant};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{BadKey, Certificate};
use super::signed_metadata::real as real_metadata;
use super::{
    Closed, DecryptionKey, Expected, NOW, OURS, REQUEST, Refused, Trust, alice, computed, expected,
    keys, names, octets, text, time, trust, verify,
};

fn made(size: KeySize) -> Vec<u8> {
    let key = PrivateDecryptingKey::generate(size).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    der.as_ref().to_vec()
}

fn other() -> DecryptionKey {
    DecryptionKey::from_der(&made(KeySize::Rsa2048)).unwrap()
}

fn judged(name: &str, keys: &[DecryptionKey]) -> Result<String, Refused> {
    let xml = text(&format!("good/{name}.xml"));
    verify(&xml, &trust(), &expected(REQUEST), keys, time(NOW)).map(|found| found.name_id)
}

#[test]
fn the_key_in_use_and_the_next_one_decrypt() {
    let [ours, next] = [0, 1].map(|index| keys().remove(index));
    let other = other();
    let found = Ok(alice().name_id);
    let not = Err(Refused::NotDecrypted);
    for (name, right, wrong) in
        [("encrypted", &ours, &next), ("encrypted-for-the-next-key", &next, &ours)]
    {
        // No third key is tried (R4).
        for (list, expected) in [
            (&[right][..], &found),
            (&[wrong, right], &found),
            (&[right, wrong], &found),
            (&[wrong], &not),
            (&[&other, wrong], &not),
            (&[&other, wrong, right], &not),
        ] {
            let list: Vec<DecryptionKey> = list.iter().copied().cloned().collect();
            assert_eq!(&judged(name, &list), expected, "{name}, {} keys", list.len());
        }
    }
}

/// SimpleSAMLphp 1.19.7, whose cipher is written into its code: AES-128-CBC; and the same with the cipher that its successor has.
#[test]
fn answers_of_a_real_provider() {
    let now = time("2026-11-26T11:26:55Z");
    let trust = real_metadata(now).trust;
    let key = DecryptionKey::from_der(&octets("real/decryption-key.der")).unwrap();
    let entity_id = format!("{OURS}/encrypted");
    let expected = Expected { entity_id: &entity_id, ..expected(None) };
    let judged = |name: &str, keys: &[DecryptionKey]| {
        verify(&text(&format!("real/{name}.xml")), &trust, &expected, keys, now)
    };
    let found = judged("encrypted", std::slice::from_ref(&key)).unwrap();
    assert_eq!(found.name_id, "alice@corp.example");
    assert_eq!(found.attributes["groups"], ["annotators", "reviewers"]);
    let closed = |why| Err(Refused::Closed(why));
    assert_eq!(judged("encrypted", &keys()), Err(Refused::NotDecrypted));
    assert_eq!(judged("encrypted-by-cbc", &[key]), closed(Closed::Cipher));
    assert_eq!(judged("encrypted-by-cbc", &[]), closed(Closed::Encrypted));
}

#[test]
fn without_a_key_encrypted_assertions_are_refused_as_such() {
    let encrypted: Vec<String> =
        names("good").into_iter().filter(|name| name.starts_with("encrypted")).collect();
    assert_eq!(encrypted.len(), 14);
    for name in encrypted {
        let refused = Err(Refused::Closed(Closed::Encrypted));
        assert_eq!(judged(&name, &[]), refused, "{name}");
    }
}

/// Not even the audit log tells a wrong key from a wrong tag.
#[test]
fn one_error_for_every_failure_to_decrypt() {
    let table = text("refusals.txt");
    let mut found = 0;
    for line in table.lines().filter(|line| line.ends_with(" NotDecrypted")) {
        let name = line.split(' ').next().unwrap();
        let xml = text(&format!("hostile/{name}.xml"));
        let refused = verify(&xml, &trust(), &expected(REQUEST), &keys(), time(NOW)).unwrap_err();
        assert_eq!(refused.to_string(), "not decrypted", "{name}");
        assert!(std::error::Error::source(&refused).is_none(), "{name}");
        found += 1;
    }
    assert!(found >= 25, "{found}");
}

/// As the operator has it, in lines.
fn in_pem(label: &str, name: &str) -> String {
    let body = STANDARD.encode(octets(&format!("keys/{name}-private.der")));
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn keys_are_rsa_of_a_size_that_is_strong_and_quick() {
    assert_eq!(format!("{:?}", keys().remove(0)), "DecryptionKey(…)");
    let pem = in_pem("PRIVATE KEY", "ours");
    let opens = |pem: &str, name: &str| {
        let key = DecryptionKey::from_pem(pem).unwrap();
        judged(name, &[key]).is_ok()
    };
    assert!(opens(&pem, "encrypted"));
    assert!(opens(&format!("a comment\n{pem}\n"), "encrypted"));
    assert!(opens(&in_pem("RSA PRIVATE KEY", "ours-next"), "encrypted-for-the-next-key"));
    let of = |label: &str| pem.replace("PRIVATE KEY", label);
    for (name, text, why) in [
        ("nothing", String::new(), BadKey::NotPem),
        ("two keys", format!("{pem}{pem}"), BadKey::NotPem),
        ("cut off", pem.replace("-----END", ""), BadKey::NotPem),
        ("not base64", pem.replace("MII", "%%%"), BadKey::NotPem),
        ("with a password", of("ENCRYPTED PRIVATE KEY"), BadKey::NotPem),
        ("a certificate", of("CERTIFICATE"), BadKey::NotPem),
        ("of an elliptic curve", of("EC PRIVATE KEY"), BadKey::NotPem),
        ("not a key", pem.replace("MII", "AAA"), BadKey::NotKey),
    ] {
        assert_eq!(DecryptionKey::from_pem(&text).err(), Some(why), "{name}");
    }
    let elliptic = rcgen::KeyPair::generate().unwrap().serialize_der();
    assert_eq!(DecryptionKey::from_der(&elliptic).err(), Some(BadKey::NotKey));
    assert_eq!(DecryptionKey::from_der(&made(KeySize::Rsa8192)).err(), Some(BadKey::TooLarge));
    assert!(DecryptionKey::from_der(&made(KeySize::Rsa4096)).is_ok());
}

/// R4 for what only the identity provider can post: two trials of the largest keys, a large assertion, two signatures, each
/// of which is tried with as many keys as there may be.
#[test]
fn decrypting_costs_no_more_than_50_ms() {
    let right = keys().remove(1);
    let wrong = DecryptionKey::from_der(&made(KeySize::Rsa4096)).unwrap();
    let Trust { certificates, .. } = trust();
    let [rsa, next]: [&Certificate; 2] = [&certificates[1], &certificates[2]];
    let four = [next, next, next, rsa].map(Certificate::clone).into();
    let trust = Trust::new("https://idp.example.com/metadata", four, None).unwrap();
    let xml = text("good/encrypted-many-groups.xml");
    let (start, mut quickest) = (Instant::now(), Duration::MAX);
    for _ in 0..4 {
        let before = computed(start);
        let keys = [wrong.clone(), right.clone()];
        let found = verify(&xml, &trust, &expected(REQUEST), &keys, time(NOW)).unwrap();
        quickest = quickest.min(computed(start) - before);
        assert_eq!(found.attributes["groups"].len(), 400);
    }
    println!("{quickest:?}, {} bytes", xml.len());
    assert!(quickest < Duration::from_millis(50), "{quickest:?}");
}
