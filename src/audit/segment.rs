//! The files of the audit's folder: numbered segments, the signing key, the signed head, the lock.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::chain::{Hash, Link, PublicKey, Signature, Signer};
use super::hex;

const SUFFIX: &str = "jsonl";
/// A line that is longer was not written by us.
pub(super) const LINE_LIMIT: u64 = 1 << 20;

/// One segment's file and number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) path: PathBuf,
}

impl Segment {
    pub(super) fn new(folder: &Path, number: u64) -> Self {
        Self { number, path: folder.join(format!("{number:010}.{SUFFIX}")) }
    }
}

/// The segments in their order.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        let is_ours = path.extension().is_some_and(|suffix| suffix == SUFFIX);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let digits = stem.len() == 10 && stem.bytes().all(|byte| byte.is_ascii_digit());
        if let (true, true, Ok(number)) = (is_ours, digits, stem.parse()) {
            segments.push(Segment { number, path });
        }
    }
    segments.sort();
    Ok(segments)
}

/// The bytes of all segments: for a bar of progress.
///
/// # Errors
/// When the folder cannot be read.
pub fn size(folder: &Path) -> io::Result<u64> {
    let segments = list(folder)?;
    segments.iter().map(|one| std::fs::metadata(&one.path).map(|file| file.len())).sum()
}

/// The signed end of the chain, beside the segments, so that a cut tail is missed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) seq: u64,
    hash: String,
    signature: String,
}

impl Head {
    pub(super) fn sign(signer: &Signer, link: Link) -> Self {
        let signature = signer.sign(link).to_string();
        Self { seq: link.seq, hash: link.hash.to_string(), signature }
    }

    /// The link that the head states, if `key` signed it.
    pub(super) fn link(&self, key: &PublicKey) -> Option<Link> {
        let hash = Hash(hex::read(self.hash.as_bytes())?);
        let link = Link { seq: self.seq, hash };
        key.accepts(link, Signature::read(&self.signature)?).then_some(link)
    }

    pub(super) fn read(folder: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(folder.join("head.json")) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the head as a whole.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let mut content = serde_json::to_vec(self)?;
        content.push(b'\n');
        replace(folder, "head.json", &content)
    }
}

/// Makes the folder, holds it against a second writer, and reads or makes the signing key.
pub(super) fn occupy(folder: &Path) -> io::Result<(File, Signer)> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let lock = private().create(true).truncate(false).open(folder.join("lock"))?;
    lock.try_lock().map_err(|busy| io::Error::new(io::ErrorKind::ResourceBusy, busy))?;
    let signer = signer(folder)?;
    Ok((lock, signer))
}

const KEY: &str = "key.pk8";
const PUBLIC_KEY: &str = "key.pub";

fn signer(folder: &Path) -> io::Result<Signer> {
    let path = folder.join(KEY);
    let mut file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return first_signer(folder),
        opened => opened?,
    };
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        let fault = format!("{path} is open to other users (mode {mode:04o}): chmod 600 {path}");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, fault));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let read = Signer::read(&bytes);
    let signer = read.ok_or_else(|| io::Error::other("key.pk8 is not an Ed25519 key"))?;
    let published = std::fs::read_to_string(folder.join(PUBLIC_KEY));
    if published.ok().as_deref().and_then(PublicKey::read).is_none() {
        publish(folder, &signer)?;
    }
    Ok(signer)
}

/// Makes the key. It is put in its place last, after a signed head: so a key without a head tells that somebody took the
/// head away, and never that a first start was killed.
fn first_signer(folder: &Path) -> io::Result<Signer> {
    let (signer, kept) = Signer::generate().ok_or_else(|| io::Error::other("no signing key"))?;
    publish(folder, &signer)?;
    // What an earlier key signed stays, to be told that it was: then it is the key that was taken away.
    let head = Head::read(folder);
    if list(folder)?.is_empty() && head.is_ok_and(|head| head.is_none_or(|head| head.seq == 0)) {
        Head::sign(&signer, Link::START).write(folder)?;
        sync_folder(folder)?;
    }
    replace(folder, KEY, &kept)?;
    sync_folder(folder)?;
    Ok(signer)
}

fn publish(folder: &Path, signer: &Signer) -> io::Result<()> {
    replace(folder, PUBLIC_KEY, format!("{}\n", signer.public()).as_bytes())
}

/// Puts a file with this content in the place of that name, whole or not at all.
fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let new = folder.join(format!("{name}.new"));
    let mut file = private().create(true).truncate(true).open(&new)?;
    file.write_all(content)?;
    file.sync_data()?;
    std::fs::rename(&new, folder.join(name))
}

/// Makes a file that must not exist yet, with this content.
pub(super) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = private().create_new(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Opens a new segment's file for appending.
pub(super) fn begin(segment: &Segment) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(true).mode(0o600).open(&segment.path)
}

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}
