//! The demo's people and projects: two organizations, two projects, members of different roles, a stranger.
//! May be run again on the same records: what is there stays, passwords and tokens are made anew.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::DemoError;
use crate::catalog::{
    AccountId, Addressing, CredentialName, Email, OrganizationId, OrganizationName, Place, Prefix,
    ProjectName, Role, S3Place, Scope, StorageName, WorkspaceName,
};
use crate::ground::clock::{SignedDuration, Timestamp};
use crate::ground::random::Random;
use crate::ground::secret::Secret;
use crate::identity::{Passwords, TokenWish, create_token};
use crate::records::{NewAccount, Records};

pub(super) const ADMIN: &str = "admin@example.com";
pub(super) const ANNOTATOR: &str = "annotator@example.com";
const REVIEWER: &str = "reviewer@example.com";
const STRANGER: &str = "stranger@elsewhere.example";

/// A demo that runs for longer must be started again.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What the demo prints.
#[derive(Debug)]
pub(super) struct Secrets {
    pub(super) admin_password: Secret<String>,
    pub(super) annotator_password: Secret<String>,
    pub(super) annotator_token: Secret<String>,
    pub(super) stranger_token: Secret<String>,
}

/// Where the demo's bucket is.
#[derive(Debug)]
pub(super) struct Bucket<'a> {
    pub(super) endpoint: &'a str,
    pub(super) name: &'a str,
}

/// Writes them all into the records.
///
/// # Errors
/// [`DemoError`] when the records refuse.
pub(super) async fn settle(
    records: &Records,
    (random, now): (&Random, Timestamp),
    bucket: &Bucket<'_>,
) -> Result<Secrets, DemoError> {
    let home = organization(records, "demo", "Demo hospital").await?;
    let elsewhere = organization(records, "elsewhere", "Somebody else").await?;
    for name in ["radiology", "traffic"] {
        project(records, home, name, bucket).await?;
    }
    let admin = account(records, home, ADMIN, Some(Role::Owner)).await?;
    let annotator = account(records, home, ANNOTATOR, None).await?;
    let reviewer = account(records, home, REVIEWER, None).await?;
    let stranger = account(records, elsewhere, STRANGER, Some(Role::Owner)).await?;
    let radiology: ProjectName = "radiology".parse()?;
    let traffic: ProjectName = "traffic".parse()?;
    records.set_project_member(home, &radiology, annotator, Some(Role::Annotator)).await?;
    records.set_project_member(home, &traffic, reviewer, Some(Role::Reviewer)).await?;
    Ok(Secrets {
        admin_password: password(records, random, home, (admin, ADMIN)).await?,
        annotator_password: password(records, random, home, (annotator, ANNOTATOR)).await?,
        annotator_token: token(records, (random, now), home, annotator).await?,
        stranger_token: token(records, (random, now), elsewhere, stranger).await?,
    })
}

async fn organization(
    records: &Records,
    name: &str,
    title: &str,
) -> Result<OrganizationId, DemoError> {
    let name: OrganizationName = name.parse()?;
    let id = match records.find_organization(&name).await? {
        Some(row) => row.id,
        None => records.create_organization(&name, title).await?,
    };
    let workspace: WorkspaceName = "main".parse()?;
    if records.workspaces(id).await?.is_empty() {
        records.create_workspace(id, &workspace, "Main").await?;
    }
    Ok(id)
}

async fn project(
    records: &Records,
    organization: OrganizationId,
    name: &str,
    bucket: &Bucket<'_>,
) -> Result<(), DemoError> {
    let project: ProjectName = name.parse()?;
    let exists = records.projects(organization).await?.iter().any(|row| row.name == project);
    if !exists {
        let title = if name == "radiology" { "Radiology" } else { "Traffic" };
        records.create_project(organization, &"main".parse()?, &project, title).await?;
    }
    let place = Place::S3(S3Place {
        bucket: bucket.name.to_owned(),
        prefix: Prefix::new(name),
        region: "eu-central-1".to_owned(),
        endpoint: Some(bucket.endpoint.to_owned()),
        addressing: Addressing::Path,
    });
    let (storage, credential): (StorageName, CredentialName) = ("media".parse()?, "demo".parse()?);
    records.put_storage((organization, &project), &storage, &place, (&credential, None)).await?;
    Ok(())
}

async fn account(
    records: &Records,
    organization: OrganizationId,
    email: &str,
    role: Option<Role>,
) -> Result<AccountId, DemoError> {
    let email: Email = email.parse()?;
    match records.account_by_email(&email).await? {
        Some(row) => Ok(row.id),
        None => {
            let new = NewAccount { email: &email, role, password_hash: None };
            Ok(records.create_account(organization, new).await?)
        }
    }
}

/// A fresh password of 128 random bits.
async fn password(
    records: &Records,
    random: &Random,
    organization: OrganizationId,
    (account, email): (AccountId, &str),
) -> Result<Secret<String>, DemoError> {
    let password = Secret::new(URL_SAFE_NO_PAD.encode(random.bytes::<16>()));
    let hash = Passwords::new(random.clone())?.hash(&email.parse()?, password.clone()).await?;
    records.set_password_hash(organization, account, &hash).await?;
    Ok(password)
}

/// A fresh token; the one of the start before is revoked.
async fn token(
    records: &Records,
    (random, now): (&Random, Timestamp),
    organization: OrganizationId,
    account: AccountId,
) -> Result<Secret<String>, DemoError> {
    let name = "demo";
    for row in records.tokens(organization).await? {
        if row.account == account && row.name == name && row.revoked.is_none() {
            records.revoke_token(organization, row.id).await?;
        }
    }
    let expires = now.checked_add(TOKEN_LIFE).ok();
    let wish = TokenWish { organization, account, name, scope: &Scope::ALL, expires };
    Ok(create_token(records, random, wish).await?.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::clock::Clock;

    #[tokio::test]
    async fn a_further_start_revokes_the_tokens_of_the_one_before_and_all_of_them_end() {
        let folder = tempfile::tempdir().unwrap();
        let (random, clock) = (Random::system(), Clock::system());
        let file = folder.path().join("records.sqlite");
        let records = Records::open(&file, clock.clone()).await.unwrap();
        let bucket = Bucket { endpoint: "http://127.0.0.1:1", name: "b" };
        for valid in [[true].as_slice(), &[false, true], &[false, false, true]] {
            settle(&records, (&random, clock.now()), &bucket).await.unwrap();
            for organization in records.organizations().await.unwrap() {
                let mut rows = records.tokens(organization.id).await.unwrap();
                rows.sort_by_key(|row| row.id);
                let found: Vec<_> = rows.iter().map(|row| row.revoked.is_none()).collect();
                assert_eq!(found, valid, "{rows:?}");
                assert!(rows.iter().all(|row| row.expires.is_some()), "{rows:?}");
            }
        }
    }
}
