//! Where a browser goes after signing in: a path of this origin and nothing else (R9).

use std::fmt;

use http::HeaderValue;

/// A same-origin path with its query, safe in a `Location`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnAddress(Box<str>);

/// Longer ones are somebody playing; browsers and proxies cut near it anyway.
const MAX_LENGTH: usize = 2_048;

/// The page that everybody may see.
const HOME: &str = "/-/";

impl ReturnAddress {
    /// `None` for whatever a browser could read as another origin, or that is no plain path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Browsers drop tabs and newlines and read `\` as `/` (WHATWG URL, "path start state"), so none may stand here.
        let plain = |byte: u8| matches!(byte, 0x21..=0x7e) && byte != b'\\';
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let good = text.len() <= MAX_LENGTH
            && path.starts_with('/')
            && !path.contains("//")
            && text.bytes().all(plain);
        good.then(|| Self(text.into()))
    }

    /// What a request asked for, or home when it asked for nothing or for something unsafe.
    #[must_use]
    pub fn or_home(asked: Option<&str>) -> Self {
        asked.and_then(Self::parse).unwrap_or_else(|| Self(HOME.into()))
    }

    /// Where a browser goes after signing out.
    #[must_use]
    pub fn sign_in_page() -> Self {
        Self("/-/sign-in".into())
    }

    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }

    /// For the `Location` header.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static(HOME))
    }
}

impl fmt::Display for ReturnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::ReturnAddress;

    #[test]
    fn only_paths_of_this_origin_are_returned_to() {
        for (name, text, good) in [
            ("root", "/", true),
            ("home", "/-/", true),
            ("a path with query", "/-/objects/p/s/?prefix=a%20b&limit=5", true),
            ("an address within a query", "/x?next=https://evil.example//a", true),
            ("a fragment", "/projects/1#task=2", true),
            ("a colon in the path", "/a:b", true),
            ("encoded slashes stay encoded", "/%2Fevil.example", true),
            ("dots", "/../a", true),
            ("nothing", "", false),
            ("relative", "a/b", false),
            ("another host", "//evil.example", false),
            ("another host by backslash", "/\\evil.example", false),
            ("a backslash later", "/a\\b", false),
            ("another host after a dot", "/.//evil.example", false),
            ("a tab between slashes", "/\t/evil.example", false),
            ("a newline", "/\n/evil.example", false),
            ("a carriage return", "/a\r\nset-cookie: a=b", false),
            ("a scheme", "https://evil.example/", false),
            ("a script", "javascript:alert(1)", false),
            ("a space first", " /a", false),
            ("a space inside", "/a b", false),
            ("not ASCII", "/é", false),
            ("NUL", "/\0", false),
            ("DEL", "/\x7f", false),
            ("a query alone", "?a", false),
        ] {
            assert_eq!(ReturnAddress::parse(text).is_some(), good, "{name}: {text:?}");
        }
        assert!(ReturnAddress::parse(&format!("/{}", "a".repeat(2_047))).is_some());
        assert!(ReturnAddress::parse(&format!("/{}", "a".repeat(2_048))).is_none());
    }

    proptest! {
        #[test]
        fn whatever_is_asked_the_header_is_a_path_of_this_origin(text in any::<String>()) {
            let address = ReturnAddress::or_home(Some(&text));
            let header = address.to_header();
            let header = header.to_str().unwrap();
            assert!(header.starts_with('/') && !header.starts_with("//") && !header.contains('\\'));
            assert_eq!(header, address.as_str());
        }
    }
}
