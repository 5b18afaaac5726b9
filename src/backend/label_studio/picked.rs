//! A list cut on its way: things that the asker may not know of are left out, and all else stays byte for byte. Never more
//! of it in memory than one thing.

use std::collections::HashSet;

use serde::Deserialize;

use super::body::Rewriter;
use crate::label_studio::Garbled;

/// By what the things of a list are told apart.
#[derive(Debug, Clone)]
pub(super) enum Picked {
    /// People, by their own number.
    ById(HashSet<u64>),
    /// By the project that they belong to; what belongs to none is nobody's but the organization's.
    ByProject(HashSet<u64>),
}

/// Cuts one list, and gives what stays to the next rewriter.
pub(super) struct Picking {
    picked: Picked,
    next: Box<dyn Rewriter>,
    state: State,
    item: Vec<u8>,
    /// Whether something stayed already.
    any: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Before,
    /// The list has begun.
    First,
    /// After a comma.
    Following,
    Within {
        depth: usize,
        in_text: bool,
        escaped: bool,
    },
    /// A thing has ended.
    Ended,
    After,
}

/// The largest thing of a list, in bytes: as large as a body by which it could be made.
const LARGEST: usize = 64 << 20;

impl Picked {
    fn holds(&self, item: &[u8]) -> Result<bool, Garbled> {
        #[derive(Deserialize)]
        struct Id {
            id: u64,
        }
        #[derive(Deserialize)]
        struct Project {
            project: Option<u64>,
        }
        Ok(match self {
            Self::ById(these) => {
                let Id { id } = serde_json::from_slice(item).or(Err(Garbled::NotJson))?;
                these.contains(&id)
            }
            Self::ByProject(these) => {
                let Project { project } = serde_json::from_slice(item).or(Err(Garbled::NotJson))?;
                project.is_some_and(|project| these.contains(&project))
            }
        })
    }
}

impl Picking {
    pub(super) fn new(picked: Picked, next: Box<dyn Rewriter>) -> Self {
        Self { picked, next, state: State::Before, item: Vec::new(), any: false }
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), Garbled> {
        if let State::Within { depth, in_text, escaped } = self.state {
            self.item.push(byte);
            self.state = match byte {
                _ if escaped => State::Within { depth, in_text, escaped: false },
                b'\\' if in_text => State::Within { depth, in_text, escaped: true },
                b'"' => State::Within { depth, in_text: !in_text, escaped },
                b'{' | b'[' if !in_text => State::Within { depth: depth + 1, in_text, escaped },
                b'}' | b']' if !in_text && depth == 1 => return self.end(out),
                b'}' | b']' if !in_text => State::Within { depth: depth - 1, in_text, escaped },
                _ => self.state,
            };
            return if self.item.len() > LARGEST { Err(Garbled::TooLong) } else { Ok(()) };
        }
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            return Ok(());
        }
        self.state = match (self.state, byte) {
            (State::Before, b'[') => {
                self.next.push(b"[", out)?;
                State::First
            }
            (State::First | State::Following, b'{') => {
                self.item.push(byte);
                State::Within { depth: 1, in_text: false, escaped: false }
            }
            (State::Ended, b',') => State::Following,
            (State::First | State::Ended, b']') => {
                self.next.push(b"]", out)?;
                State::After
            }
            _ => return Err(Garbled::NotJson),
        };
        Ok(())
    }

    /// The thing is whole: it stays or goes.
    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Garbled> {
        self.state = State::Ended;
        let item = std::mem::take(&mut self.item);
        if !self.picked.holds(&item)? {
            return Ok(());
        }
        if self.any {
            self.next.push(b",", out)?;
        }
        self.any = true;
        self.next.push(&item, out)
    }
}

impl Rewriter for Picking {
    fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Garbled> {
        piece.iter().try_for_each(|byte| self.byte(*byte, out))
    }

    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<(), Garbled> {
        if !matches!(self.state, State::After) {
            return Err(Garbled::CutShort);
        }
        self.next.finish(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct AsItIs;

    impl Rewriter for AsItIs {
        fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Garbled> {
            out.extend_from_slice(piece);
            Ok(())
        }

        fn finish(self: Box<Self>, _: &mut Vec<u8>) -> Result<(), Garbled> {
            Ok(())
        }
    }

    /// In pieces of every size.
    fn cut(picked: &Picked, list: &str) -> Result<String, Garbled> {
        let of_size = |size: usize| {
            let mut picking = Picking::new(picked.clone(), Box::new(AsItIs));
            let mut out = Vec::new();
            list.as_bytes().chunks(size).try_for_each(|piece| picking.push(piece, &mut out))?;
            Box::new(picking).finish(&mut out)?;
            Ok(String::from_utf8(out).unwrap())
        };
        let whole = of_size(list.len().max(1));
        for size in 1..list.len() {
            assert_eq!(of_size(size), whole, "{list} in pieces of {size}");
        }
        whole
    }

    #[test]
    fn people_are_left_out_and_all_else_stays() {
        let people = Picked::ById(HashSet::from([1, 3]));
        let one = r#"{"id":1, "name":"\u00e9,]}\"{","of":[{"id":2}]}"#;
        let list = format!("[{one}, {{\"id\":2}} ,{{\"id\":3}}]\n");
        assert_eq!(cut(&people, &list), Ok(format!("[{one},{{\"id\":3}}]")));
        assert_eq!(cut(&people, "[{\"id\":2},{\"id\":3}]").as_deref(), Ok("[{\"id\":3}]"));
        assert_eq!(cut(&people, " [ ] ").as_deref(), Ok("[]"));
    }

    #[test]
    fn what_belongs_to_no_project_is_left_out_too() {
        let list = r#"[{"project":1},{"project":null},{},{"project":2,"of":{"project":1}}]"#;
        let of = |these: &[u64]| cut(&Picked::ByProject(these.iter().copied().collect()), list);
        assert_eq!(of(&[1]).as_deref(), Ok(r#"[{"project":1}]"#));
        assert_eq!(of(&[]).as_deref(), Ok("[]"));
    }

    #[test]
    fn what_is_no_list_of_such_things_does_not_pass() {
        let people = Picked::ById(HashSet::from([1]));
        for (list, fault) in [
            ("", Garbled::CutShort),
            ("{}", Garbled::NotJson),
            ("[", Garbled::CutShort),
            ("[{\"id\":1}", Garbled::CutShort),
            ("[{\"id\":1", Garbled::CutShort),
            ("[{\"id\":1},]", Garbled::NotJson),
            ("[,{\"id\":1}]", Garbled::NotJson),
            ("[1]", Garbled::NotJson),
            ("[{}]", Garbled::NotJson),
            ("[{\"id\":1}{\"id\":2}]", Garbled::NotJson),
            ("[{\"id\":1]]", Garbled::NotJson),
            ("[{\"id\":2,\"id\":1}]", Garbled::NotJson),
            ("[{\"id\":1}]]", Garbled::NotJson),
            ("[{\"id\":1}][]", Garbled::NotJson),
        ] {
            assert_eq!(cut(&people, list), Err(fault), "{list}");
        }
    }
}
