//! PEM (RFC 7468), strictly: what one label names, with nothing between its lines but base64. Text around the sections is
//! allowed, as the standard has it: tools write there what a key is called.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ground::secret::Secret;

/// One section: its label and its octets, which may be a key.
pub(super) struct Section<'a> {
    pub(super) label: &'a str,
    pub(super) octets: Secret<Vec<u8>>,
}

/// All sections in their order; `None` when one has no end or is not base64.
pub(super) fn sections(text: &str) -> Option<Vec<Section<'_>>> {
    let mut lines = text.lines().map(str::trim_end);
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some(label) = marked(line, "-----BEGIN ") else { continue };
        let mut inside = Vec::new();
        let end = loop {
            let line = lines.next()?;
            match marked(line, "-----END ") {
                Some(end) => break end,
                None => inside.push(line),
            }
        };
        // Wiped like the octets: it is the same key in other letters.
        let base64 = Secret::new(inside.concat());
        let octets = Secret::new(STANDARD.decode(base64.expose()).ok()?);
        found.push(Section { label: (end == label).then_some(label)?, octets });
    }
    Some(found)
}

fn marked<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    line.strip_prefix(mark)?.strip_suffix("-----")
}

#[cfg(test)]
mod tests {
    use super::sections;

    #[test]
    fn sections_with_anything_around_them_and_nothing_in_them() {
        let one = "-----BEGIN A B-----\nYWJj\nZGVm\n-----END A B-----\n";
        for (name, text, expected) in [
            ("one", one.to_owned(), Some(vec![("A B", "abcdef")])),
            ("lines of Windows", one.replace('\n', "\r\n"), Some(vec![("A B", "abcdef")])),
            ("words around it", format!("a key\n{one}\nits end"), Some(vec![("A B", "abcdef")])),
            ("two", format!("{one}{one}"), Some(vec![("A B", "abcdef"), ("A B", "abcdef")])),
            ("none", "words\n".to_owned(), Some(vec![])),
            ("no end", one.replace("-----END A B-----", ""), None),
            ("the end of another", one.replace("END A B", "END A"), None),
            ("no base64", one.replace("YWJj", "YW-j"), None),
            ("a header", one.replace("YWJj", "Proc-Type: 4,ENCRYPTED\n\nYWJj"), None),
        ] {
            let found = sections(&text).map(|sections| {
                let shown = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
                let each = |section: &super::Section<'_>| {
                    (section.label.to_owned(), shown(section.octets.expose()))
                };
                sections.iter().map(each).collect::<Vec<_>>()
            });
            let expected = expected.map(|sections| {
                let owned = |(label, octets): (&str, &str)| (label.to_owned(), octets.to_owned());
                sections.into_iter().map(owned).collect::<Vec<_>>()
            });
            assert_eq!(found, expected, "{name}");
        }
    }
}
