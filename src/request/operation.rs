//! The closed set of operations. A new one must be decided everywhere: every `match` on it is exhaustive.

use std::sync::Arc;

use http::Method;

use super::{Conditions, ObjectKey, Ranges, RequestError, SealedHandle, route};
use crate::catalog::{OrganizationName, ProjectName, StorageName};
use crate::ground::secret::Secret;
use crate::label_studio::{Call, Deed, Routes};
use crate::listener::{Incoming, RequestId};

/// What one request asks for. Made by [`Operation::parse`] only; cheap to clone, since a grant keeps it.
#[derive(Debug, Clone)]
pub struct Operation(Arc<Ask>);

/// The closed set.
#[derive(Debug, Clone)]
pub enum Ask {
    /// `GET HEAD /-/objects/{project}/{storage}/{key}` and `GET HEAD /-/m/{handle}`
    Read(ObjectRead),
    /// `PUT /-/objects/{project}/{storage}/{key}`
    Write(ObjectWrite),
    /// `GET /-/objects/{project}/{storage}/`
    List { project: ProjectName, storage: StorageName, page: Page },
    /// What this gateway answers by itself.
    Visit(Visit),
    /// Every other path, where a Label Studio is configured: one row of its catalogue.
    LabelStudio(Call),
}

/// Our own routes, under `/-/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visit {
    /// `GET HEAD /-/assets/{name}`: style and script of our pages.
    Asset(&'static str),
    /// `GET HEAD /-/`: the visitor's projects and their media.
    Home,
    /// `GET HEAD /-/sign-in?return=PATH&organization=NAME`
    SignInPage { return_to: Option<String>, organization: Option<String> },
    /// `POST /-/sign-in` with a form.
    SignIn,
    /// `POST /-/sign-out`
    SignOut,
    /// `GET HEAD /-/saml/{organization}/metadata`
    SamlMetadata(OrganizationName),
    /// `GET /-/saml/{organization}/sign-in?return=PATH&renew=try|unseen|window|anew`
    SamlSignIn { organization: OrganizationName, return_to: Option<String>, how: Renewal },
    /// `POST /-/saml/{organization}/acs` with a form, from the identity provider's page.
    AcceptAssertion(OrganizationName),
    /// `GET /-/saml/{organization}/slo`, from the identity provider: it is told, or tells, that somebody signed out. Some send
    /// their answer by `POST`, with a form.
    SingleLogout(OrganizationName),
    /// `GET HEAD /-/invitations/{code}`
    InvitationPage { code: Secret<String> },
    /// `POST /-/invitations/{code}` with a form.
    AcceptInvitation { code: Secret<String> },
    /// `GET HEAD /-/label-studio?return=PATH`: who has a user in Label Studio already shows that it is he.
    LabelStudioUserPage { return_to: Option<String> },
    /// `POST /-/label-studio` with a form.
    ClaimLabelStudioUser,
    /// `GET HEAD /-/api/account`
    Account,
    /// `POST /-/api/handles` with JSON.
    SealHandles,
    /// `POST /api/token/refresh/` with JSON, of Label Studio's: an access token for a personal one. Only where Label Studio's
    /// own tokens are accepted.
    ExchangeToken,
    /// `OPTIONS` of any address, from another site that is listed: what is taken there.
    Preflight { methods: Box<str> },
    /// `GET HEAD /-/api/requests/{request-id}`: why a request was answered as it was.
    ExplainRequest(RequestId),
}

/// How much a sign-in at the identity provider may bother people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// As much as it needs.
    No,
    /// He proves himself anew, and perhaps as somebody else, though he has a session there.
    Anew,
    /// Not at all at first; a page that the person waits for goes on as much as it needs.
    Quietly,
    /// Not at all: nobody sees the page.
    Unseen,
    /// As much as it needs, in a window of its own.
    Window,
}

/// A read of one object.
#[derive(Debug, Clone)]
pub struct ObjectRead {
    pub target: Target,
    /// HEAD: everything but the bytes.
    pub head_only: bool,
    pub ranges: Option<Ranges>,
    pub conditions: Conditions,
}

/// A write of one object, whole.
#[derive(Debug, Clone)]
pub struct ObjectWrite {
    pub address: ObjectAddress,
    pub length: u64,
    pub content_type: Option<http::HeaderValue>,
    pub content_md5: Option<http::HeaderValue>,
    pub conditions: Conditions,
}

/// What is done without Label Studio.
const OURS: [&str; 22] = [
    "ReadObject",
    "ReadMedia",
    "WriteObject",
    "ListObjects",
    "ShowAsset",
    "ShowHome",
    "ShowSignIn",
    "SignIn",
    "SignOut",
    "ShowAccount",
    "SealHandle",
    "ExchangeToken",
    "ExplainRequest",
    "Preflight",
    "ShowInvitation",
    "AcceptInvitation",
    "ShowSamlMetadata",
    "BeginSamlSignIn",
    "AcceptAssertion",
    "SingleLogout",
    "ShowLabelStudioUser",
    "ClaimLabelStudioUser",
];

