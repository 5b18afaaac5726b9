//! Locations inside of texts: raw URIs of any scheme and spelling, links of Label Studio's resolver, presigned links, addresses
//! of storages and of Label Studio itself. Doubt counts as a location.

use std::collections::HashSet;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use super::super::kept::canonical;
use super::spelling::{self, Spelt};

/// Names that are known to be locations wherever they stand.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// `host[:port]` of storages.
    pub endpoints: Vec<String>,
    pub buckets: Vec<String>,
    /// Label Studio's own origin.
    pub upstream: String,
}

impl Known {
    /// Those that tell something where they stand alone. A bucket that is called by a plain word, such as `images`, does not:
    /// the word is in texts, labels and names of columns, too.
    fn names(&self) -> impl Iterator<Item = &String> {
        let telling =
            |name: &&String| name.len() > 5 && name.bytes().any(|byte| !byte.is_ascii_alphabetic());
        self.buckets.iter().chain(&self.endpoints).filter(telling)
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// Of a storage, without any escapes.
    Uri(String),
    /// A link of the resolver, with the URI in it.
    Resolver { task: Option<u64>, uri: String },
    /// `/data/local-files/?d=…`
    LocalFile,
    /// `/data/upload/{project}/{name}`
    Upload,
    /// `http(s)` with a signature, or of a storage.
    Link(String),
    /// An address of Label Studio itself: its path.
    Upstream(String),
    /// The bare name of a bucket or an endpoint.
    Mention,
}

/// URIs that a task's data refers to.
#[derive(Debug, Default)]
pub struct Uris(HashSet<Box<str>>);

struct Found {
    from: usize,
    to: usize,
    what: Location,
}

/// Schemes that name no storage.
const HARMLESS: [&str; 8] = ["ws", "wss", "ftp", "blob", "about", "chrome", "mailto", "tel"];
const SIGNED: [&str; 7] = [
    "x-amz-signature=",
    "x-amz-credential=",
    "x-goog-signature=",
    "x-goog-credential=",
    "awsaccesskeyid=",
    "googleaccessid=",
    "sig=",
];
const STORAGE_HOSTS: [&str; 6] = [
    ".amazonaws.com",
    "storage.googleapis.com",
    "storage.cloud.google.com",
    ".blob.core.windows.net",
    ".digitaloceanspaces.com",
    ".r2.cloudflarestorage.com",
];
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Replaces every location in the text by what `with` gives for it. `None`: there is none.
pub fn replace(
    text: &str,
    known: &Known,
    with: &mut dyn FnMut(&Location, &str) -> String,
) -> Option<String> {
    let found = find(text, known);
    if found.is_empty() {
        return None;
    }
    let (mut replaced, mut at) = (String::with_capacity(text.len()), 0);
    for Found { from, to, what } in found {
        replaced.push_str(text.get(at..from)?);
        replaced.push_str(&with(&what, text.get(from..to)?));
        at = to;
    }
    replaced.push_str(text.get(at..)?);
    Some(replaced)
}

/// Whether a text could hold a location at all: cheap, and never wrong when it says no.
#[must_use]
pub fn may_hold(raw: &str, known: &Known) -> bool {
    let bytes = raw.as_bytes();
    let starts = bytes.iter().enumerate().any(|(at, byte)| match byte {
        // Spelt otherwise, it would hold one of these.
        b'%' | b'&' | b'\\' => true,
        b':' => bytes.get(at + 1) == Some(&b'/'),
        b'/' => matches!(bytes.get(at + 1), Some(b'd' | b't' | b'p')),
        _ => false,
    });
    starts || known.names().any(|name| name.len() <= raw.len() && raw.contains(name.as_str()))
}

/// The URI or the path in one of Label Studio's own addresses of media.
#[must_use]
pub fn media_text(target: &str) -> Option<String> {
    let found = find(target, &Known::default()).into_iter().next()?;
    match found.what {
        Location::Resolver { uri, .. } => Some(uri).filter(|uri| !uri.is_empty()),
        Location::Upload | Location::LocalFile => Some(target.to_owned()),
        Location::Uri(_) | Location::Link(_) | Location::Upstream(_) | Location::Mention => None,
    }
}

/// Whether this part of a text is found as one location, no more and no less, when the text leaves again.
#[must_use]
pub fn stands_alone(text: &str, (before, after): (&str, &str), known: &Known) -> bool {
    const NEAR: usize = 16;
    let near = before.char_indices().rev().take(NEAR).last().map_or(0, |(at, _)| at);
    let before = before.get(near..).unwrap_or_default();
    let after: String = after.chars().take(NEAR).collect();
    let (from, to) = (before.len(), before.len() + text.len());
    let whole = format!("{before}{text}{after}");
    find(&whole, known).iter().any(|found| (found.from, found.to) == (from, to))
}

/// A location as it stood in a text, without the escapes of that text.
#[must_use]
pub fn plain_uri(text: &str) -> String {
    match find(text, &Known::default()).into_iter().next().map(|found| found.what) {
        Some(Location::Uri(plain) | Location::Link(plain)) => plain,
        Some(_) | None => text.to_owned(),
    }
}

impl Uris {
    /// Takes in what a text of the data refers to.
    pub fn take(&mut self, text: &str) {
        self.0.insert(text.trim().into());
        for found in find(text, &Known::default()) {
            let raw = text.get(found.from..found.to).unwrap_or_default();
            self.0.insert(canonical(raw).into());
            if let Location::Uri(text)
            | Location::Link(text)
            | Location::Resolver { uri: text, .. } = found.what
            {
                self.0.insert(text.into());
            }
        }
    }

