//! Questions to the audit, answered by reading the segments from start to end. What is kept in memory meanwhile is the
//! requests that began and have not ended yet, however large the segments are. Reading blocks: on the server, ask from
//! the control plane's blocking threads.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::found::{Found, Join};
use super::segment::{LINE_LIMIT, Segment, list};
use crate::ground::clock::Timestamp;
use crate::listener::RequestId;

/// Reads one audit folder.
#[derive(Debug, Clone)]
pub struct Questions {
    folder: PathBuf,
}

/// Narrows an answer.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub since: Option<Timestamp>,
    pub organization: Option<String>,
    /// Also what was asked and gave nothing of an object: refusals, failures, writes, listings, sign-ins.
    pub all: bool,
}

/// An object as an auditor names it: `project/storage/key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName {
    pub project: String,
    pub storage: String,
    pub key: String,
}

/// Text that does not name an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an object is named PROJECT/STORAGE/KEY")]
pub struct BadObjectName;

impl std::str::FromStr for ObjectName {
    type Err = BadObjectName;

    fn from_str(text: &str) -> Result<Self, BadObjectName> {
        let mut parts = text.splitn(3, '/').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(project), Some(storage), Some(key)) if !key.is_empty() => {
                Ok(Self { project, storage, key })
            }
            _fewer => Err(BadObjectName),
        }
    }
}

impl Questions {
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// What is recorded of one request; the newest segments are read first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn find(&self, request: RequestId) -> io::Result<Option<Found>> {
        let needle = format!("\"{request}\"");
        let mut later: Vec<Vec<u8>> = Vec::new();
        for segment in list(&self.folder)?.iter().rev() {
            let mut lines = Lines::open(segment)?;
            let mut here = Vec::new();
            while let Some(line) = lines.next()? {
                if std::str::from_utf8(line).is_ok_and(|line| line.contains(&needle)) {
                    here.push(line.to_vec());
                }
            }
            here.append(&mut later);
            later = here;
            let mut join = Join::default();
            let is_it = |found: &Found| found.request == request.to_string();
            let mut whole = None;
            for line in &later {
                whole = join.feed(line, is_it).or(whole);
            }
            if let Some(found) = whole.or_else(|| join.unfinished(is_it).pop()) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Who was given this object.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn who_saw(
        &self,
        object: ObjectName,
        filter: Filter,
    ) -> io::Result<Entries<impl Fn(&Found) -> bool + use<>>> {
        self.entries(filter, move |found| {
            found.facts.project.as_deref() == Some(&object.project)
                && found.facts.storage.as_deref() == Some(&object.storage)
                && found.facts.key.as_deref() == Some(&object.key)
        })
    }

    /// What this person was given; with `all`, also when he came, or tried to, and was signed out elsewhere.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn what_saw(
        &self,
        email: &str,
        filter: Filter,
    ) -> io::Result<Entries<impl Fn(&Found) -> bool + use<>>> {
        let email = email.to_lowercase();
        self.entries(filter, move |found| {
            let about_object = found.facts.project.is_some();
            let asked = found.facts.email.as_ref().is_some_and(|one| one.to_lowercase() == email);
            about_object && asked || found.is_attendance_of(&email)
        })
    }

    fn entries<F: Fn(&Found) -> bool>(
        &self,
        filter: Filter,
        wanted: F,
    ) -> io::Result<Entries<impl Fn(&Found) -> bool + use<F>>> {
        let since = filter.since;
        let mut segments = VecDeque::new();
        for segment in list(&self.folder)? {
            // A date that cannot be told leaves nothing out.
            let modified = std::fs::metadata(&segment.path)?.modified()?;
            let written = Timestamp::try_from(modified).unwrap_or(Timestamp::MAX);
            if since.is_none_or(|since| since <= written) {
                segments.push_back(segment);
            }
        }
        Ok(Entries {
            segments,
            lines: None,
            join: Join::default(),
            rest: VecDeque::new(),
            read: 0,
            all: filter.all,
            wanted: move |found: &Found| {
                filter.since.is_none_or(|since| found.time >= since)
                    && (filter.all || found.is_permitted())
                    && (filter.organization.is_none()
                        || filter.organization == found.facts.organization)
                    && wanted(found)
            },
        })
    }
}

