//! The bridge between accounts and users of Label Studio (D7). Each account is one user, who is made when he is first needed.
//! What lasts of his (a token, a password that nobody knows) is sealed in the records; what is sent is an access token of some
//! minutes, renewed before its end by one flight for all who ask.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use moka::future::Cache;

use super::api::{Api, ApiError};
use super::claims::Claims;
use super::users::{SignedUp, User};
use super::{Holder, UserToken};
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
    /// Who did not get over a moment ago, and will not in the next.
    stranded: Cache<AccountId, BridgeError>,
}

/// What acts as a user for some minutes.
#[derive(Debug)]
pub struct Access {
    /// The value of `Authorization`.
    pub authorization: Secret<String>,
    /// The user's number.
    pub user: u64,
    renew: Timestamp,
}

/// Why an account does not get over.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BridgeError {
    #[error(
        "Label Studio has a user {email} whom the gateway did not make, or whose token was taken back: let him show once, at \
         /-/label-studio and with his Label Studio password, that it is he (his browser is led there); or sign in with it at the \
         gateway (label_studio.passwords = \"accepted\", and an account without a password of its own), or show a token of \
         Label Studio's there (label_studio.tokens = \"accepted\")"
    )]
    ExistingUser { email: Box<str> },
    #[error("this account is another user of Label Studio's: {number}")]
    AnotherUser { number: u64 },
    #[error("Label Studio: {0}")]
    Api(Arc<ApiError>),
    #[error("the records: {0}")]
    Records(Arc<RecordsError>),
    #[error("what is sealed in the records does not open: the key is another one")]
    Sealed,
    #[error(transparent)]
    Control(#[from] ControlFailed),
}

