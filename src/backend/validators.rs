//! Conditions judged on an object's validators: RFC 9110, section 13.2.2. Conditions also go to the storage where it
//! can be trusted to read them; judging its answer again makes one that ignores them harmless.

use std::time::SystemTime;

use http::header::{
    ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue};

use crate::request::{Conditions, IfRange};

/// What an object's conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Proceed,
    NotModified,
    Failed,
}

/// What identifies one state of an object.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Validators<'a> {
    pub etag: Option<&'a HeaderValue>,
    pub last_modified: Option<&'a HeaderValue>,
}

impl<'a> Validators<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        Self { etag: headers.get(ETAG), last_modified: headers.get(LAST_MODIFIED) }
    }

    /// The entity tag, if it is strong.
    pub(super) fn strong(&self) -> Option<&'a HeaderValue> {
        self.etag.filter(|tag| is_strong_tag(tag.as_bytes()))
    }

    pub(super) fn judge(&self, conditions: &Conditions) -> Verdict {
        if let Some(tags) = &conditions.if_match {
            if !self.matches(tags, Compare::Strong) {
                return Verdict::Failed;
            }
        } else if let Some(date) = &conditions.if_unmodified_since
            && self.is_modified_since(date) == Some(true)
        {
            return Verdict::Failed;
        }
        if let Some(tags) = &conditions.if_none_match {
            if self.matches(tags, Compare::Weak) {
                return Verdict::NotModified;
            }
        } else if let Some(date) = &conditions.if_modified_since
            && self.is_modified_since(date) == Some(false)
        {
            return Verdict::NotModified;
        }
        Verdict::Proceed
    }

    /// Whether a range may be sent: section 13.1.5.
    pub(super) fn may_send_range(&self, if_range: Option<&IfRange>) -> bool {
        match if_range {
            None => true,
            Some(IfRange::Tag(tag)) => self.strong().is_some_and(|own| own == tag),
            // An exact match only: a date that is merely later says nothing about the bytes.
            Some(IfRange::Date(date)) => self.last_modified.is_some_and(|own| own == date),
            Some(IfRange::Never) => false,
        }
    }

    fn matches(&self, tags: &HeaderValue, compare: Compare) -> bool {
        let list = tags.as_bytes().trim_ascii();
        if list == b"*" {
            return true;
        }
        let Some(own) = self.etag.map(HeaderValue::as_bytes) else { return false };
        match compare {
            Compare::Strong => is_strong_tag(own) && Tags(list).any(|tag| tag == own),
            Compare::Weak => Tags(list).any(|tag| opaque(tag) == opaque(own)),
        }
    }

    /// `None`: one of the dates is missing or malformed, so the condition is to be ignored.
    fn is_modified_since(&self, date: &HeaderValue) -> Option<bool> {
        let own = self.last_modified?;
        if own == date {
            return Some(false);
        }
        Some(moment(own)? > moment(date)?)
    }
}

#[derive(Debug, Clone, Copy)]
enum Compare {
    Strong,
    Weak,
}

fn moment(header: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(header.to_str().ok()?).ok()
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// `"…"` of the bytes that RFC 9110, section 8.8.3 allows, without `W/`.
pub(super) fn is_strong_tag(tag: &[u8]) -> bool {
    let inside = tag.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    inside.is_some_and(|inside| {
        inside.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..=0xff))
    })
}

/// An entity tag, strong or weak.
pub(super) fn is_tag(tag: &[u8]) -> bool {
    is_strong_tag(opaque(tag))
}

/// The tags of a list. Ends at the first thing that is none: what cannot be read matches nothing.
struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let skip = self.0.iter().position(|byte| !matches!(byte, b',' | b' ' | b'\t'))?;
        let (_, rest) = self.0.split_at(skip);
        let weak = rest.len() - opaque(rest).len();
        let (_, quoted) = rest.split_at(weak);
        let inside = quoted.strip_prefix(b"\"")?;
        let length = weak + inside.iter().position(|byte| *byte == b'"')? + 2;
        let (tag, after) = rest.split_at(length);
        self.0 = after;
        Some(tag)
    }
}

/// The conditions that the storage is asked to judge too: those that every storage reads alike (one strong tag, or a
/// date that no tag overrides). With the others it might answer for another reason than the client's.
pub(super) fn conditions_for_storage(conditions: &Conditions, headers: &mut HeaderMap) {
    let one = |tags: &HeaderValue| is_strong_tag(tags.as_bytes());
    match (&conditions.if_match, &conditions.if_unmodified_since) {
        (Some(tags), _) if one(tags) => put(headers, IF_MATCH, tags),
        (None, Some(date)) => put(headers, IF_UNMODIFIED_SINCE, date),
        (Some(_), _) | (None, None) => (),
    }
    match (&conditions.if_none_match, &conditions.if_modified_since) {
        (Some(tags), _) if one(tags) => put(headers, IF_NONE_MATCH, tags),
        (None, Some(date)) => put(headers, IF_MODIFIED_SINCE, date),
        (Some(_), _) | (None, None) => (),
    }
}

