//! The independent verifier: needs the folder and the public key, trusts nothing else, and names the first bad record
//! (R27). What kill -9 leaves at the very end is told apart from what somebody did.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::chain::{BadHash, Hash, Link, PublicKey, Signature};
use super::hex;
use super::segment::{Head, LINE_LIMIT, Segment, list};

/// A chain that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub segments: usize,
    pub records: u64,
    /// The last record; keep it elsewhere and give it back as [`Expected::link`] the next time.
    pub end: Link,
    /// Records after the last signature: written by a server that is running or was killed.
    pub unsigned: u64,
    /// An unfinished last line.
    pub torn: Option<TornTail>,
}

/// What kill -9 or a power cut leaves: bytes after the last whole record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    pub file: PathBuf,
    /// Where it begins.
    pub offset: u64,
    pub bytes: u64,
}

/// The first record that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}, line {line}{}: {why}", file.display(), seq.map(|seq| format!(" (record {seq})")).unwrap_or_default())]
pub struct Fault {
    pub file: PathBuf,
    pub line: u64,
    pub seq: Option<u64>,
    pub why: FaultWhy,
}

/// How a record is bad.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultWhy {
    #[error("it is no record of this audit")]
    NotARecord,
    #[error("it was changed, or a record before it was changed, removed, moved or put in")]
    WrongHash,
    #[error("it is numbered {found}, but {expected} comes next")]
    WrongNumber { expected: u64, found: u64 },
    #[error("the segment does not begin with its head")]
    NoHead,
    #[error("the segment's head names another hash than the segment before ended with")]
    WrongBefore,
    #[error("a segment is missing before this one: number {expected} comes next")]
    MissingSegment { expected: u64 },
    #[error("its signature was not made with this key")]
    WrongSignature,
    #[error("the line is not finished, yet records follow")]
    Unfinished,
    #[error("records are missing after it: the signed head says that {head} was written")]
    Truncated { head: u64 },
    #[error("it is not the record that the head names")]
    NotTheHead,
    #[error("the signed head is missing")]
    HeadMissing,
    #[error("the signed head was not signed with this key")]
    HeadForged,
}

/// What the caller knows from elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected {
    /// A record that must be in the chain: the end of an earlier verification.
    pub link: Option<Link>,
    /// Accept that segments before this number were taken away on purpose.
    pub from_segment: Option<u64>,
}

/// Why the verification did not end well.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("{} holds no audit", .0.display())]
    Empty(PathBuf),
    #[error("the audit cannot be read")]
    Unreadable(#[from] io::Error),
}

#[derive(Deserialize)]
struct Line<'a> {
    seq: u64,
    kind: &'a str,
    #[serde(default)]
    segment: Option<u64>,
    #[serde(default)]
    before: Option<&'a str>,
    #[serde(default)]
    signature: Option<&'a str>,
}

/// Verifies the whole folder. `progress` is told the bytes that were read.
///
/// # Errors
/// [`VerifyError::Fault`] names the first bad record.
pub fn verify(
    folder: &Path,
    key: &PublicKey,
    expected: Expected,
    mut progress: impl FnMut(u64),
) -> Result<Verified, VerifyError> {
    // The head is read first: a server that is writing now only adds to what it states.
    let head = Head::read(folder).unwrap_or_default();
    let segments = list(folder)?;
    let Some(first) = segments.first() else {
        return Err(VerifyError::Empty(folder.to_owned()));
    };
    let mut walk = Walk::new(key, first, &expected);
    walk.must_hold.extend(expected.link);
    let forged = match head.as_ref().map(|head| head.link(key)) {
        Some(Some(link)) => {
            walk.must_hold.push(link);
            None
        }
        Some(None) => Some(FaultWhy::HeadForged),
        None => Some(FaultWhy::HeadMissing),
    };
    for (index, segment) in segments.iter().enumerate() {
        walk.segment(segment, index + 1 == segments.len(), &mut progress)?;
    }
    if let Some(why) = forged {
        return Err(walk.fault(why).into());
    }
    if let Some(link) = walk.must_hold.iter().find(|link| link.seq > walk.end.seq) {
        return Err(walk.fault(FaultWhy::Truncated { head: link.seq }).into());
    }
    Ok(Verified {
        segments: segments.len(),
        records: walk.records,
        end: walk.end,
        unsigned: walk.end.seq.saturating_sub(walk.signed),
        torn: walk.torn,
    })
}

/// The state of a walk along the chain.
pub(super) struct Walk<'a> {
    key: &'a PublicKey,
    pub(super) end: Link,
    /// The number of the last line that is covered by a signature, or is one.
    signed: u64,
    records: u64,
    next_segment: u64,
    /// Whether the first segment's word about its past is taken for it.
    trust_first: bool,
    must_hold: Vec<Link>,
    file: PathBuf,
    line: u64,
    pub(super) torn: Option<TornTail>,
}

