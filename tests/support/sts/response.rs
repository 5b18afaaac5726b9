//! A SAML response as a tree, read by a parser that the gateway does not use: one assertion, a child of the response, ids
//! that are unique, texts without anything in them. What is read is what the signature covers, because nothing else is
//! there; `super::signature` says whether it does.

use std::collections::HashSet;

use roxmltree::{Document, Node};
use sluicegate::ground::clock::Timestamp;

const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(super) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// What the response says.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: String,
    pub(super) issuer: Option<String>,
    pub(super) assertion: Option<Assertion>,
}

#[derive(Debug)]
pub(super) struct Assertion {
    pub(super) id: String,
    pub(super) issuer: String,
    pub(super) issued: Timestamp,
    pub(super) not_before: Option<Timestamp>,
    pub(super) not_on_or_after: Option<Timestamp>,
    pub(super) audiences: Vec<Vec<String>>,
    pub(super) name: String,
    pub(super) name_format: String,
    pub(super) confirmations: Vec<Confirmation>,
    pub(super) session_not_on_or_after: Option<Timestamp>,
    /// A value that is not one text (some providers nest a name in one) is none; it counts only where it is asked for.
    pub(super) attributes: Vec<(String, Vec<Option<String>>)>,
}

/// A bearer's: whoever has it may present it to the recipient (saml-profiles-2.0-os, 4.1.4.2).
#[derive(Debug)]
pub(super) struct Confirmation {
    pub(super) recipient: String,
    pub(super) not_on_or_after: Timestamp,
}

type Fault = &'static str;

/// Reads the tree; on failure, why it cannot be.
pub(super) fn read(document: &Document<'_>) -> Result<Response, Fault> {
    let root = document.root_element();
    if !root.has_tag_name((PROTOCOL, "Response")) || root.attribute("Version") != Some("2.0") {
        return Err("it is not a response of SAML 2.0");
    }
    unique_ids(document)?;
    let named = |node: &Node<'_, '_>| node.tag_name().name() == "Assertion";
    let anywhere = document.descendants().filter(named).count();
    let inside: Vec<_> = children(root, (SAML, "Assertion")).collect();
    if anywhere != inside.len() || inside.len() > 1 {
        return Err("it holds several assertions, or one in a strange place");
    }
    let status = child(root, (PROTOCOL, "Status"))?;
    let code = child(status, (PROTOCOL, "StatusCode"))?;
    Ok(Response {
        status: attribute(code, "Value")?.to_owned(),
        issuer: maybe(root, (SAML, "Issuer"))?.map(text).transpose()?,
        assertion: inside.first().copied().map(assertion).transpose()?,
    })
}

fn unique_ids(document: &Document<'_>) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    for node in document.descendants() {
        for attribute in node.attributes() {
            let of_an_id = attribute.name().eq_ignore_ascii_case("id");
            if of_an_id && (attribute.name() != "ID" || attribute.namespace().is_some()) {
                return Err("an element has an id of another kind");
            }
            if of_an_id && !seen.insert(attribute.value()) {
                return Err("two elements have one id");
            }
        }
    }
    Ok(())
}

fn assertion(node: Node<'_, '_>) -> Result<Assertion, Fault> {
    if attribute(node, "Version")? != "2.0" {
        return Err("its assertion is not of SAML 2.0");
    }
    let subject = child(node, (SAML, "Subject"))?;
    let name = child(subject, (SAML, "NameID"))?;
    let conditions = child(node, (SAML, "Conditions"))?;
    let mut audiences = Vec::new();
    for restriction in children(conditions, (SAML, "AudienceRestriction")) {
        let names = children(restriction, (SAML, "Audience")).map(text);
        audiences.push(names.collect::<Result<Vec<_>, _>>()?);
    }
    let mut attributes = Vec::new();
    for statement in children(node, (SAML, "AttributeStatement")) {
        for one in children(statement, (SAML, "Attribute")) {
            let values = children(one, (SAML, "AttributeValue")).map(value);
            attributes.push((attribute(one, "Name")?.to_owned(), values.collect()));
        }
    }
    let mut ends = Vec::new();
    for statement in children(node, (SAML, "AuthnStatement")) {
        ends.extend(maybe_time(statement, "SessionNotOnOrAfter")?);
    }
    Ok(Assertion {
        id: attribute(node, "ID")?.to_owned(),
        issuer: text(child(node, (SAML, "Issuer"))?)?,
        issued: maybe_time(node, "IssueInstant")?.ok_or("its assertion has no IssueInstant")?,
        not_before: maybe_time(conditions, "NotBefore")?,
        not_on_or_after: maybe_time(conditions, "NotOnOrAfter")?,
        audiences,
        name: text(name)?,
        name_format: name.attribute("Format").unwrap_or("unspecified").to_owned(),
        confirmations: confirmations(subject)?,
        session_not_on_or_after: ends.into_iter().min(),
        attributes,
    })
}

