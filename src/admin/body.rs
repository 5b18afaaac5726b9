//! The bodies of our own routes: whole, small, of one stated type and soon.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;

use crate::listener::{BodyFault, Incoming, RequestBody, read_whole};

/// What a page's form sends.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// A body of at most a few MiB; a client that needs longer is no browser form.
const DEADLINE: Duration = Duration::from_secs(20);

/// Reads the whole body of a request that says to be of this media type.
pub(super) async fn read(
    incoming: &Incoming,
    body: Option<RequestBody>,
    expected: &'static str,
    limit: usize,
) -> Result<Bytes, BodyFault> {
    let said = incoming.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !said.is_some_and(|said| is_of_type(said, expected)) {
        return Err(BodyFault::WrongType { expected });
    }
    read_whole(body, limit, DEADLINE).await
}

/// Parameters such as `; charset=utf-8` do not matter: RFC 9110, section 8.3.1.
fn is_of_type(said: &str, expected: &str) -> bool {
    said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected)
}

#[cfg(test)]
mod tests {
    use super::is_of_type;

    #[test]
    fn the_media_type_counts_and_its_parameters_do_not() {
        for (said, good) in [
            ("application/json", true),
            ("Application/JSON ; charset=utf-8", true),
            ("application/jsonp", false),
            ("text/plain", false),
            ("", false),
        ] {
            assert_eq!(is_of_type(said, "application/json"), good, "{said}");
        }
    }
}
