//! Conditional requests: RFC 9110, section 13. Parsed here, judged where the object's validators are known.

use http::header::{
    HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};
use http::{HeaderMap, HeaderValue};

use super::RequestError;

/// The conditions of a request, each as it was sent, already known to be well-formed text.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// `*` or a list of entity tags; several fields are joined to one.
    pub if_match: Option<HeaderValue>,
    /// As [`Self::if_match`].
    pub if_none_match: Option<HeaderValue>,
    pub if_modified_since: Option<HeaderValue>,
    pub if_unmodified_since: Option<HeaderValue>,
    pub if_range: Option<IfRange>,
}

/// What `If-Range` compares with.
#[derive(Debug, Clone)]
pub enum IfRange {
    /// A strong entity tag, with its quotes.
    Tag(HeaderValue),
    /// A date.
    Date(HeaderValue),
    /// A weak tag or something malformed: never matches, so the whole object is sent.
    Never,
}

impl Conditions {
    /// Reads them.
    ///
    /// # Errors
    /// [`RequestError::BadHeader`] for a list that is malformed or a header that stands twice.
    pub fn parse(headers: &HeaderMap) -> Result<Self, RequestError> {
        Ok(Self {
            if_match: tags(headers, &IF_MATCH, "if-match")?,
            if_none_match: tags(headers, &IF_NONE_MATCH, "if-none-match")?,
            if_modified_since: date(headers, &IF_MODIFIED_SINCE, "if-modified-since")?,
            if_unmodified_since: date(headers, &IF_UNMODIFIED_SINCE, "if-unmodified-since")?,
            if_range: single(headers, &IF_RANGE, "if-range")?.map(IfRange::parse),
        })
    }
}

impl IfRange {
    fn parse(value: &HeaderValue) -> Self {
        let bytes = value.as_bytes();
        if is_date(value) {
            Self::Date(value.clone())
        } else if entity_tag(bytes).is_some_and(<[u8]>::is_empty) && bytes.starts_with(b"\"") {
            Self::Tag(value.clone())
        } else {
            Self::Never
        }
    }
}

/// The only value of a header that may stand once.
pub(super) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    called: &'static str,
) -> Result<Option<&'a HeaderValue>, RequestError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(RequestError::BadHeader { name: called }),
    }
}

/// A condition that cannot be read must not be taken as met: malformed lists are refused.
fn tags(
    headers: &HeaderMap,
    name: &HeaderName,
    called: &'static str,
) -> Result<Option<HeaderValue>, RequestError> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    let malformed = || RequestError::BadHeader { name: called };
    let mut joined = first.clone();
    for next in values {
        // RFC 9110, 5.3: fields of one name are one list
        let list = [joined.as_bytes(), b", ", next.as_bytes()].concat();
        joined = HeaderValue::from_bytes(&list).or(Err(malformed()))?;
    }
    if is_tag_list(joined.as_bytes()) { Ok(Some(joined)) } else { Err(malformed()) }
}

/// RFC 9110, 13.1.3 and 13.1.4: a date that is not one is ignored.
fn date(
    headers: &HeaderMap,
    name: &HeaderName,
    called: &'static str,
) -> Result<Option<HeaderValue>, RequestError> {
    Ok(single(headers, name, called)?.filter(|value| is_date(value)).cloned())
}

fn is_date(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|text| httpdate::parse_http_date(text).is_ok())
}

fn is_tag_list(list: &[u8]) -> bool {
    if list == b"*" {
        return true;
    }
    let mut rest = list;
    let mut tags = 0;
    loop {
        rest = rest.trim_ascii_start();
        match rest {
            [] => return tags > 0,
            [b',', after @ ..] => rest = after,
            _ => {
                let Some(after) = entity_tag(rest).map(<[u8]>::trim_ascii_start) else {
                    return false;
                };
                if !(after.is_empty() || after.starts_with(b",")) {
                    return false;
                }
                tags += 1;
                rest = after;
            }
        }
    }
}

/// What follows the entity tag that `text` starts with (RFC 9110, 8.8.3).
fn entity_tag(text: &[u8]) -> Option<&[u8]> {
    let opaque = text.strip_prefix(b"W/").unwrap_or(text).strip_prefix(b"\"")?;
    let end = opaque.iter().position(|byte| *byte == b'"')?;
    let (tag, after) = opaque.split_at_checked(end)?;
    let allowed = tag.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..=0xff));
    if allowed { after.get(1..) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&'static str, &str)]) -> Result<Conditions, RequestError> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        Conditions::parse(&headers)
    }

    #[test]
    fn tag_lists_are_kept_or_refused() {
        for good in ["*", "\"a\"", "W/\"a\"", "\"a\", W/\"b\" ,\"c\"", "\"\"", "\"a,b\"", ",\"a\","]
        {
            let read = read(&[("if-none-match", good)]).unwrap();
            assert_eq!(read.if_none_match.unwrap(), good);
        }
        for bad in ["", "a", "\"a", "*, \"a\"", "\"a\" \"b\"", "w/\"a\"", "\"a b\"", ",", "\"a\"x"]
        {
            assert!(read(&[("if-match", bad)]).is_err(), "{bad}");
        }
        let joined = read(&[("if-match", "\"a\""), ("if-match", "\"b\"")]).unwrap();
        assert_eq!(joined.if_match.unwrap(), "\"a\", \"b\"");
        assert!(read(&[("if-match", "*"), ("if-match", "*")]).is_err());
    }

    #[test]
    fn dates_are_kept_ignored_or_refused_when_doubled() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert!(read(&[("if-modified-since", date)]).unwrap().if_modified_since.is_some());
        assert!(read(&[("if-modified-since", "soon")]).unwrap().if_modified_since.is_none());
        let doubled = [("if-unmodified-since", date), ("if-unmodified-since", date)];
        assert!(read(&doubled).is_err());
    }

    #[test]
    fn if_range_is_a_strong_tag_a_date_or_never() {
        let parse = |text| IfRange::parse(&HeaderValue::from_static(text));
        assert!(matches!(parse("\"a\""), IfRange::Tag(_)));
        assert!(matches!(parse("Sun, 06 Nov 1994 08:49:37 GMT"), IfRange::Date(_)));
        for never in ["W/\"a\"", "a", "*", "\"a\", \"b\"", "\"a", ""] {
            assert!(matches!(parse(never), IfRange::Never), "{never}");
        }
    }
}
