//! JSON that passes in pieces of any size: its texts are shown to a [`Seal`], its structure is followed, and everything that is
//! not replaced leaves byte for byte. Never more in memory than one text and the names that lead to it.

use std::borrow::Cow;

use super::{Garbled, LONGEST, MOST_DEEP};

/// Decides what becomes of texts and members.
pub trait Seal {
    /// Whether a text could be of any interest, still escaped: a cheap look.
    fn minds(&self, raw: &str) -> bool;
    /// What stands in the place of this text; `None`: itself.
    fn string(&mut self, at: &Place<'_>, text: &str) -> Option<String>;
    /// The same of a member's name.
    fn name(&mut self, at: &Place<'_>, text: &str) -> Option<String>;
    /// What becomes of a member, before its value is seen.
    fn member(&mut self, at: &Place<'_>) -> Member;
    /// An object ended that says its own number and its project's.
    fn object(&mut self, at: &Place<'_>, id: u64, project: u64);
}

/// What becomes of a member's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    Keep,
    /// It becomes `null`, whatever it is.
    Null,
}

/// Where something stands.
#[derive(Debug)]
pub struct Place<'a> {
    frames: &'a [Frame],
}

#[derive(Debug)]
struct Frame {
    is_object: bool,
    /// The name of the present member.
    key: String,
    /// The object's own `id`, once it was seen.
    id: Option<u64>,
    /// The same of its `project`.
    project: Option<u64>,
}

/// A number of more digits is none that anybody means.
const LONGEST_SCALAR: usize = 512;

/// Rewrites one document.
#[derive(Debug)]
pub struct JsonRewriter<S> {
    seal: S,
    frames: Vec<Frame>,
    state: State,
    /// The present text without its quotes, or the present scalar.
    token: Vec<u8>,
    /// While a value is left out: how deep the member is that it belongs to.
    hidden: Option<usize>,
    /// Whether one document may follow another.
    many: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    Text { is_key: bool, escaped: bool },
    Scalar,
    Done,
}

impl Place<'_> {
    /// The name of the member that it stands in, however many lists are between.
    #[must_use]
    pub fn key(&self) -> &str {
        let objects = self.frames.iter().rev().find(|frame| frame.is_object);
        objects.map_or("", |frame| &frame.key)
    }

    /// The names of all members that lead to it, from the outside in.
    #[must_use]
    pub fn path(&self) -> Vec<&str> {
        let objects = self.frames.iter().filter(|frame| frame.is_object);
        objects.map(|frame| frame.key.as_str()).collect()
    }

    /// The `id` of the object whose `data` it stands in, if that came before.
    #[must_use]
    pub fn task(&self) -> Option<u64> {
        self.frames.iter().find(|frame| frame.is_object && frame.key == "data")?.id
    }
}

impl<S: Seal> JsonRewriter<S> {
    pub const fn new(seal: S) -> Self {
        Self::of(seal, false)
    }

    /// For any number of documents, one after the other, as in lines of JSON.
    pub const fn of_many(seal: S) -> Self {
        Self::of(seal, true)
    }

    const fn of(seal: S, many: bool) -> Self {
        let state = State::Value;
        Self { seal, frames: Vec::new(), state, token: Vec::new(), hidden: None, many }
    }

