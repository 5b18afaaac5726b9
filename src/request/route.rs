//! The route table: every path that exists, with its methods. One reading of the path, here.

use super::{Ask, RequestError};
use crate::listener::Incoming;

pub(super) fn parse(incoming: &Incoming) -> Result<Ask, RequestError> {
    let _ = incoming;
    Err(RequestError::NoSuchRoute)
}
