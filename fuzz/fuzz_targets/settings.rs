//! Settings: any text gives settings or a report, never a panic; a literal secret is never repeated,
//! in whatever form the report is shown.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sluicegate::settings::{Environment, load_text};

fuzz_target!(|text: &str| {
    let canary = "canary-in-the-settings";
    let text = format!("{text}\n[credentials.x]\nsecret_access_key = \"{canary}\"\n");
    let environment = Environment::of([]);
    if let Err(report) = load_text(Path::new("fuzz.toml"), &text, &environment) {
        for told in [format!("{report:?}"), report.to_string(), report.render(false)] {
            assert!(!told.contains(canary), "{told}");
        }
    }
});
