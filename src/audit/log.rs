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
use super::segment::{Head, LINE_LIMIT, Segment, begin, create, list, occupy, sync_folder};
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
    /// The last line is a checkpoint, so a second attempt at it adds no other.
    checkpoint: Option<Why>,
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
            checkpoint: None,
        };
        log.head(now)?;
        for note in past.notes {
            log.mark(note, now)?;
        }
        log.commit(true)?;
        // From here on a folder with segments and without a head is one from which somebody took it.
        Head::sign(&log.signer, log.end).write(folder)?;
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
        let end = self.end.close(&mut self.buffer, start);
        let length = self.buffer.len().saturating_sub(start);
        // Who reads them takes one of just so many bytes for a piece of a longer one.
        if u64::try_from(length).is_ok_and(|length| length >= LINE_LIMIT) {
            self.buffer.truncate(start);
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "longer than any record may be",
            ));
        }
        self.end = end;
        self.unsigned += 1;
        self.checkpoint = None;
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

    /// Signs the end of the chain, in the log and in the head file. May be tried again after an error.
    pub(super) fn checkpoint(&mut self, why: Why, now: Timestamp) -> io::Result<()> {
        if self.checkpoint != Some(why) {
            let signature = self.signer.sign(self.end).to_string();
            self.mark(What::Checkpoint { why, signature }, now)?;
            self.checkpoint = Some(why);
        }
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
    notes: Vec<What>,
}

impl Past {
    fn take_over(folder: &Path, signer: &Signer) -> io::Result<Self> {
        let head = Head::read(folder).unwrap_or_default();
        let signed = head.as_ref().and_then(|head| head.link(&signer.public()));
        let mut past = Self::of_segments(folder, signer)?;
        let fault = match signed {
            Some(link) if link.seq > past.end.seq => {
                let (end, head) = (past.end.seq, link.seq);
                // The chain goes on from what was signed: the gap stays visible to the verifier for ever.
                past.end = link;
                format!("records are missing: they end with {end}, the signed head with {head}")
            }
            None => "the signed head is missing or forged".to_owned(),
            Some(_) => return Ok(past),
        };
        tracing::error!(fault, "the audit was changed while nobody wrote it");
        past.notes.push(What::Tampered { fault });
        Ok(past)
    }

    fn of_segments(folder: &Path, signer: &Signer) -> io::Result<Self> {
        let segments = list(folder)?;
        // A segment whose head was never finished is taken away as a torn tail, then the one before it is the last.
        let Some(last) = segments.last() else {
            return Ok(Self { number: 0, end: Link::START, notes: Vec::new() });
        };
        let key = signer.public();
        let mut walk = Walk::alone(&key, last);
        let number = last.number;
        match walk.segment(last, true, &mut |_| ()) {
            Ok(()) if walk.end == Link::START => Self::without_head(folder, &segments, signer),
            Ok(()) => {
                let torn = walk.torn.map(|torn| cut(last, torn.offset)).transpose()?;
                Ok(Self { number, end: walk.end, notes: torn.into_iter().collect() })
            }
            Err(VerifyError::Fault(fault)) => {
                tracing::error!(%fault, "the audit was changed while nobody wrote it");
                let end = last_stated(last)?.unwrap_or(walk.end);
                let notes = vec![What::Tampered { fault: fault.to_string() }];
                Ok(Self { number, end, notes })
            }
            Err(VerifyError::Unreadable(error)) => Err(error),
            Err(VerifyError::Empty(folder)) => Err(io::Error::other(folder.display().to_string())),
        }
    }

