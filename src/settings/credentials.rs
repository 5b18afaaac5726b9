//! `[credentials.NAME]`: each kind takes its own keys, every name leads to a source, and no chain of sources is a ring.

use std::collections::BTreeMap;
use std::time::Duration;

use super::CREDENTIALS;
use super::document::Table;
use super::named::named;
use super::pieces::CredentialKind;
use super::reader::{Reading, Section, unknown};
use super::source::Place;
use super::table::{self, CREDENTIAL, ROWS};
use crate::catalog::CredentialName;
use crate::credential::{self, AssumeRole, Fault, Saml, Source};

type Sources = BTreeMap<CredentialName, Source>;

pub(super) fn sources(tree: &mut Table, reading: &mut Reading<'_>) -> Option<Sources> {
    let mut sources = Sources::new();
    let mut places = Places::new();
    for (name, place, table) in named::<CredentialName>(CREDENTIALS, tree, reading)? {
        let path = format!("{CREDENTIALS}.{name}");
        let rows = ROWS.iter().filter(|row| row.section == CREDENTIAL).copied().collect();
        let keys = table.iter().map(|(key, (_, value))| (key.clone(), value.place.clone()));
        places.insert(name.clone(), (place.clone(), keys.collect()));
        if let Some(source) = source(reading.open(&path, place, table, rows)) {
            sources.insert(name, source);
        }
    }
    judge(&sources, &places, reading);
    // Whatever was wrong is in the report, which decides.
    Some(sources)
}

type Places = BTreeMap<CredentialName, (Place, BTreeMap<String, Place>)>;

/// What the stage itself finds wrong with them, each at its place.
fn judge(sources: &Sources, places: &Places, reading: &mut Reading<'_>) {
    let settings = credential::Settings { sources: sources.clone(), ..Default::default() };
    let Err(faults) = credential::Sources::read(&settings) else { return };
    for Fault { credential, field, problem, remedy } in faults {
        // A source whose own section is at fault is missing here only.
        let source = match sources.get(&credential) {
            Some(Source::AssumeRole(role)) if field == "source" => Some(&role.source),
            _ => None,
        };
        if source.is_some_and(|name| places.contains_key(name) && !sources.contains_key(name)) {
            continue;
        }
        let mut remedy = remedy.to_owned();
        if let Some(name) = source.filter(|name| !places.contains_key(name)) {
            (_, remedy) = unknown(name.as_str(), places.keys().map(CredentialName::as_str), "");
        }
        let Some((section, keys)) = places.get(&credential) else { continue };
        reading.key = format!("{CREDENTIALS}.{credential}.{field}");
        // An address can hold a password.
        keys.get(field).filter(|_| field == "sts_endpoint").into_iter().for_each(Place::mask);
        reading.fault(keys.get(field).unwrap_or(section), problem, remedy);
    }
}

fn source(mut section: Section<'_, '_>) -> Option<Source> {
    let kind = section.take(&table::CREDENTIAL_KIND);
    let source = match kind {
        Some(CredentialKind::Static) => fixed(&mut section),
        Some(CredentialKind::Chain) => {
            let profile = section.take_optional(&table::CREDENTIAL_PROFILE);
            profile.map(|profile| Source::Chain { profile })
        }
        Some(CredentialKind::AssumeRole) => assume_role(&mut section),
        Some(CredentialKind::Saml) => saml(&mut section),
        None => {
            // Which keys belong there cannot be known: the missing kind is fault enough.
            section.forget();
            None
        }
    };
    section.close();
    source
}

fn fixed(section: &mut Section<'_, '_>) -> Option<Source> {
    let access_key_id = section.take(&table::CREDENTIAL_KEY_ID);
    let secret_access_key = section.take(&table::CREDENTIAL_SECRET_KEY);
    let session_token = section.take_optional(&table::CREDENTIAL_SESSION_TOKEN);
    Some(Source::Static {
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?,
        session_token: session_token?,
    })
}

fn assume_role(section: &mut Section<'_, '_>) -> Option<Source> {
    let source = section.take(&table::CREDENTIAL_SOURCE);
    let role_arn = section.take(&table::CREDENTIAL_ROLE);
    let external_id = section.take_optional(&table::CREDENTIAL_EXTERNAL_ID);
    let duration = section.take_optional(&table::CREDENTIAL_DURATION);
    let endpoint = section.take_optional(&table::CREDENTIAL_ENDPOINT);
    let region = section.take(&table::CREDENTIAL_REGION);
    let per_person = section.take_optional(&table::CREDENTIAL_PER_PERSON);
    let role_arns = section.take_optional(&table::CREDENTIAL_ROLES);
    Some(Source::AssumeRole(AssumeRole {
        source: source?,
        role_arn: role_arn?,
        external_id: external_id?,
        duration: duration?.unwrap_or(LASTS),
        sts_endpoint: endpoint?,
        region: region?,
        per_person: per_person?.unwrap_or(false),
        role_arns: role_arns?.unwrap_or_default(),
    }))
}

fn saml(section: &mut Section<'_, '_>) -> Option<Source> {
    let role_arns = section.take(&table::CREDENTIAL_ROLES);
    let duration = section.take_optional(&table::CREDENTIAL_DURATION);
    let endpoint = section.take_optional(&table::CREDENTIAL_ENDPOINT);
    let region = section.take(&table::CREDENTIAL_REGION);
    let iam_source = section.take_optional(&table::CREDENTIAL_IAM_SOURCE);
    let iam_endpoint = section.take_optional(&table::CREDENTIAL_IAM_ENDPOINT);
    Some(Source::Saml(Saml {
        role_arns: role_arns?,
        duration: duration?.unwrap_or(LASTS),
        sts_endpoint: endpoint?,
        region: region?,
        iam_source: iam_source?,
        iam_endpoint: iam_endpoint?,
    }))
}

/// How long a credential lasts where nothing else is said.
const LASTS: Duration = Duration::from_secs(3600);
