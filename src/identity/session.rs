//! Signing in by password, and out.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::attempts::{Attempt, TooMany};
use super::password::Whence;
use super::shown::proof_id;
use super::{
    COOKIE_NAME, IdentityError, NativeSignIn, PasswordError, ProofId, Schemes, SignInError,
};
use crate::catalog::{AccountId, Email, LiveCatalog};
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;
use crate::label_studio;
use crate::records::{AccountRow, Grounds, NewSessionRow, RecordsError};

/// What a visitor fills in, and where he is.
#[derive(Debug)]
pub struct SignIn {
    pub email: String,
    pub password: Secret<String>,
    pub client: IpAddr,
    pub user_agent: String,
    /// The session that his browser shows: it ends when the new one takes its place.
    pub replaces: Option<ProofId>,
}

/// A session just begun. Its id exists here and in the browser; the records hold its hash.
#[derive(Debug)]
pub struct NewSession {
    id: Secret<String>,
    pub absolute_end: Timestamp,
    /// Begun with a password where nearly nobody may come with one.
    pub break_glass: bool,
}

/// `Set-Cookie` that makes the browser forget the session.
pub const CLEARING_COOKIE: &str =
    "__Host-sluicegate=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";

/// More of a `User-Agent` nobody reads.
pub(super) const USER_AGENT_KEPT: usize = 256;
/// No account has it: looked up in the place of one that does not exist.
const NO_ACCOUNT: AccountId = AccountId(0);

impl NewSession {
    pub(super) const fn new(id: Secret<String>, absolute_end: Timestamp) -> Self {
        Self { id, absolute_end, break_glass: false }
    }

    /// The value of `Set-Cookie` that gives the session to the browser, for as long as that runs.
    #[must_use]
    pub fn set_cookie(&self) -> Secret<String> {
        let id = self.id.expose();
        Secret::new(format!("{COOKIE_NAME}={id}; Path=/; Secure; HttpOnly; SameSite=Lax"))
    }

    /// The cookie's value alone.
    #[must_use]
    pub const fn cookie_value(&self) -> &Secret<String> {
        &self.id
    }
}

impl Schemes {
    /// Begins a session for whoever knows the password.
    ///
    /// # Errors
    /// [`SignInError`]; to the outside, a wrong password and a disabled account must look the same.
    pub async fn sign_in(self: &Arc<Self>, asked: SignIn) -> Result<NewSession, SignInError> {
        let schemes = Arc::clone(self);
        self.parts.control.run(async move { schemes.sign_in_there(asked).await }).await?
    }

    /// Whether Label Studio's users may come with the passwords that they have there.
    #[must_use]
    pub fn take_label_studio_passwords(&self) -> bool {
        let settings = self.parts.studio.as_ref().map(|(settings, _)| settings);
        settings.is_some_and(|settings| settings.passwords == label_studio::Passwords::Accepted)
    }

    /// Ends the session that a browser shows at once, running streams included.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] when the records could not be told: then the session goes on.
    pub async fn sign_out(self: &Arc<Self>, shown: ProofId) -> Result<(), IdentityError> {
        let schemes = Arc::clone(self);
        Ok(self.parts.control.run(async move { schemes.end(shown).await }).await??)
    }

    /// What a logout at the identity provider has to name, of a session that began there: sealed.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`]
    pub async fn logout_of(
        self: &Arc<Self>,
        session: ProofId,
    ) -> Result<Option<String>, IdentityError> {
        let records = self.parts.watch.records().clone();
        let work = self.parts.control.run(async move { records.find_session(&session.0).await });
        Ok(work.await??.and_then(|known| known.vouched).map(|vouched| vouched.logout))
    }

    /// The catalogue that identities are of.
    #[must_use]
    pub const fn catalog(&self) -> &LiveCatalog {
        self.parts.watch.catalog()
    }

    async fn end(&self, session: ProofId) -> Result<(), RecordsError> {
        self.parts.watch.records().end_session(&session.0).await?;
        self.parts.watch.catch_up().await
    }

