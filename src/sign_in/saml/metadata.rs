//! An identity provider's metadata (SAML metadata 2.3 and 2.4): a file that the operator fetched and trusts, or a document that
//! a certificate of his vouches for. Nothing here goes to a network. What is wrong is told with its line and column.

use std::collections::HashSet;
use std::slice;

use http::Uri;
use roxmltree::{Document, Node, ParsingOptions, TextPos};

use super::certificate::{BadCertificate, Certificate};
use super::element::attribute;
use super::engine::NotVerified;
use super::gate::{Closed, is_absolute};
use super::names::{
    ENTITIES, ENTITY, KEY, KEY_INFO, Name, PROTOCOL, PROVIDER, SIGNATURE, SINGLE_LOGOUT,
    SINGLE_SIGN_ON, X509_CERTIFICATE, X509_DATA,
};
use super::{NoTrust, Trust, engine, instant, signature};
use crate::ground::clock::Timestamp;

/// A federation's document with some thousand members.
const MAX_BYTES: usize = 64 * 1_024 * 1_024;
const MAX_NODES: u32 = 4_000_000;

pub(super) const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
pub(super) const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// An identity provider, as its metadata describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Whom to believe.
    pub trust: Trust,
    pub entity_id: String,
    /// Where a browser is sent to sign in, by redirect.
    pub sign_in_redirect: Option<String>,
    /// The same, by a form that is posted.
    pub sign_in_post: Option<String>,
    /// Where a browser is sent to sign out, by redirect.
    pub sign_out_redirect: Option<String>,
    /// Where it is sent there with our reply, when that is another address (SAML metadata 2.2.2).
    pub sign_out_reply: Option<String>,
    /// The same, by a form that is posted.
    pub sign_out_post: Option<String>,
    /// It accepts signed requests only.
    pub wants_signed_requests: bool,
    /// When the document stops to count; `None` when it does not say.
    pub valid_until: Option<Timestamp>,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct Fault {
    pub line: u32,
    pub column: u32,
    pub what: What,
}

impl Fault {
    /// They would do if their time were not over.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.what, What::Over(_))
    }
}

/// Why a copy of metadata is not good any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OldCopy {
    #[error("it cannot be used")]
    Fault(#[from] Fault),
    #[error("it lacks {missing} of the identity provider's {of} certificates for signing")]
    Keys { missing: usize, of: usize },
}

/// What is wrong with metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum What {
    #[error("the document is longer than 64 MiB")]
    TooLarge,
    #[error("this is not well-formed XML without a DOCTYPE: {0}")]
    NotWellFormed(String),
    #[error("this is not an EntityDescriptor or EntitiesDescriptor of SAML 2.0")]
    NotMetadata,
    #[error("the document describes several entities: say which is meant")]
    WhichEntity,
    #[error("no entity has this entityID")]
    NoEntity,
    #[error("more than one entity has this entityID")]
    EntityTwice,
    #[error("the entity has no entityID, or one of more than 1,024 characters")]
    EntityId,
    #[error("the entity is not an identity provider of SAML 2.0")]
    NotProvider,
    #[error("the entity is more than one identity provider")]
    ProviderTwice,
    #[error("validUntil is no point in time in UTC")]
    Time,
    #[error("the document was valid until {0}")]
    Over(Timestamp),
    #[error("the use of a key is neither signing nor encryption")]
    Use,
    #[error("a key for signing comes without a certificate")]
    NoCertificate,
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    #[error(transparent)]
    Trust(#[from] NoTrust),
    #[error("the identity provider has no SingleSignOnService by redirect or by POST")]
    NoSignIn,
    #[error("a location is not an https address (or http on this machine)")]
    Location,
    #[error("the document is not signed, or not as a whole")]
    Unsigned,
    #[error("the document holds more than one signature")]
    Signatures,
    #[error("a declared namespace is not an absolute address")]
    Namespace,
    #[error("the signature is not accepted: {0}")]
    Signature(#[source] Closed),
    #[error("the signature is not by the certificate's key, or what it signs was changed")]
    OtherKey,
    #[error("the signature is by a key of another kind than the certificate's")]
    OtherKind,
    #[error(transparent)]
    NotVerified(NotVerified),
    #[error("the signature is of another element than the document's root")]
    OtherElement,
}

impl IdentityProvider {
    /// Reads a document with one identity provider, or with the one of this `entity_id` among others.
    ///
    /// # Errors
    /// [`Fault`]: the first that was found.
    pub fn read(text: &str, entity_id: Option<&str>, now: Timestamp) -> Result<Self, Fault> {
        let document = parse(text)?;
        let entity = entity(&document, entity_id)?;
        let provider = only(entity, PROVIDER, What::NotProvider, What::ProviderTwice)?;
        let speaks = attribute(provider, "protocolSupportEnumeration").unwrap_or_default();
        if !speaks.split_ascii_whitespace().any(|protocol| protocol == PROTOCOL) {
            return Err(at(provider, What::NotProvider));
        }
        Self::of(entity, provider, now)
    }

    /// The same of a document that is signed as a whole by this certificate (SAML metadata 3): exactly one signature, of the
    /// document's root. Only the octets that were digested are read.
    ///
    /// # Errors
    /// [`Fault`]: the first that was found.
    pub fn read_signed(
        text: &str,
        certificate: &Certificate,
        entity_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let octets = signed(text, certificate)?;
        // Canonicalization moves lines: where the fault is in the document, the document says best.
        Self::read(&octets, entity_id, now)
            .map_err(|fault| Self::read(text, entity_id, now).err().unwrap_or(fault))
    }

    /// Those whose keys sign.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.trust.certificates
    }

    /// Judges another place's copy of these metadata.
    ///
    /// # Errors
    /// [`OldCopy`]
    pub fn compare(&self, copy: &str, now: Timestamp) -> Result<(), OldCopy> {
        let copy = Self::read(copy, Some(&self.entity_id), now)?;
        let keys = copy.trust.certificates;
        let missing = |key: &&Certificate| !keys.contains(*key);
        match self.trust.certificates.iter().filter(missing).count() {
            0 => Ok(()),
            missing => Err(OldCopy::Keys { missing, of: self.trust.certificates.len() }),
        }
    }

    fn of(entity: Node<'_, '_>, provider: Node<'_, '_>, now: Timestamp) -> Result<Self, Fault> {
        let entity_id = attribute(entity, "entityID").unwrap_or_default();
        if entity_id.is_empty() || entity_id.chars().count() > 1_024 {
            return Err(at(entity, What::EntityId));
        }
        let valid_until = valid_until(provider, now)?;
        let mut certificates = Vec::new();
        for key in provider.children().filter(|node| KEY.is(*node)) {
            certificates_of(key, &mut certificates)?;
        }
        let trust = Trust::new(entity_id, certificates, valid_until)
            .map_err(|error| at(provider, error.into()))?;
        let sign_in_redirect = location(provider, SINGLE_SIGN_ON, REDIRECT)?;
        let sign_in_post = location(provider, SINGLE_SIGN_ON, POST)?;
        if sign_in_redirect.is_none() && sign_in_post.is_none() {
            return Err(at(provider, What::NoSignIn));
        }
        let wants = attribute(provider, "WantAuthnRequestsSigned");
        Ok(Self {
            trust,
            entity_id: entity_id.to_owned(),
            sign_in_redirect,
            sign_in_post,
            sign_out_redirect: location(provider, SINGLE_LOGOUT, REDIRECT)?,
            sign_out_reply: reply_location(provider)?,
            sign_out_post: location(provider, SINGLE_LOGOUT, POST)?,
            wants_signed_requests: matches!(wants, Some("true" | "1")),
            valid_until,
        })
    }
}

