//! What the digested octets claim, held against what we expect (R6; SAML profiles 4.1.4.3): it is about us, for us, now,
//! in answer to our request. Nothing else is read (R1).
//!
//! When only the assertion is signed, what stands around it is still held to the same expectations, and is the source
//! of nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::encrypted::Sealed;
use super::gate::{Inside, Passed, Signed, reread, reread_encrypted};
use super::shape::{AssertionParts, ConfirmationParts, ResponseParts};
use super::{
    Assertion, DecryptionKey, Expected, Refused, Trust, decryption, engine, gate, instant,
};
use crate::ground::clock::{SignedDuration, Timestamp};

/// How far clocks may be apart.
pub const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// How old an answer may be: it goes from the identity provider to us by way of a browser, which takes seconds.
pub const MAX_AGE: SignedDuration = SignedDuration::from_secs(300);

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// Until when anybody accepts an assertion that was issued then, whatever else it says; with the time that it takes to exchange it.
#[must_use]
pub fn accepted_until(issued: Timestamp) -> Timestamp {
    issued.checked_add(MAX_AGE + SKEW + SKEW).unwrap_or(Timestamp::MAX)
}

/// Why a verified answer signs nobody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAccepted {
    #[error("the engine digested another element than the gate saw")]
    OtherElement,
    #[error("the identity provider's metadata is not valid any more")]
    MetadataOver,
    #[error("the response names no destination, or another than our assertion endpoint")]
    Destination,
    #[error("the response is not issued by our identity provider")]
    ResponseIssuer,
    #[error("the assertion is not issued by our identity provider")]
    AssertionIssuer,
    #[error("the response answers another request than this browser's, or none")]
    ResponseTo,
    #[error("the assertion's key is encrypted for another recipient")]
    KeyRecipient,
    #[error("the {of} has a {name} that is no point in time in UTC")]
    Time { of: &'static str, name: &'static str },
    #[error("the {0} was issued more than 5 minutes ago")]
    Old(&'static str),
    #[error("the {0} was issued in the future")]
    Future(&'static str),
    #[error("the assertion's conditions begin later")]
    NotYet,
    #[error("the assertion's conditions are over")]
    Over,
    #[error("the assertion says nothing of its audience")]
    NoAudience,
    #[error("the assertion is for another audience")]
    Audience,
    #[error("the assertion has no confirmation for us: {0}")]
    Unconfirmed(Unconfirmed),
    #[error("the session at the identity provider is over")]
    SessionOver,
    #[error("the person proved himself by other means than were asked for")]
    Means,
    #[error("the person did not prove himself anew, as was asked for")]
    NotAnew,
    #[error("an attribute holds a control character")]
    Attribute,
}

/// Why a confirmation is none for us, in the order of the checks: of several, the one that came furthest is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unconfirmed {
    #[error("none is of the bearer method")]
    Method,
    #[error("the recipient is not our assertion endpoint")]
    Recipient,
    #[error("it answers another request than this browser's, or none")]
    ResponseTo,
    #[error("it has no end, or one that is no point in time in UTC")]
    Time,
    #[error("it begins later")]
    NotYet,
    #[error("it is over")]
    Over,
}

/// By what is judged.
pub(super) struct Judge<'a> {
    pub(super) trust: &'a Trust,
    pub(super) expected: &'a Expected<'a>,
    /// What decrypts.
    pub(super) keys: &'a [DecryptionKey],
    pub(super) now: Timestamp,
}

