//! API tokens of accounts: known by their hash only, cut down to a scope, ended by time or by revocation.

use super::change::one_row;
use super::members::{PersonColumns, person};
use super::{Change, KnownPerson, Records, RecordsError, hex, time, time_if_any, word};
use crate::catalog::{AccountId, Email, OrganizationId, Scope, TokenId};
use crate::ground::clock::Timestamp;

/// A token to be kept.
#[derive(Debug)]
pub struct NewToken<'a> {
    pub hash: &'a [u8; 32],
    pub account: AccountId,
    /// What its owner calls it.
    pub name: &'a str,
    pub scope: &'a Scope,
    pub expires: Option<Timestamp>,
}

/// A token that exists and is not revoked, of an account that is not disabled. Whether it has expired is the
/// asker's to judge.
#[derive(Debug, Clone)]
pub struct KnownToken {
    pub person: KnownPerson,
    pub scope: Scope,
    pub expires: Option<Timestamp>,
    pub last_used: Option<Timestamp>,
}

/// A token as listed.
#[derive(Debug, Clone)]
pub struct TokenRow {
    pub id: TokenId,
    pub account: AccountId,
    pub email: Email,
    pub name: String,
    pub scope: Scope,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
    pub last_used: Option<Timestamp>,
    pub revoked: Option<Timestamp>,
}

impl Records {
    /// # Errors
    /// [`RecordsError::NotFound`] when the organization has no such account.
    pub async fn insert_token(
        &self,
        organization: OrganizationId,
        new: NewToken<'_>,
    ) -> Result<TokenId, RecordsError> {
        let scope = serde_json::to_string(new.scope)
            .map_err(|cause| RecordsError::damaged("a token's scope", cause))?;
        let mut change = Change::begin(self).await?;
        let id = change.next_id().await?;
        let done = sqlx::query(
            "INSERT INTO token (id, hash, account, name, scope, created, expires) \
             SELECT $1, $2, id, $5, $6, $7, $8 FROM account WHERE organization = $3 AND id = $4",
        )
        .bind(id)
        .bind(hex(new.hash))
        .bind(organization.0)
        .bind(new.account.0)
        .bind(new.name)
        .bind(scope)
        .bind(change.now)
        .bind(new.expires.map(Timestamp::as_millisecond))
        .execute(&mut *change.tx)
        .await?;
        one_row(done.rows_affected(), "account")?;
        // Quietly: no decision was ever made about a token that nobody had.
        change.commit_quietly().await?;
        Ok(TokenId(id))
    }

    /// The token of this hash, with its person.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn find_token(&self, hash: &[u8; 32]) -> Result<Option<KnownToken>, RecordsError> {
        let mut connection = self.reads.acquire().await?;
        let row: Option<KnownColumns> = sqlx::query_as(
            "SELECT account.id, account.email, coalesce(account.role, account.mapped_role), \
                 organization.id, organization.name, token.scope, token.expires, token.last_used FROM token \
                 JOIN account ON account.id = token.account \
                 JOIN organization ON organization.id = account.organization \
                 WHERE token.hash = $1 AND token.revoked IS NULL AND account.disabled IS NULL",
        )
        .bind(hex(hash))
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (account, email, role, organization, name, token_scope, expires, last_used) = row;
        let columns: PersonColumns = (account, email, role, organization, name);
        Ok(Some(KnownToken {
            person: person(&mut connection, columns).await?,
            scope: scope(&token_scope)?,
            expires: time_if_any(expires)?,
            last_used: time_if_any(last_used)?,
        }))
    }

    /// Notes that the token was used. Decides nothing, so nobody is told.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn touch_token(&self, hash: &[u8; 32], used: Timestamp) -> Result<(), RecordsError> {
        sqlx::query(
            "UPDATE token SET last_used = $2 WHERE hash = $1 AND coalesce(last_used, 0) < $2",
        )
        .bind(hex(hash))
        .bind(used.as_millisecond())
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Ends a token for good; it stays listed.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] when the organization has no such token.
    pub async fn revoke_token(
        &self,
        organization: OrganizationId,
        id: TokenId,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let done = sqlx::query(
            "UPDATE token SET revoked = coalesce(revoked, $3) WHERE id = $2 \
             AND account IN (SELECT id FROM account WHERE organization = $1)",
        )
        .bind(organization.0)
        .bind(id.0)
        .bind(change.now)
        .execute(&mut *change.tx)
        .await?;
        one_row(done.rows_affected(), "token")?;
        change.commit(&format!("token {} revoked", id.0)).await
    }

    /// An organization's tokens, revoked ones too, by e-mail and age.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn tokens(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<TokenRow>, RecordsError> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT token.id, account.id, account.email, token.name, token.scope, token.created, \
             token.expires, token.last_used, token.revoked \
             FROM token JOIN account ON account.id = token.account \
             WHERE account.organization = $1 ORDER BY account.email, token.id",
        )
        .bind(organization.0)
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter().map(token).collect()
    }
}

type KnownColumns = (i64, String, Option<String>, i64, String, String, Option<i64>, Option<i64>);
type Columns = (i64, i64, String, String, String, i64, Option<i64>, Option<i64>, Option<i64>);

fn token(row: Columns) -> Result<TokenRow, RecordsError> {
    let (id, account, email, name, token_scope, created, expires, last_used, revoked) = row;
    Ok(TokenRow {
        id: TokenId(id),
        account: AccountId(account),
        email: word(&email, "an e-mail")?,
        name,
        scope: scope(&token_scope)?,
        created: time(created)?,
        expires: time_if_any(expires)?,
        last_used: time_if_any(last_used)?,
        revoked: time_if_any(revoked)?,
    })
}

fn scope(text: &str) -> Result<Scope, RecordsError> {
    serde_json::from_str(text).map_err(|cause| RecordsError::damaged("a token's scope", cause))
}
