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
use crate::identity::Identity;
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
            wait = facts.operation.as_ref().map_or(Wait::BeforeDeed, |asked| wait_for(asked.ask()));
        }
        self.about_to_act(wait).await
    }

    async fn about_to_act(&mut self, wait: Wait) -> Result<(), AuditError> {
        if self.standing == Standing::NoRoom {
            return Err(AuditError::Full);
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
        self.upstream.clone_from(&reply.upstream_id);
        self.sign_in.clone_from(&reply.signed_in);
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
    pub fn tried(&mut self, email: Option<&str>) {
        self.sign_in = email.map(Into::into);
    }

    /// The request is refused with this documented code, for this reason (the operator's words).
    pub fn refused(&mut self, code: &'static str, reason: &(dyn Error + 'static)) {
        if let Some(facts) = &mut self.facts {
            facts.denied_on = reason.downcast_ref().and_then(Denial::basis).cloned();
        }
        self.refusal = Some((code, words(reason).into()));
    }

    fn end(&mut self, status: StatusCode, bytes: u64, outcome: Outcome) {
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
        let refusal = self.refusal.take();
        let end = End { status, bytes, outcome, duration_us, upstream, sign_in, refusal };
        let record = match self.facts.take() {
            Some(facts) => Record::Request { facts, end },
            None => Record::Ended { time, request: self.request, end },
        };
        self.shared.push(record, None);
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
        self.end(status, bytes, outcome);
    }
}

impl Drop for Entry {
    /// The client went away before there was an answer: nginx's 499, for want of a registered one.
    fn drop(&mut self) {
        let none = StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT);
        self.end(none, 0, Outcome::Aborted);
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

const fn wait_for(ask: &Ask) -> Wait {
    match ask {
        Ask::Write(_) | Ask::Visit(Visit::SignIn | Visit::SignOut) => Wait::BeforeDeed,
        Ask::Read(_) | Ask::List { .. } => Wait::BeforeAnswer,
        Ask::Visit(
            Visit::Asset(_)
            | Visit::Home
            | Visit::SignInPage { .. }
            | Visit::Account
            | Visit::SealHandles
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
