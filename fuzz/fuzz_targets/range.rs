//! Byte ranges: one to ten, none empty, none past the object, no byte twice, whatever was sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::request::{Ranges, Resolved};

fuzz_target!(|input: (u64, &str)| {
    let (length, header) = input;
    let Some(ranges) = Ranges::parse(header) else { return };
    assert!((1..=10).contains(&ranges.as_slice().len()));
    if let Resolved::Parts(mut spans) = ranges.resolve(length) {
        assert!((1..=ranges.as_slice().len()).contains(&spans.len()));
        spans.sort_by_key(|span| span.first);
        for span in &spans {
            assert!(span.first <= span.last && span.last < length, "{span:?} of {length}");
        }
        for pair in spans.windows(2) {
            assert!(pair[0].last < pair[1].first, "{pair:?}");
        }
    }
});
