//! What S3's answers mean. Everything read here is hostile until proven otherwise: bounded, no entities but the five
//! of XML, nothing outside the storage's prefix.

use http::HeaderMap;
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::backend::BackendError;
use crate::backend::error::Code;
use crate::backend::kind::{Failure, Listed, Listing};
use crate::catalog::Prefix;
use crate::ground::clock::Timestamp;
use crate::outbound::Host;
use crate::request::Page;

/// Elements within elements; a listing has three.
const DEEPEST: usize = 8;

const BAD_XML: &str = "the listing is not well-formed XML";

/// What a failure means, by status and by the code in its body
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
pub(super) fn explain(host: &Host, failure: &Failure<'_>) -> BackendError {
    let status = failure.status;
    let code = Code::new(&field(failure.body, "Code").unwrap_or_default());
    let host = || host.to_string().into_boxed_str();
    match (status.as_u16(), code.as_str()) {
        (
            _,
            "ExpiredToken"
            | "InvalidAccessKeyId"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "ExpiredTokenException"
            | "InvalidClientTokenId",
        ) => BackendError::CredentialRejected { host: host(), status, code },
        // Without the right to list, a missing key is a 403 of another code: that one is the operator's to see.
        (403 | 404, "NoSuchKey" | "NoSuchVersion") | (404, "" | "NotFound") => {
            BackendError::NoSuchObject
        }
        (300..=399, _)
        | (400, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
            BackendError::Elsewhere { host: host(), status, code, region: region(failure) }
        }
        (412, _) => BackendError::PreconditionFailed,
        (409, _) => BackendError::Conflict,
        (400, "BadDigest" | "InvalidDigest" | "IncompleteBody") | (400 | 413, "EntityTooLarge") => {
            BackendError::BodyRefused { code }
        }
        (400, "KeyTooLongError") => BackendError::KeyTooLong,
        (429 | 500 | 502 | 503 | 504, _) | (400, "RequestTimeout") => {
            BackendError::Overloaded { host: host(), status, code }
        }
        _ => BackendError::RefusedUs { host: host(), status, code },
    }
}

fn region(failure: &Failure<'_>) -> Code {
    let header = |headers: &HeaderMap| {
        headers.get("x-amz-bucket-region").and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let named = header(failure.headers)
        .or_else(|| field(failure.body, "Region"))
        .or_else(|| field(failure.body, "Endpoint"));
    Code::new(&named.unwrap_or_default())
}

/// The text of the first element of this name. Stops quietly at what is not XML.
fn field(body: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = Reader::from_str(text);
    let mut inside = false;
    let mut value = String::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => inside = start.local_name().as_ref() == name.as_bytes(),
            Event::Text(text) if inside => value.push_str(&text.xml10_content().ok()?),
            Event::End(_) if inside => return Some(value),
            Event::DocType(_) | Event::Eof => return None,
            Event::End(_)
            | Event::Text(_)
            | Event::Empty(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::GeneralRef(_) => (),
        }
    }
}

/// One page of `ListObjectsV2` (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>).
pub(super) fn listing(prefix: &Prefix, page: &Page, body: &[u8]) -> Result<Listing, &'static str> {
    let raw = RawListing::read(body)?;
    let within = |key: &str| {
        let relative = key.strip_prefix(prefix.as_str())?;
        let asked = relative.starts_with(&page.prefix) && relative > page.after.as_str();
        asked.then(|| relative.to_owned())
    };
    let mut last = None;
    let mut objects = Vec::new();
    for entry in raw.objects.into_iter().take(page.limit.into()) {
        let key = if raw.encoded { decode(&entry.key)? } else { entry.key };
        // A store that lists what was not asked for is not believed about it.
        let Some(relative) = within(&key) else { continue };
        last = Some(relative.clone());
        // The prefix itself, kept by some tools as an empty "folder", is no object of the storage.
        if !relative.is_empty() {
            let modified = entry.modified.filter(|text| text.parse::<Timestamp>().is_ok());
            let size = entry.size.parse().or(Err("a size in the listing is not a number"))?;
            objects.push(Listed { key: relative, size, modified });
        }
    }
    match (raw.truncated, last) {
        (true, None) => Err("the listing says that there is more, but not after what"),
        (true, next @ Some(_)) => Ok(Listing { objects, next }),
        (false, _) => Ok(Listing { objects, next: None }),
    }
}

