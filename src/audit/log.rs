//! The growing end of the chain on disk. Lines are chained in memory first, then committed together; a commit that
//! fails leaves the file as it was and can be tried again, so a full disk tears nothing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::chain::{Link, Signer, stated};
use super::escape::push_json;
use super::mark::{Mark, What, Why};
use super::record::{Numbered, Record};
use super::segment::{Head, Segment, begin, create, list, occupy, sync_folder};
use super::verify::{VerifyError, Walk};
use crate::ground::clock::Timestamp;

/// The open log.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
    node: Box<str>,
    segment_bytes: u64,
    signer: Signer,
    _lock: File,
    file: File,
    number: u64,
    /// The file's length up to the last good commit.
    good: u64,
    /// The last commit failed: what lies in the file after `good` is cut before the next.
    uncertain: bool,
    /// Chained lines that are not committed yet.
    buffer: Vec<u8>,
    end: Link,
    /// Lines since the last signature.
    unsigned: u64,
}

impl Log {
    /// Takes the folder over: heals what a crash left, says so in the log, and begins a new segment.
    pub(super) fn open(
        folder: &Path,
        node: &str,
        segment_bytes: u64,
        now: Timestamp,
    ) -> io::Result<Self> {
        let (lock, signer) = occupy(folder)?;
        let past = Past::take_over(folder, &signer)?;
        let number = past.number + 1;
        let mut log = Self {
            folder: folder.to_owned(),
            node: node.into(),
            segment_bytes,
            signer,
            _lock: lock,
            file: begin(&Segment::new(folder, number))?,
            number,
            good: 0,
            uncertain: false,
            buffer: Vec::new(),
            end: past.end,
            unsigned: 0,
        };
        log.head(now)?;
        if let Some(note) = past.note {
            log.mark(note, now)?;
        }
        log.commit(true)?;
        sync_folder(folder)?;
        Ok(log)
    }

    /// Chains one record, in memory.
    pub(super) fn append(&mut self, record: &Record) -> io::Result<()> {
        let node = std::mem::take(&mut self.node);
        let line = Numbered { seq: self.end.seq + 1, node: &node, record };
        let appended = self.push(&line);
        self.node = node;
        appended
    }

    /// Chains one line about the chain itself, in memory.
    pub(super) fn mark(&mut self, what: What, time: Timestamp) -> io::Result<()> {
        let node = std::mem::take(&mut self.node);
        let appended = self.push(&Mark { seq: self.end.seq + 1, time, node: &node, what });
        self.node = node;
        appended
    }

    fn push(&mut self, line: &impl Serialize) -> io::Result<()> {
        let start = self.buffer.len();
        if let Err(error) = push_json(&mut self.buffer, line) {
            self.buffer.truncate(start);
            return Err(error.into());
        }
        self.end = self.end.close(&mut self.buffer, start);
        self.unsigned += 1;
        Ok(())
    }

    /// Writes what was chained; with `sync`, it is on disk afterwards. After an error everything is still here.
    pub(super) fn commit(&mut self, sync: bool) -> io::Result<()> {
        if self.uncertain {
            self.file.set_len(self.good)?;
        }
        self.uncertain = true;
        self.file.write_all(&self.buffer)?;
        if sync {
            self.file.sync_data()?;
        }
        self.uncertain = false;
        self.good += u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        self.buffer.clear();
        Ok(())
    }

    pub(super) const fn unsigned(&self) -> u64 {
        self.unsigned
    }

    pub(super) const fn is_full(&self) -> bool {
        self.good >= self.segment_bytes
    }

    /// Signs the end of the chain, in the log and in the head file.
    pub(super) fn checkpoint(&mut self, why: Why, now: Timestamp) -> io::Result<()> {
        let signature = self.signer.sign(self.end).to_string();
        self.mark(What::Checkpoint { why, signature }, now)?;
        self.commit(true)?;
        Head::sign(&self.signer, self.end).write(&self.folder)?;
        self.unsigned = 0;
        Ok(())
    }

