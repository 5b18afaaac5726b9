//! What every verb takes: which settings, whether a person or a program reads the result; and the way to the records.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, loaded};
use crate::catalog::{AccountId, Email, OrganizationId, OrganizationName};
use crate::ground::clock::Clock;
use crate::records::{AccountRow, OrganizationRow, Records, RecordsError};
use crate::settings::{Environment, Settings};

/// Options of every verb.
#[derive(Debug, Args)]
pub struct Common {
    /// A settings file; may be given several times, later ones win
    #[arg(long, global = true, value_name = "FILE", default_value = "sluicegate.toml")]
    pub config: Vec<PathBuf>,
    /// Print results as JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
}

impl Common {
    /// The settings, or all that is wrong with them.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        Ok(loaded::load(&self.config, &Environment::of_process())?.settings)
    }

    /// Does some work on the records of the settings' install; a running server notices by itself.
    pub(super) fn with_records<T>(
        &self,
        work: impl AsyncFnOnce(&Records) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.with_install(async |_settings, records| work(records).await)
    }

    /// The same, for work that must agree with the settings.
    pub(super) fn with_install<T>(
        &self,
        work: impl AsyncFnOnce(&Settings, &Records) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let settings = self.settings()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::because("cannot start", &error))?;
        runtime.block_on(async {
            let records = Records::open(&settings.records, Clock::system()).await?;
            let result = work(&settings, &records).await;
            records.close().await;
            result
        })
    }
}

/// The organization of this name.
pub(super) async fn organization(
    records: &Records,
    name: &OrganizationName,
) -> Result<OrganizationRow, Failure> {
    records.find_organization(name).await?.ok_or_else(|| {
        Failure::new(format!("there is no organization {name}"))
            .next("sluicegate organization list")
    })
}

/// The organizations that a list is about: the one that was named, or all.
pub(super) async fn organizations(
    records: &Records,
    named: Option<&OrganizationName>,
) -> Result<Vec<OrganizationRow>, Failure> {
    match named {
        Some(name) => Ok(vec![organization(records, name).await?]),
        None => Ok(records.organizations().await?),
    }
}

/// What all organizations have of something.
pub(super) async fn of_all<T>(
    records: &Records,
    list: impl AsyncFn(OrganizationId) -> Result<Vec<T>, RecordsError>,
) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    for organization in records.organizations().await? {
        all.extend(list(organization.id).await?);
    }
    Ok(all)
}

/// Does something to what a number names, in whatever organization it is.
pub(super) async fn wherever(
    records: &Records,
    what: &'static str,
    deed: impl AsyncFn(OrganizationId) -> Result<(), RecordsError>,
) -> Result<(), Failure> {
    for organization in records.organizations().await? {
        match deed(organization.id).await {
            Err(RecordsError::NotFound { .. }) => {}
            done => return Ok(done?),
        }
    }
    Err(RecordsError::NotFound { what }.into())
}

/// The account of this e-mail.
pub(super) async fn account(records: &Records, email: &Email) -> Result<AccountRow, Failure> {
    records.account_by_email(email).await?.ok_or_else(|| {
        Failure::new(format!("there is no account {email}")).next("sluicegate account list")
    })
}

/// The account of this e-mail in this organization.
pub(super) async fn member(
    records: &Records,
    organization: &OrganizationRow,
    email: &Email,
) -> Result<AccountId, Failure> {
    let found = account(records, email).await?;
    if found.organization == organization.id {
        return Ok(found.id);
    }
    Err(Failure::new(format!("{email} is no account of {}", organization.name))
        .next("an account belongs to one organization; make another one with another e-mail"))
}