/// `+` is a space, as in a form: S3 encodes a plus sign as `%2B`.
fn decode(text: &str) -> Result<String, &'static str> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .or(Err("a key in the listing is not UTF-8"))
}

/// A listing as it stands in the XML.
#[derive(Debug, Default)]
struct RawListing {
    objects: Vec<RawObject>,
    truncated: bool,
    encoded: bool,
}

#[derive(Debug, Default)]
struct RawObject {
    key: String,
    size: String,
    modified: Option<String>,
}

impl RawListing {
    fn read(body: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(body).or(Err("the listing is not UTF-8"))?;
        let mut reader = Reader::from_str(text);
        let mut path: Vec<String> = Vec::new();
        let mut value = String::new();
        let mut listing = Self::default();
        let mut begun = false;
        loop {
            match reader.read_event().or(Err(BAD_XML))? {
                Event::Start(start) => {
                    if path.len() == DEEPEST {
                        return Err("the listing is nested too deeply");
                    }
                    begun = true;
                    path.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
                    value.clear();
                    listing.open(&path)?;
                }
                Event::End(_) => {
                    listing.close(&path, &value);
                    path.pop();
                    value.clear();
                }
                Event::Text(text) => value.push_str(&text.xml10_content().or(Err(BAD_XML))?),
                Event::CData(text) => value.push_str(&text.xml10_content().or(Err(BAD_XML))?),
                Event::GeneralRef(reference) => value.push(character(&reference)?),
                Event::DocType(_) | Event::PI(_) => {
                    return Err("the listing holds a DOCTYPE or PI");
                }
                Event::Eof if begun && path.is_empty() => return Ok(listing),
                Event::Eof => return Err("the listing breaks off"),
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) => (),
            }
        }
    }

    fn open(&mut self, path: &[String]) -> Result<(), &'static str> {
        match path {
            [root] if root != "ListBucketResult" => Err("the answer is not a listing"),
            [_, element] if element == "Contents" => {
                self.objects.push(RawObject::default());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn close(&mut self, path: &[String], value: &str) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match names.as_slice() {
            [_, "IsTruncated"] => self.truncated = value == "true",
            [_, "EncodingType"] => self.encoded = value == "url",
            [_, "Contents", field] => {
                let Some(object) = self.objects.last_mut() else { return };
                match *field {
                    "Key" => value.clone_into(&mut object.key),
                    "Size" => value.clone_into(&mut object.size),
                    "LastModified" => object.modified = Some(value.to_owned()),
                    _ => (),
                }
            }
            _ => (),
        }
    }
}