    /// Ends this segment and begins the next.
    pub(super) fn rotate(&mut self, now: Timestamp) -> io::Result<()> {
        self.checkpoint(Why::SegmentEnd, now)?;
        self.file = begin(&Segment::new(&self.folder, self.number + 1))?;
        self.number += 1;
        self.good = 0;
        self.head(now)?;
        self.commit(true)?;
        sync_folder(&self.folder)
    }

    fn head(&mut self, now: Timestamp) -> io::Result<()> {
        let head = What::Segment {
            segment: self.number,
            before: self.end.hash.to_string(),
            public_key: self.signer.public().to_string(),
            version: env!("CARGO_PKG_VERSION"),
            signature: self.signer.sign(self.end).to_string(),
        };
        self.mark(head, now)?;
        self.unsigned = 0;
        Ok(())
    }
}

/// What an earlier run left.
struct Past {
    number: u64,
    end: Link,
    note: Option<What>,
}

impl Past {
    fn take_over(folder: &Path, signer: &Signer) -> io::Result<Self> {
        let segments = list(folder)?;
        // A segment whose head was never finished is taken away as a torn tail, then the one before it is the last.
        let Some(last) = segments.last() else {
            return Ok(Self { number: 0, end: Link::START, note: None });
        };
        let key = signer.public();
        let mut walk = Walk::alone(&key, last);
        let number = last.number;
        match walk.segment(last, true, &mut |_| ()) {
            Ok(()) if walk.end == Link::START => Self::without_head(folder, &segments, signer),
            Ok(()) => {
                let note = walk.torn.map(|torn| cut(last, torn.offset)).transpose()?;
                Ok(Self { number, end: walk.end, note })
            }
            Err(VerifyError::Fault(fault)) => {
                tracing::error!(%fault, "the audit was changed while nobody wrote it");
                let end = last_stated(last)?.unwrap_or(walk.end);
                let note = Some(What::Tampered { fault: fault.to_string() });
                Ok(Self { number, end, note })
            }
            Err(VerifyError::Unreadable(error)) => Err(error),
            Err(VerifyError::Empty(folder)) => Err(io::Error::other(folder.display().to_string())),
        }
    }

    /// The last segment holds no whole line: it goes aside, and the chain goes on where the one before ended.
    fn without_head(folder: &Path, segments: &[Segment], signer: &Signer) -> io::Result<Self> {
        let Some((last, before)) = segments.split_last() else {
            return Ok(Self { number: 0, end: Link::START, note: None });
        };
        let note = cut(last, 0)?;
        std::fs::remove_file(&last.path)?;
        let Some(previous) = before.last() else {
            return Ok(Self { number: 0, end: Link::START, note: Some(note) });
        };
        let key = signer.public();
        let mut walk = Walk::alone(&key, previous);
        let _changed = walk.segment(previous, false, &mut |_| ());
        let end = last_stated(previous)?.unwrap_or(walk.end);
        sync_folder(folder)?;
        Ok(Self { number: previous.number, end, note: Some(note) })
    }
}

/// Moves the torn bytes into a file of their own.
fn cut(segment: &Segment, offset: u64) -> io::Result<What> {
    let mut file = File::options().read(true).write(true).open(&segment.path)?;
    let mut torn = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.read_to_end(&mut torn)?;
    let aside = segment.path.with_extension(format!("torn-{offset}"));
    match create(&aside, &torn) {
        // An earlier start was itself interrupted here.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    file.set_len(offset)?;
    file.sync_all()?;
    let file = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = u64::try_from(torn.len()).unwrap_or(u64::MAX);
    tracing::warn!(
        bytes,
        file,
        "the audit ended in an unfinished record; its bytes were set aside"
    );
    Ok(What::TornTail { bytes, file })
}

/// What the last whole line of a changed segment says of itself: the chain goes on from there, so that the verifier
/// finds the change where it was made and nowhere else.
fn last_stated(segment: &Segment) -> io::Result<Option<Link>> {
    let content = std::fs::read(&segment.path)?;
    let lines = content.split(|byte| *byte == b'\n').rev();
    Ok(lines.filter(|line| !line.is_empty()).find_map(|line| {
        #[derive(serde::Deserialize)]
        struct Seq {
            seq: u64,
        }
        let Seq { seq } = serde_json::from_slice(line).ok()?;
        stated(line).map(|hash| Link { seq, hash })
    }))
}
