//! An STS that checks what it is asked: signatures with the aws-sigv4 crate, parameters against AWS's rules. It records
//! every call and whom it gave which keys, and it fails and dawdles when told.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::SignableBody;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::watch;

use super::socket::{Received, serve};
use crate::credential::aws::tests::crates_authorization;
use crate::ground::clock::{Clock, SignedDuration, Timestamp};

/// What was asked, by whom.
#[derive(Debug, Clone)]
pub(in crate::credential) struct Call {
    pub(in crate::credential) by: Option<String>,
    pub(in crate::credential) parameters: BTreeMap<String, String>,
}

/// What the next call meets instead of keys.
#[derive(Debug, Clone, Copy)]
pub(in crate::credential) enum Deed {
    Refuse(u16, &'static str, &'static str),
    Garbage,
    OtherRole,
    /// Keys, after giving way so many times.
    Dawdle(usize),
}

#[derive(Clone)]
pub(in crate::credential) struct Sts {
    pub(in crate::credential) address: SocketAddr,
    inside: Arc<Inside>,
}

struct Inside {
    clock: Clock,
    /// Nothing is answered while it is shut.
    open: watch::Sender<bool>,
    state: Mutex<State>,
}

struct State {
    /// Secret and token of the keys that may call.
    known: HashMap<String, (String, Option<String>)>,
    deeds: VecDeque<Deed>,
    longest: u32,
    calls: Vec<Call>,
    issued: HashMap<String, Call>,
}

pub(in crate::credential) const SOURCE: (&str, &str) = ("AKIASOURCE", "canary-source-secret");
pub(in crate::credential) const TOO_LONG: &str =
    "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";

impl Sts {
    pub(in crate::credential) async fn start(clock: Clock) -> Self {
        let state = State {
            known: HashMap::from([(SOURCE.0.to_owned(), (SOURCE.1.to_owned(), None))]),
            deeds: VecDeque::new(),
            longest: 43_200,
            calls: Vec::new(),
            issued: HashMap::new(),
        };
        let open = watch::Sender::new(true);
        let inside = Arc::new(Inside { clock, open, state: Mutex::new(state) });
        let answering = Arc::clone(&inside);
        let address = serve(move |received| {
            let inside = Arc::clone(&answering);
            async move { inside.answer(&received).await }
        })
        .await;
        Self { address, inside }
    }

    pub(in crate::credential) fn then(&self, deed: Deed) {
        self.inside.state().deeds.push_back(deed);
    }

    pub(in crate::credential) fn forget_deeds(&self) {
        self.inside.state().deeds.clear();
    }

    pub(in crate::credential) fn at_most_seconds(&self, longest: u32) {
        self.inside.state().longest = longest;
    }

    pub(in crate::credential) fn shut(&self, shut: bool) {
        self.inside.open.send_replace(!shut);
    }

    pub(in crate::credential) fn calls(&self) -> Vec<Call> {
        self.inside.state().calls.clone()
    }

    /// Whom these keys were given to.
    pub(in crate::credential) fn issued(&self, access_key_id: &str) -> Call {
        self.inside.state().issued.get(access_key_id).unwrap().clone()
    }
}

impl Call {
    pub(in crate::credential) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The session's name. An assertion is nothing but that here: whether it is sound is for the strict STS of the
    /// black-box tests to say.
    pub(in crate::credential) fn session(&self) -> String {
        match self.parameter("SAMLAssertion") {
            "" => self.parameter("RoleSessionName").to_owned(),
            asserted => String::from_utf8(STANDARD.decode(asserted).unwrap()).unwrap(),
        }
    }
}

impl Inside {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn answer(&self, received: &Received) -> (u16, String) {
        let parameters: BTreeMap<String, String> =
            form_urlencoded::parse(&received.body).into_owned().collect();
        let signed = parameters.get("Action").is_some_and(|action| action == "AssumeRole");
        let by = match signed.then(|| self.caller(received)).transpose() {
            Ok(by) => by,
            Err(problem) => return refusal(403, "SignatureDoesNotMatch", &problem),
        };
        let call = Call { by, parameters };
        let deed = {
            let mut state = self.state();
            state.calls.push(call.clone());
            state.deeds.pop_front()
        };
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        match deed {
            Some(Deed::Refuse(status, code, message)) => return refusal(status, code, message),
            Some(Deed::Garbage) => return (200, "<html>sign in to the network</html>".to_owned()),
            Some(Deed::Dawdle(turns)) => {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            }
            Some(Deed::OtherRole) | None => {}
        }
        if let Err(problem) = check(&call) {
            return refusal(400, "ValidationError", &problem);
        }
        self.issue(&call, matches!(deed, Some(Deed::OtherRole)))
    }

