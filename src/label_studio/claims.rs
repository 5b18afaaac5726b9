//! What an access token says of itself. Nothing is decided by it but when to ask for the next one: whether it holds, only
//! Label Studio can say.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Times of Label Studio's clock (RFC 7519, section 4.1), in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Claims {
    iat: i64,
    exp: i64,
}

impl Claims {
    /// `None` for what is no JWT that has both.
    pub(super) fn of(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&payload).ok()
    }

    /// For how long it was issued: whatever the two clocks say, it has so long from the moment that it was got.
    pub(super) fn life(self) -> Duration {
        Duration::from_secs(u64::try_from(self.exp.saturating_sub(self.iat)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(payload: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn the_life_is_between_issue_and_end_and_never_negative() {
        for (payload, life) in [
            ("{\"token_type\":\"access\",\"exp\":1300,\"iat\":1000}", Some(300)),
            ("{\"exp\":1000,\"iat\":1300}", Some(0)),
            ("{\"exp\":9223372036854775807,\"iat\":-1}", Some(i64::MAX.unsigned_abs())),
            ("{\"exp\":1000}", None),
            ("{\"exp\":\"1000\",\"iat\":1}", None),
            ("[]", None),
        ] {
            let read = Claims::of(&jwt(payload)).map(|claims| claims.life().as_secs());
            assert_eq!(read, life, "{payload}");
        }
        for token in ["", "a", "a.b", "a.!.c", "5ca1ab1e"] {
            assert_eq!(Claims::of(token), None, "{token}");
        }
    }
}
