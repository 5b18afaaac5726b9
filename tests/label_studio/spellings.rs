//! Everything that bytes say to somebody who tries: unpacked, and read with the escapes of JSON, URLs, HTML and base64.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// What is found of `secrets`, each with some of the text around it.
pub fn found(bytes: &[u8], secrets: &[String]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for text in readings(bytes) {
        for secret in secrets {
            if let Some(at) = text.find(secret.as_str()) {
                let from = text.floor_char_boundary(at.saturating_sub(80));
                let to = text.ceil_char_boundary((at + secret.len() + 80).min(text.len()));
                found.insert(format!("{secret}: …{}…", &text[from..to]));
            }
        }
    }
    found.into_iter().collect()
}

/// All texts that are in there.
pub fn readings(bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    for file in files(bytes) {
        let mut known = BTreeSet::from([String::from_utf8_lossy(&file).into_owned()]);
        let mut fresh: Vec<_> = known.iter().cloned().collect();
        for _ in 0..4 {
            let mut next = Vec::new();
            for text in &fresh {
                for other in [json(text), percent(text), html(text), base64(text)] {
                    if !other.is_empty() && known.insert(other.clone()) {
                        next.push(other);
                    }
                }
            }
            fresh = next;
        }
        texts.extend(known);
    }
    texts
}

/// The bytes, or the names and contents of the archive that they are.
fn files(bytes: &[u8]) -> Vec<Vec<u8>> {
    if !bytes.starts_with(b"PK") {
        return vec![bytes.to_vec()];
    }
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut all = Vec::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).unwrap();
        all.push(member.name_raw().to_vec());
        let mut content = Vec::new();
        member.read_to_end(&mut content).unwrap();
        all.push(content);
    }
    all
}

fn json(text: &str) -> String {
    if !text.contains('\\') {
        return String::new();
    }
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let code = after.strip_prefix('u').and_then(|it| it.get(..4));
        match code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32) {
            Some(letter) => {
                out.push(letter);
                rest = &after[5..];
            }
            None => rest = after,
        }
        if rest.starts_with('\\') && code.is_none() {
            out.push('\\');
            rest = &rest[1..];
        }
    }
    out + rest
}

fn percent(text: &str) -> String {
    if !text.contains('%') {
        return String::new();
    }
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn html(text: &str) -> String {
    if !text.contains('&') {
        return String::new();
    }
    let mut text = text.to_owned();
    for (spelt, letter) in [
        ("&#47;", "/"),
        ("&#x2f;", "/"),
        ("&#x2F;", "/"),
        ("&sol;", "/"),
        ("&#58;", ":"),
        ("&#x3a;", ":"),
        ("&colon;", ":"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(spelt, letter);
    }
    text
}

/// What every run of its letters says.
fn base64(text: &str) -> String {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let is_of_it = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    let mut out = String::new();
    for word in text.split(|c| !is_of_it(c)).filter(|word| word.len() >= 12) {
        for alphabet in [STANDARD, URL_SAFE] {
            let engine = GeneralPurpose::new(&alphabet, config);
            if let Ok(bytes) = engine.decode(word)
                && let Ok(said) = String::from_utf8(bytes)
            {
                out.push_str(&said);
                out.push('\n');
            }
        }
    }
    out
}

#[test]
fn every_spelling_is_seen_through() {
    let secret = ["s3://hush/k".to_owned()];
    for text in [
        "s3://hush/k",
        r"s3:\/\/hush\/k",
        r"s3:\u002f\u002fhush\/k",
        r#""{\"a\":\"s3:\\\/\\\/hush\\\/k\"}""#,
        "s3%3A%2F%2Fhush%2Fk",
        "s3%253A%252F%252Fhush%252Fk",
        "s3:&#47;&#47;hush/k",
        "s3&colon;&amp;#x2f;/hush/k",
        "fileuri=czM6Ly9odXNoL2s=",
        "fileuri%3DczM6Ly9odXNoL2s%3D",
    ] {
        assert!(!found(text.as_bytes(), &secret).is_empty(), "{text}");
    }
    assert!(found(b"s3 hush k", &secret).is_empty());
}
