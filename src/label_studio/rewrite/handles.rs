//! The way back: handles in a JSON body become what they stand for.

/// Where handles have their addresses, with its slashes plain or escaped.
const MARKS: [&[u8]; 2] = [b"/-/m/", b"\\/-\\/m\\/"];

/// Opens every handle in the texts of well-formed JSON: whole texts and parts of them, with or without the origin before it.
/// `None`: there is none.
///
/// # Errors
/// The first that `open` gives.
pub fn open_handles<E>(
    json: &[u8],
    open: &mut dyn FnMut(&str) -> Result<String, E>,
) -> Result<Option<Vec<u8>>, E> {
    let (mut out, mut from, mut any) = (Vec::new(), 0, false);
    let mut at = 0;
    while at < json.len() {
        let rest = json.get(at..).unwrap_or_default();
        let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(mark)) else {
            at += 1;
            continue;
        };
        let handle = rest.get(mark.len()..).unwrap_or_default();
        let is_of_handle = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let length = handle.iter().take_while(|byte| is_of_handle(byte)).count();
        let text = handle.get(..length).and_then(|it| str::from_utf8(it).ok()).unwrap_or_default();
        if text.is_empty() {
            at += mark.len();
            continue;
        }
        let opened = open(text)?;
        let before = json.get(from..at).unwrap_or_default();
        out.extend_from_slice(without_origin(before));
        let quoted = serde_json::Value::String(opened).to_string();
        let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        out.extend_from_slice(inner.as_bytes());
        at += mark.len() + length;
        (from, any) = (at, true);
    }
    out.extend_from_slice(json.get(from..).unwrap_or_default());
    Ok(any.then_some(out))
}

/// An origin that stands right before a handle goes with it.
fn without_origin(before: &[u8]) -> &[u8] {
    let is_of_host = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
    };
    let host = before.iter().rev().take_while(|byte| is_of_host(byte)).count();
    let rest = before.get(..before.len() - host).unwrap_or_default();
    let plain = rest.strip_suffix(b"https://").or_else(|| rest.strip_suffix(b"https:\\/\\/"));
    if host > 0 { plain.unwrap_or(before) } else { before }
}

#[cfg(test)]
mod tests {
    use super::open_handles;

    fn opened(json: &str) -> String {
        let open = &mut |handle: &str| {
            if handle == "bad" { Err(()) } else { Ok(format!("s3://b/{handle}\"")) }
        };
        match open_handles(json.as_bytes(), open) {
            Ok(Some(bytes)) => String::from_utf8(bytes).unwrap(),
            Ok(None) => "none".to_owned(),
            Err(()) => "error".to_owned(),
        }
    }

    #[test]
    fn handles_are_opened_wherever_they_stand_in_a_text() {
        for (json, expected) in [
            (r#"{"a":"/-/m/Ab_-1"}"#, r#"{"a":"s3://b/Ab_-1\""}"#),
            (r#"{"a":"\/-\/m\/x"}"#, r#"{"a":"s3://b/x\""}"#),
            (r#"["https://gw.example.com:8443/-/m/x"]"#, r#"["s3://b/x\""]"#),
            (
                r#"{"a":"<img src='/-/m/x'> /-/m/y"}"#,
                r#"{"a":"<img src='s3://b/x\"'> s3://b/y\""}"#,
            ),
            (r#"{"a":"/-/m/"}"#, "none"),
            (r#"{"a":"/-/n/x"}"#, "none"),
            (r#"{"a":"/-/m/bad"}"#, "error"),
        ] {
            assert_eq!(opened(json), expected, "{json}");
        }
    }
}
