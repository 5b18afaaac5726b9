//! Files that Label Studio keeps itself: uploads, and files of its own disk. Their addresses stand in tasks, in several
//! spellings, and are written by whoever may import tasks; what is sent is rebuilt from what was read here.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// One such file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// `/data/upload/{project}/{name}`
    Upload { project: u64, name: String },
    /// `/data/local-files/?d={path}`, below Label Studio's `LOCAL_FILES_DOCUMENT_ROOT`.
    Local { path: String },
}

const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-').remove(b'~');
const IN_PATH: &AsciiSet = &PLAIN.remove(b'/');

impl Kept {
    /// Reads an address. `None` for whatever Label Studio could take for something else.
    #[must_use]
    pub fn read(address: &str) -> Option<Self> {
        if let Some(rest) = address.strip_prefix("/data/upload/") {
            let (project, name) = rest.split_once('/')?;
            let project = super::routes::number(project)?;
            return Some(Self::Upload { project, name: file_name(name)? });
        }
        let rest = address.strip_prefix("/data/local-files")?;
        let said = rest.strip_prefix("/?d=").or_else(|| rest.strip_prefix("?d="))?;
        if said.contains(['&', '#']) {
            return None;
        }
        let path = decoded(&said.replace('+', " "))?;
        let path = path.trim_start_matches('/');
        let sound = |part: &str| !matches!(part, "" | "." | "..");
        let plain = !path.contains(|c: char| c.is_control() || c == '\\');
        (plain && path.split('/').all(sound)).then(|| Self::Local { path: path.to_owned() })
    }

    /// The address in its one canonical form: path and query.
    #[must_use]
    pub fn target(&self) -> String {
        match self {
            Self::Upload { project, name } => {
                format!("/data/upload/{project}/{}", utf8_percent_encode(name, PLAIN))
            }
            Self::Local { path } => {
                format!("/data/local-files/?d={}", utf8_percent_encode(path, IN_PATH))
            }
        }
    }
}

/// A location in the form by which it is remembered: of kept files the canonical one, of all else the text itself.
pub(super) fn canonical(text: &str) -> Cow<'_, str> {
    Kept::read(text).map_or(Cow::Borrowed(text), |kept| Cow::Owned(kept.target()))
}

/// A name as Label Studio gives to uploads: letters and digits of any script, dots, dashes, underscores.
pub(super) fn file_name(text: &str) -> Option<String> {
    let name = decoded(text)?;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    (!name.is_empty() && !name.starts_with('.') && name.chars().all(plain)).then_some(name)
}

/// A file's name as it stands in a path.
pub(super) fn in_path(name: &str) -> String {
    utf8_percent_encode(name, PLAIN).to_string()
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        for (address, target) in [
            ("/data/upload/1/49bc59bd-dog.png", "/data/upload/1/49bc59bd-dog.png"),
            ("/data/upload/1/49bc59bd-\u{436}.png", "/data/upload/1/49bc59bd-%D0%B6.png"),
            ("/data/upload/1/49bc59bd-%D0%B6.png", "/data/upload/1/49bc59bd-%D0%B6.png"),
            ("/data/local-files/?d=ds1/local.png", "/data/local-files/?d=ds1/local.png"),
            ("/data/local-files?d=/ds1/a%20b+c.png", "/data/local-files/?d=ds1/a%20b%20c.png"),
            ("/data/local-files/?d=ds1/%D0%B6%26x.png", "/data/local-files/?d=ds1/%D0%B6%26x.png"),
        ] {
            let kept = Kept::read(address).unwrap_or_else(|| panic!("{address}"));
            assert_eq!(kept.target(), target);
            assert_eq!(Kept::read(target), Some(kept), "{target}");
        }
    }

    #[test]
    fn what_could_be_something_else_is_none() {
        for address in [
            "/data/upload/1/",
            "/data/upload/1/..",
            "/data/upload/01/a.png",
            "/data/upload/1/a/b.png",
            "/data/upload/1/a%2Fb.png",
            "/data/upload/1/../2/a.png",
            "/data/upload/1/a.png?x=1",
            "/data/upload/1/a b.png",
            "/data/upload/1/%FF.png",
            "/data/local-files/",
            "/data/local-files/?d=",
            "/data/local-files/?d=a&d=b",
            "/data/local-files/?d=a/../b",
            "/data/local-files/?d=a%2F..%2Fb",
            "/data/local-files/?d=a//b",
            "/data/local-files/?d=./a",
            "/data/local-files/?d=a%00",
            "/data/local-files/?d=a%5Cb",
            "/data/local-files/../../api/current-user/token",
            "/data/local-filesx?d=a",
            "/x/data/local-files/?d=a",
        ] {
            assert_eq!(Kept::read(address), None, "{address}");
        }
    }
}
