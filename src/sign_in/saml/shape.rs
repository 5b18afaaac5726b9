//! The shape of a response and its assertion (SAML core 2 and 3): what may stand where, read into texts. Whether the
//! texts are acceptable is said by `claims`; whether anybody signed them, by the engine.
//!
//! Narrower than the schema: what would not be understood is refused (SAML core 2.5.1 demands that of conditions), and
//! so is whatever could hide another assertion.

use roxmltree::Node;

use super::element::{Children, attribute, nothing, required, text};
use super::gate::Closed;
use super::names::{
    ASSERTION, ATTRIBUTE, ATTRIBUTES, AUDIENCE, AUTHORITY, CONDITIONS, CONFIRMATION,
    CONFIRMATION_DATA, CONTEXT, CONTEXT_CLASS, CONTEXT_DECLARATION, ISSUER, LOCALITY, NAME_ID,
    Name, ONE_TIME_USE, PROXY_RESTRICTION, RESPONSE, RESTRICTION, SIGN_IN, SIGNATURE, STATUS,
    STATUS_CODE, STATUS_DETAIL, STATUS_MESSAGE, SUBJECT, VALUE,
};

pub(super) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// What a response says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResponseParts {
    pub(super) id: String,
    pub(super) issue_instant: String,
    pub(super) issuer: Option<String>,
    pub(super) destination: Option<String>,
    pub(super) in_response_to: Option<String>,
}

/// What an assertion says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AssertionParts {
    pub(super) id: String,
    pub(super) issue_instant: String,
    pub(super) issuer: String,
    pub(super) name_id: String,
    pub(super) name_id_format: Option<String>,
    pub(super) name_qualifier: Option<String>,
    pub(super) sp_name_qualifier: Option<String>,
    pub(super) confirmations: Vec<ConfirmationParts>,
    pub(super) not_before: Option<String>,
    pub(super) not_on_or_after: Option<String>,
    /// One must be ours in each of these.
    pub(super) audiences: Vec<Vec<String>>,
    pub(super) sign_ins: Vec<SignInParts>,
    pub(super) attributes: Vec<(String, Vec<String>)>,
}

/// How somebody may show that he is the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConfirmationParts {
    pub(super) method: String,
    pub(super) recipient: Option<String>,
    pub(super) in_response_to: Option<String>,
    pub(super) not_before: Option<String>,
    pub(super) not_on_or_after: Option<String>,
}

/// One `AuthnStatement`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignInParts {
    pub(super) at: String,
    /// By what means (AuthnContextClassRef).
    pub(super) class: Option<String>,
    pub(super) session_index: Option<String>,
    pub(super) session_not_on_or_after: Option<String>,
}

/// The root is a response of version 2.0 that reports success. Comes before all that such a response contains, because
/// the report of a failure contains none of it.
pub(super) fn success(root: Node<'_, '_>) -> Result<(), Closed> {
    if !RESPONSE.is(root) {
        return Err(Closed::NotResponse);
    }
    version(root, RESPONSE)?;
    let status = root.children().find(|node| STATUS.is(*node));
    let code = status.and_then(|status| status.children().find(|node| STATUS_CODE.is(*node)));
    let code = code.ok_or(Closed::NoElement { of: RESPONSE.local, name: STATUS_CODE.local })?;
    if attribute(code, "Value") == Some(SUCCESS) {
        return Ok(());
    }
    let second = code.children().find(|node| STATUS_CODE.is(*node));
    let value = attribute(second.unwrap_or(code), "Value").unwrap_or_default();
    Err(Closed::Status(status_word(value)))
}

/// The last part of a status' name, when it is a plain word.
pub(super) fn status_word(value: &str) -> Box<str> {
    let last = value.rsplit(':').next().unwrap_or_default();
    let plain = last.len() <= 64 && last.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain { last.into() } else { "a status of its own".into() }
}

