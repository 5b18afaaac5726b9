//! What an identity provider says about signing out (SAML core 3.7; profiles 4.4), by signed redirects: that somebody is to
//! be signed out here, and its answer when we wanted that of it.
//!
//! A signed address may be opened again for some minutes. Sessions by assertions that were issued after it are not meant, so
//! nothing is kept to prevent it; an answer is bound to this browser's request.

use roxmltree::Node;

use super::certificate::Certificate;
use super::claims::{MAX_AGE, SKEW};
use super::element::{Children, attribute, required, text};
use super::gate::{self, Closed};
use super::logout::{SignOutReply, SignOutStatus};
use super::metadata::IdentityProvider;
use super::names::{
    ASSERTIONS, ISSUER, NAME_ID, Name, PROTOCOL, STATUS, STATUS_CODE, STATUS_DETAIL, STATUS_MESSAGE,
};
use super::received::{self, BadRedirect};
use super::redirect::Kind;
use super::service_provider::ServiceProvider;
use super::shape::{SUCCESS, status_word};
use super::{Trust, instant};
use crate::ground::clock::Timestamp;

/// Sessions of one person at one identity provider.
const MAX_SESSIONS: usize = 64;

const REQUEST: Name = Name { space: PROTOCOL, local: "LogoutRequest" };
const RESPONSE: Name = Name { space: PROTOCOL, local: "LogoutResponse" };
const SESSION_INDEX: Name = Name { space: PROTOCOL, local: "SessionIndex" };
const ENCRYPTED_ID: Name = Name { space: ASSERTIONS, local: "EncryptedID" };

const PARTIAL: &str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";

/// What the identity provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Logout {
    /// Somebody is to be signed out here.
    Request(LogoutRequest),
    /// Somebody was signed out there, as we wanted.
    Answer(LogoutAnswer),
}

/// Who is to be signed out here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    pub id: String,
    pub name_id: String,
    pub name_id_format: Option<String>,
    pub name_qualifier: Option<String>,
    pub sp_name_qualifier: Option<String>,
    /// These sessions of the person; all, when none is named.
    pub session_indexes: Vec<String>,
    /// By the identity provider's clock. Sessions by assertions that it issued later are not meant; those by earlier ones are,
    /// also when they are still on their way (SAML core 3.7.3.2).
    pub issue_instant: Timestamp,
    /// Goes back with our reply, and means nothing to us.
    pub relay_state: Option<String>,
}

impl LogoutRequest {
    /// Our reply to it.
    #[must_use]
    pub fn reply(&self, status: SignOutStatus) -> SignOutReply<'_> {
        let relay_state = self.relay_state.as_deref();
        SignOutReply { in_response_to: &self.id, relay_state, status }
    }
}

/// Somebody was signed out there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutAnswer {
    /// But not at everybody else who was told by the identity provider.
    pub partial: bool,
    /// What we sent, perhaps: whoever holds a signed answer may have put it in another's browser.
    pub relay_state: Option<String>,
}

/// Why nobody is signed out. For the audit log: the browser is told one sentence for all of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSignedOut {
    #[error("not a signed message of the identity provider")]
    Redirect(
        #[from]
        #[source]
        BadRedirect,
    ),
    #[error("signed, but not of the shape that is read")]
    Closed(
        #[from]
        #[source]
        Closed,
    ),
    #[error("the identity provider's metadata is not valid any more")]
    MetadataOver,
    #[error("the message is not a {0}")]
    Other(&'static str),
    #[error("the message names no destination, or another than our address for signing out")]
    Destination,
    #[error("the message is not issued by our identity provider")]
    Issuer,
    #[error("the message has a {0} that is no point in time in UTC")]
    Time(&'static str),
    #[error("the message was issued more than 5 minutes ago")]
    Old,
    #[error("the message was issued in the future")]
    Future,
    #[error("the request is over")]
    Over,
    #[error("the name in the request is encrypted")]
    Encrypted,
    #[error("the request names more than 64 sessions")]
    TooManySessions,
    #[error("the answer is to another request than this browser's, or to none")]
    ResponseTo,
    #[error("the identity provider did not sign out: {0}")]
    Status(Box<str>),
}

/// Reads the raw query of a request to our address for signing out (what stands behind the `?`, as it came). `expected` is
/// the id of this browser's pending [`super::SignOutRequest`], if it has one.
///
/// # Errors
/// [`NotSignedOut`] as its variants say.
pub fn receive_logout(
    query: &str,
    ours: &ServiceProvider,
    provider: &IdentityProvider,
    expected: Option<&str>,
    now: Timestamp,
) -> Result<Logout, NotSignedOut> {
    let judge = Judge { ours, trust: &provider.trust, now };
    let certificates: &[Certificate] = judge.certificates()?;
    let received = received::open(query, certificates)?;
    let document = gate::parse(&received.xml)?;
    let root = document.root_element();
    match received.kind {
        Kind::Request => {
            let request = judge.request(root)?;
            Ok(Logout::Request(LogoutRequest { relay_state: received.relay_state, ..request }))
        }
        Kind::Response => {
            let partial = judge.response(root, expected)?;
            Ok(Logout::Answer(LogoutAnswer { partial, relay_state: received.relay_state }))
        }
    }
}

struct Judge<'a> {
    ours: &'a ServiceProvider,
    trust: &'a Trust,
    now: Timestamp,
}

