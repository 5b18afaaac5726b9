//! Bodies that are read whole before anything is done with them.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::RequestBody;

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BodyFault {
    #[error("the body is not {expected}")]
    WrongType { expected: &'static str },
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body did not arrive in time")]
    Slow,
    #[error("the body broke off")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

/// Reads all of it: at most `limit` bytes, within `deadline`. No body is an empty one.
///
/// # Errors
/// [`BodyFault`], but for the wrong type: that is the asker's to see.
pub async fn read_whole(
    body: Option<RequestBody>,
    limit: usize,
    deadline: Duration,
) -> Result<Bytes, BodyFault> {
    let Some(body) = body else {
        return Ok(Bytes::new());
    };
    match tokio::time::timeout(deadline, Limited::new(body, limit).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyFault::TooLarge { limit }),
        Ok(Err(error)) => Err(BodyFault::Broken(error)),
        Err(_elapsed) => Err(BodyFault::Slow),
    }
}
