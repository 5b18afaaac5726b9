//! The open record of one request: what every stage found out, until the end of the stream closes it.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::oneshot;

use super::observer::Ended;
use super::record::{End, Facts, Record, outcome_name};
use super::writer::Unwritten;
use super::{AuditError, Durability, Shared};
use crate::backend::Reply;
use crate::credential::Credential;
use crate::ground::clock::Timestamp;
use crate::identity::{Attendance, Identity, SignedIn};
use crate::label_studio::Deed;
use crate::listener::{Incoming, RequestId};
use crate::policy::{Denial, Grant};
use crate::request::{Ask, Operation, Visit};
use crate::stream::{Outcome, Witness};

/// The open record of one request. Dropped unfinished, it says that the request was aborted.
#[derive(Debug)]
pub struct Entry {
    shared: Arc<Shared>,
    request: RequestId,
    began: Timestamp,
    operation: Option<&'static str>,
    /// Gone once the begun record is under way.
    facts: Option<Box<Facts>>,
    upstream: Option<Box<str>>,
    sign_in: Option<Box<str>>,
    attendance: Option<Box<Attendance>>,
    refusal: Option<(&'static str, Box<str>)>,
    written: Option<oneshot::Receiver<Result<(), Unwritten>>>,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    /// No room came free in time: the request is refused, and counted instead of recorded.
    NoRoom,
    Finished,
}

/// How the disk must be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// One record at the end, for what gives no object away and changes nothing.
    Never,
    BeforeAnswer,
    BeforeDeed,
}

/// How long a request waits for room in a full queue.
const PATIENCE: Duration = Duration::from_secs(5);
/// More records than this do not wait for the disk.
const QUEUE_LIMIT: usize = 1 << 16;

impl Entry {
    pub(super) async fn open(shared: &Arc<Shared>, incoming: &Incoming) -> Self {
        let began = shared.clock.now();
        shared.observer.began();
        let standing = if has_room(shared).await { Standing::Open } else { Standing::NoRoom };
        Self {
            shared: Arc::clone(shared),
            request: incoming.id(),
            began,
            operation: None,
            facts: Some(Box::new(Facts::of(incoming, began))),
            upstream: None,
            sign_in: None,
            attendance: None,
            refusal: None,
            written: None,
            standing,
        }
    }

    pub fn asked(&mut self, operation: &Operation) {
        self.operation = Some(operation.name());
        if let Some(facts) = &mut self.facts {
            facts.operation = Some(operation.clone());
        }
    }

    pub fn identified(&mut self, identity: &Identity) {
        if let Some(facts) = &mut self.facts {
            facts.identity = Some(identity.clone());
        }
    }

    pub fn permitted(&mut self, grant: &Grant) {
        if let Some(facts) = &mut self.facts {
            facts.grant = Some(grant.clone());
        }
    }

    /// The last line before the deed. With `before-bytes`, what changes something waits here for the disk.
    ///
    /// # Errors
    /// [`AuditError`] when it cannot be written.
    pub async fn acting_as(&mut self, credential: &Credential) -> Result<(), AuditError> {
        let mut wait = Wait::Never;
        if let Some(facts) = &mut self.facts {
            facts.credential = credential.id().map(Into::into);
            facts.acting = credential.acting().map(|(role, session)| (role.into(), session.into()));
            wait = facts.operation.as_ref().map_or(Wait::BeforeDeed, |asked| wait_for(asked.ask()));
        }
        self.about_to_act(wait).await
    }

    async fn about_to_act(&mut self, wait: Wait) -> Result<(), AuditError> {
        if self.standing == Standing::NoRoom {
            return Err(AuditError::Full);
        }
        if self.shared.state.ended.load(Ordering::Relaxed) {
            return Err(AuditError::Unwritten);
        }
        if wait == Wait::Never || self.shared.durability == Durability::Async {
            return Ok(());
        }
        if !self.shared.state.healthy.load(Ordering::Relaxed) {
            return Err(AuditError::Unwritten);
        }
        if let Some(facts) = self.facts.take() {
            let (ticket, written) = oneshot::channel();
            self.shared.push(Record::Begun(facts), Some(ticket));
            self.written = Some(written);
        }
        if wait == Wait::BeforeDeed { self.on_disk().await } else { Ok(()) }
    }

