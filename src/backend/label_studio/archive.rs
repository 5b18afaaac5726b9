//! Exports in archives: every member is judged by itself. Text is rewritten, media pass as they are; an archive with anything
//! else in it is withheld, and so is one that is too large to be held whole.

use std::io::{Cursor, Read, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::body::Rewriter;
use crate::label_studio::Garbled;

/// What makes a member fit to leave.
pub(super) trait Fit {
    /// Whether its name holds a location.
    fn finds(&self, name: &str) -> bool;
    fn json(&self) -> Box<dyn Rewriter>;
    fn text(&self) -> Box<dyn Rewriter>;
}

/// The largest archive that is rewritten, in bytes, as it comes and as it leaves.
pub(super) const LARGEST: usize = 64 << 20;
/// What all of its members may unpack to, in bytes: none is ever held unpacked.
pub(super) const UNPACKED: u64 = 1 << 30;
/// What they may grow to, in bytes: handles are longer than what they stand for.
const MOST_MADE: usize = 2 << 30;
const MOST_MEMBERS: usize = 100_000;
const PIECE: usize = 64 << 10;

/// Why an archive stays here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    #[error("it is no archive that can be read")]
    Unreadable,
    #[error("it is larger than what is rewritten")]
    TooLarge,
    #[error("a name in it holds a location")]
    Name,
    #[error("a member is neither text nor media of a known kind")]
    UnknownKind,
    #[error("it holds media that Label Studio fetched for tasks, whosever they are")]
    Media,
    #[error("a member is not what its name says")]
    Garbled,
}

/// How a member is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Text,
    /// Masks that were drawn, and the bytes of what tasks refer to.
    Media,
}

const MEDIA: [&str; 24] = [
    "png", "jpg", "jpeg", "gif", "bmp", "webp", "tif", "tiff", "svgz", "ico", "avif", "heic",
    "mp3", "wav", "flac", "ogg", "m4a", "aac", "mp4", "webm", "mov", "mkv", "npy", "pdf",
];

fn kind(name: &str) -> Option<Kind> {
    let file = name.rsplit('/').next().unwrap_or_default();
    let (_, extension) = file.rsplit_once('.')?;
    match &*extension.to_ascii_lowercase() {
        "json" => Some(Kind::Json),
        "txt" | "csv" | "tsv" | "xml" | "yaml" | "yml" | "names" | "md" | "html" | "svg"
        | "xsd" => Some(Kind::Text),
        extension if MEDIA.contains(&extension) => Some(Kind::Media),
        _ => None,
    }
}

/// Label Studio draws masks into files of its own, beside the rest. What it fetched for tasks lies in folders: it takes any file
/// of its disk and any upload for that, of whichever project.
fn is_mask(name: &str) -> bool {
    name.starts_with("task-") && !name.contains('/')
}

/// The archive, fit to leave. `most`: what its members may unpack to.
pub(super) fn rewritten(archive: &[u8], fit: &dyn Fit, most: u64) -> Result<Vec<u8>, Withheld> {
    let mut read = ZipArchive::new(Cursor::new(archive)).or(Err(Withheld::Unreadable))?;
    if read.len() > MOST_MEMBERS {
        return Err(Withheld::TooLarge);
    }
    let mut written = ZipWriter::new(Cursor::new(Vec::with_capacity(archive.len())));
    let (mut left, mut made) = (most, 0);
    for index in 0..read.len() {
        let mut member = read.by_index(index).or(Err(Withheld::Unreadable))?;
        let name = member.name().or(Err(Withheld::Name))?.into_owned();
        if fit.finds(&name) {
            return Err(Withheld::Name);
        }
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        if member.is_dir() {
            written.add_directory(name, options).or(Err(Withheld::Unreadable))?;
            continue;
        }
        let kind = kind(&name).ok_or(Withheld::UnknownKind)?;
        if kind == Kind::Media && !is_mask(&name) {
            return Err(Withheld::Media);
        }
        written.start_file(name, options).or(Err(Withheld::Unreadable))?;
        let mut rewriter = match kind {
            Kind::Json => Some(fit.json()),
            Kind::Text => Some(fit.text()),
            Kind::Media => None,
        };
        let (mut piece, mut out) = (vec![0; PIECE], Vec::new());
        let mut is_first = true;
        loop {
            let length = member.read(&mut piece).or(Err(Withheld::Unreadable))?;
            let bytes = piece.get(..length).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            left = left
                .checked_sub(u64::try_from(length).unwrap_or(u64::MAX))
                .ok_or(Withheld::TooLarge)?;
            match &mut rewriter {
                Some(rewriter) => rewriter.push(bytes, &mut out).map_err(garbled)?,
                None if is_first && is_text(bytes) => return Err(Withheld::Garbled),
                None => out.extend_from_slice(bytes),
            }
            is_first = false;
            made += out.len();
            if made > MOST_MADE {
                return Err(Withheld::TooLarge);
            }
            written.write_all(&out).or(Err(Withheld::Unreadable))?;
            out.clear();
        }
        if let Some(rewriter) = rewriter {
            rewriter.finish(&mut out).map_err(garbled)?;
            written.write_all(&out).or(Err(Withheld::Unreadable))?;
        }
    }
    let written = written.finish().or(Err(Withheld::Unreadable))?.into_inner();
    if written.len() > LARGEST { Err(Withheld::TooLarge) } else { Ok(written) }
}

