//! Writing XML: every value and text is escaped here, so that nothing that is written can be read as markup.

/// Attributes in their order; those without a value are left out.
pub(super) type Attributes<'a> = &'a [(&'static str, Option<&'a str>)];

/// A document as far as it is written.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Begins an element.
    pub(super) fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.tag(name, attributes);
        self.0.push('>');
    }

    /// Ends it.
    pub(super) fn close(&mut self, name: &'static str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// An element of attributes alone.
    pub(super) fn empty(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.tag(name, attributes);
        self.0.push_str("/>");
    }

    /// An element that holds a text.
    pub(super) fn text(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.open(name, attributes);
        self.escaped(text);
        self.close(name);
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    fn tag(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in attributes {
            let Some(value) = value else { continue };
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.escaped(value);
            self.0.push('"');
        }
    }

    /// White space other than a blank as references, because a reader makes blanks of it in attributes and another line end of
    /// some in texts (XML 2.11 and 3.3.3). What no XML can hold (2.2) becomes U+FFFD.
    fn escaped(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&apos;"),
                '\t' => self.0.push_str("&#9;"),
                '\n' => self.0.push_str("&#10;"),
                '\r' => self.0.push_str("&#13;"),
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                other => self.0.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Markup;

    /// A reader finds exactly what was written, whatever it was.
    #[test]
    fn everything_comes_back() {
        let strange = "<a b=\"c\">'&amp;]]>\t\r\n é\u{85}\u{2028}</a><!--";
        let mut markup = Markup::default();
        markup.open("a", &[("b", Some(strange)), ("c", None), ("d", Some(""))]);
        markup.empty("e", &[]);
        markup.text("f", &[("g", Some("\0\u{1b}\u{fffe}"))], strange);
        markup.close("a");
        let written = markup.finish();
        let document = roxmltree::Document::parse(&written).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("b"), Some(strange));
        assert_eq!(root.attributes().len(), 2);
        let names: Vec<_> = root.children().map(|node| node.tag_name().name()).collect();
        assert_eq!(names, ["e", "f"]);
        assert_eq!(root.last_child().unwrap().text(), Some(strange));
        assert_eq!(root.last_child().unwrap().attribute("g"), Some("\u{fffd}".repeat(3).as_str()));
    }
}
