//! Who comes with what Label Studio gave him: his password there, or a token. Label Studio itself says who it is; then he is
//! his account here, which is made when he first comes, and stands under the same policy as everybody.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::attempts::Attempt;
use super::person::Person;
use super::schemes::Key;
use super::shown::proof_id;
use super::{IdentityError, Proof, Schemes, SignInError};
use crate::catalog::{AccountId, Email, OrganizationId};
use crate::ground::secret::Secret;
use crate::label_studio::{Bridge, Holder, Passwords, Settings, Tokens, UserToken};
use crate::records::{AccountRow, KnownPerson, NewAccount, RecordsError, Watch};

/// What Label Studio said of a token holds for so long at most.
pub(super) const TOKEN_KEPT: Duration = Duration::from_secs(60);
/// A token that it did not know is not asked about again before.
pub(super) const TOKEN_UNKNOWN: Duration = Duration::from_secs(10);

/// Who was known in this time is not held up by what others try from his address.
pub(super) const HELD_LATELY: Duration = Duration::from_secs(60 * 60);

/// An exchange of a personal access token.
#[derive(Debug)]
pub struct Exchanged {
    pub access: Secret<String>,
    /// Whose it is.
    pub email: String,
}

impl Schemes {
    /// The person of a token of Label Studio's.
    pub(super) async fn known_by_user_token(
        &self,
        token: UserToken,
        client: IpAddr,
    ) -> Result<Arc<Person>, IdentityError> {
        let proof = Proof::LabelStudio(proof_id(token.text()));
        let key = (proof, self.parts.watch.catalog().generation().current());
        let account = match self.holders.get(&key).await {
            Some(account) => account,
            // Boxed: a rare and large future must not make every connection's larger.
            None => Box::pin(self.ask_whose(key, token, client)).await?,
        };
        self.person_of(key, account).await
    }

    /// Asks Label Studio, once for all who wait for it.
    async fn ask_whose(
        &self,
        key: Key,
        token: UserToken,
        client: IpAddr,
    ) -> Result<AccountId, IdentityError> {
        let newcomers = self.newcomers_by_token()?;
        let work = self.parts.control.run(async move { newcomers.whose(&token).await });
        let asked = self.counted(key, client, async move { work.await? });
        // Boxed, as are those that ask so.
        self.told(key, Box::pin(self.holders.try_get_with(key, asked)).await)
    }

    /// Gets an access token for a personal one, as Label Studio does, for whoever may come with it. Asked for again, it is
    /// the same one for a while.
    ///
    /// # Errors
    /// [`IdentityError`] when the personal one does not hold, or nobody may come with what it gives.
    pub async fn exchange(
        &self,
        personal: Secret<String>,
        client: IpAddr,
    ) -> Result<Arc<Exchanged>, IdentityError> {
        let newcomers = self.newcomers_by_token()?;
        let proof = Proof::LabelStudio(proof_id(personal.expose()));
        let key = (proof, self.parts.watch.catalog().generation().current());
        let work = self.parts.control.run(async move { newcomers.exchange(personal).await });
        let asked = self.counted(key, client, async move { Ok(work.await??.map(Arc::new)) });
        self.told(key, Box::pin(self.exchanged.try_get_with(key, asked)).await)
    }

    /// What Label Studio says of a token. Strangers may make it say so only so often.
    async fn counted<T>(
        &self,
        (proof, generation): Key,
        client: IpAddr,
        work: impl Future<Output = Result<Option<T>, IdentityError>>,
    ) -> Result<T, IdentityError> {
        if self.not_holding.contains_key(&(proof, generation)) {
            return Err(IdentityError::NotValid);
        }
        let counts = !self.held_lately.contains_key(&proof);
        if counts {
            self.attempts.at_token(client, self.parts.clock.now())?;
        }
        let said = work.await;
        if matches!(said, Ok(None)) {
            self.held_lately.invalidate(&proof);
            return Err(IdentityError::NotValid);
        }
        // Neither does it count when Label Studio could not be asked; what it stumbles over does.
        if counts && !matches!(&said, Err(error) if error.is_an_answer()) {
            self.attempts.token_held(client);
        }
        let held = said?.ok_or(IdentityError::NotValid)?;
        self.held_lately.insert(proof, ());
        Ok(held)
    }

    /// What was said, to each who waited for it.
    fn told<T>(&self, key: Key, said: Result<T, Arc<IdentityError>>) -> Result<T, IdentityError> {
        said.map_err(|error| {
            if matches!(*error, IdentityError::NotValid) {
                self.not_holding.insert(key, ());
            }
            IdentityError::clone(&error)
        })
    }

    fn newcomers_by_token(&self) -> Result<Newcomers, IdentityError> {
        let studio = self.parts.studio.clone();
        let studio = studio.filter(|(settings, _)| settings.tokens == Tokens::Accepted);
        let (settings, bridge) = studio.ok_or(IdentityError::BadAuthorization)?;
        let catalog = self.parts.watch.catalog().current();
        let mut organizations = catalog.organizations();
        let its = organizations.find(|one| one.name == settings.organization);
        if its.is_some_and(|its| self.native(its.id).is_some()) {
            // They sign in at their identity provider only.
            return Err(IdentityError::BadAuthorization);
        }
        Ok(Newcomers { watch: self.parts.watch.clone(), settings, bridge })
    }