    /// Takes the next piece and gives out what is ready of it.
    ///
    /// # Errors
    /// [`Garbled`]: nothing more of this document is to leave.
    pub fn push(&mut self, mut piece: &[u8], out: &mut Vec<u8>) -> Result<(), Garbled> {
        while let Some(&byte) = piece.first() {
            if let State::Text { is_key, escaped } = self.state {
                piece = self.text(piece, (is_key, escaped), out)?;
                continue;
            }
            if self.state == State::Scalar {
                let length = piece.iter().take_while(|byte| is_of_scalar(**byte)).count();
                let (scalar, rest) = piece.split_at_checked(length).unwrap_or((piece, &[]));
                self.hold(scalar, LONGEST_SCALAR)?;
                piece = rest;
                if !piece.is_empty() {
                    self.end_scalar(out)?;
                }
                continue;
            }
            self.structure(byte, out)?;
            piece = piece.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    /// The end: what was held back leaves, and the seal comes back.
    ///
    /// # Errors
    /// [`Garbled::CutShort`] when the document is not whole.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<S, Garbled> {
        if self.state == State::Scalar {
            self.end_scalar(out)?;
        }
        // Any number of documents may be none.
        let is_none = self.many && self.state == State::Value && self.frames.is_empty();
        if self.state == State::Done || is_none { Ok(self.seal) } else { Err(Garbled::CutShort) }
    }

    /// Inside of a text: up to its closing quote, or all of the piece.
    fn text<'p>(
        &mut self,
        piece: &'p [u8],
        (is_key, mut escaped): (bool, bool),
        out: &mut Vec<u8>,
    ) -> Result<&'p [u8], Garbled> {
        let mut from = 0;
        while let Some(rest) = piece.get(from..).filter(|rest| !rest.is_empty()) {
            if escaped {
                escaped = false;
                from += 1;
                continue;
            }
            match rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
                None => from = piece.len(),
                Some(at) => match rest.get(at) {
                    Some(b'"') => {
                        self.last_of_text(piece.get(..from + at).unwrap_or_default(), is_key, out)?;
                        return Ok(piece.get(from + at + 1..).unwrap_or_default());
                    }
                    Some(b'\\') => {
                        escaped = true;
                        from += at + 1;
                    }
                    _ => return Err(Garbled::NotJson),
                },
            }
        }
        self.state = State::Text { is_key, escaped };
        self.hold(piece, LONGEST)?;
        Ok(&[])
    }

    /// The rest of a text, of which most are whole in one piece and need no copy.
    fn last_of_text(
        &mut self,
        rest: &[u8],
        is_key: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Garbled> {
        if self.token.is_empty() && rest.len() <= LONGEST {
            return self.end_text(rest, is_key, out);
        }
        self.hold(rest, LONGEST)?;
        let held = std::mem::take(&mut self.token);
        let ended = self.end_text(&held, is_key, out);
        self.reuse(held);
        ended
    }

    fn hold(&mut self, bytes: &[u8], longest: usize) -> Result<(), Garbled> {
        if self.token.len() + bytes.len() > longest {
            return Err(Garbled::TooLong);
        }
        self.token.extend_from_slice(bytes);
        Ok(())
    }

    /// A long one is not kept: it may never be needed again.
    fn reuse(&mut self, mut token: Vec<u8>) {
        if token.capacity() <= 64 << 10 {
            token.clear();
            self.token = token;
        }
    }

    fn structure(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), Garbled> {
        if self.many && self.state == State::Done && !byte.is_ascii_whitespace() {
            self.state = State::Value;
        }
        match (self.state, byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            (State::Value | State::ValueOrEnd, b'{') => {
                self.open(true)?;
                self.state = State::KeyOrEnd;
            }
            (State::Value | State::ValueOrEnd, b'[') => {
                self.open(false)?;
                self.state = State::ValueOrEnd;
            }
            (State::Value | State::ValueOrEnd, b'"') => {
                self.state = State::Text { is_key: false, escaped: false };
                return Ok(());
            }
            (State::Key | State::KeyOrEnd, b'"') => {
                self.state = State::Text { is_key: true, escaped: false };
                return Ok(());
            }
            (State::Value | State::ValueOrEnd, byte) if is_of_scalar(byte) => {
                self.token.push(byte);
                self.state = State::Scalar;
                return Ok(());
            }
            (State::Colon, b':') => {
                self.put(&[byte], out);
                return self.begin_value(out);
            }
            (State::CommaOrEnd, b',') => {
                let in_object = self.frames.last().is_some_and(|frame| frame.is_object);
                self.state = if in_object { State::Key } else { State::Value };
            }
            (State::CommaOrEnd | State::KeyOrEnd, b'}') if self.close(true) => {
                self.put(&[byte], out);
                self.end_value();
                return Ok(());
            }
            (State::CommaOrEnd | State::ValueOrEnd, b']') if self.close(false) => {
                self.put(&[byte], out);
                self.end_value();
                return Ok(());
            }
            _ => return Err(Garbled::NotJson),
        }
        self.put(&[byte], out);
        Ok(())
    }

    fn put(&self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.hidden.is_none() {
            out.extend_from_slice(bytes);
        }
    }

    fn open(&mut self, is_object: bool) -> Result<(), Garbled> {
        if self.frames.len() >= MOST_DEEP {
            return Err(Garbled::TooDeep);
        }
        self.frames.push(Frame { is_object, key: String::new(), id: None, project: None });
        Ok(())
    }

    fn close(&mut self, is_object: bool) -> bool {
        let closed = self.frames.pop_if(|frame| frame.is_object == is_object);
        if let Some(Frame { id: Some(id), project: Some(project), .. }) = closed {
            self.seal.object(&Place { frames: &self.frames }, id, project);
        }
        closed.is_some()
    }

    /// A member's value comes next: perhaps it is left out.
    fn begin_value(&mut self, out: &mut Vec<u8>) -> Result<(), Garbled> {
        self.state = State::Value;
        if self.hidden.is_none()
            && self.seal.member(&Place { frames: &self.frames }) == Member::Null
        {
            out.extend_from_slice(b"null");
            self.hidden = Some(self.frames.len());
        }
        Ok(())
    }

    fn end_value(&mut self) {
        if self.hidden == Some(self.frames.len()) {
            self.hidden = None;
        }
        self.state = if self.frames.is_empty() { State::Done } else { State::CommaOrEnd };
    }

    fn end_scalar(&mut self, out: &mut Vec<u8>) -> Result<(), Garbled> {
        let token = std::mem::take(&mut self.token);
        self.put(&token, out);
        if let Some(frame) = self.frames.last_mut().filter(|frame| frame.is_object) {
            let number = || str::from_utf8(&token).ok().and_then(|text| text.parse().ok());
            match frame.key.as_str() {
                "id" => frame.id = number(),
                "project" => frame.project = number(),
                _ => {}
            }
        }
        self.reuse(token);
        self.end_value();
        Ok(())
    }

    fn end_text(&mut self, raw: &[u8], is_key: bool, out: &mut Vec<u8>) -> Result<(), Garbled> {
        let text = str::from_utf8(raw).or(Err(Garbled::NotJson))?;
        if let (true, Some(frame)) = (is_key, self.frames.last_mut()) {
            frame.key.clear();
            frame.key.push_str(&decoded(text)?);
        }
        if self.hidden.is_none() {
            out.push(b'"');
            match self.replacement(text, is_key)? {
                Some(other) => out.extend_from_slice(&escaped(&other)?),
                None => out.extend_from_slice(raw),
            }
            out.push(b'"');
        }
        if is_key {
            self.state = State::Colon;
        } else {
            self.end_value();
        }
        Ok(())
    }

    fn replacement(&mut self, raw: &str, is_key: bool) -> Result<Option<String>, Garbled> {
        if !self.seal.minds(raw) {
            return Ok(None);
        }
        let text = decoded(raw)?;
        let at = Place { frames: &self.frames };
        Ok(if is_key { self.seal.name(&at, &text) } else { self.seal.string(&at, &text) })
    }
}

