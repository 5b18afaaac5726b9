//! Byte ranges: one to ten, none empty, none past the object, whatever was sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::request::{Ranges, Resolved};

fuzz_target!(|input: (&str, u64)| {
    let (header, length) = input;
    let Some(ranges) = Ranges::parse(header) else { return };
    assert!((1..=10).contains(&ranges.as_slice().len()));
    if let Resolved::Parts(spans) = ranges.resolve(length) {
        assert!(!spans.is_empty());
        for span in spans {
            assert!(span.first <= span.last && span.last < length, "{span:?} of {length}");
        }
    }
});