fn confirmations(subject: Node<'_, '_>) -> Result<Vec<Confirmation>, Fault> {
    let mut found = Vec::new();
    for one in children(subject, (SAML, "SubjectConfirmation")) {
        if attribute(one, "Method")? == "urn:oasis:names:tc:SAML:2.0:cm:bearer" {
            let data = child(one, (SAML, "SubjectConfirmationData"))?;
            let ends = maybe_time(data, "NotOnOrAfter")?;
            found.push(Confirmation {
                recipient: attribute(data, "Recipient")?.to_owned(),
                not_on_or_after: ends.ok_or("a confirmation has no NotOnOrAfter")?,
            });
        }
    }
    Ok(found)
}

impl Assertion {
    /// The values of an attribute, which must not be given twice; all are texts.
    pub(super) fn values(&self, name: &str) -> Result<Option<Vec<&str>>, Fault> {
        let mut given = self.attributes.iter().filter(|(other, _)| other == name);
        match (given.next(), given.next()) {
            (_, Some(_)) => Err("an attribute is given twice"),
            (None, None) => Ok(None),
            (Some((_, values)), None) => {
                let texts: Option<Vec<_>> = values.iter().map(Option::as_deref).collect();
                texts.map(Some).ok_or("a value is not one text")
            }
        }
    }

    /// The value of an attribute that has one.
    pub(super) fn value(&self, name: &str) -> Result<Option<&str>, Fault> {
        match self.values(name)?.as_deref() {
            None => Ok(None),
            Some([one]) => Ok(Some(one)),
            Some(_) => Err("an attribute has several values"),
        }
    }
}

pub(super) fn children<'a, 'i>(
    node: Node<'a, 'i>,
    name: (&'static str, &'static str),
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |one| one.has_tag_name(name))
}

fn maybe<'a, 'i>(
    node: Node<'a, 'i>,
    name: (&'static str, &'static str),
) -> Result<Option<Node<'a, 'i>>, Fault> {
    let mut found = children(node, name);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err("an element is there twice"),
        (first, None) => Ok(first),
    }
}

pub(super) fn child<'a, 'i>(
    node: Node<'a, 'i>,
    name: (&'static str, &'static str),
) -> Result<Node<'a, 'i>, Fault> {
    maybe(node, name)?.ok_or("an element is missing")
}

pub(super) fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Result<&'a str, Fault> {
    node.attribute(name).ok_or("an attribute of an element is missing")
}

/// One text and nothing else: a comment inside would cut it in two.
fn text(node: Node<'_, '_>) -> Result<String, Fault> {
    let mut inside = node.children();
    match (inside.next(), inside.next()) {
        (Some(text), None) if text.is_text() => Ok(text.text().unwrap_or_default().to_owned()),
        _ => Err("an element is not one text"),
    }
}

/// What an attribute's value holds, when it is one text or nothing.
fn value(node: Node<'_, '_>) -> Option<String> {
    if node.has_children() { text(node).ok() } else { Some(String::new()) }
}

fn maybe_time(node: Node<'_, '_>, name: &str) -> Result<Option<Timestamp>, Fault> {
    let text = node.attribute(name);
    text.map(str::parse).transpose().or(Err("a time is not one"))
}
