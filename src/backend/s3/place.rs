//! What the parts of an S3 place may be: judged alike where a place is written down and where it is used.

use crate::outbound::Host;

/// A bucket's name: it will stand in a host's name or in a path. Old buckets have longer names than new ones, with
/// capitals and underscores.
///
/// # Errors
/// What it may be.
pub fn bucket(text: &str) -> Result<String, &'static str> {
    let edges = ['-', '.'];
    let good = (1..=255).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        && !text.starts_with(edges)
        && !text.ends_with(edges);
    if good {
        Ok(text.to_owned())
    } else {
        Err("a bucket's name is letters, digits, '.', '-' and '_'")
    }
}

/// A region's name: it will stand in a host's name, and in a signature's scope.
///
/// # Errors
/// What it may be.
pub fn region(text: &str) -> Result<String, &'static str> {
    let good = (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if good { Ok(text.to_owned()) } else { Err("a region's name is letters, digits and '-'") }
}

/// `http(s)://host[:port]`, as it is kept: in small letters, without the scheme's own port or a final slash.
///
/// # Errors
/// What it may be.
pub fn endpoint(text: &str) -> Result<String, &'static str> {
    let host = text.parse::<Host>().map(|host| host.to_string());
    host.or(Err("an endpoint is http(s)://host[:port] and nothing more"))
}

#[cfg(test)]
mod tests {
    use super::{bucket, endpoint, region};

    #[test]
    fn endpoints_are_a_scheme_a_host_and_perhaps_a_port() {
        for (text, expected) in [
            ("https://s3.example.com", Some("https://s3.example.com")),
            ("http://127.0.0.1:9000/", Some("http://127.0.0.1:9000")),
            ("https://[::1]:9000", Some("https://[::1]:9000")),
            ("https://S3.example.com:443", Some("https://s3.example.com")),
            ("s3.example.com", None),
            ("ftp://s3.example.com", None),
            ("https://s3.example.com/bucket", None),
            ("https://s3.example.com?a", None),
            ("https://key:secret@s3.example.com", None),
            ("https://s3..example.com", None),
            ("https://s3.example.com:99999", None),
            ("https://s3.example.com:0", None),
            ("", None),
        ] {
            assert_eq!(endpoint(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn names_of_buckets_and_regions_cannot_leave_their_place() {
        for (text, is_bucket, is_region) in [
            ("acme-media", true, true),
            ("eu-central-1", true, true),
            ("My.Bucket_1", true, false),
            ("", false, false),
            ("../x", false, false),
            ("a/b", false, false),
            ("a b", false, false),
            (".hidden", false, false),
            ("-a", false, false),
            ("a-", false, false),
            ("é", false, false),
        ] {
            assert_eq!(
                (bucket(text).is_ok(), region(text).is_ok()),
                (is_bucket, is_region),
                "{text:?}"
            );
        }
    }
}
