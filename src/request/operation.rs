//! The closed set of operations. A new one must be decided everywhere: every `match` on it is exhaustive.

use super::{Conditions, ObjectKey, Ranges, RequestError, SealedHandle, route};
use crate::catalog::{ProjectName, StorageName};
use crate::listener::{Incoming, RequestId};

/// What one request asks for. Made by [`Operation::parse`] only.
#[derive(Debug, Clone)]
pub struct Operation(Ask);

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
}

/// Our own routes, under `/-/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visit {
    /// `GET HEAD /-/assets/{name}`: style and script of our pages.
    Asset(&'static str),
    /// `GET HEAD /-/`: the visitor's projects and their media.
    Home,
    /// `GET HEAD /-/sign-in?return=PATH`
    SignInPage { return_to: Option<String> },
    /// `POST /-/sign-in` with a form.
    SignIn,
    /// `POST /-/sign-out`
    SignOut,
    /// `GET HEAD /-/api/account`
    Account,
    /// `POST /-/api/handles` with JSON.
    SealHandles,
    /// `GET HEAD /-/api/requests/{request-id}`: why a request was answered as it was.
    ExplainRequest(RequestId),
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

/// How an object is named by the client.
#[derive(Debug, Clone)]
pub enum Target {
    Named(ObjectAddress),
    Handle(SealedHandle),
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
    /// Reads the operation out of the canonical request.
    ///
    /// # Errors
    /// [`RequestError`]: a fault of the validator, an unknown route, or a route's own parts malformed.
    pub fn parse(incoming: &Incoming) -> Result<Self, RequestError> {
        if let Some(fault) = incoming.fault() {
            return Err(fault.into());
        }
        route::parse(incoming).map(Self)
    }

    #[must_use]
    pub const fn ask(&self) -> &Ask {
        &self.0
    }

    /// The operation's name in policies, settings, logs, the audit and on the command line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.0.name()
    }
}

impl Ask {
    /// See [`Operation::name`].
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Read(ObjectRead { target: Target::Named(_), .. }) => "ReadObject",
            Self::Read(ObjectRead { target: Target::Handle(_), .. }) => "ReadMedia",
            Self::Write(_) => "WriteObject",
            Self::List { .. } => "ListObjects",
            Self::Visit(visit) => visit.name(),
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
            Self::ExplainRequest(_) => "ExplainRequest",
        }
    }

    /// Exactly the visits that need no sign-in (R12).
    #[must_use]
    pub const fn is_public(&self) -> bool {
        match self {
            Self::Asset(_) | Self::SignInPage { .. } | Self::SignIn => true,
            Self::Home
            | Self::SignOut
            | Self::Account
            | Self::SealHandles
            | Self::ExplainRequest(_) => false,
        }
    }
}