    /// How much they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|uri| uri.len() + 64).sum()
    }

    #[must_use]
    pub fn refer_to(&self, uri: &str) -> bool {
        self.0.contains(&*canonical(uri))
    }
}

/// In order, none overlapping another.
fn find(text: &str, known: &Known) -> Vec<Found> {
    let mut all = Vec::new();
    let mut at = 0;
    let starts = |byte: &u8| matches!(byte, b':' | b'%' | b'&' | b'\\' | b'/');
    while let Some(step) = text.as_bytes().get(at..).and_then(|rest| rest.iter().position(starts)) {
        at += step;
        let floor = all.last().map_or(0, |it: &Found| it.to);
        let Some(found) = one(text, at, floor, known) else {
            at += 1;
            continue;
        };
        at = found.to.max(at + 1);
        all.push(found);
    }
    mentions(text, known, &mut all);
    all
}

/// What is found by what stands at this very place; it may have begun before, but not before `floor`.
fn one(text: &str, at: usize, floor: usize, known: &Known) -> Option<Found> {
    match text.as_bytes().get(at)? {
        b':' | b'%' | b'&' | b'\\' => with_scheme(text, at, floor, known),
        b'/' => by_path(text, at),
        _ => None,
    }
}

/// `scheme://…`, at its colon.
fn with_scheme(text: &str, at: usize, floor: usize, known: &Known) -> Option<Found> {
    let colon = spelt(text, at, ':')?;
    let first = spelt(text, colon, '/')?;
    let after = spelt(text, first, '/')?;
    let before = text.get(floor..at)?;
    let letters = before
        .bytes()
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        .count();
    let from = at - letters;
    let scheme = text.get(from..at)?.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let from = at - scheme.len();
    if scheme.is_empty() || HARMLESS.iter().any(|one| scheme.eq_ignore_ascii_case(one)) {
        return None;
    }
    let to = end(text, from, after);
    let raw = text.get(from..to)?;
    let is_escaped = text.get(at..after)? != "://";
    let plain = spelling::plain(raw, is_escaped);
    if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") {
        return link(plain, known).map(|what| Found { from, to, what });
    }
    Some(Found { from, to, what: Location::Uri(plain) })
}

