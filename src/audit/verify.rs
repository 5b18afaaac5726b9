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
    #[error("it stands after the end that was signed for this segment")]
    AfterTheEnd,
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
    #[serde(default)]
    why: Option<&'a str>,
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
    /// The writer signed off here: nothing more belongs into this segment.
    closed: bool,
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
            closed: false,
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
        self.closed = false;
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
            let torn = is_last && self.is_torn(&line, &mut reader)?;
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

    /// Whether a bad line is what a crash leaves of the last write: unfinished with nothing after it, or blocks that
    /// the file system never filled (NUL) with no record after them; and no signed head says that more had been
    /// written.
    fn is_torn(&self, line: &[u8], rest: &mut impl BufRead) -> io::Result<bool> {
        if self.must_hold.iter().any(|link| link.seq > self.end.seq) {
            return Ok(false);
        }
        if !line.contains(&0) {
            return Ok(!line.ends_with(b"\n") && rest.fill_buf()?.is_empty());
        }
        let mut later = Vec::new();
        while rest.take(LINE_LIMIT).read_until(b'\n', &mut later)? > 0 {
            if serde_json::from_slice::<Line<'_>>(&later).is_ok() {
                return Ok(false);
            }
            later.clear();
        }
        Ok(true)
    }

    fn one(&mut self, line: &[u8], segment: u64) -> Result<(), FaultWhy> {
        let line = line.strip_suffix(b"\n").ok_or(FaultWhy::Unfinished)?;
        let parsed: Line<'_> = serde_json::from_slice(line).or(Err(FaultWhy::NotARecord))?;
        if self.closed {
            return Err(FaultWhy::AfterTheEnd);
        }
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
            self.closed = matches!(parsed.why, Some("stop" | "segment_end"));
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::LazyLock;

    use proptest::prelude::{ProptestConfig, any, proptest};
    use proptest::sample::Index;
    use tempfile::TempDir;

    use super::super::chain::{Link, Signer, stated};
    use super::super::fixture::{AT, folder, key, request, text};
    use super::super::log::Log;
    use super::super::mark::Why;
    use super::super::segment::{Head, Segment, list};
    use super::{Expected, FaultWhy, Verified, VerifyError, verify};

    /// Two whole segments of four requests each and a third of two; signed off.
    fn written(folder: &Path) {
        let mut log = Log::open(folder, "node", 1, AT).unwrap();
        for number in 1..=10 {
            log.append(&request(number)).unwrap();
            log.commit(true).unwrap();
            if number % 4 == 0 {
                log.rotate(AT).unwrap();
            }
        }
        log.checkpoint(Why::Stop, AT).unwrap();
    }

    fn check(folder: &Path) -> Result<Verified, VerifyError> {
        verify(folder, &key(folder), Expected::default(), |_| ())
    }

    fn fault(folder: &Path) -> (u64, u64, FaultWhy) {
        let Err(VerifyError::Fault(fault)) = check(folder) else { panic!("no fault found") };
        let segment = fault.file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        (segment, fault.line, fault.why)
    }

    /// The lines of one segment, to be changed.
    fn edit(folder: &Path, segment: u64, change: impl FnOnce(&mut Vec<String>)) {
        let path = Segment::new(folder, segment).path;
        let mut lines: Vec<String> =
            std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
        change(&mut lines);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, text).unwrap();
    }

    /// What somebody without the key can do best: change a line and every hash after it in the segment.
    fn rechain(lines: &mut [String], from: usize) {
        let mut link = Link { seq: 0, hash: stated(lines[from - 1].as_bytes()).unwrap() };
        for line in &mut lines[from..] {
            let (text, _hash) = line.rsplit_once(",\"hash\"").unwrap();
            let mut bytes = format!("{text}}}").into_bytes();
            link = link.close(&mut bytes, 0);
            *line = String::from_utf8(bytes).unwrap().trim_end().to_owned();
        }
    }

    #[test]
    fn what_was_written_holds() {
        let folder = folder();
        written(folder.path());
        let verified = check(folder.path()).unwrap();
        assert_eq!((verified.segments, verified.records, verified.unsigned), (3, 16, 0));
        assert_eq!(verified.torn, None);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn every_hostile_edit_is_found_where_it_was_made() {
        type Edit = fn(&Path);
        let cases: [(&str, Edit, (u64, u64, FaultWhy)); 16] = [
            (
                "a word changed",
                |f| edit(f, 1, |l| l[2] = l[2].replace("2.png", "9.png")),
                (1, 3, FaultWhy::WrongHash),
            ),
            (
                "a word and all hashes after it changed",
                |f| {
                    edit(f, 1, |l| {
                        l[2] = l[2].replace("2.png", "9.png");
                        rechain(l, 2);
                    });
                },
                (1, 6, FaultWhy::WrongSignature),
            ),
            (
                "a record removed",
                |f| edit(f, 2, |l| drop(l.remove(2))),
                (2, 3, FaultWhy::WrongHash),
            ),
            (
                "a record removed and the rest chained anew",
                |f| {
                    edit(f, 2, |l| {
                        l.remove(2);
                        rechain(l, 2);
                    });
                },
                (2, 3, FaultWhy::WrongNumber { expected: 9, found: 10 }),
            ),
            ("two records swapped", |f| edit(f, 1, |l| l.swap(2, 3)), (1, 3, FaultWhy::WrongHash)),
            (
                "a record put in twice",
                |f| edit(f, 1, |l| l.insert(3, l[2].clone())),
                (1, 4, FaultWhy::WrongHash),
            ),
            (
                "no record put in",
                |f| edit(f, 1, |l| l.insert(3, "{}".into())),
                (1, 4, FaultWhy::NotARecord),
            ),
            (
                "an empty line put in",
                |f| edit(f, 1, |l| l.insert(3, String::new())),
                (1, 4, FaultWhy::NotARecord),
            ),
            (
                "the last line cut",
                |f| edit(f, 3, |l| l.truncate(3)),
                (3, 3, FaultWhy::Truncated { head: 16 }),
            ),
            (
                "several lines cut",
                |f| edit(f, 3, |l| l.truncate(1)),
                (3, 1, FaultWhy::Truncated { head: 16 }),
            ),
            (
                "the last segment removed",
                |f| std::fs::remove_file(Segment::new(f, 3).path).unwrap(),
                (2, 6, FaultWhy::Truncated { head: 16 }),
            ),
            (
                "a segment removed",
                |f| std::fs::remove_file(Segment::new(f, 2).path).unwrap(),
                (3, 0, FaultWhy::MissingSegment { expected: 2 }),
            ),
            (
                "the first segment removed",
                |f| std::fs::remove_file(Segment::new(f, 1).path).unwrap(),
                (2, 0, FaultWhy::MissingSegment { expected: 1 }),
            ),
            (
                "the end of a segment cut",
                |f| edit(f, 1, |l| l.truncate(5)),
                (2, 1, FaultWhy::WrongBefore),
            ),
            (
                "a record added after the end",
                |f| {
                    edit(f, 3, |l| {
                        l.push(l[2].replace("\"seq\":15", "\"seq\":17"));
                        rechain(l, 4);
                    });
                },
                (3, 5, FaultWhy::AfterTheEnd),
            ),
            (
                "the signed head removed",
                |f| std::fs::remove_file(f.join("head.json")).unwrap(),
                (3, 4, FaultWhy::HeadMissing),
            ),
        ];
        for (name, hostile, expected) in cases {
            let folder = folder();
            written(folder.path());
            hostile(folder.path());
            assert_eq!(fault(folder.path()), expected, "{name}");
        }
    }

    #[test]
    fn a_whole_folder_written_with_another_key_is_refused() {
        let (real, forged) = (folder(), folder());
        written(real.path());
        written(forged.path());
        let found = verify(forged.path(), &key(real.path()), Expected::default(), |_| ());
        let Err(VerifyError::Fault(fault)) = found else { panic!("accepted") };
        assert_eq!((fault.line, fault.why), (1, FaultWhy::WrongSignature));
    }

    #[test]
    fn a_head_signed_with_another_key_is_refused() {
        let folder = folder();
        written(folder.path());
        let end = check(folder.path()).unwrap().end;
        Head::sign(&Signer::generate().unwrap().0, end).write(folder.path()).unwrap();
        assert_eq!(fault(folder.path()).2, FaultWhy::HeadForged);
    }

    #[test]
    fn an_older_state_of_the_whole_folder_is_found_by_an_end_kept_elsewhere() {
        let folder = folder();
        written(folder.path());
        let (end, key) = (check(folder.path()).unwrap().end, key(folder.path()));
        let kept = |seq| Expected { link: Some(Link { seq, ..end }), ..Expected::default() };
        assert!(verify(folder.path(), &key, kept(end.seq), |_| ()).is_ok());
        assert!(verify(folder.path(), &key, kept(end.seq + 1), |_| ()).is_err());
        assert!(verify(folder.path(), &key, kept(end.seq - 1), |_| ()).is_err());
    }

    #[test]
    fn segments_taken_away_on_purpose_are_accepted_when_said_so() {
        let folder = folder();
        written(folder.path());
        std::fs::remove_file(Segment::new(folder.path(), 1).path).unwrap();
        let from = Expected { from_segment: Some(2), ..Expected::default() };
        let verified = verify(folder.path(), &key(folder.path()), from, |_| ()).unwrap();
        assert_eq!((verified.segments, verified.records), (2, 10));
    }

    #[test]
    fn a_nul_that_somebody_wrote_is_no_torn_tail_while_records_follow_it() {
        let folder = folder();
        let mut log = Log::open(folder.path(), "node", 1 << 20, AT).unwrap();
        log.checkpoint(Why::Interval, AT).unwrap();
        for number in 1..=3 {
            log.append(&request(number)).unwrap();
        }
        log.commit(true).unwrap();
        drop(log);
        edit(folder.path(), 1, |lines| lines[3] = lines[3].replace("2.png", "2\0png"));
        assert_eq!(fault(folder.path()), (1, 4, FaultWhy::NotARecord));
        // Nor does a start move what follows it aside.
        let path = Segment::new(folder.path(), 1).path;
        let content = std::fs::read(&path).unwrap();
        drop(Log::open(folder.path(), "node", 1 << 20, AT).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), content);
        assert!(text(folder.path()).contains(r#""kind":"tampered""#));
        assert_eq!(fault(folder.path()), (1, 4, FaultWhy::NotARecord));
        // At the very end it is what a crash may leave.
        let whole = folder.path().join("whole");
        let mut log = Log::open(&whole, "node", 1 << 20, AT).unwrap();
        log.append(&request(1)).unwrap();
        log.commit(true).unwrap();
        drop(log);
        edit(&whole, 1, |lines| lines[1] = lines[1].replace("1.png", "1\0png"));
        assert!(check(&whole).unwrap().torn.is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_byte_of_a_segment_can_change_unnoticed(at in any::<Index>(), file in any::<Index>(), with in 1u8..) {
            static WRITTEN: LazyLock<TempDir> = LazyLock::new(|| {
                let folder = folder();
                written(folder.path());
                folder
            });
            let segments = list(WRITTEN.path()).unwrap();
            let path = &segments[file.index(segments.len())].path;
            let content = std::fs::read(path).unwrap();
            let mut changed = content.clone();
            changed[at.index(content.len())] ^= with;
            std::fs::write(path, changed).unwrap();
            let found = check(WRITTEN.path());
            std::fs::write(path, content).unwrap();
            assert!(found.is_err());
            assert!(check(WRITTEN.path()).is_ok());
        }
    }
}
