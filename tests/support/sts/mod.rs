//! A security token service for tests that takes nothing on trust: it verifies every assertion and every signature, holds
//! every parameter to the limit that AWS documents, answers as AWS answers, and opens sessions that a storage then holds
//! to their word (`super::s3`). What AWS does not document is said where it is decided.
//!
//! One call at a time goes wrong, late or not at all when a test says so; every call is recorded.

mod answer;
mod assume_role;
mod form;
mod issue;
mod refusal;
mod response;
mod signature;
mod signed_request;
mod switches;
mod with_saml;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use sluicegate::ground::clock::SignedDuration;
use sluicegate::ground::digest::hex;
use sluicegate::ground::random::Random;

use super::account::{Account, Session};
use super::served::{self, HangUp};
use form::Form;
use switches::Switches;

pub use refusal::{Code, Refusal};
pub use signed_request::REGION;
pub use switches::{Fault, Hold};

/// A running STS of an account, on loopback.
#[derive(Debug)]
pub struct Sts {
    /// `127.0.0.1:PORT`
    pub address: String,
    desk: Arc<Desk>,
}

#[derive(Debug)]
struct Desk {
    account: Arc<Account>,
    switches: Switches,
    calls: Mutex<Vec<Call>>,
    random: Random,
}

/// One call, and what came of it.
#[derive(Debug, Clone, Default)]
pub struct Call {
    pub action: String,
    pub role: String,
    /// The provider's ARN, or the access key id of who signed.
    pub principal: Option<String>,
    /// As it was asked for.
    pub seconds: Option<String>,
    pub policy: Option<String>,
    /// The session's name, where one was asked for or made.
    pub session: Option<String>,
    /// The assertion's subject, once verified.
    pub person: Option<String>,
    pub source_identity: Option<String>,
    pub tags: Vec<(String, String)>,
    pub outcome: Outcome,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Outcome {
    /// The access key id.
    Issued(String),
    Refused(Code),
    #[default]
    HungUp,
}

/// No answer of STS's is longer, and no call.
const CALL_AT_MOST: usize = 256 * 1024;

impl Sts {
    pub fn start(account: &Arc<Account>) -> Self {
        let desk = Arc::new(Desk {
            account: Arc::clone(account),
            switches: Switches::default(),
            calls: Mutex::default(),
            random: Random::system(),
        });
        let serving = Arc::clone(&desk);
        let address = served::start(move |request| Arc::clone(&serving).serve(request));
        Self { address: address.to_string(), desk }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every call so far, in the order of their ends.
    pub fn calls(&self) -> Vec<Call> {
        self.desk.calls.lock().unwrap().clone()
    }

    /// Each call waits as long before it is looked at.
    pub fn slow(&self, delay: Duration) {
        self.desk.switches.slow(delay);
    }

    /// The next calls go wrong, whatever they ask.
    pub fn fail_next(&self, count: usize, fault: Fault) {
        self.desk.switches.fail_next(count, fault);
    }

    /// All calls are refused as too many.
    pub fn throttle(&self, on: bool) {
        self.desk.switches.throttle(on);
    }

    /// Slow, failing and busy no more, whatever was to come.
    pub fn mend(&self) {
        self.desk.switches.mend();
    }

    /// What is issued lives so long at most, also below the 900 s that can be asked for.
    pub fn shorten(&self, lifetime: Option<SignedDuration>) {
        self.desk.switches.shorten(lifetime);
    }

    /// Calls wait until this is dropped.
    pub fn hold(&self) -> Hold<'_> {
        self.desk.switches.hold()
    }

    /// Until so many calls have arrived since the start; they may be held.
    pub async fn until_arrived(&self, count: usize) {
        self.desk.switches.until_arrived(count).await;
    }
}

impl Desk {
    async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, HangUp> {
        let (head, body) = request.into_parts();
        let body = http_body_util::Limited::new(body, CALL_AT_MOST).collect().await;
        let body = body.or(Err(HangUp))?.to_bytes();
        let mut call = Call::of(&Form::parse(&body));
        let passed = self.switches.pass().await;
        let id = self.request_id();
        let answered = match passed {
            Ok(()) => {
                let desk = Arc::clone(&self);
                let (reading, id) = (call, id.clone());
                let looked = move || {
                    let mut call = reading;
                    let answered = desk.look((&head, &body), &mut call, &id);
                    (call, answered)
                };
                let (read, answered) = tokio::task::spawn_blocking(looked).await.unwrap();
                call = read;
                answered
            }
            Err(fault) => match fault.refusal() {
                Some(refusal) => Err(refusal),
                None => {
                    self.calls.lock().unwrap().push(call);
                    return Err(HangUp);
                }
            },
        };
        let (status, text) = match answered {
            Ok(text) => (200, text),
            Err(refusal) => {
                call.outcome = Outcome::Refused(refusal.code);
                (refusal.code.status(), answer::of_refusal(&refusal, &id))
            }
        };
        self.calls.lock().unwrap().push(call);
        let answer = Response::builder().status(status).header("content-type", "text/xml");
        Ok(answer.header("x-amzn-requestid", id).body(Full::from(text)).unwrap())
    }

    /// The answer to a call; what it turns out to be about is added to its record.
    fn look(
        &self,
        (head, body): (&Parts, &[u8]),
        call: &mut Call,
        id: &str,
    ) -> Result<String, Refusal> {
        let form = Form::parse(body);
        let account = &*self.account;
        let of_sts = head.method == http::Method::POST
            && head.uri.path() == "/"
            && form.get("Version") == Some("2011-06-15");
        let lifetime = self.switches.lifetime();
        match form.get("Action") {
            Some("AssumeRoleWithSAML") if of_sts => {
                let asserted = with_saml::answer(account, &form, lifetime)?;
                call.succeeded(&asserted.issued.session);
                Ok(answer::of_saml(&asserted, account.number, id))
            }
            Some("AssumeRole") if of_sts => {
                call.principal = signed_request::claimed_key(head).map(str::to_owned);
                let issued = assume_role::answer(account, &form, (head, body), lifetime)?;
                call.succeeded(&issued.session);
                Ok(answer::of_assume_role(&issued, id))
            }
            other => {
                let action = other.unwrap_or_default();
                let words = format!("Could not find operation {action} for version 2011-06-15");
                Err(Code::InvalidAction.because(words))
            }
        }
    }

    fn request_id(&self) -> String {
        let hex = hex(&self.random.bytes::<16>());
        let [a, b, c, d, e] = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        format!("{a}-{b}-{c}-{d}-{e}")
    }
}

impl Call {
    fn of(form: &Form) -> Self {
        let text = |name: &str| form.get(name).map(str::to_owned);
        Self {
            action: text("Action").unwrap_or_default(),
            role: text("RoleArn").unwrap_or_default(),
            principal: text("PrincipalArn"),
            seconds: text("DurationSeconds"),
            policy: text("Policy"),
            session: text("RoleSessionName"),
            source_identity: text("SourceIdentity"),
            tags: form.tags().unwrap_or_default(),
            ..Self::default()
        }
    }

    fn succeeded(&mut self, session: &Session) {
        self.outcome = Outcome::Issued(session.access_key_id.clone());
        self.session = Some(session.name.clone());
        self.person.clone_from(&session.subject);
        self.source_identity.clone_from(&session.source_identity);
        self.tags.clone_from(&session.tags);
    }
}