    /// The upstream answered. With `before-bytes`, waits until this entry is on disk.
    ///
    /// # Errors
    /// [`AuditError`] when it is not.
    pub async fn about_to_answer(&mut self, reply: &Reply) -> Result<(), AuditError> {
        self.upstream = reply.upstream_id().map(Into::into);
        self.attendance = reply.attendance().cloned().map(Box::new);
        self.on_disk().await?;
        if self.attendance.is_none() || self.shared.durability == Durability::Async {
            return Ok(());
        }
        // Who came or went, and as what, stands in the last line: it is written before the cookie leaves, not after.
        let (ticket, written) = oneshot::channel();
        self.end((reply.status(), reply.length(), Outcome::Complete), Some(ticket));
        self.written = Some(written);
        self.on_disk().await
    }

    async fn on_disk(&mut self) -> Result<(), AuditError> {
        match self.written.take() {
            None => Ok(()),
            Some(written) => match written.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(Unwritten)) | Err(_) => Err(AuditError::Unwritten),
            },
        }
    }

    /// With whose name a sign-in failed, if it was one. Recorded, but never logged.
    pub fn tried(&mut self, email: Option<&str>, about: Option<&SignedIn>) {
        self.sign_in = email.map(Into::into);
        self.attendance = about.cloned().map(|about| Box::new(Attendance::SignedIn(about)));
    }

    /// The request is refused with this documented code, for this reason (the operator's words).
    pub fn refused(&mut self, code: &'static str, reason: &(dyn Error + 'static)) {
        if let Some(facts) = &mut self.facts {
            facts.denied_on = reason.downcast_ref().and_then(Denial::basis).cloned();
        }
        self.refusal = Some((code, words(reason).into()));
    }

    fn end(
        &mut self,
        (status, bytes, outcome): (StatusCode, u64, Outcome),
        ticket: Option<oneshot::Sender<Result<(), Unwritten>>>,
    ) {
        if self.standing == Standing::Finished {
            return;
        }
        let time = self.shared.clock.now();
        let elapsed = time.duration_since(self.began).as_micros();
        let duration_us = u64::try_from(elapsed).unwrap_or(0);
        self.tell(&Ended {
            request: self.request,
            operation: self.operation,
            status,
            code: self.refusal.as_ref().map(|(code, _)| *code),
            bytes,
            outcome,
            duration_us,
        });
        if std::mem::replace(&mut self.standing, Standing::Finished) == Standing::NoRoom {
            self.shared.state.unrecorded.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let (upstream, sign_in) = (self.upstream.take(), self.sign_in.take());
        let (attendance, refusal) = (self.attendance.take(), self.refusal.take());
        let end =
            End { status, bytes, outcome, duration_us, upstream, sign_in, attendance, refusal };
        let record = match self.facts.take() {
            Some(facts) => Record::Request { facts, end },
            None => Record::Ended { time, request: self.request, end },
        };
        self.shared.push(record, ticket);
    }

    fn tell(&self, ended: &Ended) {
        self.shared.observer.ended(ended);
        tracing::info!(
            request = %ended.request,
            operation = ended.operation,
            status = ended.status.as_u16(),
            code = ended.code,
            reason = self.refusal.as_ref().map(|(_, reason)| &**reason),
            bytes = ended.bytes,
            outcome = outcome_name(ended.outcome),
            duration_us = ended.duration_us,
            "request"
        );
    }
}

impl Witness for Entry {
    fn finished(mut self, status: StatusCode, bytes: u64, outcome: Outcome) {
        self.end((status, bytes, outcome), None);
    }
}

impl Drop for Entry {
    /// The client went away before there was an answer: nginx's 499, for want of a registered one.
    fn drop(&mut self) {
        let none = StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT);
        self.end((none, 0, Outcome::Aborted), None);
    }
}

async fn has_room(shared: &Shared) -> bool {
    let room = || shared.state.queued.load(Ordering::Relaxed) < QUEUE_LIMIT;
    if room() {
        return true;
    }
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            let freed = shared.state.room.notified();
            if room() {
                return;
            }
            freed.await;
        }
    });
    waited.await.is_ok()
}