fn parse(text: &str) -> Result<Document<'_>, Fault> {
    if text.len() > MAX_BYTES {
        return Err(fault(TextPos::new(1, 1), What::TooLarge));
    }
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options)
        .map_err(|error| fault(error.pos(), What::NotWellFormed(error.to_string())))
}

/// The octets that the signature of the document's root digested.
fn signed(text: &str, certificate: &Certificate) -> Result<String, Fault> {
    let document = parse(text)?;
    let root = document.root_element();
    if !ENTITY.is(root) && !ENTITIES.is(root) {
        return Err(at(root, What::NotMetadata));
    }
    let relative = |node: &Node<'_, '_>| !node.namespaces().all(|space| is_absolute(space.uri()));
    if let Some(node) = root.descendants().find(relative) {
        return Err(at(node, What::Namespace));
    }
    // Whose the signed one is must be clear before the engine looks for it.
    let mut ids = HashSet::new();
    for node in root.descendants() {
        if attribute(node, "ID").is_some_and(|id| !ids.insert(id)) {
            return Err(at(node, What::Signature(Closed::IdTwice)));
        }
    }
    let mut found = root.descendants().filter(|node| SIGNATURE.is(*node));
    let signature = match (found.next(), found.next()) {
        (Some(only), None) if only.parent() == Some(root) => only,
        (_, Some(second)) => return Err(at(second, What::Signatures)),
        (Some(_) | None, None) => return Err(at(root, What::Unsigned)),
    };
    let keys =
        signature::judge_document(signature).map_err(|why| at(signature, What::Signature(why)))?;
    let octets =
        engine::digested(text, slice::from_ref(certificate), keys).map_err(|why| match why {
            NotVerified::Signature => at(signature, What::OtherKey),
            NotVerified::NoSuchKey => at(signature, What::OtherKind),
            NotVerified::Engine(_) | NotVerified::Empty => at(signature, What::NotVerified(why)),
        })?;
    let digested = parse(&octets)?;
    let same = digested.root_element().tag_name() == root.tag_name()
        && attribute(digested.root_element(), "ID") == attribute(root, "ID");
    if same { Ok(octets) } else { Err(at(signature, What::OtherElement)) }
}

fn at(node: Node<'_, '_>, what: What) -> Fault {
    fault(node.document().text_pos_at(node.range().start), what)
}

const fn fault(place: TextPos, what: What) -> Fault {
    Fault { line: place.row, column: place.col, what }
}

