//! Stage 2: what is asked. Turns the canonical request into one of a closed set of operations; what is not
//! listed is refused here, before anybody is asked who he is.

mod byte_range;
mod conditions;
mod handle;
mod object_key;
mod operation;
mod preflight;
mod query;
mod route;

pub use byte_range::{ByteRange, Ranges, Resolved, Span};
pub use conditions::{Conditions, IfRange};
pub use handle::SealedHandle;
pub use object_key::{BadKey, ObjectKey};
pub use operation::{
    Ask, ObjectAddress, ObjectRead, ObjectWrite, Operation, Page, Renewal, Target, Visit,
};

/// Why a request is not an operation.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error(transparent)]
    Fault(#[from] crate::listener::RequestFault),
    #[error("no such route")]
    NoSuchRoute,
    #[error("not in Label Studio's catalogue")]
    NotInCatalogue(#[source] crate::label_studio::NoRoute),
    #[error("the route does not take this method; it takes {allow}")]
    MethodNotAllowed { allow: &'static str },
    #[error("the object key in the path: {0}")]
    BadKey(#[from] BadKey),
    #[error("the query parameter {name} is unknown, doubled or malformed")]
    BadQuery { name: String },
    #[error("the header {name} is malformed")]
    BadHeader { name: &'static str },
    #[error("a write needs a Content-Length")]
    LengthRequired,
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge { limit: u64 },
    #[error("a body where none is expected")]
    UnexpectedBody,
}