/// The five entities of XML, and characters by number; a DOCTYPE, which could define more, is refused before.
fn character(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, &'static str> {
    const BAD: &str = "the listing holds an unknown entity";
    if let Some(character) = reference.resolve_char_ref().or(Err(BAD))? {
        return Ok(character);
    }
    match &**reference {
        b"amp" => Ok('&'),
        b"lt" => Ok('<'),
        b"gt" => Ok('>'),
        b"quot" => Ok('"'),
        b"apos" => Ok('\''),
        _ => Err(BAD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(prefix: &str, after: &str) -> Page {
        Page { prefix: prefix.to_owned(), after: after.to_owned(), limit: 3 }
    }

    fn contents(key: &str) -> String {
        format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>")
    }

    fn listed(inside: &str, page: &Page) -> Result<(Vec<String>, Option<String>), &'static str> {
        let xml = format!("<ListBucketResult>{inside}</ListBucketResult>");
        let listing = listing(&Prefix::new("team"), page, xml.as_bytes())?;
        Ok((listing.objects.into_iter().map(|object| object.key).collect(), listing.next))
    }

    #[test]
    fn nothing_outside_the_prefix_or_the_page_is_listed() {
        let more = "<IsTruncated>true</IsTruncated>";
        let all = |keys: &[&str]| keys.iter().map(|key| contents(key)).collect::<String>();
        let cases = [
            (all(&["team/a", "team-secret/b", "tea", "/team/c", "team"]), page("", ""), vec!["a"]),
            (all(&["team/"]), page("", ""), vec![]),
            (all(&["team/x/1", "team/y/1"]), page("x/", ""), vec!["x/1"]),
            (all(&["team/a", "team/b", "team/c"]), page("", "b"), vec!["c"]),
            (all(&["team/1", "team/2", "team/3", "team/4"]), page("", ""), vec!["1", "2", "3"]),
            (all(&["team/../x"]), page("", ""), vec!["../x"]),
        ];
        for (inside, page, expected) in cases {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(listed(&inside, &page), Ok((expected.clone(), None)), "{inside}");
            match expected.last() {
                Some(last) => {
                    let next = Some(last.clone());
                    assert_eq!(listed(&(inside + more), &page), Ok((expected, next)));
                }
                None => assert!(listed(&(inside + more), &page).is_err()),
            }
        }
    }

    #[test]
    fn keys_are_read_as_they_were_encoded() {
        let url = "<EncodingType>url</EncodingType>";
        for (encoding, key, expected) in [
            ("", "team/a+b%20c", "a+b%20c"),
            ("", "team/a&amp;b&#x41;&lt;", "a&bA<"),
            ("", "<![CDATA[team/<x>]]>", "<x>"),
            (url, "team/a+b%20c%2B%25", "a b c+%"),
            (url, "team/%C3%A9%01", "é\u{1}"),
        ] {
            let inside = format!("{encoding}{}", contents(key));
            assert_eq!(
                listed(&inside, &page("", "")),
                Ok((vec![expected.to_owned()], None)),
                "{key}"
            );
        }
    }

    #[test]
    fn hostile_listings_are_refused() {
        let deep = "<a>".repeat(100_000);
        let cases = [
            "",
            "<",
            "not xml",
            "<Error><Code>AccessDenied</Code></Error>",
            "<html></html>",
            "<ListBucketResult>",
            "<ListBucketResult></Other>",
            "<!DOCTYPE x [<!ENTITY a \"b\">]><ListBucketResult></ListBucketResult>",
            "<ListBucketResult><Contents><Key>&a;</Key></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><Key>team/a</Key><Size>-1</Size></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><Key>team/a</Key></Contents></ListBucketResult>",
            "<ListBucketResult><?php ?></ListBucketResult>",
            "<ListBucketResult>\u{0}<Contents></Contents>",
            "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>team/%ff</Key><Size>1</Size></Contents></ListBucketResult>",
            deep.as_str(),
        ];
        for xml in cases {
            let read = listing(&Prefix::new("team"), &page("", ""), xml.as_bytes());
            let short: String = xml.chars().take(80).collect();
            assert!(read.is_err(), "{short}: {read:?}");
        }
        assert!(
            listing(&Prefix::new(""), &page("", ""), b"<ListBucketResult>\xff</ListBucketResult>")
                .is_err()
        );
    }

    proptest::proptest! {
        #[test]
        fn no_listing_brings_a_panic_or_a_key_outside(inside in "(<Contents><Key>[a-z/&;%+]{0,12}</Key><Size>[0-9]{0,3}</Size></Contents>|[<>a-z/&;!\\[]{0,8}){0,5}") {
            let xml = format!("<ListBucketResult>{inside}</ListBucketResult>");
            if let Ok(listing) = listing(&Prefix::new("t"), &page("", ""), xml.as_bytes()) {
                for object in listing.objects {
                    let stored = format!("t/{}", object.key);
                    let raw = stored.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                    proptest::prop_assert!(xml.contains(&raw) || xml.contains('&'));
                }
            }
        }
    }

    #[test]
    fn a_code_is_found_in_what_is_an_error_and_in_nothing_else() {
        for (body, expected) in [
            ("<Error><Code>NoSuchKey</Code><Message>x</Message></Error>", Some("NoSuchKey")),
            (
                "<?xml version=\"1.0\"?>\n<s:Error xmlns:s=\"x\"><s:Code>A</s:Code></s:Error>",
                Some("A"),
            ),
            ("<Error><Code>cut o", None),
            ("<!DOCTYPE a><Error><Code>X</Code></Error>", None),
            ("{\"Code\": \"X\"}", None),
            ("", None),
        ] {
            assert_eq!(field(body.as_bytes(), "Code").as_deref(), expected, "{body}");
        }
    }
}