/// An access token is renewed when four fifths of its life are over, and after so long in any case: of the five minutes that
/// Label Studio gives by itself, one is left then.
const LIFE: Duration = Duration::from_secs(240);
const MOST: u64 = 100_000;
/// To find out that somebody does not get over takes Label Studio several requests and a password's check.
const STRANDED: Duration = Duration::from_secs(10);

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
        let stranded = Cache::builder().max_capacity(MOST).time_to_live(STRANDED).build();
        Self { banks, key, kept, stranded }
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
        if let Some(why) = self.stranded.get(&account).await {
            return Err(why);
        }
        let crossing = self.crossing();
        let (email, control) = (email.to_owned(), self.banks.control.clone());
        let work = control.run(async move { crossing.access(account, &email).await });
        let flight = self.kept.try_get_with(account, async { work.await? });
        // Boxed: rare, and large.
        let done = Box::pin(flight).await.map_err(|error| BridgeError::clone(&error));
        if let Err(why @ BridgeError::ExistingUser { .. }) = &done {
            self.stranded.insert(account, why.clone()).await;
        }
        done
    }

    /// Label Studio did not take it: the next one is made afresh. Whoever comes with one that was replaced already changes
    /// nothing.
    pub async fn reject(&self, account: AccountId, refused: &Arc<Access>) {
        let kept = self.kept.get(&account).await;
        if kept.is_some_and(|kept| Arc::ptr_eq(&kept, refused)) {
            self.kept.invalidate(&account).await;
        }
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
        let number = api.number_of(&cookie).await?;
        Ok(Some(Known { number, cookie }))
    }

    /// This account is that user from now on. A token of his that is kept and holds stays: another would take its place with
    /// everybody who has it.
    ///
    /// # Errors
    /// [`BridgeError`]
    pub async fn bind(&self, account: AccountId, known: Known) -> Result<(), BridgeError> {
        let crossing = self.crossing();
        if crossing.has_good(account, known.number).await? {
            return Ok(());
        }
        let user = self.banks.api.user_of(&known.cookie).await?;
        crossing.keep(account, &user, None).await?;
        self.stranded.invalidate(&account).await;
        self.kept.invalidate(&account).await;
        Ok(())
    }

    /// Whose token that is. `None`: Label Studio does not know it.
    ///
    /// # Errors
    /// [`BridgeError::Api`] when Label Studio cannot say.
    pub async fn holder(&self, token: &UserToken) -> Result<Option<Holder>, BridgeError> {
        Ok(self.banks.api.holder(token).await?)
    }

    /// The account that this user is already.
    ///
    /// # Errors
    /// [`BridgeError::Records`]
    pub async fn account_of(&self, holder: &Holder) -> Result<Option<AccountId>, BridgeError> {
        Ok(self.banks.records.account_of_label_studio_user(holder.number).await?)
    }

    /// An account acts as the holder of a token: by a lasting token that is kept, or that can be had for the one shown; where
    /// neither is so (the holder has a lasting one, and nobody but he knows it), by the very token that he showed.
    ///
    /// # Errors
    /// [`BridgeError::AnotherUser`] when the account is another user already; otherwise as [`Self::access`].
    pub async fn lead(
        &self,
        account: AccountId,
        holder: &Holder,
        token: &UserToken,
    ) -> Result<(), BridgeError> {
        let crossing = self.crossing();
        if crossing.has_good(account, holder.number).await? {
            return Ok(());
        }
        self.stranded.invalidate(&account).await;
        let Holder { number, .. } = *holder;
        if let Some(token) = self.banks.api.lasting(token).await? {
            crossing.keep_token(account, &User { number, token }).await?;
            self.stranded.invalidate(&account).await;
            return Ok(());
        }
        let lent = crossing.fresh(token.authorization(), number, LIFE);
        self.kept.insert(account, lent).await;
        Ok(())
    }

    /// An access token for a personal one. `None`: it does not hold.
    ///
    /// # Errors
    /// [`BridgeError::Api`] when Label Studio cannot say.
    pub async fn exchange(
        &self,
        personal: &Secret<String>,
    ) -> Result<Option<Secret<String>>, BridgeError> {
        Ok(self.banks.api.refresh(personal).await?)
    }

    /// Keeps the lasting token that somebody has shown to be his, so that his sessions here act by it too.
    ///
    /// # Errors
    /// [`BridgeError`]
    pub async fn keep_personal(
        &self,
        account: AccountId,
        holder: &Holder,
        personal: Secret<String>,
    ) -> Result<(), BridgeError> {
        self.stranded.invalidate(&account).await;
        let crossing = self.crossing();
        // Refuses another user's; what is kept of this one gives way to what he showed.
        crossing.has_good(account, holder.number).await?;
        let user = User { number: holder.number, token: personal };
        crossing.keep_token(account, &user).await?;
        self.stranded.invalidate(&account).await;
        Ok(())
    }

    fn crossing(&self) -> Crossing {
        Crossing { banks: self.banks.clone(), key: Arc::clone(&self.key) }
    }
}

/// A user of Label Studio who has shown his password.
#[derive(Debug)]
pub struct Known {
    number: u64,
    cookie: Secret<String>,
}

/// One account's way over, on the control plane.
struct Crossing {
    banks: Banks,
    key: Arc<SealKey>,
}

impl Crossing {
    async fn access(&self, account: AccountId, email: &str) -> Result<Arc<Access>, BridgeError> {
        if let Some(row) = self.banks.records.label_studio_user(account).await? {
            if let Some(access) = self.renewed(&row).await? {
                return Ok(self.bearer(&access, row.number));
            }
            return self.again(&row, email).await;
        }
        self.made(account, email).await
    }

    /// His token was taken back: whom the gateway made gets another one. Or there is no such user any more: then he is made.
    async fn again(&self, row: &UserRow, email: &str) -> Result<Arc<Access>, BridgeError> {
        let Banks { api, random, .. } = &self.banks;
        let Some(sealed) = &row.password else { return self.made(row.account, email).await };
        let password = self.open(row.account, sealed)?;
        let Some(cookie) = api.log_in(random, email, &password).await? else {
            return self.made(row.account, email).await;
        };
        let user = api.user_of(&cookie).await?;
        self.keep(row.account, &user, Some(&password)).await?;
        tracing::info!(account = row.account.0, user = user.number, "made him a new token");
        self.by(&user, email).await
    }