fn link(url: String, known: &Known) -> Option<Location> {
    if let Some(path) = url.strip_prefix(&known.upstream).filter(|_| !known.upstream.is_empty()) {
        let found = by_path(path, 0).map(|found| found.what);
        return Some(found.unwrap_or_else(|| Location::Upstream(path.to_owned())));
    }
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let bare = host.split(':').next().unwrap_or_default();
    let query = url.split_once('?').map_or("", |(_, query)| query).to_ascii_lowercase();
    let signed = SIGNED.iter().any(|name| query.split('&').any(|pair| pair.starts_with(name)));
    let named = query.contains("fileuri=");
    let storage = STORAGE_HOSTS.iter().any(|known| bare.ends_with(known.trim_start_matches('.')))
        || known
            .endpoints
            .iter()
            .any(|endpoint| host == *endpoint || host.ends_with(&format!(".{endpoint}")))
        || known.buckets.iter().any(|bucket| bare.starts_with(&format!("{bucket}.")));
    (signed || storage || named).then_some(Location::Link(url))
}

/// An address of Label Studio's own, by its path.
fn by_path(text: &str, at: usize) -> Option<Found> {
    let rest = text.get(at..)?;
    let found = |to, what| Some(Found { from: at, to, what });
    if rest.starts_with("/data/upload/") {
        return found(end(text, at, at), Location::Upload);
    }
    if rest.starts_with("/data/local-files") {
        return found(end(text, at, at), Location::LocalFile);
    }
    let (of_task, inner) = match (rest.strip_prefix("/tasks/"), rest.strip_prefix("/projects/")) {
        (Some(inner), _) => (true, inner),
        (None, Some(inner)) => (false, inner),
        (None, None) => return None,
    };
    let (number, inner) = inner.split_once('/')?;
    let number: u64 = number.parse().ok()?;
    let inner = inner.strip_prefix("resolve").or_else(|| inner.strip_prefix("presign"))?;
    let query = inner.strip_prefix("/?").or_else(|| inner.strip_prefix('?'))?;
    let to = end(text, at, at);
    let query = query.get(..to - (text.len() - query.len()))?;
    let value = query
        .split('&')
        .map(|pair| pair.trim_start_matches("amp;"))
        .find_map(|pair| pair.strip_prefix("fileuri="));
    let uri = value.map(file_uri).unwrap_or_default();
    found(to, Location::Resolver { task: of_task.then_some(number), uri })
}

/// As Label Studio reads it: base64 if that gives a URI, else as it is.
fn file_uri(value: &str) -> String {
    let decoded = percent_decode_str(value).decode_utf8_lossy().into_owned();
    let base64: String = decoded
        .chars()
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            c => c,
        })
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '='))
        .collect();
    let opened = URL_SAFE.decode(base64).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match opened {
        Some(uri) if uri.contains("://") => uri,
        _ if decoded.contains("://") => decoded,
        _ => String::new(),
    }
}

fn spelt(text: &str, at: usize, wanted: char) -> Option<usize> {
    let Spelt { end, character } = spelling::at(text, at)?;
    (character == wanted).then_some(end)
}

/// Where a location that starts at `from`, and is known until `after`, ends.
fn end(text: &str, from: usize, after: usize) -> usize {
    let before = text.get(..from).and_then(|text| text.chars().next_back());
    let rest = text.get(after..).unwrap_or_default();
    let in_quotes = |quote: char| {
        // In a cell of a table a doubled quote is one of the text's own (RFC 4180), unless the whole text stands in such.
        let doubled =
            text.get(..from).is_some_and(|it| it.ends_with(&String::from_iter([quote; 2])));
        let mut letters = rest.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            let twice = letter == quote && letters.peek().is_some_and(|(_, next)| *next == quote);
            if twice && !doubled {
                letters.next();
            } else if letter == quote || matches!(letter, '<' | '>' | '\n' | '\r') {
                return after + at;
            }
        }
        after + rest.len()
    };
    match before {
        Some(quote @ ('"' | '\'' | '`')) => {
            let to = in_quotes(quote);
            // A quote that is escaped itself: the backslashes are its own.
            let inner = text.get(..to).unwrap_or_default();
            return inner.trim_end_matches('\\').len().max(after);
        }
        // The entity that HTML has for a quote.
        Some(';') if text.get(..from).is_some_and(|it| it.ends_with("&quot;")) => {
            return after + rest.find("&quot;").unwrap_or_else(|| word(rest));
        }
        // All of the text is one: keys may hold spaces.
        None if is_whole(rest) => return text.trim_end().len(),
        Some(_) | None => {}
    }
    after + word(rest)
}