#[expect(clippy::indexing_slicing, reason = "a fault of it would not compile")]
const fn names() -> [&'static str; OURS.len() + Deed::ALL.len()] {
    let mut names = [""; OURS.len() + Deed::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = if at < OURS.len() { OURS[at] } else { Deed::ALL[at - OURS.len()].as_str() };
        at += 1;
    }
    names
}

/// How an object is named by the client.
#[derive(Debug, Clone)]
pub enum Target {
    Named(ObjectAddress),
    Handle(SealedHandle),
    /// One of Label Studio's own addresses of media.
    TaskMedia(Call),
}

/// An object by its names; the key is relative to the storage's prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectAddress {
    pub project: ProjectName,
    pub storage: StorageName,
    pub key: ObjectKey,
}

/// Which part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Only keys that start with it (relative to the storage's prefix).
    pub prefix: String,
    /// Only keys after it, in byte order.
    pub after: String,
    /// 1 to 1,000.
    pub limit: u16,
}

impl Operation {
    /// Every [`Operation::name`]: what people may write where an operation is named.
    pub const NAMES: [&'static str; OURS.len() + Deed::ALL.len()] = names();

    /// Those of them that need no Label Studio.
    pub const OURS: [&'static str; OURS.len()] = OURS;

    /// The names of exactly what needs no sign-in (R12).
    pub const PUBLIC: [&'static str; 11] = [
        "ShowAsset",
        "ShowSignIn",
        "SignIn",
        "ExchangeToken",
        "Preflight",
        "ShowInvitation",
        "AcceptInvitation",
        "ShowSamlMetadata",
        "BeginSamlSignIn",
        "AcceptAssertion",
        "SingleLogout",
    ];

    /// Reads the operation out of the canonical request.
    ///
    /// # Errors
    /// [`RequestError`]: a fault of the validator, an unknown route, or a route's own parts malformed.
    pub fn parse(incoming: &Incoming, routes: &Routes) -> Result<Self, RequestError> {
        if let Some(fault) = incoming.fault() {
            return Err(fault.into());
        }
        route::parse(incoming, routes).map(|ask| Self(Arc::new(ask)))
    }

    /// The list of one key that `check --online` tries. No request stands behind it; policy is asked all the same.
    #[must_use]
    pub(crate) fn trial_list(project: ProjectName, storage: StorageName) -> Self {
        let page = Page { limit: 1, ..Page::default() };
        Self(Arc::new(Ask::List { project, storage, page }))
    }

    #[must_use]
    pub fn ask(&self) -> &Ask {
        &self.0
    }

    /// Whether somebody signs in or out by it, or becomes a user of Label Studio's: what became of that must be known, whether
    /// its client waits for the answer or not.
    #[must_use]
    pub fn is_attendance(incoming: &Incoming, routes: &Routes) -> bool {
        // Whoever reads media pays nothing for the question.
        let may = *incoming.method() == Method::POST && incoming.path().starts_with("/-/")
            || incoming.path().starts_with("/-/saml/");
        let attends = |ask: &Ask| {
            matches!(
                ask,
                Ask::Visit(
                    Visit::SignIn
                        | Visit::SignOut
                        | Visit::AcceptInvitation { .. }
                        | Visit::AcceptAssertion(_)
                        | Visit::SingleLogout(_)
                        | Visit::ClaimLabelStudioUser
                )
            )
        };
        may && Self::parse(incoming, routes).is_ok_and(|operation| attends(operation.ask()))
    }

    /// The operation's name in policies, settings, logs, the audit and on the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name()
    }
}

impl Ask {
    /// See [`Operation::name`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Read(ObjectRead { target: Target::Named(_), .. }) => "ReadObject",
            Self::Read(ObjectRead { target: Target::Handle(_), .. }) => "ReadMedia",
            Self::Read(ObjectRead { target: Target::TaskMedia(call), .. }) => call.deed().as_str(),
            Self::Write(_) => "WriteObject",
            Self::List { .. } => "ListObjects",
            Self::Visit(visit) => visit.name(),
            Self::LabelStudio(call) => call.deed().as_str(),
        }
    }
}