    async fn made(&self, account: AccountId, email: &str) -> Result<Arc<Access>, BridgeError> {
        let Banks { api, random, .. } = &self.banks;
        let password = self.password(account);
        let cookie = match api.sign_up(random, email, &password).await? {
            SignedUp::Made(cookie) => cookie,
            // Made by the gateway, which was stopped before it could keep him; or not, and then the password is wrong.
            SignedUp::Exists => {
                api.log_in(random, email, &password).await?.ok_or_else(|| existing(email))?
            }
        };
        let user = api.user_of(&cookie).await?;
        self.keep(account, &user, Some(&password)).await?;
        tracing::info!(account = account.0, user = user.number, "made a user in Label Studio");
        self.by(&user, email).await
    }

    async fn by(&self, user: &User, email: &str) -> Result<Arc<Access>, BridgeError> {
        let access = self.banks.api.refresh(&user.token).await?;
        Ok(self.bearer(&access.ok_or_else(|| existing(email))?, user.number))
    }

    /// An access token by what is kept, if it holds.
    async fn renewed(&self, row: &UserRow) -> Result<Option<Secret<String>>, BridgeError> {
        match self.banks.api.refresh(&self.open(row.account, &row.token)?).await {
            // So it fails when the token's user was deleted. If it is in trouble, it will say so again at what comes next.
            Err(ApiError::Refused { status: StatusCode::INTERNAL_SERVER_ERROR, .. }) => Ok(None),
            said => Ok(said?),
        }
    }

    /// Whether a lasting token of this very user is kept, and holds.
    async fn has_good(&self, account: AccountId, number: u64) -> Result<bool, BridgeError> {
        let Some(row) = self.banks.records.label_studio_user(account).await? else {
            return Ok(false);
        };
        let holds = self.renewed(&row).await?.is_some();
        match row.number {
            same if same == number => Ok(holds),
            other if holds => Err(BridgeError::AnotherUser { number: other }),
            // Whoever that was is no more.
            _ => Ok(false),
        }
    }

    /// Keeps the token, and what else is kept of this user.
    async fn keep_token(&self, account: AccountId, user: &User) -> Result<(), BridgeError> {
        let row = self.banks.records.label_studio_user(account).await?;
        let password = row.filter(|row| row.number == user.number).and_then(|row| row.password);
        let token = self.seal(account, &user.token);
        let row = UserRow { account, number: user.number, token, password };
        Ok(self.banks.records.put_label_studio_user(&row).await?)
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

    fn bearer(&self, token: &Secret<String>, user: u64) -> Arc<Access> {
        let life = Claims::of(token.expose()).map_or(LIFE, |claims| claims.life() / 5 * 4);
        let authorization = Secret::new(format!("Bearer {}", token.expose()));
        self.fresh(authorization, user, life.min(LIFE))
    }

    fn fresh(&self, authorization: Secret<String>, user: u64, life: Duration) -> Arc<Access> {
        let now = self.banks.clock.now();
        Arc::new(Access { authorization, user, renew: now.checked_add(life).unwrap_or(now) })
    }

    /// One that nobody knows, and that the gateway would find again: what this key makes of the account. Its output cannot be told
    /// from random bytes (RFC 8452, section 9).
    fn password(&self, account: AccountId) -> Secret<String> {
        let context = [&b"password"[..], &account.0.to_be_bytes()].concat();
        Secret::new(URL_SAFE_NO_PAD.encode(self.key.seal(&context, &[0; 32])))
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

fn existing(email: &str) -> BridgeError {
    BridgeError::ExistingUser { email: email.into() }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge").finish_non_exhaustive()
    }
}