impl ResponseParts {
    /// Reads a response that carries one element of the name `inside`.
    pub(super) fn read(node: Node<'_, '_>, inside: Name) -> Result<Self, Closed> {
        let mut children = Children::of(node, RESPONSE)?;
        let issuer = children.optional(ISSUER).map(|issuer| text(issuer, ISSUER)).transpose()?;
        children.optional(SIGNATURE);
        status(children.required(STATUS)?)?;
        children.required(inside)?;
        children.end()?;
        Ok(Self {
            id: required(node, RESPONSE, "ID")?.to_owned(),
            issue_instant: required(node, RESPONSE, "IssueInstant")?.to_owned(),
            issuer: issuer.map(str::to_owned),
            destination: owned(node, "Destination"),
            in_response_to: owned(node, "InResponseTo"),
        })
    }
}

fn status(node: Node<'_, '_>) -> Result<(), Closed> {
    let mut children = Children::of(node, STATUS)?;
    children.required(STATUS_CODE)?;
    children.optional(STATUS_MESSAGE);
    children.optional(STATUS_DETAIL);
    children.end()
}

impl AssertionParts {
    pub(super) fn read(node: Node<'_, '_>) -> Result<Self, Closed> {
        version(node, ASSERTION)?;
        let mut children = Children::of(node, ASSERTION)?;
        let issuer = text(children.required(ISSUER)?, ISSUER)?.to_owned();
        children.optional(SIGNATURE);
        let (name_id, confirmations) = subject(children.required(SUBJECT)?)?;
        let conditions = children.required(CONDITIONS)?;
        let (sign_ins, attributes) = statements(children)?;
        Ok(Self {
            id: required(node, ASSERTION, "ID")?.to_owned(),
            issue_instant: required(node, ASSERTION, "IssueInstant")?.to_owned(),
            issuer,
            name_id: text(name_id, NAME_ID)?.to_owned(),
            name_id_format: owned(name_id, "Format"),
            name_qualifier: owned(name_id, "NameQualifier"),
            sp_name_qualifier: owned(name_id, "SPNameQualifier"),
            confirmations,
            not_before: owned(conditions, "NotBefore"),
            not_on_or_after: owned(conditions, "NotOnOrAfter"),
            audiences: audiences(conditions)?,
            sign_ins,
            attributes,
        })
    }
}

fn subject<'a, 'input>(
    node: Node<'a, 'input>,
) -> Result<(Node<'a, 'input>, Vec<ConfirmationParts>), Closed> {
    let mut children = Children::of(node, SUBJECT)?;
    let name_id = children.required(NAME_ID)?;
    let confirmations: Result<Vec<_>, _> =
        children.all(CONFIRMATION).into_iter().map(confirmation).collect();
    children.end()?;
    Ok((name_id, confirmations.and_then(some)?))
}

/// A subject that nothing confirms is confirmed by nothing.
fn some(confirmations: Vec<ConfirmationParts>) -> Result<Vec<ConfirmationParts>, Closed> {
    if confirmations.is_empty() {
        return Err(Closed::NoElement { of: SUBJECT.local, name: CONFIRMATION.local });
    }
    Ok(confirmations)
}

fn confirmation(node: Node<'_, '_>) -> Result<ConfirmationParts, Closed> {
    let mut children = Children::of(node, CONFIRMATION)?;
    let data = children.optional(CONFIRMATION_DATA);
    children.end()?;
    if let Some(data) = data {
        nothing(data, CONFIRMATION_DATA)?;
    }
    let of_data = |name: &str| data.and_then(|data| owned(data, name));
    Ok(ConfirmationParts {
        method: required(node, CONFIRMATION, "Method")?.to_owned(),
        recipient: of_data("Recipient"),
        in_response_to: of_data("InResponseTo"),
        not_before: of_data("NotBefore"),
        not_on_or_after: of_data("NotOnOrAfter"),
    })
}

