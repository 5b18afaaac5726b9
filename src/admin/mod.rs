//! What the gateway answers by itself under `/-/`: pages, the account, handles, explanations.

use crate::backend::Reply;
use crate::listener::{Incoming, RequestBody};
use crate::policy::Grant;

/// Answers our own routes.
#[derive(Debug)]
pub struct Desk {}

/// Why one of our own routes gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {}

impl Desk {
    /// Answers a visit that has been granted.
    ///
    /// # Errors
    /// [`DeskError`] as its variants say.
    pub async fn answer(
        &self,
        grant: &Grant,
        incoming: &Incoming,
        body: Option<RequestBody>,
    ) -> Result<Reply, DeskError> {
        let _ = (grant, incoming, body);
        todo!()
    }
}