impl<'a> Judge<'a> {
    fn certificates(&self) -> Result<&'a [Certificate], NotSignedOut> {
        match self.trust.valid_until {
            Some(end) if end <= self.now => Err(NotSignedOut::MetadataOver),
            _ => Ok(&self.trust.certificates),
        }
    }

    /// What both have. Gives what follows the issuer, and when it was issued. A signature inside must not be there (SAML bindings 3.4.4.1), and is refused
    /// like anything else that stands where a part is expected.
    fn head<'d, 'input>(
        &self,
        root: Node<'d, 'input>,
        name: Name,
    ) -> Result<(Children<'d, 'input>, Timestamp), NotSignedOut> {
        if !name.is(root) {
            return Err(NotSignedOut::Other(name.local));
        }
        if attribute(root, "Version") != Some("2.0") {
            return Err(Closed::Version { of: name.local }.into());
        }
        if attribute(root, "Destination") != Some(self.ours.sign_out()) {
            return Err(NotSignedOut::Destination);
        }
        let mut children = Children::of(root, name)?;
        if text(children.required(ISSUER)?, ISSUER)? != &*self.trust.entity_id {
            return Err(NotSignedOut::Issuer);
        }
        let issued = moment(required(root, name, "IssueInstant")?, "IssueInstant")?;
        if issued.duration_since(self.now) > SKEW {
            return Err(NotSignedOut::Future);
        }
        if self.now.duration_since(issued) > MAX_AGE + SKEW {
            return Err(NotSignedOut::Old);
        }
        Ok((children, issued))
    }

    fn request(&self, root: Node<'_, '_>) -> Result<LogoutRequest, NotSignedOut> {
        let (mut children, issued) = self.head(root, REQUEST)?;
        if let Some(end) = attribute(root, "NotOnOrAfter") {
            let end = moment(end, "NotOnOrAfter")?;
            if self.now.duration_since(end) >= SKEW {
                return Err(NotSignedOut::Over);
            }
        }
        if children.optional(ENCRYPTED_ID).is_some() {
            return Err(NotSignedOut::Encrypted);
        }
        let name = children.required(NAME_ID)?;
        let sessions = children.all(SESSION_INDEX);
        children.end()?;
        if sessions.len() > MAX_SESSIONS {
            return Err(NotSignedOut::TooManySessions);
        }
        let index = |node| text(node, SESSION_INDEX).map(str::to_owned);
        let owned = |of: &str| attribute(name, of).map(str::to_owned);
        Ok(LogoutRequest {
            id: required(root, REQUEST, "ID")?.to_owned(),
            name_id: text(name, NAME_ID)?.to_owned(),
            name_id_format: owned("Format"),
            name_qualifier: owned("NameQualifier"),
            sp_name_qualifier: owned("SPNameQualifier"),
            session_indexes: sessions.into_iter().map(index).collect::<Result<_, _>>()?,
            issue_instant: issued,
            relay_state: None,
        })
    }

    /// Whether somebody was signed out there only partly.
    fn response(&self, root: Node<'_, '_>, expected: Option<&str>) -> Result<bool, NotSignedOut> {
        let (mut children, _) = self.head(root, RESPONSE)?;
        required(root, RESPONSE, "ID")?;
        let status = children.required(STATUS)?;
        children.end()?;
        if expected.is_none() || attribute(root, "InResponseTo") != expected {
            return Err(NotSignedOut::ResponseTo);
        }
        let mut children = Children::of(status, STATUS)?;
        let code = children.required(STATUS_CODE)?;
        children.optional(STATUS_MESSAGE);
        children.optional(STATUS_DETAIL);
        children.end()?;
        let mut inside = Children::of(code, STATUS_CODE)?;
        let second = inside.optional(STATUS_CODE).and_then(|code| attribute(code, "Value"));
        inside.end()?;
        let first = required(code, STATUS_CODE, "Value")?;
        if first != SUCCESS {
            return Err(NotSignedOut::Status(status_word(second.unwrap_or(first))));
        }
        Ok(second == Some(PARTIAL))
    }
}

fn moment(text: &str, of: &'static str) -> Result<Timestamp, NotSignedOut> {
    instant::parse(text).ok_or(NotSignedOut::Time(of))
}
