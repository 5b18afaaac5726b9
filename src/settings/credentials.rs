//! `[credentials.NAME]`: each kind takes its own keys, every name leads to a source, and no chain of sources is a ring.

use std::collections::BTreeMap;
use std::time::Duration;

use super::CREDENTIALS;
use super::document::{Node, Table, Value};
use super::key::Key;
use super::pieces::CredentialKind;
use super::reader::{Reading, Section, unknown};
use super::source::Place;
use super::table::{self, CREDENTIAL, ROWS};
use crate::catalog::CredentialName;
use crate::credential::{AssumeRole, Source};

type Sources = BTreeMap<CredentialName, Source>;

pub(super) fn sources(tree: &mut Table, reading: &mut Reading<'_>) -> Option<Sources> {
    let Some((place, value)) = tree.remove(CREDENTIALS) else { return Some(Sources::new()) };
    let Node::Table(sections) = value.node else {
        CREDENTIALS.clone_into(&mut reading.key);
        value.mask();
        reading.fault(
            &place,
            "holds no sections",
            "write [credentials.NAME] and its keys below it",
        );
        return None;
    };
    let mut sources = Sources::new();
    let mut places = BTreeMap::new();
    let count = sections.len();
    for (name, (place, value)) in sections {
        let Some((name, table)) = head(&name, &place, value, reading) else { continue };
        let path = format!("{CREDENTIALS}.{name}");
        let rows = ROWS.iter().filter(|row| row.section == CREDENTIAL).copied().collect();
        places.insert(
            name.clone(),
            (place.clone(), table.get("source").map(|(_, v)| v.place.clone())),
        );
        if let Some(source) = source(reading.open(&path, place, table, rows)) {
            sources.insert(name, source);
        }
    }
    let sound = lead_somewhere(&sources, &places, reading);
    (sound && sources.len() == count).then_some(sources)
}

fn head(
    name: &str,
    place: &Place,
    value: Value,
    reading: &mut Reading<'_>,
) -> Option<(CredentialName, Table)> {
    reading.key = format!("{CREDENTIALS}.{name}");
    let Node::Table(table) = value.node else {
        value.mask();
        let what = format!("is {}, but must be a section", value.node.words());
        reading.fault(place, what, format!("write [credentials.{name}] and its keys below it"));
        return None;
    };
    match name.parse() {
        Ok(name) => Some((name, table)),
        Err(error) => {
            let error: crate::catalog::BadName = error;
            reading.fault(place, "is not a name", error.to_string());
            None
        }
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
    let role_place = section.place_of(&table::CREDENTIAL_ROLE);
    let role_arn = section.take(&table::CREDENTIAL_ROLE);
    let external_id = section.take_optional(&table::CREDENTIAL_EXTERNAL_ID);
    let duration = section.take_optional(&table::CREDENTIAL_DURATION);
    let endpoint_place = section.place_of(&table::CREDENTIAL_ENDPOINT);
    let endpoint = section.take_optional(&table::CREDENTIAL_ENDPOINT);
    let region = section.take(&table::CREDENTIAL_REGION);
    if let Some(role) = &role_arn
        && !(role.starts_with("arn:") && role.contains(":role/"))
    {
        let remedy = "write arn:aws:iam::ACCOUNT:role/NAME";
        refuse(section, (&role_place, &table::CREDENTIAL_ROLE), "is not the ARN of a role", remedy);
    }
    if let Some(Some(uri)) = &endpoint
        && !(matches!(uri.scheme_str(), Some("https" | "http"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none())
    {
        let remedy = "write https://host or https://host:port";
        let key = (&endpoint_place, &table::CREDENTIAL_ENDPOINT);
        refuse(section, key, "is not the address of a server", remedy);
    }
    Some(Source::AssumeRole(AssumeRole {
        source: source?,
        role_arn: role_arn?,
        external_id: external_id?,
        duration: duration?.unwrap_or(Duration::from_secs(3600)),
        sts_endpoint: endpoint?,
        region: region?,
    }))
}

fn refuse<T>(
    section: &mut Section<'_, '_>,
    (place, key): (&Place, &Key<T>),
    what: &str,
    remedy: &str,
) {
    let path = section.path(key.row.name);
    section.note(place, &path, what.to_owned(), remedy.to_owned());
}

type Places = BTreeMap<CredentialName, (Place, Option<Place>)>;

/// Every assumed role's source exists, and following the sources ends.
fn lead_somewhere(sources: &Sources, places: &Places, reading: &mut Reading<'_>) -> bool {
    let mut sound = true;
    for (name, source) in sources {
        let Source::AssumeRole(role) = source else { continue };
        let place = places.get(name).map(|(section, key)| key.as_ref().unwrap_or(section));
        let (what, remedy) = if !places.contains_key(&role.source) {
            unknown(role.source.as_str(), places.keys().map(CredentialName::as_str), "a credential")
        } else if leads_back(sources, name) {
            (
                "leads back to itself".to_owned(),
                "name a credential of kind static or chain".to_owned(),
            )
        } else {
            continue;
        };
        sound = false;
        reading.key = format!("{CREDENTIALS}.{name}.source");
        if let Some(place) = place {
            reading.fault(place, format!("{:?} {what}", role.source.as_str()), remedy);
        }
    }
    sound
}

fn leads_back(sources: &Sources, start: &CredentialName) -> bool {
    let mut at = start;
    for _ in 0..=sources.len() {
        match sources.get(at) {
            Some(Source::AssumeRole(role)) => at = &role.source,
            Some(Source::Static { .. } | Source::Chain { .. }) | None => return false,
        }
    }
    // longer than there are credentials: some ring was entered, and this one leads into it
    true
}