impl Judge<'_> {
    /// Reads the octets that the engine digested of what passed the gate.
    pub(super) fn read(&self, octets: &str, passed: &Passed) -> Result<Assertion, Refused> {
        let parts = match &passed.inside {
            Inside::Plain(seen) => {
                let (verified, parts) = reread(octets, passed.signed)?;
                let same = parts.id == seen.id
                    && verified.as_ref().is_none_or(|response| response.id == passed.response.id);
                if !same {
                    return Err(NotAccepted::OtherElement.into());
                }
                self.metadata()?;
                match verified {
                    Some(response) => self.response(&response, true)?,
                    None => self.response(&passed.response, false)?,
                }
                parts
            }
            Inside::Sealed(seen) => {
                let (response, sealed) = reread_encrypted(octets)?;
                if sealed != *seen || response.id != passed.response.id {
                    return Err(NotAccepted::OtherElement.into());
                }
                self.metadata()?;
                self.response(&response, true)?;
                self.recipient(&sealed)?;
                self.unsealed(&sealed)?
            }
        };
        Ok(self.assertion(parts)?)
    }

    /// The assertion that was encrypted. When it is signed, it is read of the octets that this signature digested.
    fn unsealed(&self, sealed: &Sealed) -> Result<AssertionParts, Refused> {
        let octets = decryption::open(sealed, self.keys).ok_or(Refused::NotDecrypted)?;
        let text = str::from_utf8(&octets).or(Err(Refused::NotDecrypted))?;
        let found = gate::unsealed(text)?;
        let Some(kind) = found.keys else { return Ok(found.assertion) };
        let digested = engine::digested(text, &self.trust.certificates, kind)?;
        let (_, parts) = reread(&digested, Signed::Assertion)?;
        if parts.id != found.assertion.id {
            return Err(NotAccepted::OtherElement.into());
        }
        Ok(parts)
    }

    fn metadata(&self) -> Result<(), NotAccepted> {
        match self.trust.valid_until {
            Some(end) if end <= self.now => Err(NotAccepted::MetadataOver),
            _ => Ok(()),
        }
    }

    /// A signed response must name its destination and issuer (SAML bindings 3.5.5.2, profiles 4.1.4.2).
    fn response(&self, response: &ResponseParts, signed: bool) -> Result<(), NotAccepted> {
        let is = |found: &Option<String>, ours: &str| match found {
            Some(found) => found == ours,
            None => !signed,
        };
        if !is(&response.destination, self.expected.endpoint) {
            return Err(NotAccepted::Destination);
        }
        if !is(&response.issuer, &self.trust.entity_id) {
            return Err(NotAccepted::ResponseIssuer);
        }
        if response.in_response_to.as_deref() != self.expected.request {
            return Err(NotAccepted::ResponseTo);
        }
        self.fresh(&response.issue_instant, "response").map(drop)
    }

    /// Who shall decrypt, where it is said (XML Encryption 3.5.1): nobody but us.
    fn recipient(&self, sealed: &Sealed) -> Result<(), NotAccepted> {
        let ours = sealed.recipient.as_deref().is_none_or(|name| name == self.expected.entity_id);
        if ours { Ok(()) } else { Err(NotAccepted::KeyRecipient) }
    }

    fn assertion(&self, parts: AssertionParts) -> Result<Assertion, NotAccepted> {
        if parts.issuer != *self.trust.entity_id {
            return Err(NotAccepted::AssertionIssuer);
        }
        let issue_instant = self.fresh(&parts.issue_instant, "assertion")?;
        let end_of_conditions = self.conditions(&parts)?;
        self.audiences(&parts.audiences)?;
        let confirmed = self.confirmed(&parts.confirmations).map_err(NotAccepted::Unconfirmed)?;
        let (session_index, session_not_on_or_after) = self.session(&parts)?;
        let (attributes, of_several_lines) = attributes(parts.attributes)?;
        Ok(Assertion {
            id: parts.id,
            issuer: parts.issuer,
            name_id: parts.name_id,
            name_id_format: parts.name_id_format,
            name_qualifier: parts.name_qualifier,
            sp_name_qualifier: parts.sp_name_qualifier,
            session_index,
            session_not_on_or_after,
            not_on_or_after: end_of_conditions.map_or(confirmed, |end| end.min(confirmed)),
            issue_instant,
            attributes,
            of_several_lines,
        })
    }

    /// Issued lately.
    fn fresh(&self, text: &str, of: &'static str) -> Result<Timestamp, NotAccepted> {
        let issued = instant::parse(text).ok_or(NotAccepted::Time { of, name: "IssueInstant" })?;
        if self.is_later(issued) {
            return Err(NotAccepted::Future(of));
        }
        if self.now.duration_since(issued) > MAX_AGE + SKEW {
            return Err(NotAccepted::Old(of));
        }
        Ok(issued)
    }

    fn conditions(&self, parts: &AssertionParts) -> Result<Option<Timestamp>, NotAccepted> {
        let start = moment(parts.not_before.as_deref(), "Conditions", "NotBefore")?;
        let end = moment(parts.not_on_or_after.as_deref(), "Conditions", "NotOnOrAfter")?;
        if start.is_some_and(|start| self.is_later(start)) {
            return Err(NotAccepted::NotYet);
        }
        if end.is_some_and(|end| self.is_over(end)) {
            return Err(NotAccepted::Over);
        }
        Ok(end)
    }

    /// Each restriction holds by itself; within one, any audience will do (SAML core 2.5.1.4). AWS wants itself beside us.
    fn audiences(&self, restrictions: &[Vec<String>]) -> Result<(), NotAccepted> {
        if restrictions.is_empty() {
            return Err(NotAccepted::NoAudience);
        }
        let ours = |restriction: &Vec<String>| {
            restriction.iter().any(|audience| audience == self.expected.entity_id)
        };
        if restrictions.iter().all(ours) { Ok(()) } else { Err(NotAccepted::Audience) }
    }

    /// Until when the subject is confirmed: one confirmation must be for us (SAML profiles 4.1.4.2).
    fn confirmed(&self, confirmations: &[ConfirmationParts]) -> Result<Timestamp, Unconfirmed> {
        let mut furthest = Unconfirmed::Method;
        for confirmation in confirmations {
            match self.confirmation(confirmation) {
                Ok(end) => return Ok(end),
                Err(why) => furthest = furthest.max(why),
            }
        }
        Err(furthest)
    }

    fn confirmation(&self, confirmation: &ConfirmationParts) -> Result<Timestamp, Unconfirmed> {
        if confirmation.method != BEARER {
            return Err(Unconfirmed::Method);
        }
        if confirmation.recipient.as_deref() != Some(self.expected.endpoint) {
            return Err(Unconfirmed::Recipient);
        }
        if confirmation.in_response_to.as_deref() != self.expected.request {
            return Err(Unconfirmed::ResponseTo);
        }
        let time = |text: &str| instant::parse(text).ok_or(Unconfirmed::Time);
        let start = confirmation.not_before.as_deref().map(time).transpose()?;
        let end =
            confirmation.not_on_or_after.as_deref().ok_or(Unconfirmed::Time).and_then(time)?;
        if start.is_some_and(|start| self.is_later(start)) {
            return Err(Unconfirmed::NotYet);
        }
        if self.is_over(end) {
            return Err(Unconfirmed::Over);
        }
        Ok(end)
    }

    /// The session's name at the identity provider, and the earliest end that any statement gives it.
    fn session(
        &self,
        parts: &AssertionParts,
    ) -> Result<(Option<String>, Option<Timestamp>), NotAccepted> {
        const OF: &str = "AuthnStatement";
        let mut earliest: Option<Timestamp> = None;
        for statement in &parts.sign_ins {
            let at = moment(Some(&statement.at), OF, "AuthnInstant")?;
            if at.is_some_and(|at| self.is_later(at)) {
                return Err(NotAccepted::Future("statement of the sign-in"));
            }
            let since = self.expected.authenticated_since;
            if since.zip(at).is_some_and(|(since, at)| since.duration_since(at) > SKEW) {
                return Err(NotAccepted::NotAnew);
            }
            let asked = self.expected.contexts;
            let class = statement.class.as_ref();
            if !asked.is_empty() && !class.is_some_and(|class| asked.contains(class)) {
                return Err(NotAccepted::Means);
            }
            let end = statement.session_not_on_or_after.as_deref();
            let end = moment(end, OF, "SessionNotOnOrAfter")?;
            if end.is_some_and(|end| self.is_over(end)) {
                return Err(NotAccepted::SessionOver);
            }
            earliest = match (earliest, end) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        let index = parts.sign_ins.iter().find_map(|statement| statement.session_index.clone());
        Ok((index, earliest))
    }

    /// Not even begun by the clock of somebody who is ahead of us.
    fn is_later(&self, start: Timestamp) -> bool {
        start.duration_since(self.now) > SKEW
    }

    fn is_over(&self, end: Timestamp) -> bool {
        self.now.duration_since(end) >= SKEW
    }
}

