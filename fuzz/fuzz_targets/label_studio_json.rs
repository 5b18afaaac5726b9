//! The JSON rewriter: however a document is cut, the same leaves; what was valid stays valid, what was not stays so; and only
//! what was chosen differs, as a naive rewriter of the parsed document has it.
#![no_main]

use std::fmt;

use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use sluicegate::label_studio::{Garbled, JsonRewriter, Member, Place, Seal};

/// Replaces texts and names with an X in them; leaves members called `gone` out.
#[derive(Debug, Default)]
struct Trial {
    left_out: bool,
}

impl Seal for Trial {
    fn minds(&self, raw: &str) -> bool {
        raw.contains(['X', '\\'])
    }

    fn string(&mut self, _at: &Place<'_>, text: &str) -> Option<String> {
        text.contains('X').then(|| replaced(text))
    }

    fn name(&mut self, at: &Place<'_>, text: &str) -> Option<String> {
        self.string(at, text)
    }

    fn member(&mut self, at: &Place<'_>) -> Member {
        if at.key() != "gone" {
            return Member::Keep;
        }
        self.left_out = true;
        Member::Null
    }

    fn object(&mut self, _at: &Place<'_>, _id: u64, _project: u64) {}
}

fn replaced(text: &str) -> String {
    text.replace('X', "\"Y\\\n\u{1F600}")
}

fn pass(bytes: &[u8], step: usize) -> Result<(Vec<u8>, Trial), Garbled> {
    let mut out = Vec::new();
    let mut rewriter = JsonRewriter::new(Trial::default());
    for piece in bytes.chunks(step.max(1)) {
        rewriter.push(piece, &mut out)?;
    }
    let trial = rewriter.finish(&mut out)?;
    Ok((out, trial))
}

/// A document as it stands: members in their order, none lost.
#[derive(Debug, PartialEq)]
enum Tree {
    Scalar(String),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Tree {
    fn naive(self) -> Self {
        match self {
            Self::Scalar(_) => self,
            Self::Text(text) => Self::Text(replaced(&text)),
            Self::List(items) => Self::List(items.into_iter().map(Self::naive).collect()),
            Self::Object(members) => {
                let member = |(name, value): (String, Self)| {
                    let value =
                        if name == "gone" { Self::Scalar("null".to_owned()) } else { value.naive() };
                    (replaced(&name), value)
                };
                Self::Object(members.into_iter().map(member).collect())
            }
        }
    }
}

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    let whole = pass(bytes, bytes.len());
    let cut = pass(bytes, usize::from(step) + 1);
    match (&whole, &cut) {
        (Ok((whole, _)), Ok((cut, _))) => assert_eq!(whole, cut),
        (Err(_), Err(_)) => {}
        _ => panic!("whole: {whole:?}, cut: {cut:?}"),
    }
    let parsed = serde_json::from_slice::<Tree>(bytes);
    match (whole, parsed) {
        (Ok((out, _)), Ok(tree)) => {
            let back: Tree = serde_json::from_slice(&out).expect("what was JSON is none");
            assert_eq!(back, tree.naive());
            if !bytes.windows(1).any(|one| matches!(one, b"X" | b"\\")) && !has(bytes, b"\"gone\"") {
                assert_eq!(out, bytes, "more was changed than was chosen");
            }
        }
        // What is left out is not looked at, and a lone surrogate becomes a mark for one.
        (Ok((out, trial)), Err(_)) if !trial.left_out && !has(bytes, b"\\u") => {
            assert!(serde_json::from_slice::<Tree>(&out).is_err(), "what was no JSON is some");
        }
        (Ok(_), Err(_)) | (Err(_), Err(_)) => {}
        (Err(fault), Ok(_)) => {
            // A number of more than 512 signs is nobody's.
            let of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
            let long = bytes.split(|byte| !of_number(byte)).any(|number| number.len() > 512);
            assert!(long, "JSON was refused: {fault}");
        }
    }
});

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar("null".to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(member) = members.next_entry()? {
            list.push(member);
        }
        Ok(Tree::Object(list))
    }
}
