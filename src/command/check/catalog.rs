//! What the catalogue in the records and the settings must agree on.

use std::path::Path;

use super::Findings;
use crate::backend;
use crate::catalog::{Catalog, overlaps};
use crate::command::Failure;
use crate::credential;
use crate::ground::causes::told;
use crate::ground::clock::Clock;
use crate::records::{Records, RecordsError};
use crate::settings::{Fault, Parts};

pub(super) fn check(parts: &Parts, findings: &mut Findings) -> Result<(), Failure> {
    // A check makes no records.
    let Some(file) = parts.records.as_deref().filter(|file| file.exists()) else { return Ok(()) };
    if Records::open_to_others(file) {
        let file = file.display();
        let remark = "holds password hashes, and others than its owner can get at it";
        findings.remarks.push(format!("{file} {remark}: chmod 600 {file}"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::because("cannot start", &error))?;
    match runtime.block_on(read(file)) {
        Ok(catalog) => judge(&catalog, parts.credential.as_ref(), findings),
        Err(error @ RecordsError::Pending { .. }) => {
            let remark = "a start brings them up to date, and storages were not looked at";
            findings.remarks.push(format!("{}: {error}: {remark}", file.display()));
        }
        Err(error) => {
            let remedy = "see the cause; sluicegate storage list reads the same file";
            findings.faults.extend([Fault::of("records.file", told(&error), remedy)]);
        }
    }
    Ok(())
}

async fn read(file: &Path) -> Result<Catalog, RecordsError> {
    let records = Records::look(file, Clock::system()).await?;
    let catalog = records.catalog().await;
    records.close().await;
    catalog
}

fn judge(catalog: &Catalog, settings: Option<&credential::Settings>, findings: &mut Findings) {
    for (key, storage) in catalog.storages() {
        let name = &storage.credential;
        let at = format!("storage {key}");
        if settings.is_some_and(|settings| !settings.sources.contains_key(name)) {
            let what = format!("the settings have no credential {name}");
            let remedy =
                format!("write [credentials.{name}], or make the storage with another one");
            findings.faults.extend([Fault::of(&at, what, &remedy)]);
        }
        if let Err(error) = backend::host_of(&storage.place) {
            let remedy = "delete it, and create it with a place that can be";
            findings.faults.extend([Fault::of(&at, told(&error), remedy)]);
        }
    }
    for foreseen in settings.into_iter().flat_map(|settings| credential::foresee(catalog, settings))
    {
        let credential::Foreseen { at, problem, remedy } = foreseen;
        findings.faults.extend([Fault::of(&at, problem, remedy)]);
    }
    findings.remarks.extend(overlaps(&catalog.places()).iter().map(ToString::to_string));
}