    /// Whoever has no password here may be a user of Label Studio's, by his password there: he then has an account, and is
    /// that user. An account of another organization, or one that is disabled, is nobody's.
    pub(super) async fn by_label_studio(
        &self,
        email: &Email,
        account: Option<AccountRow>,
        password: &Secret<String>,
    ) -> Result<Option<AccountRow>, SignInError> {
        let Some((settings, bridge)) = self.parts.studio.clone() else { return Ok(None) };
        let accepted = settings.passwords == Passwords::Accepted;
        let newcomers = Newcomers { watch: self.parts.watch.clone(), settings, bridge };
        let Some(organization) = newcomers.organization() else { return Ok(None) };
        let sso_only = self.native(organization).is_some();
        if !accepted || sso_only || account.as_ref().is_some_and(|it| barred(it, organization)) {
            return Ok(None);
        }
        // Each is a quarter of a second of Label Studio's, and strangers may ask for it.
        let turn = self.at_studio.try_acquire();
        let turn = turn.map_err(|_busy| SignInError::TooManyAttempts { retry_after_seconds: 1 })?;
        let checked = newcomers.bridge.check_password(email.as_str(), password).await?;
        drop(turn);
        let Some(known) = checked else { return Ok(None) };
        let account = newcomers.account(organization, email).await?;
        // Still, after all that time.
        let account = account.filter(|it| !barred(it, organization) && it.is_led_by_email());
        if let Some(account) = &account {
            newcomers.bridge.bind(account.id, known).await?;
        }
        Ok(account)
    }

    /// Whoever is signed in here is the user of his e-mail in Label Studio, if he knows that user's password: he then acts as him
    /// from now on, however he signed in.
    ///
    /// # Errors
    /// [`SignInError::WrongPassword`]: he does not know it. [`SignInError::LabelStudio`] when it cannot say, or he is another user
    /// already.
    pub async fn claim_user(
        self: &Arc<Self>,
        person: &Person,
        (password, client): (Secret<String>, IpAddr),
    ) -> Result<(), SignInError> {
        let (_, bridge) = self.parts.studio.clone().ok_or(SignInError::NoLabelStudio)?;
        let account = person.account();
        let email: Email = person.email().parse().or(Err(SignInError::WrongPassword))?;
        let now = self.parts.clock.now();
        self.attempts.at_all(client, now)?;
        let attempt = Attempt { email: &email, client, exists: true, familiar: true };
        self.attempts.at_account(attempt, now)?;
        let schemes = Arc::clone(self);
        let work = self.parts.control.run(async move {
            let turn = schemes.at_studio.try_acquire();
            let turn =
                turn.map_err(|_busy| SignInError::TooManyAttempts { retry_after_seconds: 1 })?;
            let known = bridge.check_password(email.as_str(), &password).await?;
            drop(turn);
            bridge.bind(account, known.ok_or(SignInError::WrongPassword)?).await?;
            schemes.attempts.forgive(&email, client);
            Ok(())
        });
        work.await?
    }
}

/// What it takes to make somebody of Label Studio's an account, on the control plane.
struct Newcomers {
    watch: Watch,
    settings: Settings,
    bridge: Arc<Bridge>,
}

impl Newcomers {
    /// The account of who holds the token, which from now on acts as its holder.
    async fn whose(&self, token: &UserToken) -> Result<Option<AccountId>, IdentityError> {
        let Some(holder) = self.bridge.holder(token).await? else { return Ok(None) };
        let Some(account) = self.account_of(&holder).await? else { return Ok(None) };
        self.bridge.lead(account.account, &holder, token).await?;
        Ok(Some(account.account))
    }

    async fn exchange(&self, personal: Secret<String>) -> Result<Option<Exchanged>, IdentityError> {
        let Some(access) = self.bridge.exchange(&personal).await? else { return Ok(None) };
        let token = UserToken::Access(access.clone());
        let Some(holder) = self.bridge.holder(&token).await? else { return Ok(None) };
        let Some(account) = self.account_of(&holder).await? else { return Ok(None) };
        self.bridge.keep_personal(account.account, &holder, personal).await?;
        Ok(Some(Exchanged { access, email: account.email.as_str().to_owned() }))
    }

    /// By the user's number, else by his e-mail. An account of another organization, or one that is disabled, is nobody's.
    async fn account_of(&self, holder: &Holder) -> Result<Option<KnownPerson>, IdentityError> {
        let Some(organization) = self.organization() else { return Ok(None) };
        let Ok(email) = holder.email.parse::<Email>() else { return Ok(None) };
        let account = match self.bridge.account_of(holder).await? {
            Some(id) => Some(id),
            // Nobody has shown that an e-mail is his, here or there: who has a password here, or for whom
            // an identity provider has vouched, is not led by one.
            None => {
                let known = self.account(organization, &email).await?;
                known.filter(AccountRow::is_led_by_email).map(|it| it.id)
            }
        };
        let Some(account) = account else { return Ok(None) };
        // Not of one that is disabled; nor by a number that Label Studio has given to somebody else since.
        let person = self.watch.records().person(account).await?;
        Ok(person.filter(|it| it.organization == organization && it.email == email))
    }

    /// The account of this e-mail, made in the organization if there is none.
    async fn account(
        &self,
        organization: OrganizationId,
        email: &Email,
    ) -> Result<Option<AccountRow>, RecordsError> {
        let records = self.watch.records();
        if let Some(known) = records.account_by_email(email).await? {
            return Ok(Some(known));
        }
        let new = NewAccount { email, role: None, password_hash: None };
        match records.create_account(organization, new).await {
            // Made by another request in the meantime.
            Ok(_) | Err(RecordsError::Taken { .. }) => {}
            Err(error) => return Err(error),
        }
        self.watch.catch_up().await?;
        records.account_by_email(email).await
    }

    fn organization(&self) -> Option<OrganizationId> {
        let catalog = self.watch.catalog().current();
        let mut organizations = catalog.organizations();
        organizations.find(|one| one.name == self.settings.organization).map(|one| one.id)
    }
}

fn barred(account: &AccountRow, organization: OrganizationId) -> bool {
    account.organization != organization || account.disabled.is_some()
}
