//! A query string against a closed list of names. Values are decoded once, as forms encode them (`+` is a space).

use super::RequestError;
use crate::ground::form::decoded;

/// Reads `query`, which may hold each of `names` once and nothing else. The values come in the order of `names`.
pub(super) fn parse<const N: usize>(
    query: Option<&str>,
    names: [&str; N],
) -> Result<[Option<String>; N], RequestError> {
    let mut values = [const { None }; N];
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let slot = names.iter().zip(&mut values).find(|(known, _)| **known == name);
        match slot {
            Some((_, empty @ None)) => *empty = Some(decoded(value).ok_or_else(|| bad(name))?),
            Some((_, Some(_))) | None => return Err(bad(name)),
        }
    }
    Ok(values)
}

/// Names what is wrong, for the operator; what a client made up is cut short.
pub(super) fn bad(name: &str) -> RequestError {
    RequestError::BadQuery { name: name.chars().take(64).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_names_are_decoded_once() {
        let cases = [
            (None, [None, None]),
            (Some(""), [None, None]),
            (Some("a=1"), [Some("1"), None]),
            (Some("b=2&a="), [Some(""), Some("2")]),
            (Some("a"), [Some(""), None]),
            (Some("a=x%2520+%2B&"), [Some("x%20 +"), None]),
            (Some("a=b=c"), [Some("b=c"), None]),
            (Some("a=%C3%A9"), [Some("é"), None]),
        ];
        for (query, expected) in cases {
            let read = parse(query, ["a", "b"]).unwrap();
            assert_eq!(read.each_ref().map(Option::as_deref), expected, "{query:?}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for query in [
            "c=1",
            "a=1&a=1",
            "a=1&a=2",
            "A=1",
            "%61=1",
            "=",
            "=1",
            "a=%",
            "a=%4",
            "a=%zz",
            "a=%ff",
            "a=%00",
            "a=%0d%0a",
            "a=1;b=2&c",
        ] {
            assert!(parse(Some(query), ["a", "b"]).is_err(), "{query}");
        }
    }
}