    async fn sign_in_there(&self, asked: SignIn) -> Result<NewSession, SignInError> {
        let now = self.parts.clock.now();
        self.attempts.at_all(asked.client, now)?;
        let Ok(email) = asked.email.parse::<Email>() else {
            return self.refuse_after_hashing(asked.password).await;
        };
        // The same questions and the same work whether there is such an account or not.
        let records = self.parts.watch.records();
        let account = records.account_by_email(&email).await?;
        let id = account.as_ref().map_or(NO_ACCOUNT, |account| account.id);
        let address_hash = self.address_hash(id, asked.client);
        let familiar = records.knows_address(id, &address_hash).await?;
        let (client, exists) = (asked.client, account.is_some());
        self.attempts.at_account(Attempt { email: &email, client, exists, familiar }, now)?;
        let whence = if familiar { Whence::Familiar } else { Whence::Elsewhere };
        let stored = account.as_ref().and_then(|account| account.password_hash.as_ref());
        let has_own = stored.is_some();
        let account = if self.passwords.matches(stored, asked.password.clone(), whence).await? {
            account
        } else if has_own {
            None
        } else {
            self.by_label_studio(&email, account, &asked.password).await?
        };
        let account = account.ok_or(SignInError::WrongPassword)?;
        let break_glass = self.breaks_glass(&account)?;
        let session =
            self.begin(&account, (asked.client, &address_hash), &asked.user_agent).await?;
        let session = NewSession { break_glass, ..session };
        self.attempts.forgive(&email, asked.client);
        if let Some(replaced) = asked.replaces {
            self.end(replaced).await?;
        }
        Ok(session)
    }

    /// Whether this account may come with a password only because it is one of the few that always may.
    fn breaks_glass(&self, account: &AccountRow) -> Result<bool, SignInError> {
        match self.native(account.organization) {
            None => Ok(false),
            Some(NativeSignIn::Only(few)) if few.contains(&account.email) => Ok(true),
            Some(NativeSignIn::Only(_)) => Err(SignInError::SsoOnly),
        }
    }

    async fn refuse_after_hashing(
        &self,
        password: Secret<String>,
    ) -> Result<NewSession, SignInError> {
        self.passwords.matches(None, password, Whence::Elsewhere).await?;
        Err(SignInError::WrongPassword)
    }

    async fn begin(
        &self,
        account: &AccountRow,
        (address, address_hash): (IpAddr, &str),
        user_agent: &str,
    ) -> Result<NewSession, SignInError> {
        if account.disabled.is_some() {
            return Err(SignInError::Disabled);
        }
        let now = self.parts.clock.now();
        let absolute_end = now.checked_add(self.parts.settings.absolute).unwrap_or(Timestamp::MAX);
        let id = URL_SAFE_NO_PAD.encode(self.parts.random.bytes::<32>());
        let row = NewSessionRow {
            hash: &proof_id(&id).0,
            account: account.id,
            grounds: Grounds::Password(account.password_hash.as_ref()),
            absolute_end,
            address,
            address_hash,
            user_agent: &user_agent.chars().take(USER_AGENT_KEPT).collect::<String>(),
        };
        match self.parts.watch.records().insert_session(row).await {
            // Disabled, or another password, since it was looked up.
            Err(RecordsError::NotFound { .. }) => return Err(SignInError::WrongPassword),
            done => done?,
        }
        Ok(NewSession::new(Secret::new(id), absolute_end))
    }
}

impl From<TooMany> for SignInError {
    fn from(TooMany { retry_after_seconds }: TooMany) -> Self {
        Self::TooManyAttempts { retry_after_seconds }
    }
}

impl From<PasswordError> for SignInError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::TooManyAttempts { retry_after_seconds: 1 },
            PasswordError::TooShort
            | PasswordError::TooLong
            | PasswordError::IsEmail
            | PasswordError::Failed(_) => Self::Hashing(error),
        }
    }
}