/// `OneTimeUse` is what we do anyway (R7), and `ProxyRestriction` is about those who issue assertions of their own.
fn audiences(node: Node<'_, '_>) -> Result<Vec<Vec<String>>, Closed> {
    let mut children = Children::of(node, CONDITIONS)?;
    let mut found = Vec::new();
    loop {
        if let Some(restriction) = children.optional(RESTRICTION) {
            let mut audiences = Children::of(restriction, RESTRICTION)?;
            let one = |audience| text(audience, AUDIENCE).map(str::to_owned);
            found.push(audiences.all(AUDIENCE).into_iter().map(one).collect::<Result<_, _>>()?);
            audiences.end()?;
        } else if children.optional(ONE_TIME_USE).is_none()
            && children.optional(PROXY_RESTRICTION).is_none()
        {
            break;
        }
    }
    children.end()?;
    Ok(found)
}

type Statements = (Vec<SignInParts>, Vec<(String, Vec<String>)>);

/// Statements stand in any order.
fn statements(mut children: Children<'_, '_>) -> Result<Statements, Closed> {
    let (mut sign_ins, mut attributes) = (Vec::new(), Vec::new());
    loop {
        if let Some(statement) = children.optional(SIGN_IN) {
            sign_ins.push(sign_in(statement)?);
        } else if let Some(statement) = children.optional(ATTRIBUTES) {
            let mut list = Children::of(statement, ATTRIBUTES)?;
            for one in list.all(ATTRIBUTE) {
                attributes.push(values(one)?);
            }
            list.end()?;
        } else {
            break;
        }
    }
    children.end()?;
    if sign_ins.is_empty() {
        return Err(Closed::NoElement { of: ASSERTION.local, name: SIGN_IN.local });
    }
    Ok((sign_ins, attributes))
}

fn sign_in(node: Node<'_, '_>) -> Result<SignInParts, Closed> {
    let mut children = Children::of(node, SIGN_IN)?;
    if let Some(locality) = children.optional(LOCALITY) {
        nothing(locality, LOCALITY)?;
    }
    let mut context = Children::of(children.required(CONTEXT)?, CONTEXT)?;
    children.end()?;
    let classes = context.all(CONTEXT_CLASS);
    let class = match &*classes {
        [only] => Some(text(*only, CONTEXT_CLASS)?.to_owned()),
        _ => None,
    };
    let references = classes.into_iter().map(|node| (node, CONTEXT_CLASS));
    let declarations =
        context.optional(CONTEXT_DECLARATION).map(|node| (node, CONTEXT_DECLARATION));
    let authorities = context.all(AUTHORITY).into_iter().map(|node| (node, AUTHORITY));
    for (node, name) in references.chain(declarations).chain(authorities) {
        text(node, name)?;
    }
    context.end()?;
    Ok(SignInParts {
        at: required(node, SIGN_IN, "AuthnInstant")?.to_owned(),
        class,
        session_index: owned(node, "SessionIndex"),
        session_not_on_or_after: owned(node, "SessionNotOnOrAfter"),
    })
}

fn values(node: Node<'_, '_>) -> Result<(String, Vec<String>), Closed> {
    let mut children = Children::of(node, ATTRIBUTE)?;
    let values = children.all(VALUE).into_iter().map(value).collect::<Result<_, _>>()?;
    children.end()?;
    Ok((required(node, ATTRIBUTE, "Name")?.to_owned(), values))
}

/// One text, or nothing, or a name id (as `eduPersonTargetedID` has it).
fn value(node: Node<'_, '_>) -> Result<String, Closed> {
    let mut inside = node.children();
    match (inside.next(), inside.next()) {
        (None, _) => Ok(String::new()),
        (Some(only), None) if only.is_text() => Ok(only.text().unwrap_or_default().to_owned()),
        _ => {
            let mut children = Children::of(node, VALUE)?;
            let name_id = children.required(NAME_ID)?;
            children.end()?;
            Ok(text(name_id, NAME_ID)?.to_owned())
        }
    }
}

fn version(node: Node<'_, '_>, of: Name) -> Result<(), Closed> {
    if attribute(node, "Version") == Some("2.0") {
        Ok(())
    } else {
        Err(Closed::Version { of: of.local })
    }
}

fn owned(node: Node<'_, '_>, name: &str) -> Option<String> {
    attribute(node, name).map(str::to_owned)
}
