//! Label Studio as something that can be asked: where it is, and how a request to it looks. It is asked as the person's own
//! user, and learns nothing else of the client (D7).

use http::header::{AUTHORIZATION, HOST, USER_AGENT};
use http::{HeaderValue, Uri};

use super::super::error::Code;
use super::super::kind::{Act, Failure, Kind, Listing, Signed, Wanted};
use super::super::send::Answer;
use super::kept;
use crate::backend::BackendError;
use crate::credential::Credential;
use crate::ground::clock::Timestamp;
use crate::outbound::Host;
use crate::request::Page;

/// The install that stands behind the gateway.
#[derive(Debug, Clone)]
pub(super) struct Server {
    host: Host,
    authority: HeaderValue,
}

const OURS: HeaderValue = HeaderValue::from_static("sluicegate");

impl Server {
    pub(super) fn new(host: Host) -> Result<Self, BackendError> {
        let authority = HeaderValue::try_from(host.authority());
        let authority = authority.map_err(|fault| BackendError::Unwritable(fault.into()))?;
        Ok(Self { host, authority })
    }
}

impl Kind for Server {
    fn host(&self) -> &Host {
        &self.host
    }

    fn sign(
        &self,
        Wanted { act, mut headers }: Wanted<'_>,
        credential: &Credential,
        _at: Timestamp,
    ) -> Result<Signed, BackendError> {
        let access = credential.label_studio().ok_or(BackendError::WrongCredential)?;
        let mut authorization = HeaderValue::try_from(access.authorization.expose().as_str())
            .map_err(|fault| BackendError::Unwritable(fault.into()))?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(HOST, self.authority.clone());
        headers.insert(USER_AGENT, OURS);
        kept::range(act, &mut headers);
        let (method, target) = match act {
            Act::Call(method, target) => (method.clone(), target.to_owned()),
            // It takes no HEAD of a local file.
            Act::Get(key) | Act::Head(key) => (http::Method::GET, format!("/{}", key.as_str())),
            Act::Put(_) | Act::List(_) => return Err(BackendError::NotForStorage),
        };
        let target =
            Uri::try_from(target).map_err(|fault| BackendError::Unwritable(fault.into()))?;
        Ok(Signed { method, target, headers })
    }

    fn request_id(&self) -> &'static str {
        "x-request-id"
    }

    fn explain(&self, failure: &Failure<'_>) -> BackendError {
        let host = self.host.to_string().into();
        let (status, code) = (failure.status, Code::default());
        match status.as_u16() {
            401 => BackendError::CredentialRejected { host, status, code },
            404 => BackendError::NoSuchObject,
            416 => BackendError::Unusable { host, what: "a range that it cannot tell" },
            400..=499 => BackendError::RefusedUs { host, status, code },
            _ => BackendError::Overloaded { host, status, code },
        }
    }

    fn settle(&self, act: Act<'_>, ranged: bool, answer: &mut Answer) -> Result<(), &'static str> {
        kept::settle(act, ranged, answer)
    }

    /// Its development server sends static files until it closes the connection.
    fn may_end_with_connection(&self) -> bool {
        true
    }

    fn listing(&self, _page: &Page, _body: &[u8]) -> Result<Listing, BackendError> {
        Err(BackendError::NotForStorage)
    }
}
