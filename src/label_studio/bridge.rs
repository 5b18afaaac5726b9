//! The bridge between accounts and users of Label Studio (D7). Each account is one user, who is made when he is first needed.
//! What lasts of his (a token, a password that nobody knows) is sealed in the records; what is sent is an access token of five
//! minutes, renewed before its end by one flight for all who ask.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use moka::future::Cache;

use super::api::{Api, ApiError};
use super::users::{SignedUp, User};
use crate::catalog::AccountId;
use crate::ground::clock::{Clock, Timestamp};
use crate::ground::control::{Control, ControlFailed};
use crate::ground::random::Random;
use crate::ground::seal::{MasterKey, SealKey};
use crate::ground::secret::Secret;
use crate::records::{Records, RecordsError, UserRow};

/// What it stands on.
#[derive(Debug, Clone)]
pub struct Banks {
    pub api: Arc<Api>,
    pub records: Records,
    pub control: Control,
    pub clock: Clock,
    pub random: Random,
}

/// Leads accounts to their users. Shared by all threads.
pub struct Bridge {
    banks: Banks,
    key: Arc<SealKey>,
    kept: Cache<AccountId, Arc<Access>>,
}

/// What acts as a user for some minutes.
#[derive(Debug)]
pub struct Access {
    pub token: Secret<String>,
    /// The user's number.
    pub user: u64,
    renew: Timestamp,
}

/// Why an account does not get over.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BridgeError {
    #[error(
        "Label Studio has a user of this e-mail whom the gateway did not make: let him sign in here once with his Label \
         Studio password"
    )]
    ExistingUser,
    #[error("Label Studio: {0}")]
    Api(Arc<ApiError>),
    #[error("the records: {0}")]
    Records(Arc<RecordsError>),
    #[error("what is sealed in the records does not open: the key is another one")]
    Sealed,
    #[error(transparent)]
    Control(#[from] ControlFailed),
}

/// Access tokens live for five minutes; they are renewed a minute before.
const LIFE: Duration = Duration::from_secs(240);
const MOST: u64 = 100_000;

impl From<ApiError> for BridgeError {
    fn from(error: ApiError) -> Self {
        Self::Api(Arc::new(error))
    }
}

impl From<RecordsError> for BridgeError {
    fn from(error: RecordsError) -> Self {
        Self::Records(Arc::new(error))
    }
}

impl Bridge {
    #[must_use]
    pub fn new(banks: Banks, master: &MasterKey) -> Self {
        let key = Arc::new(master.derive(&[b"label-studio"]));
        let kept = Cache::builder().max_capacity(MOST).time_to_live(LIFE).build();
        Self { banks, key, kept }
    }

    /// Acts as this account's user, who is made if there is none.
    ///
    /// # Errors
    /// [`BridgeError`]
    pub async fn access(
        &self,
        account: AccountId,
        email: &str,
    ) -> Result<Arc<Access>, BridgeError> {
        if let Some(kept) = self.kept.get(&account).await {
            if self.banks.clock.now() < kept.renew {
                return Ok(kept);
            }
            self.kept.invalidate(&account).await;
        }
        let crossing = Crossing { banks: self.banks.clone(), key: Arc::clone(&self.key) };
        let (email, control) = (email.to_owned(), self.banks.control.clone());
        let work = control.run(async move { crossing.access(account, &email).await });
        let flight = self.kept.try_get_with(account, async { work.await? });
        flight.await.map_err(|error| BridgeError::clone(&error))
    }

    /// Label Studio did not take it: the next one is made afresh.
    pub async fn reject(&self, account: AccountId) {
        self.kept.invalidate(&account).await;
    }

    /// Whether somebody is a user of Label Studio by this password. If so, what is needed to act as him.
    ///
    /// # Errors
    /// [`BridgeError::Api`] when Label Studio cannot say.
    pub async fn check_password(
        &self,
        email: &str,
        password: &Secret<String>,
    ) -> Result<Option<Known>, BridgeError> {
        let Banks { api, random, .. } = &self.banks;
        let Some(cookie) = api.log_in(random, email, password).await? else { return Ok(None) };
        Ok(Some(Known(api.user_of(&cookie).await?)))
    }