/// The requests that answer a question, in the order of their ends; unfinished ones last.
#[derive(Debug)]
pub struct Entries<F> {
    segments: VecDeque<Segment>,
    lines: Option<Lines>,
    join: Join,
    rest: VecDeque<Found>,
    read: u64,
    all: bool,
    /// Asked with what was known before the deed, or with the whole; see [`Join::feed`].
    wanted: F,
}

impl<F: Fn(&Found) -> bool> Entries<F> {
    /// All that will be read, in bytes: for a bar of progress.
    pub fn total_bytes(&self) -> u64 {
        let length = |one: &Segment| std::fs::metadata(&one.path).map_or(0, |file| file.len());
        self.segments.iter().map(length).sum()
    }

    /// What has been read so far.
    pub const fn read_bytes(&self) -> u64 {
        self.read
    }

    fn advance(&mut self) -> io::Result<Option<Found>> {
        loop {
            let Some(lines) = &mut self.lines else {
                let Some(segment) = self.segments.pop_front() else {
                    let unfinished = self.join.unfinished(&self.wanted);
                    let all = self.all;
                    self.rest.extend(unfinished.into_iter().filter(|one| all || one.is_given()));
                    return Ok(self.rest.pop_front());
                };
                self.lines = Some(Lines::open(&segment)?);
                continue;
            };
            match lines.next()? {
                None => self.lines = None,
                Some(line) => {
                    self.read += u64::try_from(line.len()).unwrap_or(0);
                    if let Some(found) = self.join.feed(line, &self.wanted)
                        && (self.all || found.is_given())
                    {
                        return Ok(Some(found));
                    }
                }
            }
        }
    }
}

impl<F: Fn(&Found) -> bool> Iterator for Entries<F> {
    type Item = io::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// The end of the audit, as it grows.
#[derive(Debug)]
pub struct Tail {
    folder: PathBuf,
    at: Option<(Segment, u64)>,
    join: Join,
    organization: Option<String>,
}

impl Tail {
    /// A tail, and the last `count` requests before it.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open(
        folder: &Path,
        count: usize,
        organization: Option<String>,
    ) -> io::Result<(Self, Vec<Found>)> {
        let segments = list(folder)?;
        // The segment before the last, too: the last may have just begun.
        let at = segments.iter().rev().take(2).next_back().map(|first| (first.clone(), 0));
        let mut tail = Self { folder: folder.to_owned(), at, join: Join::default(), organization };
        let mut last = VecDeque::new();
        tail.more(|found| {
            last.push_back(found);
            if last.len() > count {
                last.pop_front();
            }
        })?;
        Ok((tail, last.into()))
    }

    /// Hands over what has been written since the last time.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn more(&mut self, mut each: impl FnMut(Found)) -> io::Result<()> {
        loop {
            if self.at.is_none() {
                self.at = list(&self.folder)?.into_iter().next().map(|first| (first, 0));
            }
            let Some((segment, offset)) = &mut self.at else { return Ok(()) };
            // Looked for first: once a segment has a successor, it does not grow.
            let next = Segment::new(&self.folder, segment.number + 1);
            let has_next = next.path.exists();
            let mut lines = Lines::open_at(segment, *offset)?;
            let organization = self.organization.as_ref();
            let wanted = |found: &Found| {
                organization.is_none() || organization == found.facts.organization.as_ref()
            };
            while let Some(line) = lines.next()? {
                *offset += u64::try_from(line.len()).unwrap_or(0);
                if let Some(found) = self.join.feed(line, wanted) {
                    each(found);
                }
            }
            if !has_next {
                return Ok(());
            }
            self.at = Some((next, 0));
        }
    }
}

/// The whole lines of one segment. An unfinished last one is not given; one that is too long to be ours comes in pieces,
/// which are no records.
#[derive(Debug)]
struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
}