    /// The last segment holds no whole line: it goes aside, and the chain goes on where the one before ended.
    fn without_head(folder: &Path, segments: &[Segment], signer: &Signer) -> io::Result<Self> {
        let Some((last, before)) = segments.split_last() else {
            return Ok(Self { number: 0, end: Link::START, notes: Vec::new() });
        };
        let note = cut(last, 0)?;
        std::fs::remove_file(&last.path)?;
        let Some(previous) = before.last() else {
            return Ok(Self { number: 0, end: Link::START, notes: vec![note] });
        };
        let key = signer.public();
        let mut walk = Walk::alone(&key, previous);
        let _changed = walk.segment(previous, false, &mut |_| ());
        let end = last_stated(previous)?.unwrap_or(walk.end);
        sync_folder(folder)?;
        Ok(Self { number: previous.number, end, notes: vec![note] })
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use http::StatusCode;

    use super::super::chain::Link;
    use super::super::fixture::{AT, end, folder, id, key, request, text};
    use super::super::record::Record;
    use super::super::segment::{Head, Segment, begin, list, occupy};
    use super::super::verify::{Expected, FaultWhy, Verified, VerifyError, verify};
    use super::{Log, Why};

    fn check(folder: &Path) -> Result<Verified, VerifyError> {
        verify(folder, &key(folder), Expected::default(), |_| ())
    }

    fn killed_after(folder: &Path, records: u64) {
        let mut log = Log::open(folder, "node", 1 << 20, AT).unwrap();
        log.append(&request(0)).unwrap();
        log.checkpoint(Why::Interval, AT).unwrap();
        for number in 1..=records {
            log.append(&request(number)).unwrap();
        }
        log.commit(true).unwrap();
    }

    #[test]
    fn whatever_a_kill_leaves_is_told_apart_and_healed() {
        let whole = folder();
        killed_after(whole.path(), 2);
        let path = Segment::new(whole.path(), 1).path;
        let content = std::fs::read(&path).unwrap();
        let head = std::fs::read(whole.path().join("head.json")).unwrap();
        let signed =
            content.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(2).unwrap().0;
        for length in (signed + 1..=content.len()).step_by(37) {
            std::fs::write(&path, &content[..length]).unwrap();
            let torn = content[length - 1] != b'\n';
            let found = check(whole.path()).unwrap();
            assert_eq!(found.torn.is_some(), torn, "cut at {length}");

            drop(Log::open(whole.path(), "node", 1 << 20, AT).unwrap());
            let healed = check(whole.path()).unwrap();
            assert_eq!((healed.torn, healed.segments), (None, 2), "cut at {length}");
            assert_eq!(text(whole.path()).contains(r#""kind":"torn_tail""#), torn);
            let aside = std::fs::read_dir(whole.path()).unwrap().map(|one| one.unwrap().path());
            let aside: Vec<_> =
                aside.filter(|one| one.to_string_lossy().contains(".torn-")).collect();
            assert_eq!(aside.len(), usize::from(torn), "nothing is thrown away");
            aside.iter().for_each(|one| std::fs::remove_file(one).unwrap());
            std::fs::remove_file(Segment::new(whole.path(), 2).path).unwrap();
            std::fs::write(whole.path().join("head.json"), &head).unwrap();
        }
    }

    #[test]
    fn blocks_that_a_power_cut_left_unfilled_are_a_torn_tail() {
        let folder = folder();
        killed_after(folder.path(), 1);
        let path = Segment::new(folder.path(), 1).path;
        let mut content = std::fs::read(&path).unwrap();
        content.extend_from_slice(&[0; 4096]);
        content.extend_from_slice(b"rest of a line\n");
        std::fs::write(&path, content).unwrap();
        assert_eq!(check(folder.path()).unwrap().torn.unwrap().bytes, 4096 + 15);
        drop(Log::open(folder.path(), "node", 1 << 20, AT).unwrap());
        assert_eq!(check(folder.path()).unwrap().torn, None);
    }

    #[test]
    fn a_kill_before_the_first_line_of_a_segment_is_healed() {
        for content in ["", "{\"seq\":4,\"ti"] {
            let folder = folder();
            killed_after(folder.path(), 1);
            std::fs::write(Segment::new(folder.path(), 2).path, content).unwrap();
            assert!(check(folder.path()).is_ok());
            drop(Log::open(folder.path(), "node", 1 << 20, AT).unwrap());
            let healed = check(folder.path()).unwrap();
            assert_eq!((healed.segments, healed.torn), (2, None));
        }
    }

    #[test]
    fn a_start_does_not_hide_what_was_changed_before_it() {
        let folder = folder();
        killed_after(folder.path(), 3);
        let path = Segment::new(folder.path(), 1).path;
        let content = std::fs::read_to_string(&path).unwrap().replace("2.png", "9.png");
        std::fs::write(&path, content).unwrap();
        drop(Log::open(folder.path(), "node", 1 << 20, AT).unwrap());
        let Err(VerifyError::Fault(fault)) = check(folder.path()) else { panic!("hidden") };
        assert_eq!((fault.file, fault.line, fault.why), (path, 5, FaultWhy::WrongHash));
        assert!(text(folder.path()).contains(r#""kind":"tampered""#));
    }

    #[test]
    fn a_start_does_not_hide_what_was_cut_before_it() {
        type Cut = fn(&Path);
        let cuts: [(&str, Cut); 3] = [
            ("the last segment's end", |folder| {
                let path = Segment::new(folder, 1).path;
                let content = std::fs::read_to_string(&path).unwrap();
                let kept: String =
                    content.lines().take(2).map(|line| format!("{line}\n")).collect();
                std::fs::write(&path, kept).unwrap();
            }),
            ("the only segment", |folder| {
                std::fs::remove_file(Segment::new(folder, 1).path).unwrap();
            }),
            ("the head", |folder| std::fs::remove_file(folder.join("head.json")).unwrap()),
        ];
        for (name, cut) in cuts {
            let folder = folder();
            killed_after(folder.path(), 1);
            cut(folder.path());
            drop(Log::open(folder.path(), "node", 1 << 20, AT).unwrap());
            assert!(text(folder.path()).contains(r#""kind":"tampered""#), "{name}");
            assert_eq!(check(folder.path()).is_err(), name != "the head", "{name}");
        }
    }

    #[test]
    fn a_start_does_not_hide_that_everything_but_the_key_was_taken_away() {
        for also in [None, Some("key.pk8"), Some("head.json")] {
            let folder = folder();
            killed_after(folder.path(), 1);
            std::fs::remove_file(Segment::new(folder.path(), 1).path).unwrap();
            let taken = also.unwrap_or("head.json");
            std::fs::remove_file(folder.path().join(taken)).unwrap();
            drop(Log::open(folder.path(), "node", 1 << 20, AT).unwrap());
            assert!(text(folder.path()).contains(r#""kind":"tampered""#), "{taken}");
        }
    }

    #[test]
    fn a_first_start_that_was_killed_anywhere_is_no_tampering() {
        type Leave = fn(&Path);
        let left: [(&str, Leave); 6] = [
            ("a folder", |_| ()),
            ("half a key", |folder| std::fs::write(folder.join("key.pk8.new"), "half").unwrap()),
            ("all but the key", |folder| {
                drop(occupy(folder).unwrap());
                std::fs::remove_file(folder.join("key.pk8")).unwrap();
            }),
            ("the key", |folder| drop(occupy(folder).unwrap())),
            ("an empty segment", |folder| {
                drop(occupy(folder).unwrap());
                begin(&Segment::new(folder, 1)).unwrap();
            }),
            ("a segment and no head of it", |folder| {
                let (lock, signer) = occupy(folder).unwrap();
                let head = Head::sign(&signer, Link::START);
                drop(lock);
                drop(Log::open(folder, "node", 1 << 20, AT).unwrap());
                head.write(folder).unwrap();
            }),
        ];
        for (name, leave) in left {
            let folder = folder();
            leave(folder.path());
            drop(Log::open(folder.path(), "node", 1 << 20, AT).unwrap());
            assert!(!text(folder.path()).contains(r#""kind":"tampered""#), "{name}");
            assert!(check(folder.path()).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_public_key_that_is_missing_or_short_is_made_again() {
        let folder = folder();
        killed_after(folder.path(), 1);
        let path = folder.path().join("key.pub");
        let content = std::fs::read(&path).unwrap();
        let spoil: [fn(&Path); 2] =
            [|path| std::fs::remove_file(path).unwrap(), |path| std::fs::write(path, "").unwrap()];
        for spoil in spoil {
            spoil(&path);
            drop(Log::open(folder.path(), "node", 1 << 20, AT).unwrap());
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
        assert!(check(folder.path()).is_ok());
    }

    #[test]
    fn a_signing_key_that_others_may_read_is_refused_with_the_remedy() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder();
        killed_after(folder.path(), 1);
        let path = folder.path().join("key.pk8");
        for mode in [0o640, 0o604] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let refused = Log::open(folder.path(), "node", 1 << 20, AT).unwrap_err().to_string();
            assert!(refused.ends_with(&format!("chmod 600 {}", path.display())), "{refused}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Log::open(folder.path(), "node", 1 << 20, AT).is_ok());
    }

    #[test]
    fn a_second_writer_is_kept_out() {
        let folder = folder();
        let first = Log::open(folder.path(), "node", 1 << 20, AT).unwrap();
        assert!(Log::open(folder.path(), "node", 1 << 20, AT).is_err());
        drop(first);
        assert!(Log::open(folder.path(), "node", 1 << 20, AT).is_ok());
    }

    #[test]
    fn what_would_be_longer_than_a_record_may_be_is_refused_and_the_chain_goes_on() {
        let folder = folder();
        let mut log = Log::open(folder.path(), "node", 1 << 20, AT).unwrap();
        log.append(&request(1)).unwrap();
        let mut end = end(StatusCode::OK);
        end.sign_in = Some("x".repeat(1 << 20).into());
        log.append(&Record::Ended { request: id(2), time: AT, end }).unwrap_err();
        log.append(&request(3)).unwrap();
        log.checkpoint(Why::Stop, AT).unwrap();
        assert_eq!(check(folder.path()).unwrap().records, 4);
    }

    #[test]
    fn a_failed_commit_is_tried_again_without_a_trace() {
        let folder = folder();
        let mut log = Log::open(folder.path(), "node", 1 << 20, AT).unwrap();
        log.append(&request(1)).unwrap();
        // As if the disk had taken half of it and then no more.
        log.uncertain = true;
        std::io::Write::write_all(&mut log.file, b"{\"half\":").unwrap();
        log.commit(true).unwrap();
        log.checkpoint(Why::Stop, AT).unwrap();
        assert_eq!(check(folder.path()).unwrap().records, 3);
    }

    #[test]
    fn files_are_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder();
        killed_after(&folder.path().join("audit"), 1);
        let folder = folder.path().join("audit");
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        for file in [
            "key.pk8",
            "head.json",
            &list(&folder).unwrap()[0].path.file_name().unwrap().to_string_lossy(),
        ] {
            let mode = std::fs::metadata(folder.join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }
}