fn wait_for(ask: &Ask) -> Wait {
    match ask {
        Ask::LabelStudio(call) if call.changes() => Wait::BeforeDeed,
        Ask::Write(_)
        | Ask::Visit(
            Visit::SignIn
            | Visit::SignOut
            | Visit::ExchangeToken
            | Visit::AcceptInvitation { .. }
            | Visit::ClaimLabelStudioUser
            | Visit::AcceptAssertion(_)
            | Visit::SingleLogout(_),
        ) => Wait::BeforeDeed,
        // Its pages and lists hold no object.
        Ask::LabelStudio(call) if call.deed() == Deed::OpenLabelStudio => Wait::Never,
        Ask::Read(_) | Ask::List { .. } | Ask::LabelStudio(_) => Wait::BeforeAnswer,
        Ask::Visit(
            Visit::Asset(_)
            | Visit::Home
            | Visit::SignInPage { .. }
            | Visit::Account
            | Visit::SealHandles
            | Visit::Preflight { .. }
            | Visit::InvitationPage { .. }
            | Visit::LabelStudioUserPage { .. }
            | Visit::SamlMetadata(_)
            | Visit::SamlSignIn { .. }
            | Visit::ExplainRequest(_),
        ) => Wait::Never,
    }
}

/// An error and its causes, in one line.
fn words(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};

    use super::super::fixture::{audit, folder, id, text};
    use super::super::{Audit, AuditError, Durability, Filter, Found, Questions};
    use super::Ordering;
    use super::{Entry, Wait};
    use crate::ground::clock::Clock;
    use crate::label_studio::Routes;
    use crate::request::Operation;
    use crate::stream::fixture::{self, PATH, annotator};
    use crate::stream::{Outcome, Witness};

    /// An entry that has come as far as the deed.
    async fn granted(audit: &Audit, number: u64) -> Entry {
        let incoming = fixture::incoming(Method::GET, PATH);
        let mut entry = audit.open(&incoming).await;
        entry.request = id(number);
        entry.facts.as_mut().unwrap().request = id(number);
        let grant = fixture::grant(&fixture::policy(), &incoming);
        entry.asked(grant.operation());
        entry.identified(&annotator());
        entry.permitted(&grant);
        entry
    }

    fn found(folder: &std::path::Path, number: u64) -> Found {
        Questions::new(folder).find(id(number)).unwrap().unwrap()
    }

    #[tokio::test]
    async fn before_bytes_a_change_waits_for_the_disk_and_a_read_until_it_answers() {
        let folder = folder();
        let audit = audit(folder.path(), Durability::BeforeBytes);
        let mut change = granted(&audit, 1).await;
        assert_eq!(change.about_to_act(Wait::BeforeDeed).await, Ok(()));
        assert!(text(folder.path()).contains(&id(1).to_string()), "on disk before the deed");

        let mut read = granted(&audit, 2).await;
        assert_eq!(read.about_to_act(Wait::BeforeAnswer).await, Ok(()));
        assert_eq!(read.on_disk().await, Ok(()));
        assert!(text(folder.path()).contains(&id(2).to_string()), "on disk before the first byte");
        let open = found(folder.path(), 2);
        assert_eq!(open.facts.key.as_deref(), Some("a/1.png"));
        assert_eq!(open.end.outcome, None, "it still runs");

        read.finished(StatusCode::OK, 42, Outcome::Complete);
        change.finished(StatusCode::OK, 0, Outcome::Aborted);
        audit.stop();
        let whole = found(folder.path(), 2);
        assert_eq!((whole.end.status, whole.end.bytes), (Some(200), Some(42)));
        assert_eq!(whole.facts, open.facts);
    }

    #[tokio::test]
    async fn async_one_record_is_written_at_the_end_and_nobody_waits() {
        let folder = folder();
        let audit = audit(folder.path(), Durability::Async);
        let mut entry = granted(&audit, 1).await;
        assert_eq!(entry.about_to_act(Wait::BeforeDeed).await, Ok(()));
        assert_eq!(audit.queued(), 0);
        entry.finished(StatusCode::OK, 42, Outcome::Complete);
        audit.stop();
        let lines = text(folder.path());
        assert_eq!(lines.matches(&id(1).to_string()).count(), 1);
        let found = found(folder.path(), 1);
        assert_eq!(found.facts.email.as_deref(), Some("ann@example.com"));
        assert_eq!(found.facts.organization.as_deref(), Some("acme"));
        assert_eq!(found.facts.policies, Some(vec!["member-reads".to_owned()]));
        assert!(found.is_permitted());
        for hidden in ["bucket", "team/"] {
            assert!(!lines.contains(hidden), "{hidden}");
        }
    }

    #[tokio::test]
    async fn what_is_refused_is_recorded_with_what_was_named() {
        let folder = folder();
        let audit = audit(folder.path(), Durability::BeforeBytes);
        let incoming = fixture::incoming(Method::GET, PATH);
        let mut entry = audit.open(&incoming).await;
        entry.asked(&Operation::parse(&incoming, &Routes::default()).unwrap());
        entry.refused("not-signed-in", &AuditError::Full);
        entry.finished(StatusCode::UNAUTHORIZED, 9, Outcome::Complete);
        audit.stop();
        let found = Questions::new(folder.path()).find(incoming.id()).unwrap().unwrap();
        assert_eq!(found.facts.decision.as_deref(), Some("refused"));
        assert_eq!(found.facts.project.as_deref(), Some("scans"));
        assert_eq!(found.facts.key.as_deref(), Some("a/1.png"));
        assert_eq!(found.end.code.as_deref(), Some("not-signed-in"));
        assert_eq!(found.end.reason, Some(AuditError::Full.to_string()));
    }

    #[tokio::test]
    async fn an_entry_that_is_dropped_says_so() {
        let folder = folder();
        let audit = audit(folder.path(), Durability::BeforeBytes);
        let mut begun = granted(&audit, 1).await;
        begun.about_to_act(Wait::BeforeAnswer).await.unwrap();
        drop(begun);
        drop(granted(&audit, 2).await);
        audit.stop();
        for number in [1, 2] {
            let found = found(folder.path(), number);
            assert_eq!(found.end.outcome.as_deref(), Some("aborted"));
            assert_eq!(found.end.status, Some(499));
        }
    }

    #[tokio::test]
    async fn without_a_writer_nothing_is_done_and_what_was_asked_is_counted() {
        for durability in [Durability::BeforeBytes, Durability::Async] {
            let folder = folder();
            let audit = audit(folder.path(), durability);
            audit.stop();
            assert!(!audit.healthy());
            for wait in [Wait::Never, Wait::BeforeAnswer, Wait::BeforeDeed] {
                let mut entry = granted(&audit, 1).await;
                assert_eq!(entry.about_to_act(wait).await, Err(AuditError::Unwritten), "{wait:?}");
            }
            assert_eq!(audit.shared.state.unrecorded.load(Ordering::Relaxed), 3);
            assert_eq!(audit.queued(), 0);
        }
    }

    #[tokio::test]
    async fn a_full_disk_refuses_and_its_return_heals() {
        let folder = folder();
        // The writer cannot begin a second segment while something else has its name.
        let in_the_way = folder.path().join("0000000002.jsonl");
        let settings = super::super::Settings {
            segment_bytes: 1,
            ..super::super::fixture::settings(folder.path(), Durability::BeforeBytes)
        };
        let observer = std::sync::Arc::new(super::super::Nobody);
        let audit = Audit::start(&settings, Clock::system(), observer).unwrap();
        std::fs::create_dir(&in_the_way).unwrap();
        let mut first = granted(&audit, 1).await;
        assert_eq!(first.about_to_act(Wait::BeforeDeed).await, Ok(()));
        until(|| !audit.healthy()).await;
        let mut refused = granted(&audit, 2).await;
        assert_eq!(refused.about_to_act(Wait::BeforeDeed).await, Err(AuditError::Unwritten));
        refused.refused("try-later", &AuditError::Unwritten);
        refused.finished(StatusCode::SERVICE_UNAVAILABLE, 0, Outcome::Complete);

        std::fs::remove_dir(&in_the_way).unwrap();
        until(|| audit.healthy()).await;
        let mut again = granted(&audit, 3).await;
        assert_eq!(again.about_to_act(Wait::BeforeDeed).await, Ok(()));
        drop((first, again));
        audit.stop();
        let key = super::super::fixture::key(folder.path());
        let verified = super::super::verify(folder.path(), &key, Default::default(), |_| ());
        assert!(verified.is_ok(), "{verified:?}");
        assert_eq!(found(folder.path(), 2).end.status, Some(503), "nothing is lost");
    }

    async fn until(mut condition: impl FnMut() -> bool) {
        let waiting = async {
            while !condition() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await.unwrap();
    }

    #[tokio::test]
    async fn questions_are_answered_by_who_was_given_what() {
        let folder = folder();
        let audit = audit(folder.path(), Durability::BeforeBytes);
        for number in 1..=3 {
            let mut entry = granted(&audit, number).await;
            entry.about_to_act(Wait::BeforeAnswer).await.unwrap();
            entry.finished(StatusCode::OK, number, Outcome::Complete);
        }
        let incoming = fixture::incoming(Method::GET, PATH);
        let mut stranger = audit.open(&incoming).await;
        stranger.asked(&Operation::parse(&incoming, &Routes::default()).unwrap());
        stranger.finished(StatusCode::UNAUTHORIZED, 0, Outcome::Complete);
        audit.stop();
        // As written later than asked about, so that the entries are judged and not their file.
        let file = std::fs::File::open(folder.path().join("0000000001.jsonl")).unwrap();
        let at = super::super::fixture::AT.as_second().unsigned_abs();
        let a_year_after = std::time::Duration::from_secs(at + 365 * 24 * 3600);
        file.set_modified(std::time::UNIX_EPOCH + a_year_after).unwrap();

        let questions = Questions::new(folder.path());
        let object = || "scans/main/a/1.png".parse().unwrap();
        let who = |filter| questions.who_saw(object(), filter).unwrap().count();
        let of = |name: &str| Filter { organization: Some(name.to_owned()), ..Filter::default() };
        assert_eq!(who(Filter::default()), 3);
        assert_eq!(who(Filter { all: true, ..Filter::default() }), 4);
        assert_eq!((who(of("acme")), who(of("other"))), (3, 0));
        let later = super::super::fixture::AT + crate::ground::clock::SignedDuration::from_secs(1);
        let since = |time| Filter { since: Some(time), ..Filter::default() };
        assert_eq!((who(since(super::super::fixture::AT)), who(since(later))), (3, 0));
        let what = |email| questions.what_saw(email, Filter::default()).unwrap().count();
        assert_eq!((what("Ann@Example.com"), what("bob@example.com")), (3, 0));
        let (_tail, last) = super::super::Tail::open(folder.path(), 2, None).unwrap();
        assert_eq!(last.len(), 2);
        assert_eq!(last[0].end.bytes, Some(3));
    }

    #[tokio::test]
    async fn only_who_was_given_bytes_saw_something() {
        let folder = folder();
        let audit = audit(folder.path(), Durability::BeforeBytes);
        let ends = [
            (StatusCode::OK, 9, Outcome::Complete, true),
            (StatusCode::PARTIAL_CONTENT, 1, Outcome::Aborted, true),
            (StatusCode::OK, 5, Outcome::Truncated, true),
            (StatusCode::NOT_MODIFIED, 0, Outcome::Complete, true),
            (StatusCode::OK, 0, Outcome::Aborted, false),
            (StatusCode::NOT_FOUND, 80, Outcome::Complete, false),
            (StatusCode::SERVICE_UNAVAILABLE, 80, Outcome::Complete, false),
        ];
        let mut expected = Vec::new();
        for (number, (status, bytes, outcome, seen)) in (1..).zip(ends) {
            let mut entry = granted(&audit, number).await;
            entry.about_to_act(Wait::BeforeAnswer).await.unwrap();
            entry.finished(status, bytes, outcome);
            expected.extend(seen.then(|| id(number).to_string()));
        }
        let mut write = granted(&audit, 100).await;
        let writing = fixture::incoming(Method::PUT, PATH);
        write.asked(&Operation::parse(&writing, &Routes::default()).unwrap());
        write.finished(StatusCode::OK, 9, Outcome::Complete);
        let mut running = granted(&audit, 101).await;
        running.about_to_act(Wait::BeforeDeed).await.unwrap();
        expected.push(id(101).to_string());

        audit.stop();

        let questions = Questions::new(folder.path());
        let ids = |found: std::io::Result<Found>| found.unwrap().request;
        let object = || "scans/main/a/1.png".parse().unwrap();
        let who = questions.who_saw(object(), Filter::default()).unwrap();
        assert_eq!(who.map(ids).collect::<Vec<_>>(), expected);
        let what = questions.what_saw("ann@example.com", Filter::default()).unwrap();
        assert_eq!(what.map(ids).collect::<Vec<_>>(), expected);
        let all = Filter { all: true, ..Filter::default() };
        assert_eq!(questions.who_saw(object(), all.clone()).unwrap().count(), 9);
        assert_eq!(questions.what_saw("ann@example.com", all).unwrap().count(), 9);
        drop(running);
    }
}
