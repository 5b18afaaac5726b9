//! XML in the one form that exclusive canonicalization leaves as it is (<https://www.w3.org/TR/xml-exc-c14n/>): no
//! declaration, an end tag for every element, attributes in the order in which the caller gives them (which must be the
//! alphabetical one), a namespace where it is first used and nowhere again.

use std::fmt::{self, Write as _};

/// An element in the making.
#[derive(Debug, Clone)]
pub(super) struct Element {
    name: &'static str,
    head: String,
    inside: String,
}

impl Element {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, head: String::new(), inside: String::new() }
    }

    /// Before the attributes.
    pub(super) fn declare(&mut self, prefix: &str, namespace: &str) -> &mut Self {
        self.attribute(&format!("xmlns:{prefix}"), namespace)
    }

    pub(super) fn attribute(&mut self, name: &str, value: &str) -> &mut Self {
        write!(self.head, " {name}=\"").unwrap();
        for character in value.chars() {
            match character {
                '&' => self.head.push_str("&amp;"),
                '<' => self.head.push_str("&lt;"),
                '"' => self.head.push_str("&quot;"),
                '\t' => self.head.push_str("&#x9;"),
                '\n' => self.head.push_str("&#xA;"),
                '\r' => self.head.push_str("&#xD;"),
                plain => self.head.push(plain),
            }
        }
        self.head.push('"');
        self
    }

    pub(super) fn maybe(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.attribute(name, value);
        }
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.inside.push_str("&amp;"),
                '<' => self.inside.push_str("&lt;"),
                '>' => self.inside.push_str("&gt;"),
                '\r' => self.inside.push_str("&#xD;"),
                plain => self.inside.push(plain),
            }
        }
        self
    }

    pub(super) fn child(&mut self, child: &Self) -> &mut Self {
        self.raw(&child.to_string())
    }

    /// What is written already.
    pub(super) fn raw(&mut self, written: &str) -> &mut Self {
        self.inside.push_str(written);
        self
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, head, inside } = self;
        write!(f, "<{name}{head}>{inside}</{name}>")
    }
}
