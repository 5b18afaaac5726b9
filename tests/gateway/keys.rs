//! Keys are bytes: decoded once, never tidied, and the same in the store as in the request.

use std::collections::BTreeMap;

use crate::support::{Moto, Site, raw};

/// Each of these must lie in the store as it stands here.
const KEYS: [&str; 26] = [
    "plain.png",
    "a+b",
    "a b",
    " ",
    "100%",
    "a%20b",
    "a%2Fb",
    "a%252Fb",
    "caf\u{e9}",
    "cafe\u{301}",
    "\u{65e5}\u{672c}/\u{1f600}",
    "double//slash",
    "/leading",
    "//two/leading",
    "trailing/",
    "trailing//",
    "./dot",
    "../up",
    "a/./b",
    "a/../b",
    "a/..",
    "..",
    "\"double\" and 'single'",
    "?a=b&c#d",
    "<>{}|\\^`[]~;:@$!*(),=",
    "Prefix/prefix/PREFIX",
];

/// As a careful client writes it: what a path may hold stays as it is.
fn sparsely(key: &str) -> String {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_~!$&'()*+,;=:@".contains(&byte);
    encode(key, stays)
}

fn encode(key: &str, stays: impl Fn(u8) -> bool) -> String {
    let one = |byte: u8| {
        if stays(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") }
    };
    key.bytes().map(one).collect()
}

/// Different for every key, and for the same key in another form.
fn bytes_of(key: &str) -> Vec<u8> {
    format!("the bytes of {key:?}").into_bytes()
}

#[tokio::test]
async fn every_key_lies_in_the_store_as_it_was_asked_for_and_comes_back() {
    let moto = Moto::shared();
    let mut site = Site::before_moto(moto, "");
    let owner = site.person("acme", "owner@example.com", "owner");
    site.project("acme", "keys", &Site::moto_place(moto, "keys/"));
    site.start();
    for key in KEYS {
        let target = format!("/-/objects/keys/media/{}", sparsely(key));
        let (status, body) = raw::ask(&site, &owner, "PUT", &target, &bytes_of(key));
        assert!((200..300).contains(&status), "{key:?}: {status} {body:?}");
    }
    let expected: BTreeMap<String, Vec<u8>> =
        KEYS.iter().map(|key| (format!("keys/{key}"), bytes_of(key))).collect();
    assert_eq!(moto.everything("keys/"), expected);
    for key in KEYS {
        // The two spellings of a path are one key: as it was written, and with every byte escaped.
        for spelling in [sparsely(key), encode(key, |_| false)] {
            let target = format!("/-/objects/keys/media/{spelling}");
            let read = raw::ask(&site, &owner, "GET", &target, b"");
            assert_eq!(read, (200, bytes_of(key)), "{key:?} as {spelling}");
        }
    }
    let listed = site.get("/-/objects/keys/media/?limit=1000", Some(&owner)).await.json();
    let listed = listed["objects"].as_array().unwrap();
    let listed: Vec<_> = listed.iter().map(|object| object["key"].as_str().unwrap()).collect();
    let mut expected = KEYS.to_vec();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

#[test]
fn a_key_of_1024_bytes_goes_and_comes_and_one_more_is_refused() {
    let moto = Moto::shared();
    let mut site = Site::before_moto(moto, "");
    let owner = site.person("acme", "owner@example.com", "owner");
    let place = Site::moto_place(moto, "none").replace("--prefix none ", "");
    site.project("acme", "long", &place);
    site.start();
    let key = format!("1024/{}x", "\u{e9}/".repeat(339)) + "yz";
    assert_eq!(key.len(), 1024 + 1);
    let fits = &key[..1024];
    let target = |key: &str| format!("/-/objects/long/media/{}", sparsely(key));
    let (status, body) = raw::ask(&site, &owner, "PUT", &target(fits), b"long");
    assert!((200..300).contains(&status), "{status} {body:?}");
    assert_eq!(moto.everything("1024/"), BTreeMap::from([(fits.to_owned(), b"long".to_vec())]));
    assert_eq!(raw::ask(&site, &owner, "GET", &target(fits), b""), (200, b"long".to_vec()));
    assert_refused(&raw::ask(&site, &owner, "PUT", &target(&key), b"long"), "1,025 bytes");
}

#[test]
fn what_no_key_may_hold_is_refused_for_reads_and_writes() {
    let moto = Moto::shared();
    let mut site = Site::before_moto(moto, "");
    let owner = site.person("acme", "owner@example.com", "owner");
    site.project("acme", "refused", &Site::moto_place(moto, "refused/"));
    site.start();
    let bad = ["%00", "a%00b", "a%0Ab", "a%0ab", "a%0D", "%0d%0aX-Injected:%201", "%", "%4", "%zz"];
    for key in bad.into_iter().chain(["%ff", "%C3", "%ED%A0%80"]) {
        let target = format!("/-/objects/refused/media/{key}");
        assert_refused(&raw::ask(&site, &owner, "PUT", &target, b"bytes"), key);
        assert_refused(&raw::ask(&site, &owner, "GET", &target, b""), key);
    }
    assert_eq!(moto.everything("refused/"), BTreeMap::new());
}

fn assert_refused((status, body): &(u16, Vec<u8>), what: &str) {
    let refusal: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert_eq!((*status, refusal["code"].as_str()), (400, Some("bad-key")), "{what}: {refusal}");
}
