//! The form of a page, read as a browser would fill it in: tags wherever they stand, attributes quoted or not, character
//! references. No more of HTML than that.

/// A form: where it goes, by which method, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    /// As the page says it; it may be relative.
    pub(super) action: String,
    pub(super) posts: bool,
    /// Inputs that have a name, in their order.
    pub(super) fields: Vec<(String, String)>,
}

impl Form {
    /// The page's first form.
    pub(super) fn find(page: &str) -> Option<Self> {
        let mut tags = tags(page).skip_while(|tag| tag.name != "form");
        let opening = tags.next()?;
        let inside = tags.take_while(|tag| tag.name != "/form");
        let inputs = inside.filter(|tag| tag.name == "input");
        let field = |tag: Tag| {
            let value = tag.attribute("value").unwrap_or_default().to_owned();
            tag.attribute("name").map(|name| (name.to_owned(), value))
        };
        Some(Self {
            action: opening.attribute("action").unwrap_or_default().to_owned(),
            posts: opening.attribute("method").is_some_and(|one| one.eq_ignore_ascii_case("post")),
            fields: inputs.filter_map(field).collect(),
        })
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The same with this value in that field, whether it was there or not.
    pub(super) fn filled(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(other, _)| other != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }
}

#[derive(Debug)]
struct Tag {
    /// In lower case; that of an end tag begins with a slash.
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The tags of a page. What stands in a comment or a script is none.
fn tags(page: &str) -> impl Iterator<Item = Tag> {
    let mut rest = page;
    std::iter::from_fn(move || {
        loop {
            rest = &rest[rest.find('<')?..];
            if let Some(comment) = rest.strip_prefix("<!--") {
                rest = comment.split_once("-->")?.1;
                continue;
            }
            rest = &rest[1..];
            if !rest.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '/') {
                continue;
            }
            let (tag, behind) = tag(rest)?;
            rest = behind;
            if tag.name == "script" {
                rest = &rest[rest.find("</script")?..];
            }
            return Some(tag);
        }
    })
}

/// The tag that begins here, behind its `<`, and what follows it.
fn tag(text: &str) -> Option<(Tag, &str)> {
    let (name, mut rest) = word(text);
    let mut tag = Tag { name: name.to_ascii_lowercase(), attributes: Vec::new() };
    loop {
        rest = rest.trim_start().trim_start_matches('/').trim_start();
        if let Some(behind) = rest.strip_prefix('>') {
            return Some((tag, behind));
        }
        let (name, behind) = word(rest);
        // A stray sign is passed over.
        if name.is_empty() {
            rest = &rest[rest.chars().next()?.len_utf8()..];
            continue;
        }
        let behind = behind.trim_start();
        let value;
        (value, rest) = match behind.strip_prefix('=').map(str::trim_start) {
            None => ("", behind),
            Some(quoted) if quoted.starts_with(['"', '\'']) => {
                quoted[1..].split_once(&quoted[..1])?
            }
            Some(bare) => bare.split_at(bare.find([' ', '\n', '\r', '\t', '>'])?),
        };
        tag.attributes.push((name.to_ascii_lowercase(), decoded(value)));
    }
}

/// Up to what ends a name; the first letter may be a slash.
fn word(text: &str) -> (&str, &str) {
    let ends = |letter: char| letter.is_whitespace() || "=>/\"'".contains(letter);
    let from = usize::from(text.starts_with('/'));
    text.split_at(text[from..].find(ends).map_or(text.len(), |at| from + at))
}

/// Without character references; those that are not known stay.
fn decoded(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        decoded.push_str(before);
        let letter = behind.split_once(';').and_then(|(name, after)| Some((named(name)?, after)));
        if let Some((letter, after)) = letter {
            decoded.push(letter);
            rest = after;
        } else {
            decoded.push('&');
            rest = behind;
        }
    }
    decoded + rest
}

fn named(name: &str) -> Option<char> {
    let number = |digits, radix| char::from_u32(u32::from_str_radix(digits, radix).ok()?);
    match (name, name.strip_prefix('#')) {
        ("amp", _) => Some('&'),
        ("lt", _) => Some('<'),
        ("gt", _) => Some('>'),
        ("quot", _) => Some('"'),
        ("apos", _) => Some('\''),
        (_, Some(digits)) => match digits.strip_prefix(['x', 'X']) {
            Some(digits) => number(digits, 16),
            None => number(digits, 10),
        },
        _ => None,
    }
}

#[test]
fn a_form_is_read_as_a_browser_would() {
    let page = "<!-- <form action=no> --><script>if (a < b) { '<form action=\"no\">' }</script>\n\
        <p><INPUT name=outside><Form method=POST\n action='https://a.example/?b=1&amp;c=&#x27;&#039;&zzz;'>\
        <input type=\"submit\"/><input name=\"a\" value=\"1 > 0 &lt;&quot;\" /><input value=x/y name=b>\
        <input name = 'c'></form><input name=d></p>";
    let form = Form::find(page).unwrap();
    assert_eq!(form.action, "https://a.example/?b=1&c=''&zzz;");
    assert!(form.posts);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(form.fields, [pair("a", "1 > 0 <\""), pair("b", "x/y"), pair("c", "")]);
    assert_eq!(Form::find("<p>nothing</p>"), None);
}
