//! Answers of AWS's Query protocol: bounded XML with the expected root, in the expected namespace, read strictly (R15). What is
//! not exactly that is not an answer.

use quick_xml::events::{BytesRef, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

const DEEPEST: usize = 8;

/// Code and message of a refusal, when it is one.
pub(in crate::credential) fn refusal(body: &[u8]) -> Option<(String, String)> {
    let paths = ["ErrorResponse/Error/Code", "ErrorResponse/Error/Message"].map(str::to_owned);
    let [code, message] = texts(body, &paths, None).ok()?;
    Some((code, message))
}

/// Text of the other side as it may stand in a log: short, one line, no control characters.
pub(in crate::credential) fn printable(text: &str, most: usize) -> String {
    text.chars().filter(|character| !character.is_control()).take(most).collect()
}

/// The texts of the elements at these paths, each of which must be there exactly once.
pub(in crate::credential) fn texts<const N: usize>(
    body: &[u8],
    paths: &[String; N],
    namespace: Option<&str>,
) -> Result<[String; N], &'static str> {
    let mut reader = NsReader::from_str(text_of(body)?);
    let mut found: [Option<String>; N] = std::array::from_fn(|_| None);
    let mut path = Vec::new();
    let mut rooted = false;
    loop {
        match reader.read_resolved_event().or(Err("it is not well-formed XML"))? {
            (within, Event::Start(element)) => {
                check_namespace(&within, namespace)?;
                if (path.is_empty() && rooted) || path.len() >= DEEPEST {
                    return Err("it has several roots or is nested too deep");
                }
                rooted = true;
                path.push(text_of(element.local_name().into_inner())?.to_owned());
                if let Some(at) = position(paths, &path) {
                    let seen = found.get_mut(at).and_then(|one| one.replace(String::new()));
                    seen.map_or(Ok(()), |_| Err("it holds a value twice"))?;
                }
            }
            (_, Event::End(_)) => drop(path.pop()),
            (_, Event::Text(text)) => collect(&mut found, paths, &path, text_of(&text)?)?,
            (_, Event::GeneralRef(entity)) => {
                collect(&mut found, paths, &path, character(&entity)?.encode_utf8(&mut [0; 4]))?;
            }
            (_, Event::Decl(_)) | (_, Event::Empty(_)) => {}
            (_, Event::Eof) if path.is_empty() && rooted => break,
            (_, Event::Eof) => return Err("it ends too early"),
            (_, Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_)) => {
                return Err("it holds what AWS never sends");
            }
        }
    }
    let mut texts = [const { String::new() }; N];
    for (text, found) in texts.iter_mut().zip(found) {
        *text = found.ok_or("its root or a value is missing")?;
    }
    Ok(texts)
}

fn check_namespace(within: &ResolveResult<'_>, expected: Option<&str>) -> Result<(), &'static str> {
    let right = match (within, expected) {
        (ResolveResult::Bound(namespace), Some(expected)) => {
            namespace.as_ref() == expected.as_bytes()
        }
        (ResolveResult::Bound(_) | ResolveResult::Unbound, None) => true,
        (ResolveResult::Unbound, Some(_)) | (ResolveResult::Unknown(_), _) => false,
    };
    if right { Ok(()) } else { Err("it is not in the service's namespace") }
}

fn text_of(bytes: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(bytes).or(Err("it is not UTF-8"))
}

fn position(paths: &[String], path: &[String]) -> Option<usize> {
    paths.iter().position(|one| one.split('/').eq(path.iter().map(String::as_str)))
}

/// Adds text to the value it belongs to; text elsewhere is layout.
fn collect(
    found: &mut [Option<String>],
    paths: &[String],
    path: &[String],
    text: &str,
) -> Result<(), &'static str> {
    let value = position(paths, path).and_then(|at| found.get_mut(at)?.as_mut());
    match value {
        Some(value) => value.push_str(text),
        None if path.is_empty() && !text.trim().is_empty() => return Err("it has text around it"),
        None => {}
    }
    Ok(())
}

fn character(entity: &BytesRef<'_>) -> Result<char, &'static str> {
    match text_of(entity)? {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => entity.resolve_char_ref().ok().flatten().ok_or("it holds an unknown entity"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_gives_code_and_message() {
        let body = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
            <Code>AccessDenied</Code><Message>not &lt;you&gt;</Message></Error></ErrorResponse>";
        assert_eq!(refusal(body.as_bytes()), Some(("AccessDenied".into(), "not <you>".into())));
        assert_eq!(refusal(b"<html/>"), None);
        assert_eq!(refusal(b"<AssumeRoleResponse/>"), None);
    }
}
