//! Reading a tree strictly: children in the order of the schema and nothing between them, attributes by their exact
//! name, text that is one piece. `roxmltree` asked for an attribute `ID` also gives `x:ID`; nothing here does.

use roxmltree::Node;

use super::gate::Closed;
use super::names::Name;

/// The attribute that has no namespace and this name.
pub(super) fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    let found = node.attributes().find(|one| one.namespace().is_none() && one.name() == name);
    found.map(|one| one.value())
}

/// The same, where it has to be.
pub(super) fn required<'a>(
    node: Node<'a, '_>,
    of: Name,
    name: &'static str,
) -> Result<&'a str, Closed> {
    attribute(node, name).ok_or(Closed::NoAttribute { of: of.local, name })
}

/// The element's only content, which is one piece of text, not empty, without control characters.
pub(super) fn text<'a>(node: Node<'a, '_>, of: Name) -> Result<&'a str, Closed> {
    let mut children = node.children();
    let only = match (children.next(), children.next()) {
        (Some(child), None) if child.is_text() => child.text(),
        _ => None,
    };
    let good = only.filter(|text| !text.trim().is_empty() && !text.contains(char::is_control));
    good.ok_or(Closed::NotOneText { of: of.local })
}

/// Nothing but white space, as between elements.
pub(super) fn nothing(node: Node<'_, '_>, of: Name) -> Result<(), Closed> {
    Children::of(node, of)?.end()
}

/// The element children of an element that may have no text, taken in order.
pub(super) struct Children<'a, 'input> {
    of: Name,
    rest: std::iter::Peekable<std::vec::IntoIter<Node<'a, 'input>>>,
}

impl<'a, 'input> Children<'a, 'input> {
    pub(super) fn of(node: Node<'a, 'input>, of: Name) -> Result<Self, Closed> {
        let blank = |child: &Node<'_, '_>| {
            let mut bytes = child.text().unwrap_or_default().bytes();
            bytes.all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        };
        let mut elements = Vec::new();
        for child in node.children() {
            if child.is_element() {
                elements.push(child);
            } else if !child.is_text() || !blank(&child) {
                return Err(Closed::StrayText { of: of.local });
            }
        }
        Ok(Self { of, rest: elements.into_iter().peekable() })
    }

    /// The next child, when it has this name.
    pub(super) fn optional(&mut self, name: Name) -> Option<Node<'a, 'input>> {
        self.rest.next_if(|node| name.is(*node))
    }

    /// The next child, which has this name.
    pub(super) fn required(&mut self, name: Name) -> Result<Node<'a, 'input>, Closed> {
        self.optional(name).ok_or(Closed::NoElement { of: self.of.local, name: name.local })
    }

    /// The next children, as many as have this name.
    pub(super) fn all(&mut self, name: Name) -> Vec<Node<'a, 'input>> {
        std::iter::from_fn(|| self.optional(name)).collect()
    }

    /// There are no more.
    pub(super) fn end(mut self) -> Result<(), Closed> {
        match self.rest.next() {
            None => Ok(()),
            Some(_) => Err(Closed::Unexpected { of: self.of.local }),
        }
    }
}
