//! `POST /-/api/handles`: seals names of objects for the asker's session or token. The policy is asked for each object;
//! one that is refused refuses the whole batch, so that an answer tells nothing about single objects.

use bytes::Bytes;

use super::DeskError;
use super::answer::Answer;
use crate::catalog::{ProjectName, StorageName};
use crate::policy::{Grant, Policy};
use crate::request::{ObjectAddress, ObjectKey};

/// Enough for a page of thumbnails; keeps one request's work small.
const MAX_BATCH: usize = 1_000;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    project: ProjectName,
    storage: StorageName,
    key: String,
}

#[derive(Debug, serde::Serialize)]
struct Sealed {
    handle: Box<str>,
    url: String,
}

/// One object, or several: answered in the same form and order.
#[derive(Debug)]
enum Batch {
    One(ObjectAddress),
    Many(Vec<ObjectAddress>),
}

pub(super) fn answer(policy: &Policy, grant: &Grant, body: &Bytes) -> Result<Answer, DeskError> {
    let seal = |address: &ObjectAddress| -> Result<Sealed, DeskError> {
        let handle = policy.seal(grant, address)?;
        Ok(Sealed { url: format!("/-/m/{}", handle.as_str()), handle: handle.as_str().into() })
    };
    match Batch::parse(body)? {
        Batch::One(address) => Answer::json(&seal(&address)?),
        Batch::Many(addresses) => {
            Answer::json(&addresses.iter().map(seal).collect::<Result<Vec<_>, _>>()?)
        }
    }
}

impl Batch {
    fn parse(body: &[u8]) -> Result<Self, DeskError> {
        if body.trim_ascii_start().first() != Some(&b'[') {
            let wanted: Wanted = serde_json::from_slice(body).map_err(DeskError::BadJson)?;
            return wanted.address().map(Self::One);
        }
        let wanted: Vec<Wanted> = serde_json::from_slice(body).map_err(DeskError::BadJson)?;
        if wanted.len() > MAX_BATCH {
            return Err(DeskError::BatchTooLarge { limit: MAX_BATCH });
        }
        wanted.into_iter().map(Wanted::address).collect::<Result<_, _>>().map(Self::Many)
    }
}

impl Wanted {
    fn address(self) -> Result<ObjectAddress, DeskError> {
        let key = ObjectKey::new(&self.key)?;
        Ok(ObjectAddress { project: self.project, storage: self.storage, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str) -> String {
        serde_json::json!({"project": "p", "storage": "s", "key": key}).to_string()
    }

    #[test]
    fn one_or_many_are_read_in_order_with_their_keys_untouched() {
        let batch = Batch::parse(one("a b/ü+%2F/").as_bytes()).unwrap();
        assert!(matches!(batch, Batch::One(address) if address.key.as_str() == "a b/ü+%2F/"));
        let many = format!(" [{}, {}]", one("b"), one("a"));
        let Batch::Many(addresses) = Batch::parse(many.as_bytes()).unwrap() else {
            panic!("an array is many");
        };
        let keys: Vec<_> = addresses.iter().map(|address| address.key.as_str()).collect();
        assert_eq!(keys, ["b", "a"]);
    }

    #[test]
    fn other_bodies_are_refused() {
        let extra = r#"{"project":"p","storage":"s","key":"k","as":"owner"}"#;
        let doubled = r#"{"project":"p","project":"q","storage":"s","key":"k"}"#;
        let too_many = format!("[{}]", vec![one("k"); MAX_BATCH + 1].join(","));
        for body in [
            "",
            "null",
            "[[]]",
            "{}",
            extra,
            doubled,
            r#"{"project":"P/..","storage":"s","key":"k"}"#,
            &one(""),
            &one("a\nb"),
            &format!("{} trailing", one("k")),
            &too_many,
            &"[".repeat(100_000),
        ] {
            assert!(Batch::parse(body.as_bytes()).is_err(), "{:.60}", body);
        }
        let full = format!("[{}]", vec![one("k"); MAX_BATCH].join(","));
        assert!(Batch::parse(full.as_bytes()).is_ok());
    }
}
