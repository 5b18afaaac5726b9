//! What a response says. Every field is open: a test changes the one that it is about.

use sluicegate::ground::clock::{SignedDuration, Timestamp};
use sluicegate::ground::digest::hex;
use sluicegate::ground::random::Random;

use super::writing::Element;

pub const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
pub const EMAIL_ADDRESS: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
pub const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const BASIC: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic";
const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/// One response with one assertion (saml-core-2.0-os, 2.3.3 and 3.3.3).
#[derive(Debug, Clone)]
pub struct Claims {
    pub response_id: String,
    pub assertion_id: String,
    /// Of the response; of the assertion too, unless the next says otherwise.
    pub issuer: String,
    pub assertion_issuer: Option<String>,
    pub destination: Option<String>,
    /// Of the response; the confirmations have their own.
    pub in_response_to: Option<String>,
    pub status: String,
    pub issued: Timestamp,
    pub not_before: Option<Timestamp>,
    pub not_on_or_after: Option<Timestamp>,
    /// One list for each `AudienceRestriction`.
    pub audiences: Vec<Vec<String>>,
    pub name: String,
    pub name_format: String,
    pub confirmations: Vec<Confirmation>,
    pub authenticated: Timestamp,
    pub session_index: Option<String>,
    pub session_not_on_or_after: Option<Timestamp>,
    /// Names and their values.
    pub attributes: Vec<(String, Vec<String>)>,
}

/// One `SubjectConfirmation`.
#[derive(Debug, Clone)]
pub struct Confirmation {
    pub method: String,
    pub recipient: Option<String>,
    pub in_response_to: Option<String>,
    pub not_on_or_after: Option<Timestamp>,
}

impl Claims {
    /// Sound claims of this issuer about this person, for this recipient, as of now: good for five minutes, in a session of
    /// eight hours.
    pub fn new(issuer: &str, person: &str, recipient: &str, now: Timestamp) -> Self {
        let ends = now + SignedDuration::from_mins(5);
        Self {
            response_id: fresh_id(),
            assertion_id: fresh_id(),
            issuer: issuer.to_owned(),
            assertion_issuer: None,
            destination: Some(recipient.to_owned()),
            in_response_to: None,
            status: SUCCESS.to_owned(),
            issued: now,
            not_before: Some(now - SignedDuration::from_secs(30)),
            not_on_or_after: Some(ends),
            audiences: vec![vec!["urn:amazon:webservices".to_owned()]],
            name: person.to_owned(),
            name_format: EMAIL_ADDRESS.to_owned(),
            confirmations: vec![Confirmation {
                method: BEARER.to_owned(),
                recipient: Some(recipient.to_owned()),
                in_response_to: None,
                not_on_or_after: Some(ends),
            }],
            authenticated: now,
            session_index: Some(fresh_id()),
            session_not_on_or_after: Some(now + SignedDuration::from_hours(8)),
            attributes: Vec::new(),
        }
    }

    /// In answer to this request, in all the places where that is said.
    #[must_use]
    pub fn in_response_to(mut self, request: &str) -> Self {
        self.in_response_to = Some(request.to_owned());
        for confirmation in &mut self.confirmations {
            confirmation.in_response_to = Some(request.to_owned());
        }
        self
    }

    /// For these audiences, any of which may take it.
    #[must_use]
    pub fn for_audiences(mut self, audiences: &[&str]) -> Self {
        self.audiences = vec![audiences.iter().map(|&one| one.to_owned()).collect()];
        self
    }

    /// With one more attribute, or this one instead of the one of its name.
    #[must_use]
    pub fn with(mut self, name: &str, values: &[&str]) -> Self {
        self.attributes.retain(|(other, _)| other != name);
        let values = values.iter().map(|&value| value.to_owned()).collect();
        self.attributes.push((name.to_owned(), values));
        self
    }

