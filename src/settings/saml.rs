//! `[saml.ORGANIZATION]`: each organization's identity provider, and what it implies for passwords.

use std::collections::BTreeMap;

use super::document::Table;
use super::named::named;
use super::reader::{Reading, Section};
use super::table::{self, ROWS, SAML};
use crate::catalog::OrganizationName;
use crate::identity::NativeSignIn;
use crate::listener::ServedHost;
use crate::sign_in::{self, AttributeNames, MetadataSource, Mode, Preset, SamlSettings};

/// Reads all of them. `hosts` are those that are served, as far as they are known.
pub(super) fn saml(
    tree: &mut Table,
    reading: &mut Reading<'_>,
    hosts: Option<&[ServedHost]>,
) -> Option<sign_in::Settings> {
    let section = super::SAML;
    let mut all = sign_in::Settings::new();
    for (name, place, table) in named::<OrganizationName>(section, tree, reading)? {
        let rows = ROWS.iter().filter(|row| row.section == SAML).copied().collect();
        let section = reading.open(&format!("{section}.{name}"), place, table, rows);
        if let Some(settings) = one(section, hosts) {
            all.insert(name, settings);
        }
    }
    // Whatever was wrong is in the report, which decides.
    Some(all)
}

/// Who may come with a password, where the settings say.
pub(super) fn native(settings: &sign_in::Settings) -> BTreeMap<OrganizationName, NativeSignIn> {
    let only = settings.iter().filter(|(_, one)| one.mode == Mode::SsoOnly);
    only.map(|(name, one)| (name.clone(), NativeSignIn::Only(one.break_glass.clone()))).collect()
}

fn one(mut section: Section<'_, '_>, hosts: Option<&[ServedHost]>) -> Option<SamlSettings> {
    let base_place = section.place_of(&table::SAML_BASE_URL);
    let base_url = section.take(&table::SAML_BASE_URL);
    let metadata = metadata(&mut section);
    let identity_provider = section.take_optional(&table::SAML_IDENTITY_PROVIDER);
    let keys_place = section.place_of(&table::SAML_KEYS);
    let keys = section.take(&table::SAML_KEYS);
    let attributes = attributes(&mut section);
    let email_domains = section.take_optional(&table::SAML_DOMAINS);
    let force_sign_in = section.take(&table::SAML_FORCE);
    let sign_in_contexts = section.take(&table::SAML_CONTEXTS);
    let mode = section.take(&table::SAML_MODE);
    let glass_place = section.place_of(&table::SAML_BREAK_GLASS);
    let break_glass = section.take(&table::SAML_BREAK_GLASS);
    let unsolicited = section.take(&table::SAML_UNSOLICITED);
    let several = section.take(&table::SAML_SEVERAL);
    if let (Some(base), Some(hosts)) = (&base_url, hosts) {
        let base: &sign_in::BaseUrl = base;
        let host = base.authority().parse::<ServedHost>();
        if !host.is_ok_and(|host| hosts.iter().any(|served| served.name() == host.name())) {
            let what = format!("{} is not in listen.hosts", base.authority());
            let key = section.path("base_url");
            section.note(&base_place, &key, what, "name a host that is served here".to_owned());
        }
    }
    if keys.as_ref().is_some_and(|keys: &Vec<_>| !(1..=2).contains(&keys.len())) {
        let what = "names none, or more than two".to_owned();
        let remedy = "name one key, or two while one takes over from the other".to_owned();
        let key = section.path("keys");
        section.note(&keys_place, &key, what, remedy);
    }
    if let (Some(Mode::Both | Mode::NativeOnly), Some([_, ..])) = (mode, break_glass.as_deref()) {
        let what = "is set, but everybody may come with a password".to_owned();
        let remedy = "write sign_in = \"sso-only\", or take break_glass out".to_owned();
        let key = section.path("break_glass");
        section.note(&glass_place, &key, what, remedy);
    }
    section.close();
    Some(SamlSettings {
        base_url: base_url?,
        metadata: metadata?,
        identity_provider: identity_provider?,
        keys: keys?,
        attributes: attributes?,
        email_domains: email_domains?,
        force_sign_in: force_sign_in?,
        sign_in_contexts: sign_in_contexts?.into_iter().map(String::from).collect(),
        mode: mode?,
        break_glass: break_glass?,
        unsolicited: unsolicited?,
        several: several?,
    })
}

fn metadata(section: &mut Section<'_, '_>) -> Option<MetadataSource> {
    let place = section.place_of(&table::SAML_METADATA);
    let url_place = section.place_of(&table::SAML_METADATA_URL);
    let certificate_place = section.place_of(&table::SAML_METADATA_CERTIFICATE);
    let file = section.take_optional(&table::SAML_METADATA)?;
    let url = section.take_optional(&table::SAML_METADATA_URL)?;
    let certificate = section.take_optional(&table::SAML_METADATA_CERTIFICATE)?;
    let (place, key, what, remedy) = match (file, url, certificate) {
        (Some(file), None, None) => return Some(MetadataSource::File(file)),
        (None, Some(url), certificate) => {
            return Some(MetadataSource::Address { url, certificate });
        }
        (Some(_), None, Some(_)) => (
            certificate_place,
            "metadata_certificate",
            "is set, but a file is believed as it is",
            "take it out, or write metadata_url",
        ),
        (Some(_), Some(_), _) => {
            (url_place, "metadata_url", "is set beside metadata", "keep one of the two")
        }
        (None, None, _) => (
            place,
            "metadata",
            "is missing",
            "write metadata = \"FILE\", or metadata_url = \"https://…\"",
        ),
    };
    let key = section.path(key);
    section.note(&place, &key, what.to_owned(), remedy.to_owned());
    None
}

fn attributes(section: &mut Section<'_, '_>) -> Option<AttributeNames> {
    let preset = section.take_optional(&table::SAML_PRESET);
    let email = section.take_optional(&table::SAML_EMAIL);
    let groups = section.take_optional(&table::SAML_GROUPS);
    let roles = section.take_optional(&table::SAML_ROLES);
    let usual = Preset::attributes(preset?);
    Some(AttributeNames {
        email: email?.or(usual.email),
        groups: groups?.unwrap_or(usual.groups),
        roles: roles?.unwrap_or(usual.roles),
    })
}
