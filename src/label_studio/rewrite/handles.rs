//! The way back: handles become what they stand for, in bodies that go to Label Studio. JSON is read as JSON, so that no
//! spelling of a handle passes unopened.

use super::json::{JsonRewriter, Member, Place, Seal};
use super::{Form, Garbled};

/// Where handles have their addresses, with the slashes plain, or escaped once more (JSON in a text).
const MARKS: [&str; 2] = ["/-/m/", "\\/-\\/m\\/"];

/// Opens every handle: whole texts and parts of them, with or without the origin before it. `None`: there is none.
///
/// # Errors
/// The first that `open` gives, or [`Garbled`].
pub fn open_handles<E: From<Garbled>>(
    bytes: &[u8],
    form: Form,
    open: &mut Open<'_, E>,
) -> Result<Option<Vec<u8>>, E> {
    match form {
        Form::Json => open_json(bytes, open),
        Form::Table => {
            let text = str::from_utf8(bytes).or(Err(Garbled::NotJson))?;
            Ok(open_cells(text, open)?.map(String::into_bytes))
        }
    }
}

fn open_json<E: From<Garbled>>(json: &[u8], open: &mut Open<'_, E>) -> Result<Option<Vec<u8>>, E> {
    let mut out = Vec::with_capacity(json.len());
    let mut rewriter = JsonRewriter::new(Opening { open, any: false, failed: None });
    rewriter.push(json, &mut out)?;
    let Opening { any, failed, .. } = rewriter.finish(&mut out)?;
    match failed {
        Some(error) => Err(error),
        None => Ok(any.then_some(out)),
    }
}

/// Gives what a handle stands for, told what stands around it in its text.
type Open<'o, E> = dyn FnMut(&str, Around<'_>) -> Result<String, E> + 'o;

struct Opening<'o, E> {
    open: &'o mut Open<'o, E>,
    any: bool,
    failed: Option<E>,
}

