//! Why the place did not give what was asked, named by whose fault it is. Written for the operator: no text of it
//! reaches a client (`refusal` alone decides what does).

use std::error::Error;
use std::time::Duration;

use http::StatusCode;

use super::label_studio::Withheld;
use crate::credential::CredentialError;
use crate::outbound::OutboundError;

/// Why the place did not give what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    // What the client is told as it is.
    #[error("the object does not exist")]
    NoSuchObject,
    #[error("the object is not in the state that the request asks for")]
    PreconditionFailed,
    #[error("the object has {length} bytes and none of the range")]
    RangeNotSatisfiable { length: u64 },
    #[error("a write cannot be made to depend on {header} as it was sent")]
    UnsupportedCondition { header: &'static str },
    #[error("the storage refused what the client sent ({code})")]
    BodyRefused { code: Code },
    #[error("the storage takes no key of this length")]
    KeyTooLong,
    #[error("the export cannot be made fit to leave: {0}")]
    Withheld(#[from] Withheld),
    #[error("another write of the same object was under way")]
    Conflict,

    // The client, while it sent.
    #[error("the client did not send all of the body")]
    ClientGone,
    #[error("the client sent nothing of its body for {} s", waited.as_secs())]
    ClientStalled { waited: Duration },

    // The storage, or the way to it.
    #[error("no connection to the storage")]
    Unreachable(#[source] OutboundError),
    #[error("{host}: the connection broke before there was an answer")]
    Broken {
        host: Box<str>,
        #[source]
        cause: hyper::Error,
    },
    #[error("{host} gave no answer within {} s", waited.as_secs())]
    Silent { host: Box<str>, waited: Duration },
    #[error("{host} sent nothing more for {} s", waited.as_secs())]
    Stalled { host: Box<str>, waited: Duration },
    #[error("{host} broke off its answer")]
    Truncated {
        host: Box<str>,
        #[source]
        cause: Option<Box<dyn Error + Send + Sync>>,
    },
    #[error("{host} gave an answer that cannot be used: {what}")]
    Unusable { host: Box<str>, what: &'static str },
    #[error("{host} cannot serve now: {status} {code}")]
    Overloaded { host: Box<str>, status: StatusCode, code: Code },
    #[error("the object changed while it was being read")]
    ChangedMidRead,

    // The operator's settings.
    #[error("{host} refused what we sent: {status} {code}")]
    RefusedUs { host: Box<str>, status: StatusCode, code: Code },
    #[error("{host} does not accept our credential any more: {status} {code}")]
    CredentialRejected { host: Box<str>, status: StatusCode, code: Code },
    #[error(
        "{host} sends us elsewhere ({status} {code}): its region or endpoint is {region}, not the storage's"
    )]
    Elsewhere { host: Box<str>, status: StatusCode, code: Code, region: Code },
    #[error("a person is not known to Label Studio any more")]
    NotKnown(#[from] CredentialError),
    #[error("the storage's place cannot be used: {what}")]
    Misconfigured { what: &'static str },
    #[error("the storage's address cannot be used")]
    BadEndpoint(#[source] OutboundError),

    // Ours.
    #[error("who shares a project with whom could not be read")]
    People(#[source] Box<dyn Error + Send + Sync>),
    #[error("no credential of the kind that the storage takes")]
    WrongCredential,
    #[error("the grant is not for anything that a storage does")]
    NotForStorage,
    #[error("a request to the storage, or a header of its answer, could not be written")]
    Unwritable(#[source] http::Error),
    #[error("a listing could not be written")]
    Unprintable(#[source] serde_json::Error),
}

impl BackendError {
    /// Whether another credential may do better: this one is to be forgotten.
    #[must_use]
    pub const fn rejects_credential(&self) -> bool {
        matches!(self, Self::CredentialRejected { .. })
    }
}

/// A word of the storage's, such as `NoSuchKey`: kept only when it is letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Code(Box<str>);

impl Code {
    /// Empty when the text is not such a word, so that nothing of a hostile answer reaches a log.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if text.len() <= 64 && text.bytes().all(allowed) {
            Self(text.into())
        } else {
            Self::default()
        }
    }

    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "(no code)" } else { &self.0 })
    }
}