    /// With what AWS reads: pairs of role and provider, and the session's name
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html>).
    #[must_use]
    pub fn for_roles(self, pairs: &[(&str, &str)], session: &str) -> Self {
        let pairs: Vec<_> =
            pairs.iter().map(|(role, provider)| format!("{role},{provider}")).collect();
        let pairs: Vec<_> = pairs.iter().map(String::as_str).collect();
        self.with("https://aws.amazon.com/SAML/Attributes/Role", &pairs)
            .with("https://aws.amazon.com/SAML/Attributes/RoleSessionName", &[session])
    }

    /// The response's element around this assertion; `signature` follows the issuer, as the schema wants it.
    pub(super) fn response(&self, signature: &str, assertion: &str) -> String {
        let mut response = Element::new("samlp:Response");
        response.declare("samlp", "urn:oasis:names:tc:SAML:2.0:protocol");
        response.maybe("Destination", self.destination.as_deref());
        response.attribute("ID", &self.response_id);
        response.maybe("InResponseTo", self.in_response_to.as_deref());
        response.attribute("IssueInstant", &second(self.issued)).attribute("Version", "2.0");
        let mut issuer = Element::new("saml:Issuer");
        issuer.declare("saml", "urn:oasis:names:tc:SAML:2.0:assertion").text(&self.issuer);
        let mut code = Element::new("samlp:StatusCode");
        code.attribute("Value", &self.status);
        response.child(&issuer).raw(signature);
        response.child(Element::new("samlp:Status").child(&code));
        response.raw(assertion).to_string()
    }

    /// The assertion's element.
    pub(super) fn assertion(&self, signature: &str) -> String {
        let mut assertion = Element::new("saml:Assertion");
        assertion
            .declare("saml", "urn:oasis:names:tc:SAML:2.0:assertion")
            .attribute("ID", &self.assertion_id)
            .attribute("IssueInstant", &second(self.issued))
            .attribute("Version", "2.0");
        let issuer = self.assertion_issuer.as_ref().unwrap_or(&self.issuer);
        assertion.child(Element::new("saml:Issuer").text(issuer)).raw(signature);
        assertion.child(&self.subject()).child(&self.conditions()).child(&self.statement());
        if !self.attributes.is_empty() {
            assertion.child(&self.attribute_statement());
        }
        assertion.to_string()
    }

    fn subject(&self) -> Element {
        let mut subject = Element::new("saml:Subject");
        let mut name = Element::new("saml:NameID");
        subject.child(name.attribute("Format", &self.name_format).text(&self.name));
        for confirmation in &self.confirmations {
            let mut data = Element::new("saml:SubjectConfirmationData");
            data.maybe("InResponseTo", confirmation.in_response_to.as_deref());
            data.maybe("NotOnOrAfter", confirmation.not_on_or_after.map(second).as_deref());
            data.maybe("Recipient", confirmation.recipient.as_deref());
            let mut element = Element::new("saml:SubjectConfirmation");
            subject.child(element.attribute("Method", &confirmation.method).child(&data));
        }
        subject
    }

    fn conditions(&self) -> Element {
        let mut conditions = Element::new("saml:Conditions");
        conditions.maybe("NotBefore", self.not_before.map(second).as_deref());
        conditions.maybe("NotOnOrAfter", self.not_on_or_after.map(second).as_deref());
        for audiences in &self.audiences {
            let mut restriction = Element::new("saml:AudienceRestriction");
            for audience in audiences {
                restriction.child(Element::new("saml:Audience").text(audience));
            }
            conditions.child(&restriction);
        }
        conditions
    }

    fn statement(&self) -> Element {
        let mut statement = Element::new("saml:AuthnStatement");
        statement.attribute("AuthnInstant", &second(self.authenticated));
        statement.maybe("SessionIndex", self.session_index.as_deref());
        let ends = self.session_not_on_or_after.map(second);
        statement.maybe("SessionNotOnOrAfter", ends.as_deref());
        let mut class = Element::new("saml:AuthnContextClassRef");
        statement.child(Element::new("saml:AuthnContext").child(class.text(PASSWORD)));
        statement
    }

    fn attribute_statement(&self) -> Element {
        let mut statement = Element::new("saml:AttributeStatement");
        for (name, values) in &self.attributes {
            let mut attribute = Element::new("saml:Attribute");
            attribute.attribute("Name", name).attribute("NameFormat", BASIC);
            for value in values {
                attribute.child(Element::new("saml:AttributeValue").text(value));
            }
            statement.child(&attribute);
        }
        statement
    }
}

/// An identifier of 160 random bits, as an XML `ID` may be: no digit first.
fn fresh_id() -> String {
    format!("_{}", hex(&Random::system().bytes::<20>()))
}

/// As SAML writes times: UTC, whole seconds.
fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
