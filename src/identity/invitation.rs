//! Invitations: made for somebody whose e-mail nobody needs to know yet; he chooses it and a password, and has an account.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::shown::proof_id;
use super::{PasswordError, Schemes, SignInError};
use crate::catalog::{Email, InvitationId, OrganizationId, ProjectName, Role};
use crate::ground::clock::Timestamp;
use crate::ground::control::ControlFailed;
use crate::ground::random::Random;
use crate::ground::secret::Secret;
use crate::records::{NewInvitation, Records, RecordsError};

/// An invitation as wished for.
#[derive(Debug)]
pub struct InvitationWish<'a> {
    pub organization: OrganizationId,
    pub role: Option<Role>,
    pub project: Option<(&'a ProjectName, Role)>,
    pub expires: Timestamp,
}

/// Makes an invitation. Its code is returned here once; the records hold its hash.
///
/// # Errors
/// [`RecordsError::NotFound`] when the organization has no such project.
pub async fn create_invitation(
    records: &Records,
    random: &Random,
    wish: InvitationWish<'_>,
) -> Result<(InvitationId, Secret<String>), RecordsError> {
    let code = URL_SAFE_NO_PAD.encode(random.bytes::<32>());
    let InvitationWish { organization, role, project, expires } = wish;
    let new = NewInvitation { hash: &proof_id(&code).0, role, project, expires };
    let id = records.insert_invitation(organization, new).await?;
    Ok((id, Secret::new(code)))
}

/// What the invited fills in. Asked for [`Schemes::invited`] first: who has no code makes nobody hash.
#[derive(Debug)]
pub struct Acceptance {
    pub code: Secret<String>,
    pub email: String,
    pub password: Secret<String>,
}

/// Why an invitation was not taken up.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    #[error("there is no such invitation, or it was used or revoked, or it has expired")]
    NoSuchInvitation,
    #[error("this is no e-mail address")]
    BadEmail,
    #[error("the e-mail has an account already")]
    EmailTaken,
    #[error("the password is not taken")]
    BadPassword(#[source] PasswordError),
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

impl From<RecordsError> for InvitationError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::NotFound { .. } => Self::NoSuchInvitation,
            RecordsError::Taken { .. } => Self::EmailTaken,
            RecordsError::NotEmpty { .. }
            | RecordsError::Elsewhere { .. }
            | RecordsError::SignedOut
            | RecordsError::File { .. }
            | RecordsError::Pending { .. }
            | RecordsError::Migration(_)
            | RecordsError::Damaged { .. }
            | RecordsError::Database(_) => Self::SignIn(error.into()),
        }
    }
}

impl From<ControlFailed> for InvitationError {
    fn from(error: ControlFailed) -> Self {
        Self::SignIn(error.into())
    }
}

impl Schemes {
    /// The title of the organization that a code invites to, if it can be used at this moment. Trying codes is counted as
    /// trying passwords is.
    ///
    /// # Errors
    /// [`InvitationError::NoSuchInvitation`], and those of asking too often or in vain.
    pub async fn invited(
        self: &Arc<Self>,
        code: Secret<String>,
        client: IpAddr,
    ) -> Result<String, InvitationError> {
        let schemes = Arc::clone(self);
        let work = async move { schemes.invited_there(&code, client).await };
        self.parts.control.run(work).await?
    }

    async fn invited_there(
        &self,
        code: &Secret<String>,
        client: IpAddr,
    ) -> Result<String, InvitationError> {
        let now = self.parts.clock.now();
        self.attempts.at_invitation(client, now).map_err(SignInError::from)?;
        let records = self.parts.watch.records();
        let open = records.open_invitation(&proof_id(code.expose()).0, now).await?;
        // Where people sign in at their identity provider only, a password opens nothing.
        let open = open.filter(|(organization, _)| self.native(*organization).is_none());
        open.map(|(_, title)| title).ok_or(InvitationError::NoSuchInvitation)
    }

    /// Uses an invitation: afterwards there is an account that can sign in.
    ///
    /// # Errors
    /// [`InvitationError`]; the invitation is then as good as before.
    pub async fn accept(self: &Arc<Self>, acceptance: Acceptance) -> Result<(), InvitationError> {
        let schemes = Arc::clone(self);
        self.parts.control.run(async move { schemes.accept_there(acceptance).await }).await?
    }

    async fn accept_there(&self, acceptance: Acceptance) -> Result<(), InvitationError> {
        let Acceptance { code, email, password } = acceptance;
        let email: Email = email.parse().or(Err(InvitationError::BadEmail))?;
        let hash = self.passwords.hash(&email, password).await.map_err(refused)?;
        let records = self.parts.watch.records();
        records.accept_invitation(&proof_id(code.expose()).0, &email, hash).await?;
        self.parts.watch.catch_up().await?;
        Ok(())
    }
}

fn refused(error: PasswordError) -> InvitationError {
    match error {
        PasswordError::TooShort | PasswordError::TooLong | PasswordError::IsEmail => {
            InvitationError::BadPassword(error)
        }
        PasswordError::Busy | PasswordError::Failed(_) => InvitationError::SignIn(error.into()),
    }
}
