//! The raw request head: whatever is accepted can be framed in exactly one way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::listener::judge_head;

fuzz_target!(|head: &[u8]| {
    if judge_head(head).is_err() {
        return;
    }
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let named = |name: &str| text.split("\r\n").filter(|line| line.starts_with(name)).count();
    assert!(named("content-length:") <= 1, "two lengths");
    assert!(named("transfer-encoding:") <= 1, "two encodings");
    assert!(named("content-length:") + named("transfer-encoding:") <= 1, "length and encoding");
    assert!(named("host:") <= 1, "two hosts");
    assert!(!head.contains(&0), "NUL");
    let bare = head.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r');
    assert!(!bare, "a bare line feed");
});
