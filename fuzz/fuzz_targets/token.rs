//! Cookies and Authorization headers: never a panic, never a credential that was not sent.
#![no_main]

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use sluicegate::identity::{ShownToken, session_in, token_in};

fuzz_target!(|input: (Vec<&[u8]>, Vec<&[u8]>)| {
    let mut headers = HeaderMap::new();
    for (name, values) in [("cookie", &input.0), ("authorization", &input.1)] {
        for value in values {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.append(name, value);
            }
        }
    }
    let sent = |name: &str, part: &str| {
        headers.get_all(name).iter().any(|value| {
            value.as_bytes().windows(part.len()).any(|window| window == part.as_bytes())
        })
    };
    if let Ok(Some(session)) = session_in(&headers) {
        assert!(sent("cookie", session));
    }
    if let Ok(Some(
        ShownToken::Ours(token) | ShownToken::Legacy(token) | ShownToken::Jwt(token),
    )) = token_in(&headers)
    {
        assert!(sent("authorization", token));
    }
});