impl Lines {
    fn open(segment: &Segment) -> io::Result<Self> {
        Self::open_at(segment, 0)
    }

    fn open_at(segment: &Segment, offset: u64) -> io::Result<Self> {
        let mut file = File::open(&segment.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self { reader: BufReader::with_capacity(1 << 18, file), line: Vec::new() })
    }

    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        let read = self.reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut self.line)?;
        let is_piece = u64::try_from(read).is_ok_and(|read| read == LINE_LIMIT);
        Ok((is_piece || self.line.ends_with(b"\n")).then_some(&*self.line))
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::fixture::{AT, end, facts, facts_of_sign_in, folder, id, request};
    use super::super::log::Log;
    use super::super::record::Record;
    use super::super::segment::{LINE_LIMIT, Segment, begin};
    use super::{Filter, Found, Lines, Questions, Tail};
    use crate::identity::{Attendance, SignedIn, SignedInBy};

    fn of_alice() -> SignedIn {
        SignedIn {
            email: "alice@example.com".to_owned(),
            by: SignedInBy::Saml { assertion: "_1".to_owned(), renewed: false },
            changes: vec!["account made".to_owned()],
            credentials: vec!["scans: a role".to_owned(), "ledgers: b not had: no".to_owned()],
        }
    }

    /// Two lines: a sign-in is recorded before it is known whose it is.
    fn signs(log: &mut Log, number: u64, attendance: Attendance) {
        let facts = facts_of_sign_in(number);
        let (time, request) = (facts.time, facts.request);
        let attendance = Some(Box::new(attendance));
        let end = super::super::record::End { attendance, ..end(StatusCode::SEE_OTHER) };
        log.append(&Record::Begun(facts)).unwrap();
        log.append(&Record::Ended { time, request, end }).unwrap();
    }

    #[test]
    fn a_sign_in_is_read_with_all_that_was_recorded_of_it() {
        let folder = folder();
        let mut log = Log::open(folder.path(), "node", 1 << 20, AT).unwrap();
        signs(&mut log, 1, Attendance::SignedIn(of_alice()));
        let people = ["alice@example.com", "bob@example.com"].map(str::to_owned);
        signs(&mut log, 2, Attendance::SignedOut(people.clone().into()));
        log.commit(true).unwrap();
        let check = |end: &super::super::FoundEnd| {
            assert_eq!(end.sign_in.as_deref(), Some("alice@example.com"));
            assert_eq!(end.signed_in_by.as_deref(), Some("saml"));
            assert_eq!(end.assertion.as_deref(), Some("_1"));
            assert_eq!(end.changes, Some(of_alice().changes));
            assert_eq!(end.credentials, Some(of_alice().credentials));
            assert_eq!(end.signed_out, None);
        };
        check(&Questions::new(folder.path()).find(id(1)).unwrap().unwrap().end);
        let (_tail, last) = Tail::open(folder.path(), 10, None).unwrap();
        let [signed_in, signed_out] = &last[..] else { panic!("{last:?}") };
        check(&signed_in.end);
        assert_eq!(signed_out.end.signed_out, Some(people.to_vec()));
        assert_eq!(signed_out.end.signed_in_by, None);
        let again: Found =
            serde_json::from_str(&super::super::to_json(signed_in).unwrap()).unwrap();
        assert_eq!(&again, signed_in, "and printed so");
    }

    #[test]
    fn what_one_person_did_holds_his_sign_ins_and_sign_outs_and_nobody_elses() {
        let folder = folder();
        let mut log = Log::open(folder.path(), "node", 1 << 20, AT).unwrap();
        signs(&mut log, 1, Attendance::SignedIn(of_alice()));
        let bob = SignedIn { email: "bob@example.com".to_owned(), ..of_alice() };
        signs(&mut log, 2, Attendance::SignedIn(bob));
        signs(&mut log, 3, Attendance::SignedOut(["alice@example.com".to_owned()].into()));
        // Nobody knows whose these were, or would have been.
        log.append(&Record::Begun(facts_of_sign_in(4))).unwrap();
        log.append(&request(5)).unwrap();
        log.append(&Record::Begun(facts(6, "6.png"))).unwrap();
        // One that failed, in one line.
        let mut failed = end(StatusCode::UNAUTHORIZED);
        failed.sign_in = Some("Alice@example.com".into());
        failed.refusal = Some(("wrong-password", "the password is wrong".into()));
        log.append(&Record::Request { facts: facts_of_sign_in(7), end: failed }).unwrap();
        log.commit(true).unwrap();
        let ask = |email: &str, all: bool| {
            let filter = Filter { all, ..Filter::default() };
            let entries = Questions::new(folder.path()).what_saw(email, filter).unwrap();
            entries.map(|found| found.unwrap().request).collect::<Vec<_>>()
        };
        let ids =
            |numbers: &[u64]| numbers.iter().map(|it| id(*it).to_string()).collect::<Vec<_>>();
        assert_eq!(ask("ALICE@example.com", true), ids(&[1, 3, 7]));
        assert_eq!(ask("bob@example.com", true), ids(&[2]));
        assert_eq!(ask("alice@example.com", false), ids(&[]), "a sign-in gives no object");
        assert_eq!(ask("carl@example.com", true), ids(&[]));
    }

    #[test]
    fn an_unfinished_sign_in_is_found_by_its_id_only() {
        let folder = folder();
        let mut log = Log::open(folder.path(), "node", 1 << 20, AT).unwrap();
        let mut other = facts_of_sign_in(1);
        other.user_agent = Some(id(2).to_string().parse().unwrap());
        log.append(&Record::Begun(other)).unwrap();
        log.commit(true).unwrap();
        let questions = Questions::new(folder.path());
        let open = questions.find(id(1)).unwrap().unwrap();
        assert_eq!((open.end.status, open.end.sign_in), (None, None));
        assert_eq!(questions.find(id(2)).unwrap(), None, "though its line holds the other's id");
    }

    #[test]
    fn lines_from_before_these_fields_are_read() {
        let folder = folder();
        let old = r#"{"seq":1,"time":"2026-01-15T08:00:00Z","kind":"request","node":"n","request":"R","client":"::1","operation":"SignIn","decision":"permitted","status":303,"bytes":0,"outcome":"complete","duration_us":9,"hash":"0"}"#;
        let line = format!("{}\n", old.replace('R', &id(1).to_string()));
        std::fs::write(Segment::new(folder.path(), 1).path, line).unwrap();
        let found = Questions::new(folder.path()).find(id(1)).unwrap().unwrap();
        assert_eq!((found.end.status, found.end.signed_in_by), (Some(303), None));
    }

    #[test]
    fn a_line_without_an_end_is_read_in_pieces_and_hides_nothing() {
        let folder = folder();
        let mut log = Log::open(folder.path(), "node", 1 << 20, AT).unwrap();
        log.append(&request(1)).unwrap();
        log.commit(true).unwrap();
        let ours = std::fs::read(Segment::new(folder.path(), 1).path).unwrap();
        let hostile = Segment::new(folder.path(), 2);
        let mut file = begin(&hostile).unwrap();
        let long = usize::try_from(3 * LINE_LIMIT).unwrap();
        let content = [&vec![b'x'; long][..], b"\n", &ours, b"yyyyyyyyy"].concat();
        std::io::Write::write_all(&mut file, &content).unwrap();

        let mut lines = Lines::open(&hostile).unwrap();
        let mut lengths = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            lengths.push(u64::try_from(line.len()).unwrap());
        }
        assert_eq!(lengths[..4], [LINE_LIMIT, LINE_LIMIT, LINE_LIMIT, 1]);
        assert_eq!(lengths.len(), 4 + 2);
        std::fs::remove_file(Segment::new(folder.path(), 1).path).unwrap();
        assert!(Questions::new(folder.path()).find(id(1)).unwrap().is_some());
    }
}
