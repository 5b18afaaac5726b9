//! A person's way over to his own user in Label Studio, as one request goes it.

use std::sync::Arc;

use super::error::CredentialError;
use crate::identity::Person;
use crate::label_studio::{Access, Bridge};

/// What acts as the person's user, and how to get it afresh.
#[derive(Debug, Clone)]
pub(super) struct Crossing {
    pub(super) access: Arc<Access>,
    bridge: Arc<Bridge>,
    person: Whose,
}

#[derive(Debug, Clone)]
struct Whose {
    account: crate::catalog::AccountId,
    email: Arc<str>,
}

impl Crossing {
    pub(super) async fn of(bridge: &Arc<Bridge>, person: &Person) -> Result<Self, CredentialError> {
        let access = bridge.access(person.account(), person.email()).await;
        let person = Whose { account: person.account(), email: person.email().into() };
        let access = access.map_err(CredentialError::Bridge)?;
        Ok(Self { access, bridge: Arc::clone(bridge), person })
    }

    /// Label Studio did not take this one: another.
    pub(super) async fn afresh(&self) -> Result<Self, CredentialError> {
        let Whose { account, email } = &self.person;
        self.bridge.reject(*account, &self.access).await;
        let access = self.bridge.access(*account, email).await.map_err(CredentialError::Bridge)?;
        Ok(Self { access, ..self.clone() })
    }
}