fn is_whole(rest: &str) -> bool {
    !rest.contains(['<', '>', '\n', '\r']) && !rest.contains("://")
}

/// The end of what stands in running text.
fn word(rest: &str) -> usize {
    let stop =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '|' | '{' | '}');
    let word = rest.get(..rest.find(stop).unwrap_or(rest.len())).unwrap_or(rest);
    let word = word.trim_end_matches(['.', ',', ';', ':', '!', '?', '\\', ']']);
    let open = word.matches('(').count();
    let closed = word.matches(')').count();
    if closed > open { word.trim_end_matches(')').len() } else { word.len() }
}

/// Bare names, as whole words, where nothing else was found.
fn mentions(text: &str, known: &Known, all: &mut Vec<Found>) {
    let before = all.len();
    for name in known.names() {
        for (from, _) in text.match_indices(name.as_str()) {
            let to = from + name.len();
            let joins = |c: char| c.is_alphanumeric();
            let apart = !text.get(..from).is_some_and(|it| it.ends_with(joins))
                && !text.get(to..).is_some_and(|it| it.starts_with(joins));
            let free = all.iter().all(|found| to <= found.from || found.to <= from);
            if apart && free {
                all.push(Found { from, to, what: Location::Mention });
            }
        }
    }
    if all.len() > before {
        all.sort_unstable_by_key(|found| found.from);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known() -> Known {
        Known {
            endpoints: vec!["127.0.0.1:5555".to_owned()],
            buckets: vec!["ls-media".to_owned()],
            upstream: "http://127.0.0.1:8280".to_owned(),
        }
    }

    fn sealed(text: &str) -> String {
        let with = &mut |what: &Location, _: &str| match what {
            Location::Uri(uri) => format!("<U {uri}>"),
            Location::Resolver { task, uri } => format!("<R {} {uri}>", task.unwrap_or(0)),
            Location::LocalFile => "<F>".to_owned(),
            Location::Upload => "<P>".to_owned(),
            Location::Link(_) => "<L>".to_owned(),
            Location::Upstream(path) => format!("<H {path}>"),
            Location::Mention => "<M>".to_owned(),
        };
        replace(text, &known(), with).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn locations_are_found_in_every_spelling() {
        for (text, expected) in [
            ("s3://ls-media/img/dog.png", "<U s3://ls-media/img/dog.png>"),
            ("S3://ls-media/img/dog.png", "<U S3://ls-media/img/dog.png>"),
            ("s3://ls-media/img/cat one.png", "<U s3://ls-media/img/cat one.png>"),
            ("gs://b/k", "<U gs://b/k>"),
            ("azure-blob://c/k", "<U azure-blob://c/k>"),
            ("whatever+x://b/k", "<U whatever+x://b/k>"),
            ("see s3://b/k, and s3://c/d.", "see <U s3://b/k>, and <U s3://c/d>."),
            ("(s3://b/k)", "(<U s3://b/k>)"),
            ("s3://b/k(1).png", "<U s3://b/k(1).png>"),
            (
                "<img src=\"s3://b/a b.png\"><img src='s3://b/c d.png'>",
                "<img src=\"<U s3://b/a b.png>\"><img src='<U s3://b/c d.png>'>",
            ),
            ("{\"a\":\"s3:\\/\\/b\\/k\"}", "{\"a\":\"<U s3://b/k>\"}"),
            ("{\\\"a\\\":\\\"s3:\\\\/\\\\/b\\\\/k\\\"}", "{\\\"a\\\":\\\"<U s3://b/k>\\\"}"),
            ("{\"a\":\"s3:\\u002f\\u002Fb\\u002fk\"}", "{\"a\":\"<U s3://b/k>\"}"),
            ("s3%3A%2F%2Fb%2Fk%20l", "<U s3://b/k l>"),
            ("s3:&#47;&#47;b/k", "<U s3://b/k>"),
            ("&quot;s3://b/k&quot;", "&quot;<U s3://b/k>&quot;"),
            ("[\"\"s3:\\/\\/b\\/k\"\"]", "[\"\"<U s3://b/k>\"\"]"),
            ("/tasks/1/resolve/?fileuri=czM6Ly9iL2s=", "<R 1 s3://b/k>"),
            ("/tasks/1/resolve?fileuri=czM6Ly9i!!L2s=", "<R 1 s3://b/k>"),
            ("/projects/3/presign/?x=1&fileuri=s3%3A%2F%2Fb%2Fk", "<R 0 s3://b/k>"),
            ("/tasks/1/resolve/?fileuri=????", "<R 1 >"),
            (
                "<img src=\"/tasks/6/resolve/?fileuri=czM6Ly9iL2s=\">",
                "<img src=\"<R 6 s3://b/k>\">",
            ),
            ("http://127.0.0.1:8280/tasks/6/resolve/?fileuri=czM6Ly9iL2s=", "<R 6 s3://b/k>"),
            ("http://127.0.0.1:8280/api/projects/?page=2", "<H /api/projects/?page=2>"),
            ("/data/local-files/?d=ds1/local.png", "<F>"),
            ("/data/upload/1/49bc59bd-dog.png", "<P>"),
            ("https://x.s3.amazonaws.com/k", "<L>"),
            ("https://s3.eu-central-1.amazonaws.com/b/k", "<L>"),
            ("http://127.0.0.1:5555/ls-media/k", "<L>"),
            ("https://cdn.example.com/k?X-Amz-Signature=abc", "<L>"),
            ("https://cdn.example.com/k?se=1&sig=abc", "<L>"),
            ("the bucket ls-media is gone", "the bucket <M> is gone"),
            ("no connection to 127.0.0.1:5555", "no connection to <M>"),
        ] {
            assert_eq!(sealed(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_location_stays() {
        for text in [
            "",
            "a plain text: with a colon",
            "https://example.com/a.png?page=2",
            "http://example.org",
            "12:30/13:00",
            "a//b",
            "file: //x",
            "/tasks/1/",
            "/projects/1/data",
            "my-ls-mediator",
            "C:\\files",
            "wss://example.com/socket",
        ] {
            assert_eq!(sealed(text), text);
        }
    }

    #[test]
    fn a_text_that_cannot_hold_one_is_told_at_once() {
        assert!(!may_hold("a plain text", &known()));
        assert!(!may_hold("2026-11-26T04:19:01.303507Z", &known()));
        assert!(may_hold("in ls-media", &known()));
        assert!(may_hold(r"s3:\u002f\u002fb", &known()));
    }

    proptest! {
        #[test]
        fn what_cannot_hold_one_holds_none(text in "(s3|http|ls-media|data|tasks|/|:|%3A|%2f|&#47;|\\\\|upload|1|resolve|\\?fileuri=|é| ){0,9}") {
            prop_assert!(may_hold(&text, &known()) || find(&text, &known()).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_task_refers_to_what_its_data_says_and_to_nothing_near_it() {
        let mut uris = Uris::default();
        uris.take("<img src=\"s3://b/one.png\">");
        uris.take("s3://b/two words.png");
        uris.take("{\"a\":\"s3:\\/\\/b\\/three\"}");
        for uri in ["s3://b/one.png", "s3://b/two words.png", "s3://b/three"] {
            assert!(uris.refer_to(uri), "{uri}");
        }
        for uri in ["s3://b/one", "s3://b/one.png2", "s3://b/", "S3://b/one.png", ""] {
            assert!(!uris.refer_to(uri), "{uri}");
        }
    }
}