    /// This account is that user from now on.
    ///
    /// # Errors
    /// [`BridgeError::Records`]
    pub async fn bind(&self, account: AccountId, known: Known) -> Result<(), BridgeError> {
        let crossing = Crossing { banks: self.banks.clone(), key: Arc::clone(&self.key) };
        crossing.keep(account, &known.0, None).await?;
        self.kept.invalidate(&account).await;
        Ok(())
    }
}

/// A user of Label Studio who has shown his password.
#[derive(Debug)]
pub struct Known(User);

/// One account's way over, on the control plane.
struct Crossing {
    banks: Banks,
    key: Arc<SealKey>,
}

impl Crossing {
    async fn access(&self, account: AccountId, email: &str) -> Result<Arc<Access>, BridgeError> {
        let Banks { api, records, .. } = &self.banks;
        if let Some(row) = records.label_studio_user(account).await? {
            let token = self.open(account, &row.token)?;
            if let Some(access) = api.refresh(&token).await? {
                return Ok(self.fresh(access, row.number));
            }
            return self.again(&row, email).await;
        }
        self.made(account, email).await
    }

    /// His token was taken back: whom the gateway made gets another one.
    async fn again(&self, row: &UserRow, email: &str) -> Result<Arc<Access>, BridgeError> {
        let Banks { api, random, .. } = &self.banks;
        let sealed = row.password.as_ref().ok_or(BridgeError::ExistingUser)?;
        let password = self.open(row.account, sealed)?;
        let cookie =
            api.log_in(random, email, &password).await?.ok_or(BridgeError::ExistingUser)?;
        let user = api.user_of(&cookie).await?;
        self.keep(row.account, &user, Some(&password)).await?;
        self.by(&user).await
    }

    async fn made(&self, account: AccountId, email: &str) -> Result<Arc<Access>, BridgeError> {
        let Banks { api, random, .. } = &self.banks;
        let password = Secret::new(URL_SAFE_NO_PAD.encode(random.bytes::<32>()));
        let cookie = match api.sign_up(random, email, &password).await? {
            SignedUp::Made(cookie) => cookie,
            SignedUp::Exists => return Err(BridgeError::ExistingUser),
        };
        let user = api.user_of(&cookie).await?;
        self.keep(account, &user, Some(&password)).await?;
        tracing::info!(account = account.0, user = user.number, "made a user in Label Studio");
        self.by(&user).await
    }

    async fn by(&self, user: &User) -> Result<Arc<Access>, BridgeError> {
        let access = self.banks.api.refresh(&user.token).await?.ok_or(BridgeError::ExistingUser)?;
        Ok(self.fresh(access, user.number))
    }

    async fn keep(
        &self,
        account: AccountId,
        user: &User,
        password: Option<&Secret<String>>,
    ) -> Result<(), BridgeError> {
        let row = UserRow {
            account,
            number: user.number,
            token: self.seal(account, &user.token),
            password: password.map(|password| self.seal(account, password)),
        };
        Ok(self.banks.records.put_label_studio_user(&row).await?)
    }

    fn fresh(&self, token: Secret<String>, user: u64) -> Arc<Access> {
        let now = self.banks.clock.now();
        Arc::new(Access { token, user, renew: now.checked_add(LIFE).unwrap_or(now) })
    }

    fn seal(&self, account: AccountId, secret: &Secret<String>) -> String {
        let sealed = self.key.seal(&account.0.to_be_bytes(), secret.expose().as_bytes());
        URL_SAFE_NO_PAD.encode(sealed)
    }

    fn open(&self, account: AccountId, sealed: &str) -> Result<Secret<String>, BridgeError> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).or(Err(BridgeError::Sealed))?;
        let opened = self.key.open(&account.0.to_be_bytes(), &sealed);
        let opened = opened.or(Err(BridgeError::Sealed))?;
        String::from_utf8(opened).map(Secret::new).or(Err(BridgeError::Sealed))
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge").finish_non_exhaustive()
    }
}
