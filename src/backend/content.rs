//! Which types a browser may show by itself (R21). Objects are written by people whom nobody vouched for: what could carry
//! a script leaves as bytes to be saved, under a sandbox all the same.

use http::HeaderValue;

const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Types besides sound and video that cannot run anything.
const SAFE: [&str; 24] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
    "image/x-ms-bmp",
    "image/tiff",
    "image/heic",
    "image/heif",
    "image/apng",
    "image/jxl",
    "image/jp2",
    "image/x-icon",
    "image/vnd.microsoft.icon",
    "application/dicom",
    "application/pdf",
    "application/json",
    "application/x-ndjson",
    "application/octet-stream",
    "text/plain",
    "text/csv",
    "text/tab-separated-values",
    "text/vtt",
];

/// How an object's bytes are announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// As what they are.
    As(HeaderValue),
    /// As bytes to be saved.
    Saved,
}

impl Shown {
    /// Decides by the type that the storage keeps.
    pub(super) fn decide(stored: Option<&HeaderValue>) -> Self {
        let Some(stored) = stored else { return Self::Saved };
        let Ok(text) = stored.to_str() else { return Self::Saved };
        let essence = text.split(';').next().unwrap_or_default().trim_ascii();
        if !is_safe(essence) {
            return Self::Saved;
        }
        // A comma makes it a list, of which browsers take the last: then the type alone is kept.
        if text.contains(',') {
            return HeaderValue::from_str(essence).map_or(Self::Saved, Self::As);
        }
        Self::As(stored.clone())
    }

    pub(super) fn content_type(&self) -> HeaderValue {
        match self {
            Self::As(value) => value.clone(),
            Self::Saved => BYTES,
        }
    }
}

fn is_safe(essence: &str) -> bool {
    if SAFE.iter().any(|safe| essence.eq_ignore_ascii_case(safe)) {
        return true;
    }
    let Some((kind, subtype)) = essence.split_once('/') else { return false };
    let media = kind.eq_ignore_ascii_case("audio") || kind.eq_ignore_ascii_case("video");
    // No `+`: whatever ends with `+xml` is a document to a browser.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    media && !subtype.is_empty() && subtype.bytes().all(plain)
}

/// Content codings that every client knows; anything else would arrive as bytes of an unknown form.
pub(super) fn is_known_coding(coding: &HeaderValue) -> bool {
    let known = |one: &str| {
        ["gzip", "br", "deflate", "zstd"].iter().any(|known| one.eq_ignore_ascii_case(known))
    };
    coding.to_str().is_ok_and(|text| text.split(',').all(|one| known(one.trim_ascii())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &'static str) -> Option<String> {
        match Shown::decide(Some(&HeaderValue::from_static(text))) {
            Shown::As(value) => Some(value.to_str().unwrap().to_owned()),
            Shown::Saved => None,
        }
    }

    #[test]
    fn what_cannot_run_is_shown() {
        for safe in [
            "image/png",
            "IMAGE/JPEG",
            "audio/mpeg",
            "video/mp4; codecs=avc1",
            "audio/x-wav",
            "text/plain; charset=utf-8",
            "application/json",
            "text/csv",
            "application/pdf",
            "application/dicom",
            "video/vnd.dlna.mpeg-tts",
        ] {
            assert_eq!(shown(safe).as_deref(), Some(safe));
        }
    }

    #[test]
    fn what_could_run_is_saved() {
        for unsafe_type in [
            "text/html",
            "TEXT/HTML",
            "text/html; charset=utf-8",
            "image/svg+xml",
            "text/xml",
            "application/xml",
            "application/xhtml+xml",
            "application/javascript",
            "text/javascript",
            "text/css",
            "application/x-shockwave-flash",
            "audio/x+xml",
            "video/evil+xml",
            "multipart/mixed",
            "message/rfc822",
            "application/wasm",
            "text/cache-manifest",
            "",
            "image",
            "/",
            "audio/",
            "audio/a b",
            "x-unknown/y",
            "text/html, image/png",
            "application/vnd.ms-excel",
        ] {
            assert_eq!(shown(unsafe_type), None, "{unsafe_type}");
        }
        assert_eq!(Shown::decide(None), Shown::Saved);
        let opaque = HeaderValue::from_bytes(b"image/png\xff").unwrap();
        assert_eq!(Shown::decide(Some(&opaque)), Shown::Saved);
    }

    #[test]
    fn a_list_of_types_is_cut_to_its_first() {
        assert_eq!(shown("image/png; a=b, text/html").as_deref(), Some("image/png"));
        assert_eq!(shown("image/png;,text/html").as_deref(), Some("image/png"));
        assert_eq!(shown("image/png,text/html"), None);
    }

    #[test]
    fn codings_are_listed() {
        for (coding, known) in [
            ("gzip", true),
            ("gzip, br", true),
            ("zstd", true),
            ("aws-chunked", false),
            ("", false),
            ("gzip,aws-chunked", false),
            ("identity", false),
        ] {
            assert_eq!(is_known_coding(&HeaderValue::from_static(coding)), known, "{coding}");
        }
    }
}