impl<'a> Walk<'a> {
    fn new(key: &'a PublicKey, first: &Segment, expected: &Expected) -> Self {
        let trust_first = expected.from_segment == Some(first.number);
        Self {
            key,
            end: Link::START,
            signed: 0,
            records: 0,
            next_segment: if trust_first { first.number } else { 1 },
            trust_first,
            must_hold: Vec::new(),
            file: first.path.clone(),
            line: 0,
            torn: None,
        }
    }

    /// A walk along one segment alone, whose head is taken at its word: what a start does with the last one.
    pub(super) fn alone(key: &'a PublicKey, segment: &Segment) -> Self {
        let expected = Expected { from_segment: Some(segment.number), ..Expected::default() };
        Self::new(key, segment, &expected)
    }

    fn fault(&self, why: FaultWhy) -> Fault {
        let seq = (self.line > 0).then_some(self.end.seq);
        Fault { file: self.file.clone(), line: self.line, seq, why }
    }

    pub(super) fn segment(
        &mut self,
        segment: &Segment,
        is_last: bool,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), VerifyError> {
        self.file.clone_from(&segment.path);
        self.line = 0;
        if segment.number != self.next_segment {
            let expected = self.next_segment;
            return Err(self.fault(FaultWhy::MissingSegment { expected }).into());
        }
        self.next_segment += 1;
        let mut reader = BufReader::with_capacity(1 << 18, File::open(&segment.path)?);
        let (mut line, mut offset) = (Vec::new(), 0);
        loop {
            line.clear();
            let read = reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            self.line += 1;
            let bytes = u64::try_from(read).unwrap_or(u64::MAX);
            let Err(why) = self.one(&line, segment.number) else {
                offset += bytes;
                progress(bytes);
                continue;
            };
            let seq = serde_json::from_slice(&line).ok().map(|line: Line<'_>| line.seq);
            let torn = is_last && self.nothing_follows(&line, &mut reader)?;
            let file = self.file.clone();
            if !torn {
                return Err(Fault { file, line: self.line, seq, why }.into());
            }
            let bytes = std::fs::metadata(&segment.path)?.len().saturating_sub(offset);
            self.torn = Some(TornTail { file, offset, bytes });
            self.line -= 1;
            break;
        }
        // A kill between making a segment's file and writing its head leaves an empty one at the end.
        if self.line == 0 && !is_last {
            return Err(self.fault(FaultWhy::NoHead).into());
        }
        Ok(())
    }

    /// Whether a bad line is what a crash leaves: unfinished with nothing after it, or blocks that the file system
    /// never filled (NUL); and no signed head says that more had been written.
    fn nothing_follows(&self, line: &[u8], rest: &mut impl BufRead) -> io::Result<bool> {
        if self.must_hold.iter().any(|link| link.seq > self.end.seq) {
            return Ok(false);
        }
        Ok(line.contains(&0) || (!line.ends_with(b"\n") && rest.fill_buf()?.is_empty()))
    }

    fn one(&mut self, line: &[u8], segment: u64) -> Result<(), FaultWhy> {
        let line = line.strip_suffix(b"\n").ok_or(FaultWhy::Unfinished)?;
        let parsed: Line<'_> = serde_json::from_slice(line).or(Err(FaultWhy::NotARecord))?;
        if self.line == 1 {
            self.head(&parsed, segment)?;
        }
        let hash = self.end.hash.check(line).map_err(|bad| match bad {
            BadHash::Missing => FaultWhy::NotARecord,
            BadHash::Wrong => FaultWhy::WrongHash,
        })?;
        if parsed.seq != self.end.seq + 1 {
            return Err(FaultWhy::WrongNumber { expected: self.end.seq + 1, found: parsed.seq });
        }
        let is_signed = matches!(parsed.kind, "segment" | "checkpoint");
        if is_signed {
            let signature = parsed.signature.and_then(Signature::read);
            let good = signature.is_some_and(|signature| self.key.accepts(self.end, signature));
            if !good {
                return Err(FaultWhy::WrongSignature);
            }
        }
        self.end = Link { seq: parsed.seq, hash };
        if is_signed {
            self.signed = parsed.seq;
        }
        self.records += 1;
        match self.must_hold.iter().any(|link| link.seq == self.end.seq && *link != self.end) {
            true => Err(FaultWhy::NotTheHead),
            false => Ok(()),
        }
    }

    fn head(&mut self, line: &Line<'_>, segment: u64) -> Result<(), FaultWhy> {
        let before = line.before.and_then(|text| hex::read(text.as_bytes())).map(Hash);
        let (true, Some(before)) = (line.kind == "segment", before) else {
            return Err(FaultWhy::NoHead);
        };
        if line.segment != Some(segment) {
            return Err(FaultWhy::MissingSegment { expected: segment });
        }
        if std::mem::take(&mut self.trust_first) {
            self.end = Link { seq: line.seq.saturating_sub(1), hash: before };
        }
        if before == self.end.hash { Ok(()) } else { Err(FaultWhy::WrongBefore) }
    }
}
