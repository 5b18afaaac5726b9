//! Preflights: what a browser asks before it sends a request that a script of another site wants (Fetch, "CORS-preflight
//! request"). It is told which methods there are at an address; whether the request itself may be is decided when it comes.

use http::Method;
use http::header::ACCESS_CONTROL_REQUEST_METHOD;

use super::{Ask, RequestError, Visit};
use crate::label_studio::{NoRoute, Routes};
use crate::listener::{Elsewhere, Incoming};

/// Whether it is one, from a site that is listed. From others it is a request like any, for a method that no route takes.
pub(super) fn is_one(incoming: &Incoming) -> bool {
    incoming.method() == Method::OPTIONS
        && matches!(incoming.elsewhere(), Elsewhere::Listed(_))
        && incoming.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// At one of our own addresses, where no route takes OPTIONS: what this method came to there says what is taken.
pub(super) fn ours(asked: Result<Ask, RequestError>) -> Result<Ask, RequestError> {
    match asked {
        Err(RequestError::MethodNotAllowed { allow }) => Ok(told(allow.into())),
        Err(other) => Err(other),
        Ok(_) => Err(RequestError::NoSuchRoute),
    }
}

/// At one of Label Studio's.
pub(super) fn label_studio(incoming: &Incoming, routes: &Routes) -> Result<Ask, RequestError> {
    let methods = routes.methods(incoming.path());
    if methods.is_empty() {
        return Err(RequestError::NotInCatalogue(NoRoute::Unlisted));
    }
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    Ok(told(names.join(", ").into()))
}

fn told(methods: Box<str>) -> Ask {
    Ask::Visit(Visit::Preflight { methods })
}