const fn is_of_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// What a text says. A lone surrogate, which no text can hold, becomes U+FFFD.
fn decoded(text: &str) -> Result<Cow<'_, str>, Garbled> {
    if !text.contains('\\') {
        return Ok(Cow::Borrowed(text));
    }
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        if letter != '\\' {
            units.extend_from_slice(letter.encode_utf16(&mut [0; 2]));
            continue;
        }
        let unit = match rest.next() {
            Some('u') => {
                let digits = rest.as_str().get(..4).ok_or(Garbled::NotJson)?;
                rest = rest.as_str().get(4..).ok_or(Garbled::NotJson)?.chars();
                u16::from_str_radix(digits, 16).or(Err(Garbled::NotJson))?
            }
            Some('n') => 0x0a,
            Some('t') => 0x09,
            Some('r') => 0x0d,
            Some('b') => 0x08,
            Some('f') => 0x0c,
            Some('"') => 0x22,
            Some('\\') => 0x5c,
            Some('/') => 0x2f,
            _ => return Err(Garbled::NotJson),
        };
        units.push(unit);
    }
    Ok(Cow::Owned(String::from_utf16_lossy(&units)))
}

/// A text as it stands between quotes.
fn escaped(text: &str) -> Result<Vec<u8>, Garbled> {
    let quoted = serde_json::to_vec(text).or(Err(Garbled::NotJson))?;
    Ok(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Replaces `X…` by `Y…`, drops members called `gone`, and notes where texts and objects with numbers stood.
    #[derive(Debug, Default)]
    struct Trial(Vec<(String, Option<u64>)>, Vec<(String, u64, u64)>);

    impl Seal for Trial {
        fn minds(&self, raw: &str) -> bool {
            raw.contains(['X', '\\'])
        }

        fn string(&mut self, at: &Place<'_>, text: &str) -> Option<String> {
            self.0.push((at.path().join("."), at.task()));
            text.contains('X').then(|| text.replace('X', "\"Y"))
        }

        fn name(&mut self, at: &Place<'_>, text: &str) -> Option<String> {
            self.string(at, text)
        }

        fn member(&mut self, at: &Place<'_>) -> Member {
            if at.key() == "gone" { Member::Null } else { Member::Keep }
        }

        fn object(&mut self, at: &Place<'_>, id: u64, project: u64) {
            self.1.push((at.path().join("."), id, project));
        }
    }

    #[test]
    fn objects_say_their_number_and_their_projects() {
        let text = br#"{"tasks":[{"id":1,"data":{"id":5},"project":7},{"project":8,"id":2}],"id":"3","project":4}"#;
        for step in 1..text.len() {
            let (_, trial) = pass(text, step).unwrap();
            assert_eq!(trial.1, [("tasks".to_owned(), 1, 7), ("tasks".to_owned(), 2, 8)]);
        }
    }

    fn pass(text: &[u8], step: usize) -> Result<(Vec<u8>, Trial), Garbled> {
        let mut out = Vec::new();
        let mut rewriter = JsonRewriter::new(Trial::default());
        for piece in text.chunks(step.max(1)) {
            rewriter.push(piece, &mut out)?;
        }
        let trial = rewriter.finish(&mut out)?;
        Ok((out, trial))
    }

    fn passed(text: &str) -> String {
        String::from_utf8(pass(text.as_bytes(), text.len()).unwrap().0).unwrap()
    }

    #[test]
    fn texts_and_names_are_replaced_members_are_left_out_and_all_else_stays() {
        for (text, expected) in [
            ("{}", "{}"),
            (" [ ] \n", " [ ] \n"),
            ("1.50e+3", "1.50e+3"),
            (r#""aXb""#, r#""a\"Yb""#),
            (r#"{"X":1}"#, r#"{"\"Y":1}"#),
            (r#"{"a":"X\/\u00e9\u0058"}"#, r#"{"a":"\"Y/é\"Y"}"#),
            (r#"{"a":"\/\u00e9"}"#, r#"{"a":"\/\u00e9"}"#),
            (r#"{"gone":"X","b":[1, 2]}"#, r#"{"gone":null,"b":[1, 2]}"#),
            (r#"{"gone": {"a":["}",{"gone":1}]} ,"b":true}"#, r#"{"gone":null ,"b":true}"#),
            (r#"[{"gone":[1]},{"gone":null}]"#, r#"[{"gone":null},{"gone":null}]"#),
            (r#"{"a":"\ud83d"}"#, r#"{"a":"\ud83d"}"#),
        ] {
            assert_eq!(passed(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_knows_the_task_that_it_belongs_to() {
        let text = r#"{"tasks":[{"id":7,"data":{"a":["X"]},"note":"X"},{"data":{"a":"X"},"id":8}],
            "annotations":[{"id":3,"result":[{"id":"x","data":{"b":"X"}}]}]}"#;
        let (_, Trial(places, _)) = pass(text.as_bytes(), 7).unwrap();
        let told: Vec<_> = places.iter().map(|(path, task)| (path.as_str(), *task)).collect();
        let expected = [
            ("tasks.data.a", Some(7)),
            ("tasks.note", None),
            ("tasks.data.a", None),
            ("annotations.result.data.b", None),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn lines_of_documents_pass_where_there_may_be_many() {
        let lines = "{\"a\":\"X\"}\n[\"X\"]\n7\n";
        let (mut rewriter, mut out) = (JsonRewriter::of_many(Trial::default()), Vec::new());
        rewriter.push(lines.as_bytes(), &mut out).unwrap();
        rewriter.finish(&mut out).unwrap();
        let expected = "{\"a\":\"\\\"Y\"}\n[\"\\\"Y\"]\n7\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert!(pass(lines.as_bytes(), 1).is_err());
        let (mut out, none) = (Vec::new(), JsonRewriter::of_many(Trial::default()));
        assert!(none.finish(&mut out).is_ok());
        let mut half = JsonRewriter::of_many(Trial::default());
        half.push(b"[1]\n[", &mut out).unwrap();
        assert_eq!(half.finish(&mut out).unwrap_err(), Garbled::CutShort);
    }

    #[test]
    fn what_is_not_one_whole_document_is_an_error() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "\"",
            "\"a",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "[1,]x",
            "[1 2]",
            "{\"a\":1,}",
            "1 2",
            "{}{}",
            "[}",
            "{]",
            "\"\u{1}\"",
            "\"\\x\"",
            "\"\\u00g0X\"",
            "]",
            ",",
            "[,1]",
            "{\"a\" 1}",
        ] {
            assert!(pass(text.as_bytes(), 3).is_err(), "{text:?}");
        }
        assert_eq!(pass("[".repeat(300).as_bytes(), 1).unwrap_err(), Garbled::TooDeep);
        assert!(pass(b"\"\xff\"", 1).is_err());
    }

    #[test]
    fn a_long_list_passes_without_being_held() {
        let mut rewriter = JsonRewriter::new(Trial::default());
        let (mut out, mut passed) = (Vec::new(), 0);
        rewriter.push(b"[", &mut out).unwrap();
        for id in 0..200_000 {
            let task = format!(
                r#"{}{{"id":{id},"data":{{"image":"X{id}","text":"plain and long enough to count"}}}}"#,
                if id > 0 { "," } else { "" }
            );
            rewriter.push(task.as_bytes(), &mut out).unwrap();
            passed += out.len();
            out.clear();
        }
        rewriter.push(b"]", &mut out).unwrap();
        assert!(passed > 14_000_000);
        assert!(rewriter.token.capacity() + rewriter.frames.capacity() * 64 < 4096);
        rewriter.finish(&mut out).unwrap();
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[aX\\\\\"/é\u{1F600}\n]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[abX]{1,3}", inner), 0..5)
                    .prop_map(|all| Value::Object(all.into_iter().collect())),
            ]
        })
    }

    /// The same on the parsed document.
    fn naive(value: &Value) -> Value {
        match value {
            Value::String(text) => json!(text.replace('X', "\"Y")),
            Value::Array(items) => items.iter().map(naive).collect(),
            Value::Object(members) => {
                let all =
                    members.iter().map(|(key, value)| (key.replace('X', "\"Y"), naive(value)));
                Value::Object(all.collect())
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn only_what_was_chosen_differs_however_it_is_cut(value in any_json(), step in 1..9usize, pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.unwrap();
            let (out, _) = pass(text.as_bytes(), step).unwrap();
            let (whole, _) = pass(text.as_bytes(), text.len()).unwrap();
            prop_assert_eq!(&out, &whole);
            let back: Value = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(back, naive(&value));
            if !text.contains('X') {
                prop_assert_eq!(out, text.as_bytes());
            }
        }

        #[test]
        fn whatever_comes_there_is_no_panic(text in "[\\[\\]{}\",:\\\\ua0X1 ]{0,30}", step in 1..5usize) {
            let ours = pass(text.as_bytes(), step);
            if serde_json::from_str::<Value>(&text).is_ok() {
                prop_assert!(ours.is_ok(), "{}", text);
            }
        }
    }
}
