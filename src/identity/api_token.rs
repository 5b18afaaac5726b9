//! Making API tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::shown::{TOKEN_PREFIX, proof_id};
use crate::catalog::{AccountId, OrganizationId, Scope, TokenId};
use crate::ground::clock::Timestamp;
use crate::ground::random::Random;
use crate::ground::secret::Secret;
use crate::records::{NewToken, Records, RecordsError};

/// A token as wished for.
#[derive(Debug)]
pub struct TokenWish<'a> {
    pub organization: OrganizationId,
    pub account: AccountId,
    pub name: &'a str,
    pub scope: &'a Scope,
    pub expires: Option<Timestamp>,
}

/// Makes a token. Its text is returned here once; the records hold its hash (R17).
///
/// # Errors
/// [`RecordsError::NotFound`] when the organization has no such account.
pub async fn create_token(
    records: &Records,
    random: &Random,
    wish: TokenWish<'_>,
) -> Result<(TokenId, Secret<String>), RecordsError> {
    let text = format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(random.bytes::<32>()));
    let TokenWish { organization, account, name, scope, expires } = wish;
    let new = NewToken { hash: &proof_id(&text).0, account, name, scope, expires };
    let id = records.insert_token(organization, new).await?;
    Ok((id, Secret::new(text)))
}