/// The one that is meant.
fn entity<'a, 'input>(
    document: &'a Document<'input>,
    entity_id: Option<&str>,
) -> Result<Node<'a, 'input>, Fault> {
    let root = document.root_element();
    if !ENTITY.is(root) && !ENTITIES.is(root) {
        return Err(at(root, What::NotMetadata));
    }
    // Entities stand in groups, and groups in groups; an extension may hold anything.
    let grouped = |node: &Node<'_, '_>| {
        node.ancestors().skip(1).all(|above| above.is_root() || ENTITIES.is(above))
    };
    let meant = |node: &Node<'_, '_>| {
        entity_id.is_none_or(|entity_id| attribute(*node, "entityID") == Some(entity_id))
    };
    let mut found =
        root.descendants().filter(|node| ENTITY.is(*node) && grouped(node)).filter(meant);
    match (found.next(), found.next(), entity_id) {
        (Some(entity), None, _) => Ok(entity),
        (None, ..) => Err(at(root, What::NoEntity)),
        (Some(_), Some(other), None) => Err(at(other, What::WhichEntity)),
        (Some(_), Some(other), Some(_)) => Err(at(other, What::EntityTwice)),
    }
}

fn only<'a, 'input>(
    parent: Node<'a, 'input>,
    name: Name,
    none: What,
    several: What,
) -> Result<Node<'a, 'input>, Fault> {
    let mut found = parent.children().filter(|node| name.is(*node));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(at(parent, none)),
        (Some(_), Some(second)) => Err(at(second, several)),
    }
}

/// The earliest end that is written on the provider, on the entity or on a group around it.
fn valid_until(provider: Node<'_, '_>, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let mut earliest: Option<Timestamp> = None;
    for node in provider.ancestors().filter(Node::is_element) {
        let Some(text) = attribute(node, "validUntil") else { continue };
        let end = instant::parse(text).ok_or_else(|| at(node, What::Time))?;
        if end <= now {
            return Err(at(node, What::Over(end)));
        }
        earliest = Some(earliest.map_or(end, |other| other.min(end)));
    }
    Ok(earliest)
}

/// The certificates of a key that may sign. One without `use` may do both (SAML metadata 2.4.1.1). With a chain (XML Signature
/// 4.5.4), an authority's key is not the one that is meant.
fn certificates_of(key: Node<'_, '_>, found: &mut Vec<Certificate>) -> Result<(), Fault> {
    match attribute(key, "use") {
        None | Some("signing") => {}
        Some("encryption") => return Ok(()),
        Some(_) => return Err(at(key, What::Use)),
    }
    let mut any = false;
    let infos = key.children().filter(|node| KEY_INFO.is(*node));
    for data in infos.flat_map(|info| info.children()).filter(|node| X509_DATA.is(*node)) {
        let nodes = data.children().filter(|node| X509_CERTIFICATE.is(*node));
        let read = |node: Node<'_, '_>| {
            Certificate::from_base64(node.text().unwrap_or_default())
                .map_err(|error| at(node, error.into()))
        };
        let chain = nodes.map(read).collect::<Result<Vec<_>, _>>()?;
        any |= !chain.is_empty();
        let meant = |one: &&Certificate| !chain.iter().any(|other| one.issued(other));
        for certificate in chain.iter().filter(meant) {
            if !found.contains(certificate) {
                found.push(certificate.clone());
            }
        }
    }
    if any { Ok(()) } else { Err(at(key, What::NoCertificate)) }
}

/// The first service of this binding.
fn service<'a, 'input>(
    provider: Node<'a, 'input>,
    name: Name,
    binding: &str,
) -> Option<Node<'a, 'input>> {
    let mut services = provider.children().filter(|node| name.is(*node));
    services.find(|node| attribute(*node, "Binding") == Some(binding))
}

fn location(provider: Node<'_, '_>, name: Name, binding: &str) -> Result<Option<String>, Fault> {
    let Some(service) = service(provider, name, binding) else { return Ok(None) };
    let location = attribute(service, "Location").unwrap_or_default();
    if is_safe(location) { Ok(Some(location.to_owned())) } else { Err(at(service, What::Location)) }
}

/// Where replies go that are not to go where requests go.
fn reply_location(provider: Node<'_, '_>) -> Result<Option<String>, Fault> {
    let Some(service) = service(provider, SINGLE_LOGOUT, REDIRECT) else { return Ok(None) };
    match attribute(service, "ResponseLocation") {
        Some(location) if !is_safe(location) => Err(at(service, What::Location)),
        location => Ok(location.map(str::to_owned)),
    }
}

/// A browser is sent there, so what it would read otherwise than we do is no address.
fn is_safe(location: &str) -> bool {
    let Ok(uri) = location.parse::<Uri>() else { return false };
    let plain = location.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'\\');
    let host = uri.host().unwrap_or_default();
    let ours = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    let user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    let scheme = uri.scheme_str();
    plain
        && !user
        && !host.is_empty()
        && (scheme == Some("https") || scheme == Some("http") && ours)
}
