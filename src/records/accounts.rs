//! Accounts: one person in one organization, named by e-mail. Never deleted (the audit speaks of them), but disabled.

use super::change::one_row;
use super::{Change, Records, RecordsError, time, time_if_any, word, word_if_any};
use crate::catalog::{AccountId, Email, OrganizationId, Role};
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;

/// An account as listed.
#[derive(Debug, Clone)]
pub struct AccountRow {
    pub id: AccountId,
    pub organization: OrganizationId,
    pub email: Email,
    /// The role in the organization that was given by hand, if any.
    pub role: Option<Role>,
    /// The one that follows from groups, as of the last sign-in at the identity provider.
    pub mapped_role: Option<Role>,
    pub password_hash: Option<Secret<String>>,
    pub created: Timestamp,
    pub disabled: Option<Timestamp>,
    /// Nobody disabled it by hand: it has no role any more, and is let in again with the next.
    pub unmapped: bool,
    /// An identity provider has vouched for whose it is.
    pub vouched: bool,
}

impl AccountRow {
    /// Whether somebody of this e-mail elsewhere may be led to it: nobody has shown otherwise whose it is.
    #[must_use]
    pub const fn is_led_by_email(&self) -> bool {
        self.password_hash.is_none() && !self.vouched
    }

    /// The role in the organization that counts: what was given by hand goes before what follows from groups.
    #[must_use]
    pub fn role_in_effect(&self) -> Option<Role> {
        self.role.or(self.mapped_role)
    }
}

/// An account to be made.
#[derive(Debug)]
pub struct NewAccount<'a> {
    pub email: &'a Email,
    pub role: Option<Role>,
    /// Argon2id in PHC form; without one nobody can sign in by password.
    pub password_hash: Option<Secret<String>>,
}

type Columns = (
    i64,
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
    Option<i64>,
    Option<String>,
    bool,
);

impl Records {
    /// An organization's accounts, by e-mail.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn accounts(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<AccountRow>, RecordsError> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT id, organization, email, role, mapped_role, password_hash, created, disabled, disabled_for, vouched IS NOT NULL \
             FROM account WHERE organization = $1 ORDER BY email",
        )
        .bind(organization.0)
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter().map(account).collect()
    }

    /// The account of this e-mail, whichever organization it is in: for sign-in and the operator's command line.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn account_by_email(
        &self,
        email: &Email,
    ) -> Result<Option<AccountRow>, RecordsError> {
        let row: Option<Columns> = sqlx::query_as(
            "SELECT id, organization, email, role, mapped_role, password_hash, created, disabled, disabled_for, vouched IS NOT NULL \
             FROM account WHERE email = $1",
        )
        .bind(email.as_str())
        .fetch_optional(&self.reads)
        .await?;
        row.map(account).transpose()
    }

    /// # Errors
    /// [`RecordsError::Taken`] when the e-mail is in use on this install.
    pub async fn create_account(
        &self,
        organization: OrganizationId,
        new: NewAccount<'_>,
    ) -> Result<AccountId, RecordsError> {
        let mut change = Change::begin(self).await?;
        let id = change.next_id().await?;
        sqlx::query(
            "INSERT INTO account (id, organization, email, role, password_hash, created) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(id)
        .bind(organization.0)
        .bind(new.email.as_str())
        .bind(new.role.map(Role::as_str))
        .bind(new.password_hash.as_ref().map(|hash| hash.expose().as_str()))
        .bind(change.now)
        .execute(&mut *change.tx)
        .await
        .map_err(RecordsError::of_naming("e-mail"))?;
        change.commit(&format!("account {id} created")).await?;
        Ok(AccountId(id))
    }

    /// Shuts an account out and ends its sessions; its tokens rest while it is disabled.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]
    pub async fn disable_account(
        &self,
        organization: OrganizationId,
        id: AccountId,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let done = sqlx::query(
            "UPDATE account SET disabled = coalesce(disabled, $3), disabled_for = NULL \
             WHERE organization = $1 AND id = $2",
        )
        .bind(organization.0)
        .bind(id.0)
        .bind(change.now)
        .execute(&mut *change.tx)
        .await?;
        one_row(done.rows_affected(), "account")?;
        end_sessions(&mut change, id).await?;
        change.commit(&format!("account {} disabled", id.0)).await
    }

    /// Lets a disabled account in again.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]
    pub async fn enable_account(
        &self,
        organization: OrganizationId,
        id: AccountId,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let done = sqlx::query(
            "UPDATE account SET disabled = NULL, disabled_for = NULL \
             WHERE organization = $1 AND id = $2",
        )
        .bind(organization.0)
        .bind(id.0)
        .execute(&mut *change.tx)
        .await?;
        one_row(done.rows_affected(), "account")?;
        change.commit(&format!("account {} enabled", id.0)).await
    }

    /// Sets the password and ends the account's sessions: whoever knew the old one is out.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]
    pub async fn set_password_hash(
        &self,
        organization: OrganizationId,
        id: AccountId,
        hash: &Secret<String>,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let done = sqlx::query(
            "UPDATE account SET password_hash = $3 WHERE organization = $1 AND id = $2",
        )
        .bind(organization.0)
        .bind(id.0)
        .bind(hash.expose())
        .execute(&mut *change.tx)
        .await?;
        one_row(done.rows_affected(), "account")?;
        end_sessions(&mut change, id).await?;
        change.commit(&format!("account {} has a new password", id.0)).await
    }

    /// # Errors
    /// [`RecordsError::NotFound`]
    pub async fn set_organization_role(
        &self,
        organization: OrganizationId,
        id: AccountId,
        role: Option<Role>,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let done = sqlx::query("UPDATE account SET role = $3 WHERE organization = $1 AND id = $2")
            .bind(organization.0)
            .bind(id.0)
            .bind(role.map(Role::as_str))
            .execute(&mut *change.tx)
            .await?;
        one_row(done.rows_affected(), "account")?;
        let role = role.map_or("no role", Role::as_str);
        change.commit(&format!("account {} has {role} in the organization", id.0)).await
    }

    /// Whether this account has ever signed in from there.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn knows_address(
        &self,
        account: AccountId,
        address_hash: &str,
    ) -> Result<bool, RecordsError> {
        let row: Option<i64> = sqlx::query_scalar(
            "SELECT last_success FROM known_address WHERE account = $1 AND address_hash = $2",
        )
        .bind(account.0)
        .bind(address_hash)
        .fetch_optional(&self.reads)
        .await?;
        Ok(row.is_some())
    }
}

pub(super) async fn end_sessions(
    change: &mut Change,
    account: AccountId,
) -> Result<u64, RecordsError> {
    let done = sqlx::query("DELETE FROM session WHERE account = $1")
        .bind(account.0)
        .execute(&mut *change.tx)
        .await?;
    Ok(done.rows_affected())
}

fn account(row: Columns) -> Result<AccountRow, RecordsError> {
    let (
        id,
        organization,
        email,
        role,
        mapped_role,
        password_hash,
        created,
        disabled,
        why,
        vouched,
    ) = row;
    Ok(AccountRow {
        id: AccountId(id),
        organization: OrganizationId(organization),
        email: word(&email, "an e-mail")?,
        role: word_if_any(role.as_deref(), "a role")?,
        mapped_role: word_if_any(mapped_role.as_deref(), "a role")?,
        password_hash: password_hash.map(Secret::new),
        created: time(created)?,
        disabled: time_if_any(disabled)?,
        unmapped: why.is_some(),
        vouched,
    })
}