impl<E: From<Garbled>> Seal for Opening<'_, E> {
    fn minds(&self, raw: &str) -> bool {
        self.failed.is_none() && raw.contains(['/', '\\'])
    }

    fn string(&mut self, _at: &Place<'_>, text: &str) -> Option<String> {
        match replaced(text, &mut |handle, around| (self.open)(handle, around)) {
            Ok(opened) => {
                self.any |= opened.is_some();
                opened
            }
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }

    /// A name says what a member is, and was judged unopened: only a location may come out of it, which none that means
    /// anything to Label Studio is.
    fn name(&mut self, at: &Place<'_>, text: &str) -> Option<String> {
        let opened = self.string(at, text)?;
        if !opened.contains("://") {
            self.failed = Some(Garbled::NotJson.into());
            return None;
        }
        Some(opened)
    }

    fn member(&mut self, _at: &Place<'_>) -> Member {
        Member::Keep
    }

    fn object(&mut self, _at: &Place<'_>, _id: u64, _project: u64) {}
}

/// In tables, what a handle stands for must stay in its cell (RFC 4180).
fn open_cells<E: From<Garbled>>(table: &str, open: &mut Open<'_, E>) -> Result<Option<String>, E> {
    replaced(table, &mut |handle, (before, after)| {
        let opened = open(handle, (before, after))?;
        if before.matches('"').count() % 2 == 1 {
            return Ok(opened.replace('"', "\"\""));
        }
        if !opened.contains([',', '\t', '"']) {
            return Ok(opened);
        }
        let ends = |c: char| matches!(c, ',' | '\t' | '\n' | '\r');
        let is_cell = (before.is_empty() || before.ends_with(ends))
            && (after.is_empty() || after.starts_with(ends));
        // Part of a cell without quotes cannot hold it.
        is_cell
            .then(|| format!("\"{}\"", opened.replace('"', "\"\"")))
            .ok_or(Garbled::NotJson.into())
    })
}

/// What stands before and after a handle.
pub type Around<'t> = (&'t str, &'t str);

/// The text with every handle in it replaced by what `with` gives for it and for what stands around it.
fn replaced<E>(
    text: &str,
    with: &mut dyn FnMut(&str, Around<'_>) -> Result<String, E>,
) -> Result<Option<String>, E> {
    let (mut out, mut from, mut at, mut any) = (String::new(), 0, 0, false);
    while let Some((mark, found)) = next(text, at) {
        let rest = text.get(found + mark.len()..).unwrap_or_default();
        let is_of_handle = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let length = rest.find(|c| !is_of_handle(c)).unwrap_or(rest.len());
        let (handle, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        at = found + mark.len() + length;
        if handle.is_empty() {
            continue;
        }
        let before = without_origin(text.get(from..found).unwrap_or_default());
        out.push_str(before);
        let all_before = text.get(..from + before.len()).unwrap_or_default();
        out.push_str(&with(handle, (all_before, after))?);
        (from, any) = (at, true);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Ok(any.then_some(out))
}

fn next(text: &str, at: usize) -> Option<(&'static str, usize)> {
    let rest = text.get(at..)?;
    let found = MARKS.iter().filter_map(|mark| Some((*mark, at + rest.find(mark)?)));
    found.min_by_key(|(_, found)| *found)
}

/// Whether a text is one handle and nothing else.
#[must_use]
pub fn is_handle(text: &str) -> bool {
    let all = replaced(text, &mut |_, around| match around {
        ("", "") => Ok(String::new()),
        _ => Err(()),
    });
    all.is_ok_and(|opened| opened.is_some_and(|rest| rest.is_empty()))
}

/// An origin that stands right before a handle goes with it.
fn without_origin(before: &str) -> &str {
    let is_of_host =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let rest = before.trim_end_matches(is_of_host);
    if rest.len() == before.len() {
        return before;
    }
    let plain = rest.strip_suffix("//").and_then(|rest| rest.strip_suffix("https:"));
    let escaped = || rest.strip_suffix("\\/\\/").and_then(|rest| rest.strip_suffix("https:"));
    plain.or_else(escaped).unwrap_or(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Fault;

    impl From<Garbled> for Fault {
        fn from(_: Garbled) -> Self {
            Self
        }
    }

    fn opened(text: &str, form: Form) -> String {
        let open = &mut |handle: &str, _: Around<'_>| match handle {
            "bad" => Err(Fault),
            "list" => Ok("s3://b/a,b".to_owned()),
            "word" => Ok("id".to_owned()),
            handle => Ok(format!("s3://b/{handle}\"")),
        };
        match open_handles(text.as_bytes(), form, open) {
            Ok(Some(bytes)) => String::from_utf8(bytes).unwrap(),
            Ok(None) => "none".to_owned(),
            Err(Fault) => "error".to_owned(),
        }
    }

    #[test]
    fn handles_are_opened_wherever_they_stand_in_a_text_and_however_it_is_spelt() {
        for (json, expected) in [
            (r#"{"a":"/-/m/Ab_-1"}"#, r#"{"a":"s3://b/Ab_-1\""}"#),
            (r#"{"a":"\/-\/m\/x"}"#, r#"{"a":"s3://b/x\""}"#),
            (r#"{"a":"\u002f\u002d/m/\u0078"}"#, r#"{"a":"s3://b/x\""}"#),
            (r#"{"a":"{\"b\":\"\\/-\\/m\\/x\"}"}"#, r#"{"a":"{\"b\":\"s3://b/x\"\"}"}"#),
            (r#"{"/-/m/x" : 1}"#, r#"{"s3://b/x\"" : 1}"#),
            (r#"["https://gw.example.com:8443/-/m/x"]"#, r#"["s3://b/x\""]"#),
            (
                r#"{"a":"<img src='/-/m/x'> /-/m/y"}"#,
                r#"{"a":"<img src='s3://b/x\"'> s3://b/y\""}"#,
            ),
            (r#"{"a":"/-/m/"}"#, "none"),
            (r#"{"a":"/-/n/x"}"#, "none"),
            (r#"{"a":"/-/m/bad"}"#, "error"),
            (r#"{"a":"#, "error"),
            // What names a member to Label Studio is no location.
            (r#"{"/-/m/word":7}"#, "error"),
        ] {
            assert_eq!(opened(json, Form::Json), expected, "{json}");
        }
    }

    #[test]
    fn in_tables_what_is_opened_stays_in_its_cell() {
        for (table, expected) in [
            ("a,b\n1,/-/m/list\n", "a,b\n1,\"s3://b/a,b\"\n"),
            ("a,b\n1,\"/-/m/x\"\n", "a,b\n1,\"s3://b/x\"\"\"\n"),
            ("a\n\"[\"\"/-/m/list\"\"]\"", "a\n\"[\"\"s3://b/a,b\"\"]\""),
            ("https://localhost/-/m/list", "\"s3://b/a,b\""),
            ("a\nsee /-/m/list", "error"),
            ("a,b", "none"),
        ] {
            assert_eq!(opened(table, Form::Table), expected, "{table}");
        }
    }

    #[test]
    fn a_handle_alone_is_told_from_one_among_words() {
        for (text, is) in [
            ("/-/m/Ab_-1", true),
            ("https://localhost:8443/-/m/x", true),
            ("/-/m/x ", false),
            ("s3://b/-/m/x", false),
            ("/-/m/", false),
            ("", false),
            ("plain", false),
        ] {
            assert_eq!(is_handle(text), is, "{text}");
        }
    }
}
