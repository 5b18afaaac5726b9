//! What the catalogue in the records and the settings must agree on.

use std::path::Path;

use super::{Findings, brought, saml};
use crate::backend;
use crate::catalog::{Catalog, overlaps};
use crate::command::Failure;
use crate::credential;
use crate::ground::causes::told;
use crate::ground::clock::Clock;
use crate::records::{Records, RecordsError};
use crate::settings::{Fault, Parts};
use crate::sign_in;

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
    match runtime.block_on(read(file, parts.sign_in.as_ref())) {
        Ok(Read { catalog, known }) => {
            judge(&catalog, parts.credential.as_ref(), findings);
            if let Some(settings) = &parts.sign_in {
                signing_in(&catalog, settings, parts.credential.as_ref(), &known, findings);
            }
        }
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

/// What the records hold that matters here.
struct Read {
    catalog: Catalog,
    known: Vec<saml::Known>,
}

async fn read(file: &Path, sign_in: Option<&sign_in::Settings>) -> Result<Read, RecordsError> {
    let records = Records::look(file, Clock::system()).await?;
    let all = async {
        let catalog = records.catalog().await?;
        let known = match sign_in {
            Some(settings) => saml::known(&records, &catalog, settings).await?,
            None => Vec::new(),
        };
        Ok(Read { catalog, known })
    };
    let all = all.await;
    records.close().await;
    all
}

fn signing_in(
    catalog: &Catalog,
    settings: &sign_in::Settings,
    credential: Option<&credential::Settings>,
    known: &[saml::Known],
    findings: &mut Findings,
) {
    saml::against(catalog, settings, known, findings);
    let brought = credential.map(credential::Settings::brought).unwrap_or_default();
    brought::unopened(catalog, &brought, settings, findings);
    brought::lacking(catalog, &brought, known, findings);
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