const fn garbled(_fault: Garbled) -> Withheld {
    Withheld::Garbled
}

/// No media begins with so much text.
fn is_text(bytes: &[u8]) -> bool {
    let start = bytes.get(..512).unwrap_or(bytes);
    start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes every X as Y, holding all of it back, and takes names with an X for locations.
    struct Trial;

    struct Held(Vec<u8>);

    impl Fit for Trial {
        fn finds(&self, name: &str) -> bool {
            name.contains('X')
        }

        fn json(&self) -> Box<dyn Rewriter> {
            Box::new(Held(Vec::new()))
        }

        fn text(&self) -> Box<dyn Rewriter> {
            Box::new(Held(Vec::new()))
        }
    }

    impl Rewriter for Held {
        fn push(&mut self, piece: &[u8], _out: &mut Vec<u8>) -> Result<(), Garbled> {
            self.0.extend_from_slice(piece);
            Ok(())
        }

        fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<(), Garbled> {
            out.extend(self.0.iter().map(|byte| if *byte == b'X' { b'Y' } else { *byte }));
            if self.0.starts_with(b"broken") { Err(Garbled::NotJson) } else { Ok(()) }
        }
    }

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut written = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            written.start_file(*name, SimpleFileOptions::default()).unwrap();
            written.write_all(bytes).unwrap();
        }
        written.finish().unwrap().into_inner()
    }

    fn passed(archive: &[u8]) -> Result<Vec<u8>, Withheld> {
        rewritten(archive, &Trial, 1 << 20)
    }

    #[test]
    fn members_are_rewritten_by_their_kind() {
        let png = b"\x89PNG\r\n\x1a\nX".repeat(20_000);
        let members: [(&str, &[u8]); 4] = [
            ("result.json", b"{\"a\":\"X\"}"),
            ("labels/one.txt", b"X"),
            ("task-1-annotation-2.PNG", &png),
            ("empty.json", b""),
        ];
        let out = passed(&archive(&members)).unwrap();
        let mut read = ZipArchive::new(Cursor::new(out)).unwrap();
        for (name, expected) in [
            ("result.json", b"{\"a\":\"Y\"}".as_slice()),
            ("labels/one.txt", b"Y"),
            ("task-1-annotation-2.PNG", &png),
            ("empty.json", b""),
        ] {
            let mut content = Vec::new();
            read.by_name(name).unwrap().read_to_end(&mut content).unwrap();
            assert_eq!(content, expected, "{name}");
        }
        assert_eq!(read.len(), members.len());
    }

    #[test]
    fn what_cannot_be_made_fit_is_withheld() {
        let whole = archive(&[("a.json", b"{}")]);
        let mut damaged = whole.clone();
        damaged[36] ^= 0xff;
        let zeros = vec![0; 2 << 20];
        for (what, archive, expected) in [
            ("a location in a name", archive(&[("X/a.json", b"{}")]), Withheld::Name),
            ("a program", archive(&[("a.json", b"{}"), ("a.exe", b"MZ")]), Withheld::UnknownKind),
            ("words, a line each", archive(&[("a.conll", b"x")]), Withheld::UnknownKind),
            ("no extension", archive(&[("LICENSE", b"x")]), Withheld::UnknownKind),
            ("an archive in it", archive(&[("a.zip", &whole)]), Withheld::UnknownKind),
            (
                "text that calls itself an image",
                archive(&[("task-1.png", b"see X")]),
                Withheld::Garbled,
            ),
            ("what is not JSON", archive(&[("a.json", b"broken")]), Withheld::Garbled),
            ("a bomb", archive(&[("a.txt", &zeros)]), Withheld::TooLarge),
            ("a bomb of media", archive(&[("task-1.png", &zeros)]), Withheld::TooLarge),
            ("what was fetched", archive(&[("images/a.png", b"\x89PNG")]), Withheld::Media),
            ("an upload", archive(&[("a.png", b"\x89PNG")]), Withheld::Media),
            ("half of one", whole[..whole.len() / 2].to_vec(), Withheld::Unreadable),
            ("nothing", Vec::new(), Withheld::Unreadable),
            ("no archive", b"{}".to_vec(), Withheld::Unreadable),
        ] {
            assert_eq!(passed(&archive).err(), Some(expected), "{what}");
        }
        assert!(passed(&damaged).is_err());
    }
}