fn moment(
    text: Option<&str>,
    of: &'static str,
    name: &'static str,
) -> Result<Option<Timestamp>, NotAccepted> {
    text.map(|text| instant::parse(text).ok_or(NotAccepted::Time { of, name })).transpose()
}

type Attributes = BTreeMap<String, Vec<String>>;

/// Values of one name, in their order, also when they stand in several elements. An attribute with a value of several lines, as
/// directories have them of streets and certificates, is left out whole, and named: nothing is decided by such a one.
fn attributes(
    found: Vec<(String, Vec<String>)>,
) -> Result<(Attributes, BTreeSet<String>), NotAccepted> {
    let mut attributes = Attributes::new();
    let mut apart = BTreeSet::new();
    for (name, values) in found {
        let blank = |one: char| matches!(one, '\t' | '\n' | '\r');
        let strange = |text: &String| text.contains(|one: char| one.is_control() && !blank(one));
        if name.contains(char::is_control) || values.iter().any(strange) {
            return Err(NotAccepted::Attribute);
        }
        if values.iter().any(|value| value.contains(blank)) {
            apart.insert(name.clone());
        }
        attributes.entry(name).or_default().extend(values);
    }
    attributes.retain(|name, _| !apart.contains(name));
    Ok((attributes, apart))
}