impl Visit {
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Asset(_) => "ShowAsset",
            Self::Home => "ShowHome",
            Self::SignInPage { .. } => "ShowSignIn",
            Self::SignIn => "SignIn",
            Self::SignOut => "SignOut",
            Self::Account => "ShowAccount",
            Self::SealHandles => "SealHandle",
            Self::ExchangeToken => "ExchangeToken",
            Self::ExplainRequest(_) => "ExplainRequest",
            Self::Preflight { .. } => "Preflight",
            Self::InvitationPage { .. } => "ShowInvitation",
            Self::AcceptInvitation { .. } => "AcceptInvitation",
            Self::SamlMetadata(_) => "ShowSamlMetadata",
            Self::SamlSignIn { .. } => "BeginSamlSignIn",
            Self::AcceptAssertion(_) => "AcceptAssertion",
            Self::SingleLogout(_) => "SingleLogout",
            Self::LabelStudioUserPage { .. } => "ShowLabelStudioUser",
            Self::ClaimLabelStudioUser => "ClaimLabelStudioUser",
        }
    }

    /// Whether it stands in [`Operation::PUBLIC`].
    #[must_use]
    pub fn is_public(&self) -> bool {
        Operation::PUBLIC.contains(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where each kind stands in the list; a new kind does not compile until it is placed.
    fn place(ask: &Ask) -> usize {
        let deed = |call: &Call| Deed::ALL.into_iter().position(|deed| deed == call.deed());
        match ask {
            Ask::Read(ObjectRead { target: Target::Named(_), .. }) => 0,
            Ask::Read(ObjectRead { target: Target::Handle(_), .. }) => 1,
            Ask::Write(_) => 2,
            Ask::List { .. } => 3,
            Ask::Visit(Visit::Asset(_)) => 4,
            Ask::Visit(Visit::Home) => 5,
            Ask::Visit(Visit::SignInPage { .. }) => 6,
            Ask::Visit(Visit::SignIn) => 7,
            Ask::Visit(Visit::SignOut) => 8,
            Ask::Visit(Visit::Account) => 9,
            Ask::Visit(Visit::SealHandles) => 10,
            Ask::Visit(Visit::ExchangeToken) => 11,
            Ask::Visit(Visit::ExplainRequest(_)) => 12,
            Ask::Visit(Visit::Preflight { .. }) => 13,
            Ask::Visit(Visit::InvitationPage { .. }) => 14,
            Ask::Visit(Visit::AcceptInvitation { .. }) => 15,
            Ask::Visit(Visit::SamlMetadata(_)) => 16,
            Ask::Visit(Visit::SamlSignIn { .. }) => 17,
            Ask::Visit(Visit::AcceptAssertion(_)) => 18,
            Ask::Visit(Visit::SingleLogout(_)) => 19,
            Ask::Visit(Visit::LabelStudioUserPage { .. }) => 20,
            Ask::Visit(Visit::ClaimLabelStudioUser) => 21,
            Ask::LabelStudio(call)
            | Ask::Read(ObjectRead { target: Target::TaskMedia(call), .. }) => {
                OURS.len() + deed(call).unwrap()
            }
        }
    }

    fn one_of_each() -> Vec<Ask> {
        let address = || ObjectAddress {
            project: "p".parse().unwrap(),
            storage: "s".parse().unwrap(),
            key: ObjectKey::new("k").unwrap(),
        };
        let read = |target| {
            let conditions = Conditions::default();
            Ask::Read(ObjectRead { target, head_only: false, ranges: None, conditions })
        };
        let ObjectAddress { project, storage, .. } = address();
        let organization = || "acme".parse().unwrap();
        vec![
            read(Target::Named(address())),
            read(Target::Handle(SealedHandle::new("h").unwrap())),
            Ask::Write(ObjectWrite {
                address: address(),
                length: 0,
                content_type: None,
                content_md5: None,
                conditions: Conditions::default(),
            }),
            Ask::List { project, storage, page: Page::default() },
            Ask::Visit(Visit::Asset("style.css")),
            Ask::Visit(Visit::Home),
            Ask::Visit(Visit::SignInPage { return_to: None, organization: None }),
            Ask::Visit(Visit::SignIn),
            Ask::Visit(Visit::SignOut),
            Ask::Visit(Visit::Account),
            Ask::Visit(Visit::SealHandles),
            Ask::Visit(Visit::ExchangeToken),
            Ask::Visit(Visit::ExplainRequest(RequestId::parse(&"0".repeat(32)).unwrap())),
            Ask::Visit(Visit::Preflight { methods: "GET".into() }),
            Ask::Visit(Visit::InvitationPage { code: Secret::new("c".to_owned()) }),
            Ask::Visit(Visit::AcceptInvitation { code: Secret::new("c".to_owned()) }),
            Ask::Visit(Visit::SamlMetadata(organization())),
            Ask::Visit(Visit::SamlSignIn {
                organization: organization(),
                return_to: None,
                how: Renewal::No,
            }),
            Ask::Visit(Visit::AcceptAssertion(organization())),
            Ask::Visit(Visit::SingleLogout(organization())),
            Ask::Visit(Visit::LabelStudioUserPage { return_to: None }),
            Ask::Visit(Visit::ClaimLabelStudioUser),
        ]
    }

    #[test]
    fn the_list_of_names_is_complete_and_in_order() {
        let all = one_of_each();
        assert_eq!(all.len(), Operation::OURS.len());
        for ask in &all {
            assert_eq!(ask.name(), Operation::NAMES[place(ask)]);
        }
    }

    #[test]
    fn only_signing_in_what_it_needs_and_preflights_are_public() {
        let all = one_of_each();
        let public = all.iter().filter(|ask| matches!(ask, Ask::Visit(visit) if visit.is_public()));
        let public: Vec<_> = public.map(place).collect();
        assert_eq!(public, [4, 6, 7, 11, 13, 14, 15, 16, 17, 18, 19]);
        assert_eq!(public.len(), Operation::PUBLIC.len());
    }
}