fn put(headers: &mut HeaderMap, name: http::HeaderName, value: &HeaderValue) {
    headers.insert(name, value.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: &str = "Wed, 01 Jan 2025 00:00:00 GMT";
    const SAME: &str = "Thu, 01 Jan 2026 00:00:00 GMT";
    const LATE: &str = "Fri, 01 Jan 2027 00:00:00 GMT";

    fn conditions(pairs: &[(&str, &'static str)]) -> Conditions {
        let mut conditions = Conditions::default();
        for (name, value) in pairs {
            let value = Some(HeaderValue::from_static(value));
            match *name {
                "match" => conditions.if_match = value,
                "none" => conditions.if_none_match = value,
                "modified" => conditions.if_modified_since = value,
                "unmodified" => conditions.if_unmodified_since = value,
                other => panic!("{other}"),
            }
        }
        conditions
    }

    #[test]
    fn conditions_come_to_what_rfc_9110_says() {
        let (etag, date) = (HeaderValue::from_static("\"a\""), HeaderValue::from_static(SAME));
        let object = Validators { etag: Some(&etag), last_modified: Some(&date) };
        let cases: &[(&[(&str, &'static str)], Verdict)] = &[
            (&[], Verdict::Proceed),
            (&[("match", "\"a\"")], Verdict::Proceed),
            (&[("match", "*")], Verdict::Proceed),
            (&[("match", "\"b\", \"a\"")], Verdict::Proceed),
            (&[("match", "\"b\"")], Verdict::Failed),
            (&[("match", "W/\"a\"")], Verdict::Failed),
            (&[("match", "a")], Verdict::Failed),
            (&[("match", "\"a\""), ("unmodified", EARLY)], Verdict::Proceed),
            (&[("unmodified", EARLY)], Verdict::Failed),
            (&[("unmodified", SAME)], Verdict::Proceed),
            (&[("unmodified", LATE)], Verdict::Proceed),
            (&[("unmodified", "never")], Verdict::Proceed),
            (&[("none", "\"a\"")], Verdict::NotModified),
            (&[("none", "W/\"a\"")], Verdict::NotModified),
            (&[("none", "*")], Verdict::NotModified),
            (&[("none", "\"x,\\\" , W/\"y\",\"a\"")], Verdict::NotModified),
            (&[("none", "\"b\"")], Verdict::Proceed),
            (&[("none", "\"b\""), ("modified", LATE)], Verdict::Proceed),
            (&[("modified", EARLY)], Verdict::Proceed),
            (&[("modified", SAME)], Verdict::NotModified),
            (&[("modified", LATE)], Verdict::NotModified),
            (&[("match", "\"b\""), ("none", "\"a\"")], Verdict::Failed),
            (&[("match", "\"a\""), ("none", "\"a\"")], Verdict::NotModified),
        ];
        for (pairs, expected) in cases {
            assert_eq!(object.judge(&conditions(pairs)), *expected, "{pairs:?}");
        }
        let bare = Validators::default();
        assert_eq!(bare.judge(&conditions(&[("match", "\"a\"")])), Verdict::Failed);
        assert_eq!(bare.judge(&conditions(&[("none", "\"a\"")])), Verdict::Proceed);
        assert_eq!(bare.judge(&conditions(&[("unmodified", EARLY)])), Verdict::Proceed);
    }

    #[test]
    fn a_range_is_sent_only_of_the_very_same_object() {
        let (etag, date) = (HeaderValue::from_static("\"a\""), HeaderValue::from_static(SAME));
        let weak = HeaderValue::from_static("W/\"a\"");
        let object = Validators { etag: Some(&etag), last_modified: Some(&date) };
        let weakly = Validators { etag: Some(&weak), last_modified: None };
        let tag = |text| IfRange::Tag(HeaderValue::from_static(text));
        let at = |text| IfRange::Date(HeaderValue::from_static(text));
        assert!(object.may_send_range(None));
        assert!(object.may_send_range(Some(&tag("\"a\""))));
        assert!(!object.may_send_range(Some(&tag("\"b\""))));
        assert!(!weakly.may_send_range(Some(&tag("W/\"a\""))));
        assert!(object.may_send_range(Some(&at(SAME))));
        assert!(!object.may_send_range(Some(&at(LATE))));
        assert!(!weakly.may_send_range(Some(&at(SAME))));
        assert!(!object.may_send_range(Some(&IfRange::Never)));
    }

    #[test]
    fn the_storage_is_told_only_what_every_storage_reads_alike() {
        let told = |pairs: &[(&str, &'static str)]| {
            let mut headers = HeaderMap::new();
            conditions_for_storage(&conditions(pairs), &mut headers);
            let mut names: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(told(&[("match", "\"a\""), ("unmodified", SAME)]), ["if-match"]);
        assert!(told(&[("match", "\"a\", \"b\""), ("unmodified", SAME)]).is_empty());
        assert_eq!(told(&[("none", "\"a\""), ("modified", SAME)]), ["if-none-match"]);
        assert!(told(&[("none", "W/\"a\""), ("modified", SAME)]).is_empty());
        assert!(told(&[("none", "*")]).is_empty());
        assert_eq!(
            told(&[("unmodified", SAME), ("modified", SAME)]),
            ["if-modified-since", "if-unmodified-since"]
        );
    }
}
