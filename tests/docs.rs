//! The generated pages of `docs/` are what the code says. `make docs` writes them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::fs;

use sluicegate::refusal::Code;
use sluicegate::settings;

fn is_fresh(file: &str, page: &str) {
    #[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    if update {
        fs::write(file, page).unwrap();
    }
    let found = fs::read_to_string(file).unwrap_or_default();
    assert!(found == page, "{file} is stale: run `make docs`");
}

#[test]
fn the_page_of_settings_is_fresh() {
    is_fresh("docs/settings.md", &settings::settings_page());
}

#[test]
fn the_page_of_errors_is_fresh() {
    let mut page = String::from(ERRORS);
    for code in Code::ALL {
        let status = code.status();
        writeln!(page, "| `{}` | {} | {} |", code.as_str(), status.as_u16(), code.message())
            .unwrap();
    }
    is_fresh("docs/errors.md", &page);
}

const ERRORS: &str = "\
# Refusals

<!-- Written by `make docs` from src/refusal/code.rs; a test fails when this page is stale. -->

Every refusal of a request that could be read has one of these codes. The codes are stable; the sentences are for people.
The body is `{\"code\": \"…\", \"message\": \"…\", \"request_id\": \"…\"}` (HEAD has none; where a browser gets
access anew at an identity provider, `sign-in-again` adds the address: `sign_in`) and tells nothing of what is behind the
gateway: why exactly a request was refused, the operator finds with `sluicegate explain REQUEST_ID`. A browser gets pages:
it is sent to the sign-in page (303) when it navigates without being signed in, and shown it again, under the code's
status, when signing in failed. HTTP/2 that breaks RFC 9113 ends its stream or its connection instead.

| code | status | message |
| --- | --- | --- |
";
