//! Style, script and icon of our pages: built into the binary and revalidated at every use, so that an update of the
//! binary is an update of the pages.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::DeskError;
use super::answer::Answer;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
}

const ASSETS: [Asset; 6] = [
    Asset {
        name: "style.css",
        content_type: "text/css; charset=utf-8",
        content: include_str!("../../assets/style.css"),
    },
    Asset {
        name: "app.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_str!("../../assets/app.js"),
    },
    Asset {
        name: "demo.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_str!("../../assets/demo.js"),
    },
    Asset {
        name: "renew.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_str!("../../assets/renew.js"),
    },
    Asset {
        name: "renewed.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_str!("../../assets/renewed.js"),
    },
    Asset {
        name: "favicon.svg",
        content_type: "image/svg+xml",
        content: include_str!("../../assets/favicon.svg"),
    },
];

pub(super) fn answer(name: &str, asked: &HeaderMap) -> Result<Answer, DeskError> {
    let asset = ASSETS.iter().find(|one| one.name == name).ok_or(DeskError::NoSuchAsset)?;
    let tag = tag_of(asset.content);
    let body = Bytes::from_static(asset.content.as_bytes());
    let mut answer = Answer::of(StatusCode::OK, asset.content_type, body);
    if asked.get(IF_NONE_MATCH).is_some_and(|known| holds(known, &tag)) {
        answer.status = StatusCode::NOT_MODIFIED;
        answer.body = Bytes::new();
    }
    // Public and without secrets: any cache may keep it, but asks before using it.
    answer.headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    answer.headers.insert(ETAG, tag);
    Ok(answer)
}

/// FNV-1a: the tag tells two builds apart, it protects nothing.
fn tag_of(content: &str) -> HeaderValue {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in content.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    HeaderValue::try_from(format!("\"{hash:016x}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// Weak comparison of a list: RFC 9110, section 13.1.2.
fn holds(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let known = known.to_str().unwrap_or_default();
    let tag = tag.to_str().unwrap_or_default();
    let same = |one: &str| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag;
    known.split(',').map(str::trim).any(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_that_the_browser_has_is_not_sent_again() {
        let first = answer("app.js", &HeaderMap::new()).unwrap();
        assert_eq!((first.status, first.body.is_empty()), (StatusCode::OK, false));
        let tag = first.headers[ETAG].to_str().unwrap();
        for (known, fresh) in [
            (tag.to_owned(), false),
            (format!("W/{tag}"), false),
            (format!("\"other\", {tag}"), false),
            ("*".to_owned(), false),
            ("\"other\"".to_owned(), true),
        ] {
            let mut asked = HeaderMap::new();
            asked.insert(IF_NONE_MATCH, known.parse().unwrap());
            let again = answer("app.js", &asked).unwrap();
            assert_eq!(again.status == StatusCode::OK, fresh, "{known}");
            assert_eq!(again.body.is_empty(), !fresh, "{known}");
        }
    }

    #[test]
    fn pages_hold_no_inline_script_or_style_and_load_only_what_exists() {
        for page in
            [include_str!("../../templates/frame.html"), include_str!("../../templates/home.html")]
        {
            for inline in ["<style", " style=", " onclick=", " onload=", " onerror=", "<script>"] {
                assert!(!page.contains(inline), "{inline}");
            }
            for part in page.split("/-/assets/").skip(1) {
                let name = part.split('"').next().unwrap();
                assert!(answer(name, &HeaderMap::new()).is_ok(), "{name}");
            }
        }
    }
}