    fn issue(&self, call: &Call, other_role: bool) -> (u16, String) {
        let mut state = self.state();
        let seconds: u32 = match call.parameter("DurationSeconds") {
            "" => 3600,
            text => text.parse().unwrap(),
        };
        if seconds > state.longest {
            return refusal(400, "ValidationError", TOO_LONG);
        }
        let number = state.issued.len();
        let (id, secret) = (format!("ASIA{number:012}"), format!("canary-issued-{number}"));
        let token = format!("canary-token-{number}");
        let ends = self.clock.now() + SignedDuration::from_secs(seconds.into());
        let role = if other_role {
            "somebody-elses"
        } else {
            call.parameter("RoleArn").rsplit('/').next().unwrap()
        };
        let (session, action) = (call.session(), call.parameter("Action"));
        let body = format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
            <AssumedRoleUser><AssumedRoleId>AROA:{session}</AssumedRoleId>\
            <Arn>arn:aws:sts::123456789012:assumed-role/{role}/{session}</Arn></AssumedRoleUser>\
            <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
            <SessionToken>{token}</SessionToken><Expiration>{ends}</Expiration></Credentials>\
            </{action}Result></{action}Response>"
        );
        state.issued.insert(id.clone(), call.clone());
        state.known.insert(id, (secret, Some(token)));
        (200, body)
    }

    /// The id of the keys that signed; the signature is made again by the crate and must be the same.
    fn caller(&self, received: &Received) -> Result<String, String> {
        let authorization = received.header("authorization").ok_or("unsigned")?;
        let credential =
            authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=").ok_or("scheme")?;
        let (scope, rest) = credential.split_once(", SignedHeaders=").ok_or("no headers")?;
        let [id, _day, region, service, _end] = scope.split('/').collect::<Vec<_>>()[..] else {
            return Err("scope".to_owned());
        };
        let (list, _) = rest.split_once(", Signature=").ok_or("no signature")?;
        let names: Vec<&str> = list.split(';').collect();
        let (secret, token) = self.state().known.get(id).cloned().ok_or("unknown key")?;
        let date = received.header("x-amz-date").ok_or("no date")?;
        let at = Timestamp::strptime("%Y%m%dT%H%M%S%z", date.replace('Z', "+0000")).unwrap();
        if (at - self.clock.now()).abs().as_secs() > 900 {
            return Err("the clock is off".to_owned());
        }
        let since_1970 =
            SystemTime::UNIX_EPOCH + Duration::from_secs(at.as_second().unsigned_abs());
        let ours = ["x-amz-date", "x-amz-security-token"];
        let headers = names.iter().filter(|name| !ours.contains(name));
        let headers: Vec<(String, String)> = headers
            .map(|name| ((*name).to_owned(), received.header(name).unwrap().to_owned()))
            .collect();
        let uri = format!("http://{}{}", received.header("host").unwrap(), received.target);
        let expected = crates_authorization(
            (id, &secret, token.as_deref()),
            (since_1970, region, service),
            (&received.method, &uri, &headers),
            SignableBody::Bytes(&received.body),
        );
        if expected == authorization && service == "sts" && names.contains(&"host") {
            Ok(id.to_owned())
        } else {
            Err(format!("expected {expected}, came {authorization}"))
        }
    }
}

fn check(call: &Call) -> Result<(), String> {
    let session = call.session();
    let session_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    let policy = call.parameter("Policy");
    let known = [
        "Action",
        "Version",
        "RoleArn",
        "RoleSessionName",
        "ExternalId",
        "Policy",
        "DurationSeconds",
        "WebIdentityToken",
        "PrincipalArn",
        "SAMLAssertion",
        "SourceIdentity",
    ];
    let sound = call.parameter("Version") == "2011-06-15"
        && (2..=64).contains(&session.len())
        && session.bytes().all(session_byte)
        && call.parameter("RoleArn").starts_with("arn:aws:iam::123456789012:role/")
        && policy.chars().count() <= 2048
        && policy.chars().all(|letter| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{ff}'))
        && (policy.is_empty() || serde_json::from_str::<serde_json::Value>(policy).is_ok())
        && call.parameters.keys().all(|name| known.contains(&name.as_str()) || is_tag(name))
        && (call.parameter("SAMLAssertion").is_empty()
            || call.parameter("RoleSessionName").is_empty());
    if sound { Ok(()) } else { Err(format!("{call:?}")) }
}

fn is_tag(name: &str) -> bool {
    name.starts_with("Tags.member.") && (name.ends_with(".Key") || name.ends_with(".Value"))
}

fn refusal(status: u16, code: &str, message: &str) -> (u16, String) {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
        <Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    );
    (status, body)
}
